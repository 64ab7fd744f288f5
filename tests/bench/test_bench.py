"""What bench/ compares: that the gateways made by hand are the one of its profile, and how their boots are read."""

import json
import re
import struct
import subprocess
from ipaddress import IPv4Address
from xml.etree import ElementTree

import pytest

from bench import boot_times, gateways, page, paired_boots, report
from bench.instructions import Count
from bench.results import Row, table
from gwimage import compiler
from gwimage.build import host, tools
from gwimage.build.progress import Steps
from gwimage.compiler import output_tree
from gwimage.lab.hosts import PORT
from gwimage.lab.packets.pcapng import Frame
from gwimage.lab.topology import derive

HAND = "mkosi.profiles/{}/mkosi.extra/etc/{}"
DNSMASQ = HAND.format("dnsmasq", "dnsmasq.d/lan.conf")
RULES = HAND.format("iptables", "iptables/rules.v4")
LAN = HAND.format("networkd", "systemd/network/20-lan.network")
SEED = "mkosi.extra/var/lib/cloud/seed/nocloud/network-config"


@pytest.fixture(scope="module")
def files():
    return {path: file.text for path, file in gateways.handmade().items()}


def test_those_by_hand_are_the_gateway_of_the_profile(files):
    profile = gateways.profile()
    dhcp, (reserved,) = profile.dhcp["lan"], profile.reservations["lan"]
    (forward,) = profile.forwards
    wan, lan = (card.mac for card in derive(profile).cards)
    seed = files[f"mkosi.profiles/dnsmasq/{SEED}"]
    assert re.findall(r'"(.*)"', seed) == [wan, lan]
    assert f"addresses: [{profile.lans[0].address}]" in seed
    assert f"dhcp-range={dhcp.first},{dhcp.last},255.255.255.0,12h" in files[DNSMASQ].splitlines()
    assert f"dhcp-host={reserved.mac},{reserved.name},{reserved.address}" in files[DNSMASQ].splitlines()
    ((port, _),) = forward.ports
    assert f"--dport {port} -j DNAT --to-destination {forward.to}:{forward.to_port}" in files[RULES]
    assert [files[HAND.format("networkd", f"systemd/network/10-{name}.link")].splitlines()[1] for name in ("wan", "lan")] == [
        f"PermanentMACAddress={mac}" for mac in (wan, lan)
    ]
    assert f"Address={profile.lans[0].address}" in files[LAN]
    first = int(dhcp.first) - int(profile.lans[0].address.network.network_address)
    assert f"PoolOffset={first}\nPoolSize={int(dhcp.last) - int(dhcp.first) + 1}\nDefaultLeaseTimeSec=12h\n" in files[LAN]
    assert f"MACAddress={reserved.mac}\nAddress={reserved.address}\n" in files[LAN]


def test_what_must_hold_is_claimed():
    claimed = {claim.id for claim in compiler.claims(gateways.profile())}
    assert set(boot_times.MUST) == set(gateways.HANDMADE)
    assert {id for ids in boot_times.MUST.values() for id in ids} <= claimed


