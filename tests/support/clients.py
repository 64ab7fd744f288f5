"""Real DHCP clients of Debian 13, each in its own namespace and root directory (the tools tree and missing packages).

Nothing is installed on the host: the packages are unpacked into the cache. Works inside a world (gwimage.lab.sandbox).
"""

from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from gwimage.lab.namespace import chroot
from gwimage.lab.netns import ip, run
from gwimage.lab.wait import wait_for
from tests.support import debian_packages
from tests.support.dhcp_server import plug

PACKAGES = ("dhcpcd-base", "network-manager")
LINK = "eth0"
NETWORK = f"[Match]\nName={LINK}\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n"
CONNECTION = f"""
[connection]
id=lan
type=ethernet
interface-name={LINK}
[ipv4]
method=auto
[ipv6]
method=disabled
"""
MANAGER = "[main]\nplugins=keyfile\ndhcp=internal\nrc-manager=unmanaged\nauth-polkit=false\n[logging]\nlevel=INFO\n"
BUS = """<busconfig>
<type>system</type>
<listen>unix:path=/run/dbus/system_bus_socket</listen>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/>
</policy>
</busconfig>
"""
# name: (files below its root, command)
KINDS = {
    "udhcpc": (
        {"etc/lease": '#!/bin/busybox sh\n[ "$1" = bound ] && busybox ip addr add "$ip/$mask" dev "$interface"\n'},
        [f"busybox udhcpc -f -i {LINK} -s /etc/lease"],
    ),
    "dhcpcd": ({}, [f"dhcpcd -4 -B -f /etc/dhcpcd.conf {LINK}"]),
    "networkd": ({"etc/systemd/network/10-lan.network": NETWORK}, ["/usr/lib/systemd/systemd-networkd"]),
    "NetworkManager": (
        {
            "etc/NetworkManager/NetworkManager.conf": MANAGER,
            "etc/NetworkManager/system-connections/lan.nmconnection": CONNECTION,
            "etc/bus.conf": BUS,
        },
        ["dbus-daemon --nofork --config-file=/etc/bus.conf", "NetworkManager --no-daemon"],
    ),
}


def unpacked(tree: Path) -> Path:
    """The clients' packages that the tools tree lacks, unpacked."""
    return debian_packages.unpacked(tree, "clients", *PACKAGES)


@contextmanager
def running(kind: str, tree: Path, mac: str, bridge: str):
    """Runs a client on its own card with this MAC address; yields a function that returns its address."""
    files, commands = KINDS[kind]
    name = f"real-{mac[-2:]}"
    work = Path("/run/clients", name)
    (work / "root").mkdir(parents=True)
    (work / "kept").mkdir()
    plug(name, LINK, bridge)
    ip(name, [f"link set {LINK} address {mac}"])
    land = chroot.lay(name, tree, [unpacked(tree)], work / "root", work / "kept")
    for path, text in ({"etc/machine-id": mac.replace(":", "").rjust(32, "a") + "\n"} | files).items():
        file = land.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if text.startswith("#!") else 0o600 if "connections" in path else 0o644)
    (land.root / "run/dbus").mkdir()
    processes: list[Popen[bytes]] = []
    try:
        for command in commands:
            processes.append(land.spawn(work / "log", *command.split()))
            if command.startswith("dbus"):
                assert wait_for((land.root / "run/dbus/system_bus_socket").exists, 10, lambda: processes[-1].poll() is None)
        yield lambda: address(name)
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        land.remove()


def address(name: str) -> str:
    """The IPv4 address of the client's card, empty if there is none."""
    words = run(["ip", "-n", name, "-4", "-o", "addr", "show", "dev", LINK]).split()
    return words[3] if len(words) > 3 else ""
