"""Inspection of the running gateway, without any back door in the image.

SMBIOS credentials (systemd.system-credentials(7): systemd.extra-unit.*, systemd.unit-dropin.*)
give the lab's machine a unit that reports over a virtio port, listeners by TCP and UDP for the scans
to miss, and in the control boot the orders that switch firewall and masquerade off.
"""

import base64
import json
import re
import socket
import time
from dataclasses import dataclass
from importlib import resources

from gwimage.profile import Profile

LISTENER = 40404
SECRET_NAME = "known-to-the-isp-alone.test"  # .test is not validated with DNSSEC (RFC 6761)
FIREWALL_UNIT = "gwimage-firewall.service"

# Allowlist of journal entries of priority warning and worse: (pattern, reason).
# The pattern is matched against "<source>.<priority>: <message>". Keep it as short as it can be.
ALLOWED: tuple[tuple[str, str], ...] = (
    (
        r"^kernel\.warning: (?!WARNING: |-+\[ cut here)",
        "what the kernel thinks of the processor and the machine; its errors and traces do count",
    ),
    (
        r"^systemd-networkd\.warning: [a-z0-9-]+: Failed to resolve host '",
        "a VPN's endpoint is looked up before the WAN is there; networkd tries again",
    ),
)
PRIORITIES = ("emergency", "alert", "critical", "error", "warning")


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _drop_in(unit: str, text: str) -> dict[str, str]:
    return {f"systemd.unit-dropin.{unit}": _encode(f"[Service]\n{text}\n")}


# Control boot: the firewall unit does nothing.
OPEN_FIREWALL = _drop_in(FIREWALL_UNIT, "ExecStart=\nExecStart=/bin/true")

BEFORE = ("gwlab-control.service", "gwlab-peers.service")
# Control boot: no traffic shaping.
UNSHAPED = "sed -i '/^\\[CAKE\\]$/,/^$/d' /etc/systemd/network/10-*.network\n"


@dataclass(frozen=True)
class Findings:
    """The guest's report. complaints: journal entries outside the allowlist.

    resolves: the address that it finds for SECRET_NAME; connections: how many it can track.
    """

    state: str
    failed: tuple[str, ...]
    complaints: tuple[str, ...]
    machine_id: str
    host_keys: tuple[str, ...]
    boot_time: str
    ruleset: str
    release: str
    memory_total: int  # KiB
    memory_available: int
    resolves: str = ""
    connections: int = 0


@dataclass(frozen=True)
class Unit:
    """A unit in one boot: start and ready times, in seconds since the kernel started, 0 if never; seconds of processor time."""

    name: str
    began: float
    ready: float
    used: float


@dataclass(frozen=True)
class Units:
    """The units of a boot. systemd: its own start, in seconds since the kernel's."""

    systemd: float
    units: tuple[Unit, ...]


def tunnel_keys(profile: Profile, keys: dict[str, str]) -> dict[str, str]:
    """Credentials for the VPN keys that the hypervisor supplies (see features/vpn.py)."""
    waiting = [vpn.name for vpn in profile.vpn if vpn.private_key is None]
    return {f"network.wireguard.{name}": _encode(keys[name]) for name in waiting}


def before_network(name: str, script: str) -> dict[str, str]:
    """Credentials for a shell script that runs before networkd reads its files; name: one of BEFORE."""
    unit = (
        "[Unit]\nDescription=gwimage lab: before the network\nDefaultDependencies=no\n"
        "After=local-fs.target\nBefore=systemd-networkd.service\n"
        f"[Service]\nType=oneshot\nExecStart=/bin/sh -e\nStandardInput=data\nStandardInputData={_encode(script)}\n"
    )
    return {f"systemd.extra-unit.{name}": _encode(unit)} if script else {}


