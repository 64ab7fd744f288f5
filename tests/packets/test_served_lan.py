"""What clients are given by the real servers, for what the profile says. The claims of the same profile agree."""

from ipaddress import IPv4Address

import pytest
import yaml

from gwimage import features, profile
from gwimage.claims import claim_services
from gwimage.compiler import claims, compile
from gwimage.compiler.loading import load
from gwimage.compiler.output_tree import write
from gwimage.language import source
from gwimage.values import dhcp_options
from tests.support import served_lan
from tests.support.paths import TESTS

CASES = TESTS / "cases"
NAS, PRINTER, OTHER = "bc:24:11:00:00:01", "52:54:00:00:00:10", "02:00:00:00:00:07"


def compiled(case, tmp_path):
    read = source.read(str(CASES / case / "profile.yaml"))
    write(compile(read)[0], str(tmp_path / "tree"))
    return tmp_path / "tree/config", {one.id: one.probe for one in claims(load(read)[0])}


def test_reservations_and_their_names(tmp_path):
    config, probes = compiled("reservations", tmp_path)
    names = ["nas", "nas.home.arpa", "printer", "gw.home.arpa", "10.0.0.5", "10.0.0.1", "nas-guest", "nobody.home.arpa"]
    leases, found = served_lan.lan(config, "lan", "10.0.0.1", [OTHER, NAS, PRINTER], names)
    assert leases[NAS]["ip"] == "10.0.0.5" == str(probes["lans.lan.dhcp.reservations.nas"].address)
    assert leases[PRINTER]["ip"] == "10.0.0.9"
    assert probes["lans.lan.dhcp.lease"].first.compressed <= leases[OTHER]["ip"]
    assert leases[OTHER]["router"] == leases[OTHER]["dns"] == "10.0.0.1"
    assert leases[OTHER]["domain"] == leases[OTHER]["search"] == "home.arpa"
    assert "ntpsrv" not in leases[OTHER]
    assert found == {
        "nas": ["10.0.0.5"],
        "nas.home.arpa": ["10.0.0.5"],
        "printer": ["10.0.0.9"],
        "gw.home.arpa": ["10.0.0.1", "10.1.0.1"],
        "10.0.0.5": ["nas", "nas.home.arpa"],
        "10.0.0.1": ["gw", "gw.home.arpa"],
        "nas-guest": ["10.1.0.5"],
        "nobody.home.arpa": [],
    }


def test_options(tmp_path):
    config, probes = compiled("dhcp-options", tmp_path)
    leases, _ = served_lan.lan(config, "lan", "10.0.0.1", [OTHER], codes=[26, 43, 66, 67, 119, 121, 150, 224])
    given = leases[OTHER]
    assert given["router"] == "10.0.0.2"
    assert given["ntpsrv"] == "10.0.0.5 192.0.2.123"
    assert given["domain"] == given["search"] == "office.example"
    assert (given["siaddr"], given["bootfile"], given["tftp"]) == ("10.0.0.5", "pxelinux.0", "10.0.0.5")
    assert given["mtu"] == "1400"
    assert given["opt150"] == "0a000005"
    assert bytes.fromhex(given["opt224"]) == rb': say "\n" '
    assert given["opt43"] == "01040a000005"
    assert given["staticroutes"] == "10.20.0.0/16 10.0.0.2 0.0.0.0/0 10.0.0.2"
    expected = dict(probes["lans.lan.dhcp.options"].expected)
    shown = {code: dhcp_options.shown(code, bytes.fromhex(value)) for code, value in expected.items()}
    assert shown[42] == given["ntpsrv"]
    assert shown[15] == shown[119] == given["search"]
    assert (shown[66], shown[67]) == (given["tftp"], given["bootfile"])
    assert (expected[43], expected[150], expected[224]) == (given["opt43"], given["opt150"], given["opt224"])


def test_no_router(tmp_path):
    config, probes = compiled("dhcp-options", tmp_path)
    leases, _ = served_lan.lan(config, "lab", "10.1.0.1", [OTHER])
    assert leases[OTHER]["dns"] == "10.0.0.5"
    assert "router" not in leases[OTHER]
    assert probes["lans.lab.dhcp.lease"].router is None


def test_names_of_the_profile_need_no_upstream(tmp_path):
    config, probes = compiled("dns", tmp_path)
    names = ["printer", "cluster.office.example", "www.example.com", "10.0.0.9"]
    _, found = served_lan.lan(config, "lan", "10.0.0.1", [OTHER], names)
    assert found["printer"] == ["10.0.0.9"]
    assert set(found["cluster.office.example"]) == {"10.0.0.21", "10.0.0.22", "fd00::21"}
    assert "10.0.0.21" in found["www.example.com"]
    assert "printer.office.example" in found["10.0.0.9"]
    assert probes["dns.hosts.printer.name"] == claim_services.LocalName(
        "lan", "printer.office.example", (IPv4Address("10.0.0.9"),)
    )
    assert "certificate" in probes["lans.lan.dns"].why


@pytest.mark.parametrize(
    ("dns", "why"),
    [
        ({"upstreams": ["9.9.9.9#dns.quad9.net"], "tls": "always"}, "certificate"),
        ({"upstreams": ["2620:fe::9"]}, "IPv6"),
    ],
)
def test_what_the_labs_dns_servers_cannot_do_is_told(dns, why):
    data = yaml.safe_load((CASES / "homelab" / "profile.yaml").read_text()) | {"dns": dns}
    found = {one.id: one for one in features.plan(profile.parse(data)).claims}
    assert why in found["lans.lan.dns"].probe.why and not found["lans.lan.dns"].needs


def test_a_dns_server_inside_is_asked():
    data = yaml.safe_load((CASES / "homelab" / "profile.yaml").read_text()) | {"dns": {"upstreams": ["10.0.0.5"]}}
    found = {one.id: one.probe for one in features.plan(profile.parse(data)).claims}
    assert found["lans.lan.dns"] == claim_services.DnsQuery("lan")


def test_the_time_without_a_server_outside(tmp_path):
    config, probes = compiled("ntp-server", tmp_path)
    leases, found = served_lan.lan(config, "lan", "10.0.0.1", [OTHER])
    assert leases[OTHER]["ntpsrv"] == "10.0.0.1"
    assert [abs(float(wrong)) < 1 for wrong in found["time"]] == [True]
    assert probes["lans.lan.ntp"] == claim_services.NtpQuery("lan")
    assert served_lan.lan(config, "guests", "10.2.0.1", [OTHER])[1]["time"] == []


@pytest.mark.parametrize(("length", "fits"), [(17, True), (18, False)])
def test_an_answer_that_is_just_full(tmp_path, length, fits):
    """One byte more, and networkd would answer nobody."""
    data = yaml.safe_load((CASES / "homelab/profile.yaml").read_text())
    texts = {224: "x" * 255, 225: "y" * length}
    data["lans"]["lan"]["dhcp"]["options"] = [{"code": code, "type": "string", "value": text} for code, text in texts.items()]
    files, problems = compile(source.parse(yaml.safe_dump(data, sort_keys=False), "full.yaml"))
    assert not problems if fits else ["room for 312" in problem.message for problem in problems] == [True]
    if fits:
        write(files, str(tmp_path / "tree"))
        leases, _ = served_lan.lan(tmp_path / "tree/config", "lan", "10.0.0.1", [OTHER], codes=[*texts])
        assert {code: bytes.fromhex(leases[OTHER][f"opt{code}"]).decode() for code in texts} == texts