@pytest.mark.parametrize("name", gateways.HANDMADE)
@pytest.mark.parametrize("suite", ["trixie", "sid"])
def test_mkosi_reads_the_definition(name, suite, tmp_path):
    output_tree.write(gateways.handmade(), str(tmp_path / "tree"))
    mkosi = tools.mkosi(Steps(tmp_path / "log"), host.mirror(), suite)
    argv = [*mkosi.argv, "--directory", str(tmp_path / "tree"), *(f"--profile={one}" for one in gateways.HANDMADE[name])]
    done = subprocess.run([*argv, "--json", "summary"], env=mkosi.environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (main,) = [image for image in json.loads(done.stdout)["Images"] if image["Image"] in (None, "main")]
    packages = {"iptables-persistent", "dnsmasq"} & set(main["Packages"])
    assert packages == {"baseline": {"iptables-persistent", "dnsmasq"}, "networkd": set(), "bare": {"dnsmasq"}}[name]
    assert len(main["FinalizeScripts"]) == len(main["PostInstallationScripts"]) == len(main["PostOutputScripts"]) == 1


def test_pairs_of_boots():
    """Medians of each image, and of the differences of each pair, which are not the differences of the medians."""
    pairs = ((10.0, 4.0), (30.0, 23.0), (11.0, 9.0))
    rounds = [dict(zip(paired_boots.NAMES, (boot_times.Times(value, None) for value in pair))) for pair in pairs]
    last = [line.split() for line in paired_boots.table(rounds).splitlines()[-2:]]
    assert last == [["median", "11.00", "9.00", "never", "never"], ["saved", "6.00"]]


def test_what_is_seen_of_a_boot():
    client = IPv4Address("10.0.0.100")

    def packet(time, network, frame):
        return Frame(time, network, frame, len(frame))

    def tcp(source, port, flags):
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, source.packed, client.packed)
        return bytes(12) + b"\x08\0" + head + struct.pack("!HHIIBBHHH", port, 40000, 0, 0, 0x50, flags, 64000, 0, 0)

    def dhcp(kind):
        body = b"\2\1\6\0" + bytes(232) + b"\x63\x82\x53\x63" + bytes([53, 1, kind, 255])
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(body), 0, 0, 64, 17, 0, bytes(4), bytes(4))
        return bytes(12) + b"\x08\0" + head + struct.pack("!4H", 67, 68, 8 + len(body), 0) + body

    topology = derive(gateways.profile())
    packets = [
        packet(90, "lan", dhcp(2)),  # of the boot before
        packet(101, "wan", dhcp(2)),
        packet(102, "lan", dhcp(1)),
        packet(103, "lan", dhcp(2)),
        packet(104, "wan", tcp(topology.outside, PORT, 0x12)),
        packet(105, "lan", tcp(topology.outside - 9, PORT, 0x12)),
        packet(106, "lan", tcp(topology.outside, PORT, 0x04)),
        packet(107, "lan", tcp(topology.outside, PORT, 0x12)),
        packet(108, "lan", tcp(topology.outside, PORT, 0x12)),
    ]
    assert boot_times.times(topology, packets, 100) == boot_times.Times(offer=3, through=7)
    assert boot_times.times(topology, packets[:2], 100) == boot_times.Times(None, None)


def test_rows_compare_round_by_round():
    row = Row("traffic", "TCP", "Mbit/s", False, {"ours": [30.0, 10.0, 20.0], "baseline": [10.0, 10.0, 10.0], "bare": [40.0]})
    assert row.ratios("ours") == [3, 1, 2]
    assert row.ratio("ours") == "2 (1 to 3)"
    assert row.ratio("bare") == "4"
    assert Row("size", "qcow2", "MiB", True, {"ours": [1.0]}).ratio("ours") == ""
    heads, _, group, line = table([row]).splitlines()
    assert heads.split() == ["ours", "baseline", "bare", "ours", "/", "baseline"]
    assert (group, line.split()[2:5]) == ("traffic", ["20.0", "10.0", "40.0"])


def test_instructions_between_two_samples():
    count = Count(None, samples=[(10.0, 100), (11.0, 200), (13.0, 600)])
    assert [count.at(moment) for moment in (10.5, 11, 12)] == [150, 200, 400]
    assert count.at(9) == 100  # nothing is known before
    assert count.at(20) == 600


@pytest.mark.parametrize(
    ("floor", "asked"), [(100, [128, 112, 96]), (128, [128, 112]), (150, [128, 144, 160]), (10, [128, 112, 96, 80, 64])]
)
def test_the_smallest_memory_is_looked_for_from_the_usual_one(floor, asked):
    sizes = []

    def passes(size):
        sizes.append(size)
        return size >= floor

    assert report._smallest(passes) == min(size for size in asked if size >= floor)
    assert sizes == asked


def test_the_page_and_the_drawings(tmp_path):
    counts = {"kernel": 10**9, "program": 2 * 10**9, "offer": 5 * 10**9, "through": 5 * 10**9, "done": 7 * 10**9}
    units = [
        {"name": f"{name}.service", "began": 3.0, "ready": 4.0, "used": used} for name, used in (("a & b", 0.5), ("idle", 0.0))
    ]
    rows = [{"group": "traffic", "name": "TCP", "unit": "Mbit/s", "less": False, "values": {"ours": [2.0], "baseline": [1.0]}}]
    boots_seen = {"ours, first boot": {"systemd": 2.5, "units": units, "counts": counts}}
    page.write(tmp_path, {"environment": {"host": "<here>"}, "rows": rows, "units": boots_seen})
    assert {path.name for path in tmp_path.iterdir()} == {
        "bench.json",
        "bench.html",
        "boot.svg",
        "ours-first-boot.svg",
        "traffic.svg",
    }
    html = (tmp_path / "bench.html").read_text()
    assert "host: &lt;here&gt;" in html and "a &amp; b" in html and ">idle<" not in html
    assert json.loads((tmp_path / "bench.json").read_text())["rows"] == rows
    for path in tmp_path.glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
