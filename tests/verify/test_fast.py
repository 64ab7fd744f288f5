"""`gwimage verify --fast`: good profiles are green, a compiled file with one mistake is red on exactly its claims.

Real packets, Debian 13's own programs, no machine. Needs root or user namespaces, and the tools tree.
"""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from gwimage import compiler
from gwimage.claims.claim_dhcp import ReservedLease
from gwimage.compiler import loading
from gwimage.lab.packets.ipv4 import ALL_PORTS
from gwimage.language import source
from gwimage.verify import fast
from tests.support import debian_oracle
from tests.support.paths import ROOT, TESTS
from tests.support.verifications import PORTS

HOMELAB = ROOT / "profiles" / "homelab.yaml"
TWO_LANS = ROOT / "profiles" / "two-lans.yaml"
GOOD = {path.stem: path for path in (HOMELAB, TWO_LANS, ROOT / "profiles" / "classic.yaml")}
GOOD |= {name: TESTS / "cases" / name / "profile.yaml" for name in ("everything", "lans-bridge", "ntp-server")}
ODD = {path.stem: path for path in (TESTS / "verify" / "profiles").iterdir()}  # right ones that a lab may take for wrong
GOOD |= ODD
NETWORK, RULES = "config/etc/systemd/network/", "config/etc/nftables/gwimage.nft"
MACHINE = {"system.inspection", "machine.poweroff", "machine.agent", "machine.shutdown"}
# entries that the lab cannot ask in full: of a host in a delegated prefix, and of one behind a router inside
UNASKED = {"everything": {"firewall.allow.0.unasked.0"}, "dns-inside": {"firewall.allow.1.unasked.0"}}
OPEN = {f"lans.{lan}.unreachable.{other}" for lan, other in (("lan", "wan"), ("lan", "iot"), ("iot", "wan"), ("iot", "lan"))}
SSH = {f"firewall.forwards.ssh.{host}.wan.tcp" for host in ("attacker-wan", "client-lan", "client-iot")}
ONLY = "firewall.allow.0.iot.lan.only"
CLAIMS = compiler.claims(loading.load(source.read(str(TWO_LANS)))[0])
ASK_NAMES_OF_LAN = {one.id for one in CLAIMS if one.id.endswith((".name", ".reverse")) and one.probe.lan == "lan"}


def with_needing(*names):
    """These claims, and what is not asked unless they come out good."""
    return {*names, *(claim.id for claim in CLAIMS if set(claim.needs) & set(names))}


