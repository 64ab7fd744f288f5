"""What the guest says becomes findings, answers become results, results a report."""

import base64
import json
import socket
from dataclasses import replace

import pytest

from gwimage import report
from gwimage.claims.claim import Claim
from gwimage.claims.claim_services import SystemHealth
from gwimage.lab.machine import guest
from gwimage.verify import run
from gwimage.verify.image import Report
from gwimage.verify.probes.view import Answer
from gwimage.verify.result import FAIL, NOT_ASKED, PASS, UNTESTABLE, Result
from gwimage.verify.schedule import ask_all

CLOSED = Claim("c", "wans.wan", "closed", SystemHealth(), closed=True)
PARTS = {
    "state": "running\n",
    "failed": "",
    "journal": "",
    "machine-id": "abc\n",
    "keys": "ssh-ed25519 AAAA root@gw\n",
    "resolves": "198.51.100.254\n",
    "baked": "",
    "time": "Startup finished in 3s.\nmore\n",
    "ruleset": "",
    "release": 'NAME="Debian"\nPRETTY_NAME="Debian 13"\n',
    "memory": "MemTotal:  500 kB\nMemAvailable:  400 kB\n",
    "connections": "60000\n",
}


def test_a_report_of_the_guest_as_data():
    found = guest.read(PARTS)
    assert (found.state, found.failed, found.complaints) == ("running", (), ())
    assert (found.machine_id, found.host_keys) == ("abc", ("ssh-ed25519 AAAA",))
    assert (found.release, found.memory_available, found.connections) == ("Debian 13", 400, 60000)
    assert found.boot_time == "Startup finished in 3s."


def test_a_late_answer_is_not_taken_for_the_next_one():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"@@ begin ready\n@ state\nold\n@@ end ready\n")
        theirs.sendall(b"@@ begin report\n@ state\nnew\n@@ end report\n")
        assert guest.ask(ours, "report", 1) == {"state": "new\n"}
        assert guest.ask(ours, "report", 0.1) is None


def test_failed_units_and_baked_keys_are_named():
    found = guest.read(PARTS | {"failed": "a.service loaded failed failed A\n", "baked": "/etc/ssh/ssh_host_rsa_key\n"})
    assert found.failed == ("a.service",)
    assert "ssh_host_rsa_key" in found.complaints[0]


def test_complaints_are_what_the_allowlist_leaves():
    warning, error = ({"SYSLOG_IDENTIFIER": "kernel", "PRIORITY": number} for number in ("4", "3"))
    remark = json.dumps(warning | {"MESSAGE": "mtrr: your CPUs had inconsistent fixed MTRR settings"})
    trace = json.dumps(warning | {"MESSAGE": "WARNING: CPU: 1 PID: 314 at traps.c:1120"})
    boom = json.dumps(error | {"MESSAGE": "boom"})
    found = guest.complaints("\n".join([remark, trace, boom, boom]))
    assert found == ("kernel.warning: WARNING: CPU: 1 PID: 314 at traps.c:1120", "kernel.error: boom")
    other = json.dumps({"SYSLOG_IDENTIFIER": "x", "PRIORITY": "4", "MESSAGE": [104, 105]})
    assert guest.complaints(other) == ("x.warning: hi",)
    assert guest.complaints("Failed to open journal") == ("Failed to open journal",)


def test_only_the_control_boot_opens_anything():
    real, control = guest.credentials(False), guest.credentials(True)
    assert control.keys() - real.keys() == {
        f"systemd.unit-dropin.{guest.FIREWALL_UNIT}",
        "systemd.extra-unit.gwlab-control.service",
    }
    unit = base64.b64decode(real["systemd.extra-unit.gwlab.service"]).decode()
    script = base64.b64decode(unit.split("StandardInputData=")[1]).decode()
    assert "MAY_OPEN=yes" not in script


@pytest.mark.parametrize(
    ("answer", "control", "status"),
    [
        (Answer(True, "silent"), Answer(False, "open", exposed=True), PASS),
        (Answer(True, "silent"), Answer(True, "silent"), FAIL),
        (Answer(True, "silent"), None, FAIL),
        (Answer(False, "open", exposed=True), None, FAIL),
        (None, None, NOT_ASKED),
        (Answer(False, "too slow", asked=False), None, UNTESTABLE),
        (Answer(True, "silent"), Answer(False, "too slow", asked=False), UNTESTABLE),
    ],
)
def test_closed_counts_only_with_a_control(answer, control, status):
    assert run.evaluate(CLOSED, answer, control).status == status


@pytest.mark.parametrize("concurrent", [False, True])
def test_a_claim_waits_for_what_it_needs_in_any_order(concurrent):
    claims = [
        Claim("c", "", "", SystemHealth(), needs=("b",)),
        Claim("b", "", "", SystemHealth(), needs=("a",)),
        Claim("a", "", "", SystemHealth()),
        Claim("lost", "", "", SystemHealth(), needs=("nobody",)),
    ]
    asked = []
    answers = ask_all(claims, lambda claim: asked.append(claim.id) or Answer(claim.id != "b", ""), concurrent)
    assert asked == ["a", "b"]
    assert answers["c"] is None and answers["lost"] is None


REPORT = Report(
    "x.raw",
    "00",
    "homelab",
    "1.0.0",
    "11",
    (Result("a", "wans.wan", "a claim", PASS, "seen", "open"),),
    {"boot": 1.234},
    {"accel": "tcg"},
)


def test_the_table_says_status_claim_seen_and_verdict():
    table = report.table(REPORT)
    assert table.splitlines()[0] == "pass       a claim  seen"
    assert "control: open" in table
    assert table.splitlines()[-1] == "verified: x.raw (homelab 1.0.0), all 1 claims seen from outside"
    assert "\033" not in table and "\033[32mpass" in report.table(REPORT, colour=True)


@pytest.mark.parametrize("status", [FAIL, NOT_ASKED])
def test_anything_but_pass_is_not_verified(status):
    bad = replace(REPORT, results=(*REPORT.results, Result("b", "lans.lan", "b", status)))
    assert not bad.good and not report.document(bad)["verified"]
    assert "[lans.lan]" in report.table(bad)
    assert report.verdict(bad).startswith("NOT verified")


def test_what_no_lab_can_ask_is_told_and_no_fault():
    unasked = replace(REPORT, results=(*REPORT.results, Result("b", "dns", "b", UNTESTABLE, "no certificate")))
    assert unasked.good and "no certificate" in report.table(unasked)
    assert report.verdict(unasked).endswith("1 of 2 claims (1 unaskable here) seen from outside")
    assert not replace(unasked, results=unasked.results[1:]).good


def test_nothing_asked_is_not_verified():
    assert not replace(REPORT, results=()).good


def test_the_document_is_plain_json():
    document = json.loads(json.dumps(report.document(REPORT)))
    assert document["claims"][0] == {
        "id": "a",
        "path": "wans.wan",
        "place": "",
        "text": "a claim",
        "status": "pass",
        "question": "",
        "seen": "seen",
        "control": "open",
        "started": None,
        "seconds": 0,
        "needs": [],
        "advice": "",
        "capture": "",
        "ports": [],
    }
    assert document["times"] == {"boot": 1.23}
    assert document["started"] is None
