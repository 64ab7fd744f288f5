"""The lab against a stand-in gateway in a namespace: each probe comes out good, and bad.

Seconds instead of minutes; needs root or a user namespace. The stand-in has the faults that
a test asks for, and the whole course of a verification runs against it.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gwimage.lab.machine.guest import LISTENER
from gwimage.lab.packets import udp_scan
from gwimage.verify import capture
from tests.support.faulty_gateway import ALWAYS, BETWEEN_WANS, CLAIMS, EXPECTED, MAC, WITHOUT_LEASE, asked, verdicts

FOLDERS: dict[str, Path] = {}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """The results of every stand-in, verified side by side: each lab has a world of its own."""
    faults = ["", "static", "hangs once", "hangs", *EXPECTED, *WITHOUT_LEASE, "no wan"]
    with ThreadPoolExecutor(6) as pool:
        FOLDERS.update((fault, tmp_path_factory.mktemp("lab")) for fault in faults)
        return dict(zip(faults, pool.map(verdicts, FOLDERS.values(), faults)))


def having(results, *statuses):
    return {result.id for result in results.values() if result.status in statuses}


def test_a_machine_that_hangs_is_red(seen):
    assert having(seen["hangs"], "pass") == {"machine.quiet"}


@pytest.mark.parametrize("kind", ["", "static", "hangs once"])
def test_a_good_gateway_is_green(seen, kind):
    results = seen[kind]
    assert {r.id: (r.seen, r.control) for r in results.values() if r.status != "pass"} == {}
    left_out = BETWEEN_WANS if kind == "static" else set()
    assert results.keys() == {claim.id for claim in CLAIMS} - left_out | ALWAYS
    assert str(LISTENER) in results["wans.wan.closed"].control
    assert "10.0.0.1" in results["lans.lan.source"].control


def test_the_report_lists_every_port_with_what_listens_there(seen):
    """Also what the firewall merely hides."""
    ports = {(port.address, port.port): port for port in seen[""]["lans.lan.closed.udp"].ports}
    assert {port for _, port in ports} >= {str(port) for port in (*udp_scan.USUAL, LISTENER, 52, 54)}
    rows = {number: ports["10.0.0.1", number] for number in ("53", "67", "1900", str(LISTENER))}
    assert {number: (port.expected, port.seen) for number, port in rows.items()} == {
        "53": ("open", "open"),
        "67": ("open", "open"),
        "1900": ("closed", "silent"),
        str(LISTENER): ("closed", "silent"),
    }
    assert [rows[number].listens for number in ("1900", str(LISTENER))] == ["", "0.0.0.0"]
    scanned = {port.port: (port.expected, port.seen) for port in seen[""]["lans.lan.closed"].ports}
    assert scanned["53"] == ("open", "open")
    assert scanned["8001"] == ("as who listens there", "open")
    assert scanned[str(LISTENER)] == ("closed", "silent")
    assert [pair for number, pair in scanned.items() if number.startswith("the other ")] == [("closed", "silent")]
    elsewhere = {port.address for port in seen[""]["lans.lan.closed.others"].ports}
    assert elsewhere > {"100.64.0.2", "10.0.9.1"}
    assert "10.0.0.1" not in elsewhere
    refused = [
        port for port in seen["udp hole"]["wans.wan.closed.udp"].ports if (port.expected, port.seen) == ("closed", "refused")
    ]
    assert [(port.port, port.service) for port in refused] == [("5351", "NAT-PMP and PCP")]


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_is_red_on_exactly_its_claims(seen, fault):
    wrong = {r.id: (r.status, r.seen) for r in seen[fault].values() if r.status != "pass"}
    assert wrong.keys() == EXPECTED[fault], wrong


@pytest.mark.parametrize("fault", WITHOUT_LEASE)
def test_what_needs_a_lease_is_not_asked_without_one(seen, fault):
    needing = {claim.id for claim in CLAIMS if "lans.lan.dhcp.lease" in claim.needs and asked(claim, fault)}
    assert having(seen[fault], "not asked") == needing
    assert having(seen[fault], "fail") - {"state.persist"} == {"lans.lan.dhcp.lease"}


def test_without_a_wan_address_nothing_outside_is_asked(seen):
    results = seen["no wan"]
    assert results["wans.wan.address"].status == "fail"
    assert results["wans.wan.closed"].status == "not asked"
    assert results["lans.lan.dhcp.lease"].status == "pass"


def test_every_result_says_how_it_was_asked_and_when(seen):
    for fault, results in seen.items():
        for result in results.values():
            assert result.question, result
            assert (result.started > 1e9) == (result.status in ("pass", "fail")), (fault, result)
            assert result.seconds >= 0


ADVICE = {
    ("open", "wans.wan.closed"): "Port 53 answers and should not: `gwimage explain PROFILE --from wan --to gateway --tcp 53`",
    ("listens", "lans.lan.closed"): "Port 9000 answers and should not",
    ("reject", "lans.iot.closed"): "Port 1 answers and should not",
    ("open", "lans.lan.unreachable.wan"): "It arrived on lan: `gwimage explain PROFILE --from wan --to lan --tcp 8080`",
    ("internet for all", "lans.iot.internet"): "It arrived on wan",
    (
        "home network too",
        "private",
    ): "It arrived on wan: `gwimage explain PROFILE --from lan --to wan:192.168.178.66 --tcp 8080`",
    ("no control", "lans.lan.closed"): "proves nothing",
    ("no masquerade", "lans.lan.source"): "It left by a WAN, but not with the address that the WAN has",
    ("no route", "lans.lan.source.10.20.0.0/16"): "the answer found no way back",
    ("no dns", "lans.lan.dns"): "Nothing answers on port 53",
    ("failed unit", "system.inspection"): "journal",
    ("forgets", "state.persist"): "state volume",
    ("plug pulled", "machine.poweroff"): "power button",
    ("deaf agent", "machine.agent"): "qemu-guest-agent.service",
    ("torn bridge", "lans.iot.ping"): "are all its cards joined",
    ("no reservation", "reservation"): "[DHCPServerStaticLease]",
    ("no DUID", "reservation"): "by one client identifier, not by another",
    ("options", "options"): "[DHCPServer]",
    ("no names", "name"): "does not know nas.home.arpa",
    ("no time", "time"): "Nothing answers on UDP port 123",
    ("unsynchronised", "time"): "has no time to give",
    (
        "no allow",
        "reaches tcp",
    ): "did not come out of the gateway on lan: `gwimage explain PROFILE --from iot --to lan:10.0.0.5 --tcp 445`",
    ("hides too much", "reaches udp"): "arrived on lan: either its source was changed",
    ("answers astray", "forward dsl"): "found no way back",
    ("no forward", "forward"): "did not come out of the gateway on lan",
    ("hairpin past us", "hairpin"): "It arrived on lan",
    ("no dhcp", "lans.lan.dhcp.lease"): "was offered nothing, though the gateway is there on lan",
    ("pool", "lans.lan.dhcp.lease"): "not as the profile says",
    ("no wan", "wans.wan.address"): "Nothing at all came from the gateway on wan",
    ("no wan", "lans.lan.unreachable.wan"): "Nothing at all came from the gateway on wan",
    ("hangs", "lans.lan.dhcp.lease"): "Nothing at all came from the gateway on lan",
}


def test_who_failed_is_told_what_to_look_at_first(seen):
    for results in seen.values():
        for result in results.values():
            assert bool(result.advice) == (result.status == "fail"), result
    found = {(fault, name): seen[fault][name].advice for fault, name in ADVICE}
    assert {key: found[key] for key in ADVICE if ADVICE[key] not in found[key]} == {}


def test_the_packets_of_what_failed_are_kept_and_no_others(seen):
    for fault, results in seen.items():
        failed = {result.capture for result in results.values() if result.status == "fail" and result.capture}
        assert {file.name for file in FOLDERS[fault].glob("*.pcapng")} == failed
        assert {result.capture for result in results.values() if result.status != "fail"} <= {""}
    assert not list(FOLDERS[""].glob("*.pcapng"))


def test_a_capture_shows_what_the_probe_met(seen):
    lines = told(seen, "no masquerade", "lans.lan.source")
    source = seen["no masquerade"]["lans.lan.source"].seen.split()[-1]
    questions = [line for line in lines if f"IP {source}." in line and "Flags [S]," in line]
    assert [line.split()[1] for line in questions] == ["lan", "wan"]
    lines = told(seen, "listens", "wans.wan.closed")
    assert any(".9000 > " in line and "Flags [S.]" in line for line in lines)
    assert not any("ARP" in line or "Flags [S]," in line for line in lines)
    lines = told(seen, "open", "wans.wan.closed")
    assert len([line for line in lines if "Flags [R" in line]) == capture.RESETS
    assert any(f".{LISTENER} > " in line and "Flags [S.]" in line for line in lines)
    lines = told(seen, "no reservation", "reservation")
    assert [line.split()[7:9] for line in lines if MAC in line] == [["Request", "from"]] * 10
    assert len(lines) == 18
    assert any("BOOTP/DHCP, Request" in line for line in told(seen, "no dhcp", "lans.lan.dhcp.lease"))


def told(seen, fault, name):
    return capture.told(FOLDERS[fault] / seen[fault][name].capture)