FORWARDS = with_needing(*(f"firewall.forwards.{name}.attacker-wan.wan.tcp" for name in ("ssh", "web")))
CAMERA = "lans.iot.dhcp.reservations.camera"
RESERVED = {one.id for one in CLAIMS if isinstance(one.probe, ReservedLease)}
REVERSE = {one.id for one in CLAIMS if one.id.endswith(".reverse")}
# of the two-lans profile: file, what stands there, what is written instead, the claims that must turn red
MUTANTS = {
    "a set element added": (
        RULES,
        '"lan" . tcp . 53',
        '"wan" . tcp . 53, "lan" . tcp . 53',
        {"wans.wan.closed", "wans.wan.closed.others"},
    ),
    "a set element removed": (
        RULES,
        '            "lan" . udp . 53 comment "lans.lan",\n',
        "",
        with_needing("lans.lan.dns")
        | {
            "lans.lan.closed.udp",
            *ASK_NAMES_OF_LAN,
        },
    ),
    "a port opened for nobody": (
        RULES,
        '"lan" . udp . 53',
        '"wan" . udp . 1900, "lan" . udp . 53',
        {"wans.wan.closed.udp", "wans.wan.closed.others"},
    ),
    "a source not checked": (
        RULES,
        'iifname "lan" ip saddr != 10.0.0.0/24',
        'iifname "lan" ip saddr 0.0.0.1',
        {"lans.lan.spoofed"},
    ),
    "a clamp too wide": (RULES, 'iifname "wan" tcp option', 'iifname "lan" tcp option', {"wans.wan.mss"}),
    "a zone opened": (RULES, '"lan" . "wan"', '"iot" . "lan", "lan" . "wan"', {"lans.lan.unreachable.iot", ONLY}),
    "a port widened": (RULES, "tcp dport 445", "tcp dport 445-454", {ONLY}),
    "a source dropped": (RULES, "ip saddr 10.0.20.7 ip daddr", "ip daddr", {ONLY}),
    "a policy turned": (
        RULES,
        "hook forward priority filter; policy drop",
        "hook forward priority filter; policy accept",
        {*OPEN, ONLY},
    ),
    "a forward moved": (
        RULES,
        "tcp dport 2222 dnat ip to 10.0.0.6:22",
        "tcp dport 2222 dnat ip to 10.0.0.6:23",
        with_needing(*SSH),
    ),
    "a rule dropped": (RULES, 'iifname "iot" oifname "lan" ip saddr 10.0.20.7', "# ", {"firewall.allow.0.iot.lan"}),
    "an exemption moved": (
        RULES,
        'oifname != "iot" ip saddr 10.0.20.0/24 snat',
        'oifname != "iot" ip saddr 10.0.21.0/24 snat',
        with_needing("firewall.allow.0.iot.lan", *(f"firewall.forwards.{name}.client-iot.wan.tcp" for name in ("ssh", "web"))),
    ),
    "a key misspelt": (NETWORK + "10-wan.network", "EmitLLDP=no", "EmitLDLP=no", {"files.accepted"}),
    "a key dropped": (NETWORK + "20-lan.network", "EmitTimezone=no\n", "", {"lans.lan.dhcp.options"}),
    "a MAC address changed": (NETWORK + "20-iot.network", "bc:24:11:00:20:07", "bc:24:11:00:20:08", {CAMERA}),
    "leases of reservations not ended": ("mkosi.extra/usr/lib/gwimage/reservations", "{ release_all() }", "{ 1 }", RESERVED),
    "a hosts entry changed": ("config/etc/hosts", "10.0.20.7 camera", "10.0.20.8 camera", {f"{CAMERA}.name", *REVERSE}),
    "a listener dropped": (
        "config/etc/systemd/resolved.conf.d/10-gwimage.conf",
        "DNSStubListenerExtra=10.0.20.1\n",
        "",
        {"lans.iot.dns", "lans.iot.closed", "lans.iot.closed.udp", f"{CAMERA}.name", *(REVERSE & {"lans.iot.reverse"})},
    ),
    "forwarding off": (
        "config/etc/systemd/networkd.conf.d/10-gwimage.conf",
        "IPv4Forwarding=yes",
        "IPv4Forwarding=no",
        {"lans.lan.source", "lans.iot.source", *OPEN - {"lans.lan.unreachable.iot", "lans.iot.unreachable.lan"}}
        | FORWARDS
        | {"firewall.forwards.web.attacker-wan.wan.tcp.443"}
        | {claim.id for claim in CLAIMS if claim.id.endswith(".outside")}
        | {"wans.wan.mss", "lans.lan.spoofed.wan", "lans.iot.spoofed.wan"},
    ),
}
# as MUTANTS, of other profiles
OTHERS = {
    "second32: the other WAN may come in": (
        RULES,
        '"lan" . "main"',
        '"mail" . "lan", "lan" . "main"',
        {"lans.lan.unreachable.mail"},
    ),
    "second32: a port opened on the other WAN": (
        RULES,
        '"lan" . tcp . 53',
        '"mail" . tcp . 53, "lan" . tcp . 53',
        {"wans.mail.closed", "wans.mail.closed.others"},
    ),
    "wans-elsewhere: answers by the first WAN": (
        RULES,
        "iifname != @wans ct mark != 0",
        "iifname @wans ct mark != 0",
        {
            f"firewall.forwards.smtp.attacker-{wan}.{wan}.tcp{more}"
            for wan in ("mail", "third")
            for more in ("", ".beside", ".spoofed")
        },
    ),
    "pihole: another server is asked": (
        "config/etc/systemd/resolved.conf.d/10-gwimage.conf",
        "DNS=192.168.10.53",
        "DNS=9.9.9.9",
        {"dns.upstreams.0.asked"},
    ),
    "dns-inside: the server behind a router is not asked": (
        "config/etc/systemd/resolved.conf.d/10-gwimage.conf",
        "DNS=10.20.0.53\n",
        "",
        {"dns.upstreams.1.asked"},
    ),
}
FAULTY = {name: (TWO_LANS, mutant) for name, mutant in MUTANTS.items()}
FAULTY |= {name: (ODD[name.split(":")[0]], mutant) for name, mutant in OTHERS.items()}