def credentials(control: bool) -> dict[str, str]:
    """The lab's credentials, base64 by name, for `Machine.start`."""
    script = resources.files(__package__).joinpath("guest.sh").read_text()
    script = f"SECRET_NAME={SECRET_NAME}\n{'MAY_OPEN=yes' if control else ''}\n{script}"
    echo = resources.files(__package__).joinpath("echo.pl").read_text()
    units = {
        "extra-unit.gwlab.service": "[Unit]\nDescription=gwimage lab: report\n"
        "[Service]\nExecStart=/bin/sh\nStandardInput=data\nStandardInputData=" + _encode(script),
        "extra-unit.gwlab-listen.socket": "[Unit]\nDescription=gwimage lab: a port to hide\n"
        f"[Socket]\nListenStream=0.0.0.0:{LISTENER}\nListenStream=[::]:{LISTENER}\nBindIPv6Only=ipv6-only\nAccept=yes\n",
        "extra-unit.gwlab-listen@.service": "[Service]\nExecStart=-/bin/true\n",
        "extra-unit.gwlab-echo.socket": "[Unit]\nDescription=gwimage lab: a UDP port to hide\n"
        f"[Socket]\nListenDatagram=0.0.0.0:{LISTENER}\n",
        "extra-unit.gwlab-echo.service": "[Service]\nExecStart=/usr/bin/perl -\nStandardInput=data\nStandardInputData="
        + _encode(echo),
        "unit-dropin.systemd-networkd.service": f"[Unit]\nWants={' '.join(BEFORE)}\n",  # missing ones are ignored
        "unit-dropin.multi-user.target": "[Unit]\nWants=gwlab.service gwlab-listen.socket gwlab-echo.socket\n",
    }
    spoilt = OPEN_FIREWALL | before_network(BEFORE[0], UNSHAPED) if control else {}
    return {f"systemd.{name}": _encode(text) for name, text in units.items()} | spoilt


def ask(port: socket.socket, order: str, wait: float) -> dict[str, str] | None:
    """The parts of the guest's answer, or None when none came in `wait` seconds."""
    port.sendall(f"{order}\n".encode())
    deadline = time.monotonic() + wait
    said = b""
    while f"@@ end {order}\n".encode() not in said:
        port.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            data = port.recv(65536)
        except TimeoutError:
            return None
        if not data:
            return None
        said += data
    return _parts(said.decode(errors="replace"), order)


def read(parts: dict[str, str]) -> Findings:
    """Parses a report."""
    memory = dict(re.findall(r"(?m)^(\w+): +(\d+) kB", parts["memory"]))
    connections = parts["connections"].strip()
    name = re.search(r'(?m)^PRETTY_NAME="?([^"\n]*)', parts["release"])
    return Findings(
        state=parts["state"].strip(),
        failed=tuple(line.split()[0] for line in parts["failed"].splitlines() if line.strip()),
        complaints=complaints(parts["journal"]) + _shared_keys(parts["baked"]),
        machine_id=parts["machine-id"].strip(),
        resolves=parts["resolves"].strip(),
        host_keys=tuple(sorted({" ".join(k.split()[:2]) for k in parts["keys"].splitlines()})),
        boot_time=parts["time"].split("\n")[0].strip(),
        ruleset=parts["ruleset"],
        release=name[1] if name else "",
        memory_total=int(memory.get("MemTotal", 0)),
        memory_available=int(memory.get("MemAvailable", 0)),
        connections=int(connections) if connections.isdecimal() else 0,
    )


def read_units(parts: dict[str, str]) -> Units:
    found = []
    for block in parts["units"].split("\n\n"):
        said = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        began, ready = (int(said.get(f"{name}TimestampMonotonic", 0)) / 1e6 for name in ("InactiveExit", "ActiveEnter"))
        if began:
            used = said.get("CPUUsageNSec", "")
            found.append(Unit(said["Id"], began, ready, int(used) / 1e9 if used.isdigit() else 0))
    return Units(int(parts["manager"].split("=")[1]) / 1e6, tuple(found))


def complaints(journal: str) -> tuple[str, ...]:
    """Entries of `journalctl -o json` that the allowlist does not cover, each text once."""
    found = []
    for line in journal.splitlines():
        text = _entry(line)
        if text not in found and not allowed(text):
            found.append(text)
    return tuple(found)


def allowed(entry: str) -> bool:
    """Whether "<source>.<priority>: <message>" is no complaint."""
    return any(re.search(pattern, entry) for pattern, _ in ALLOWED)


def _shared_keys(files: str) -> tuple[str, ...]:
    """SSH host keys that came with the image, and so are the same in every gateway made from it."""
    return tuple(f"SSH host key outside the state volume: {file}" for file in files.split())


def _entry(line: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError:
        return line  # journalctl itself complains
    message = entry.get("MESSAGE") or ""
    if isinstance(message, list):  # bytes that are not UTF-8
        message = bytes(message).decode(errors="replace")
    priority = PRIORITIES[int(entry.get("PRIORITY", 4))]
    return f"{entry.get('SYSLOG_IDENTIFIER', '?')}.{priority}: {message}"


def _parts(said: str, order: str) -> dict[str, str]:
    """The parts of this order's answer alone: the answer to an earlier order may have come late."""
    body = said.split(f"@@ begin {order}\n", 1)[-1].split(f"@@ end {order}\n", 1)[0]
    pieces = re.split(r"(?m)^@ (\S+)\n", body)
    return dict(zip(pieces[1::2], pieces[2::2]))