def results(profile, mutant=None):
    read = source.read(str(profile))
    parsed, _ = loading.load(read)
    files = compiler.render(parsed, read)
    if mutant:
        path, old, new, _ = mutant
        assert old in files[path].text
        files[path] = replace(files[path], text=files[path].text.replace(old, new))
    return {
        result.id: result
        for result in fast.verify(
            parsed, files, compiler.claims(parsed), debian_oracle.tree(), ports=PORTS if mutant else ALL_PORTS
        ).results
    }


@pytest.fixture(scope="module")
def seen():
    """The results of all, by name; side by side, since much of the time is waiting for silence."""
    debian_oracle.tree()
    asked = [*((path, None) for path in GOOD.values()), *FAULTY.values()]
    with ThreadPoolExecutor(4) as pool:
        return dict(zip([*GOOD, *FAULTY], pool.map(lambda pair: results(*pair), asked)))


def having(found, *statuses):
    return {result.id for result in found.values() if result.status in statuses}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_profile_is_green(seen, name):
    wrong = {r.id: (r.status, r.seen, r.control) for r in seen[name].values() if r.status not in ("pass", "unaskable")}
    assert wrong == {}
    kernels = {
        claim for claim in seen[name] if claim.startswith(("vpn.", "qos.")) or claim.endswith(".offload")
    }  # not every host's
    assert having(seen[name], "unaskable") == MACHINE | kernels | UNASKED.get(name, set())
    assert bool(kernels) == (name == "everything")
    assert fast.verdict(list(seen[name].values())) == (True, _line(seen[name]))


def _line(found) -> str:
    unasked = len(having(found, "unaskable"))
    return f"fast: {len(found) - unasked} claims seen, {unasked} could not be asked here. No proof: the image was not asked."


@pytest.mark.parametrize("name", FAULTY)
def test_a_mistake_is_red_on_exactly_its_claims(seen, name):
    wrong = {r.id: (r.status, r.seen, r.control) for r in seen[name].values() if r.status not in ("pass", "unaskable")}
    assert wrong.keys() == FAULTY[name][1][3], wrong


def command(*words: str, **options):
    argv = [*options.pop("before", ()), sys.executable, "-m", "gwimage", "verify", "--fast", *words]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {})
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_an_ordinary_user_can_do_it_and_no_file_is_written(tmp_path):
    """One without root's powers, even where the tests run as root."""
    process = command(str(HOMELAB), before=("unshare", "--user", "--map-user=1000", "--map-group=1000"), cwd=tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    assert "No proof" in out and "verified" not in out
    assert list(tmp_path.iterdir()) == []


def test_a_profile_that_opens_its_gateway_by_a_rule_of_its_own_is_refused(tmp_path):
    profile = tmp_path / "open.yaml"
    profile.write_text(HOMELAB.read_text() + "firewall: {raw: {input: [tcp dport 40404 accept]}}\n")
    process = command(str(profile))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    assert set(re.findall(r"(?m)^fail .*from (\w+) the", out)) == {"wan", "lan"}


@pytest.mark.parametrize("option", ["--image", "--machine=q35", "--memory=512", "--cores=2", "-o."])
def test_what_only_a_machine_has_cannot_be_chosen(option):
    process = command(str(HOMELAB), option, *([str(HOMELAB)] if option == "--image" else []))
    assert "--fast takes no" in process.communicate(timeout=60)[1]
    assert process.returncode == 2


def test_a_host_that_lacks_something_is_told(tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    process = command(str(HOMELAB), env={"PATH": str(empty)})
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 3
    assert "util-linux" in err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(tmp_path, how):
    """Also where the folder's name alone is as long as what mount takes for all layers since util-linux 2.39."""
    debian_oracle.tree()
    folder = tmp_path / ("long" * 60)
    folder.mkdir()
    process = command(
        str(HOMELAB),
        env={"TMPDIR": str(folder)},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    said = []
    for line in process.stderr:
        said.append(line)
        if "asking" in line:
            break
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + how, "".join(said) + err + out
    assert list(folder.iterdir()) == []
    deadline = time.monotonic() + 20
    while left := _naming(str(tmp_path)):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _naming(text: str) -> list[str]:
    """Processes that still work with files of that folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            if text in path.read_text() or text in (path.parent / "cmdline").read_text():
                found.append((path.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            pass  # it has ended
    return found
