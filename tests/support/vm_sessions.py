"""Sessions with machines in the lab beyond the claims of verify. These functions run inside the lab's world."""

import base64
import dataclasses
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gwimage.lab.hosts import Hosts
from gwimage.lab.machine import qemu
from gwimage.lab.machine.gateway import Gateway
from gwimage.lab.machine.processor import acceleration
from gwimage.lab.machine.qemu import Machine, image_format
from gwimage.lab.netns import run
from gwimage.lab.packets import dhcp_client, ipv4
from gwimage.lab.topology import derive
from gwimage.lab.wait import wait_for
from gwimage.verify import faults
from gwimage.verify.faults import driver
from gwimage.verify.faults.fault import Scene
from gwimage.verify.probes.view import Answer
from gwimage.verify.run import Job
from tests.support import debian_mirror

PATIENCE = 300
ROOT_AT_CONSOLE = {
    "agetty.autologin": "root",
    "login.noauth": "yes",
}  # credentials that the hypervisor may give (docs/image.md)
SSH = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=60 -o LogLevel=ERROR -o BatchMode=yes"


def placed(job: Job) -> tuple[Hosts, Gateway]:
    """Starts the hosts, with the gateway off."""
    hosts, accel = Hosts(derive(job.profile), job.dir), acceleration()
    machine = Machine(job.image, job.shape, hosts.topology.cards, job.dir, accel)
    hosts.start()
    machine.prepare()
    return hosts, Gateway(machine, PATIENCE, accel == "tcg")


@contextmanager
def booted(job: Job) -> Iterator[tuple[Hosts, Gateway]]:
    hosts, gateway = placed(job)
    gateway.start(control=False)
    if not wait_for(gateway.ready, PATIENCE, gateway.alive):  # as boot.py: an emulated machine may hang, once
        gateway.cut()
        gateway.start(control=False)
    hosts.ask_for_leases()
    yield hosts, gateway  # the machine ends with the world, after this call


def log_in(say, job: Job, key: str, target: str, command: str) -> dict[str, str]:
    """The administrator's login: output of a command over SSH by key, and SSH's message without one."""
    with booted(job) as (hosts, gateway):
        return _log_in(hosts, gateway, key, target, command)


def _log_in(hosts: Hosts, gateway: Gateway, key: str, target: str, command: str) -> dict[str, str]:
    assert wait_for(lambda: gateway.ready() and hosts.lease("lan"), PATIENCE, gateway.alive)
    client = ["nsenter", "--net=/run/netns/client-lan", *SSH.split(), "-o", "IdentitiesOnly=yes", "-i"]
    by_key = run([*client, key, target, command])
    without = subprocess.run([*client, "/dev/null", target, command], capture_output=True, text=True, check=False)
    return {"by key": by_key, "without": without.stdout + without.stderr}


def darkness(say, job: Job) -> dict:
    """After the boot: the WAN address and the lease that should not be there, and the console."""
    with booted(job) as (hosts, gateway):
        assert wait_for(gateway.ready, PATIENCE, gateway.alive)
        found = {"wan": hosts.wan_address(hosts.topology.wans[0], 5), "lease": hosts.lease("lan")}
    return found | {"console": (job.dir / "console.log").read_text(errors="replace")}


def upgrade(say, job: Job, image: Path, mac: str, *login: str) -> tuple[list[str], dict[str, str]]:
    """Leases to a MAC address by the job's image, then by another with the same state volume; and `log_in` there.

    Also whether root got a shell on the console of the other one, as the hypervisor orders.
    """
    given = []
    with booted(job) as (hosts, gateway):
        for _ in range(2):
            assert wait_for(lambda: hosts.lease("lan"), PATIENCE, gateway.alive)
            lease = dhcp_client.lease("client-lan", "lan", mac)
            given.append(str(lease.address) if lease else "silent")
            if len(given) == 1:
                assert wait_for(gateway.ready, PATIENCE, gateway.alive)
                assert gateway.stop() == "clean"
                disk = ["-b", str(image), "-F", image_format(image), str(job.dir / "os.qcow2")]
                run(["qemu-img", "create", "-q", "-f", "qcow2", *disk])
                gateway.credentials |= {
                    name: base64.b64encode(value.encode()).decode() for name, value in ROOT_AT_CONSOLE.items()
                }
                gateway.start(control=False)
                hosts.ask_for_leases()
        said = _log_in(hosts, gateway, *login)
        console = job.dir / "console.log"
        shell = wait_for(lambda: "root@gw" in console.read_text(errors="replace"), PATIENCE, gateway.alive)
        return given, said | {"console": "a shell" if shell else console.read_text(errors="replace")[-1000:]}


def disturb(say, job: Job) -> dict[str, Answer]:
    """Answers to the job's faults, without a control boot: only a whole verification proves that open ports are seen."""
    hosts, gateway = placed(job)
    scene = Scene(hosts, gateway, job.claims, {claim.id: "elsewhere" for claim in job.claims})
    return {fault.id: answer for fault, answer in driver.play(say, scene, faults.pick(job.faults, hosts.topology))}


def seeded(say, job: Job, cases: dict[str, tuple[qemu.SeedDisk, ...]]) -> dict[str, tuple[str, str, str]]:
    """For each case, booted with its volumes: a new client's lease, the answer of TCP port 22 on the WAN, the console."""
    hosts, gateway = placed(job)
    found, console = {}, job.dir / "console.log"
    for number, (name, seeds) in enumerate(cases.items()):
        say(f"boot with {name}")
        gateway.machine.shape = dataclasses.replace(job.shape, seeds=seeds)
        before = console.stat().st_size if console.exists() else 0
        gateway.start(control=False)
        leases: list[dhcp_client.Given | None] = []

        def leased(mac: str = f"52:54:00:00:77:{number:02x}", leases: list[dhcp_client.Given | None] = leases) -> bool:
            leases.append(dhcp_client.lease("client-lan", "lan", mac))
            return leases[-1] is not None

        wait_for(leased, PATIENCE, gateway.alive)
        wait_for(lambda: hosts.wan_address(hosts.topology.wans[0]), PATIENCE, gateway.alive)
        address = hosts.wan_address(hosts.topology.wans[0])
        answer = ipv4.connect("isp", address, 22) if address else "no address"
        gateway.cut()
        lease = str(leases[-1].address) if leases[-1] else "silent"
        found[name] = lease, answer, console.read_bytes()[before:].decode(errors="replace")
    return found


def clone(say, job: Job) -> list[dict[str, str]]:
    """The gateway's reported identity: on a machine, again there, and on another one with the same disks."""
    hosts, gateway = placed(job)
    found = []
    for uuid in ("11111111-2222-3333-4444-555555555555",) * 2 + ("aaaaaaaa-2222-3333-4444-555555555555",):
        gateway.machine.shape = dataclasses.replace(job.shape, uuid=uuid)
        gateway.start(control=False)
        assert wait_for(gateway.ready, PATIENCE, gateway.alive)
        found.append(gateway.findings())
        assert gateway.stop() == "clean"
    return found


def installed(say, job: Job, packages: Path) -> str:
    """Boots a stock image with its seed and a package mirror until it reboots; job.dir/os.qcow2 then is the gateway's.

    Returns the console's output.
    """
    hosts, gateway = placed(job)
    debian_mirror.serve(hosts, packages)
    gateway.start(control=False)
    # the machine ends instead of rebooting
    wait_for(lambda: not gateway.alive(), 4 * PATIENCE, lambda: True)
    return (job.dir / "console.log").read_text(errors="replace")


def cut_off(say, job: Job, packages: Path) -> tuple[str, str]:
    """As `installed`, but first without a mirror until the power is cut: the console's output of both boots."""
    hosts, gateway = placed(job)
    console = job.dir / "console.log"
    gateway.start(control=False)
    wait_for(lambda: "gwimage: could not install" in console.read_text(errors="replace"), 2 * PATIENCE, gateway.alive)
    gateway.cut()
    before = console.read_text(errors="replace")
    debian_mirror.serve(hosts, packages)
    gateway.start(control=False)
    wait_for(lambda: not gateway.alive(), 2 * PATIENCE, lambda: True)
    return before, console.read_text(errors="replace").removeprefix(before)


def reseeded(say, job: Job, cases: dict[str, tuple[qemu.SeedDisk, ...]]) -> dict[str, str]:
    """Leases given by a machine converted from a stock image, with one seed after the other."""
    hosts, gateway = placed(job)
    found = {}
    for number, (name, seeds) in enumerate(cases.items()):
        say(f"boot with {name}")
        gateway.machine.shape = dataclasses.replace(job.shape, seeds=seeds)
        gateway.start(control=False)
        assert wait_for(lambda: not gateway.alive(), 2 * PATIENCE, lambda: True)
        gateway.start(control=False)
        leases: list[dhcp_client.Given] = []
        mac = f"52:54:00:00:78:{number:02x}"

        def leased(mac: str = mac, leases: list[dhcp_client.Given] = leases) -> bool:
            leases.extend(filter(None, [dhcp_client.lease("client-lan", "lan", mac)]))
            return bool(leases)

        wait_for(leased, PATIENCE, gateway.alive)
        gateway.stop()
        found[name] = str(leases[-1].address) if leases else "silent"
    return found


def etc_of(say, job: Job, cases: dict[str, tuple[qemu.SeedDisk, ...]], key: str, target: str) -> dict[str, dict[str, str]]:
    """Digests of /etc's files and the state's SSH host keys for each case, booted in turn on one machine."""
    hosts, gateway = placed(job)
    found = {}
    command = "sudo find /etc /state/ssh -type f -exec sha256sum {} +; sudo find /etc -type l -exec readlink -n {} \\; -printf '  %p\\n'"
    for name, seeds in cases.items():
        say(f"boot with {name}")
        gateway.machine.shape = dataclasses.replace(job.shape, seeds=seeds)
        gateway.start(control=False)
        hosts.ask_for_leases()
        lines = _log_in(hosts, gateway, key, target, command)["by key"].splitlines()
        found[name] = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
        assert gateway.stop() == "clean"
    return found


def visited(
    say, job: Job, boots: dict[str, tuple[tuple[str, ...], qemu.Shape, str]], key: str, target: str, command: str
) -> dict[str, tuple[str, str]]:
    """For each boot of one machine, after a command of the host's: what the administrator's command says, and the console.

    The third of each boot is added to that command. In each boot another client asks for a lease: 52:54:00:00:79:NUMBER, from 0 on.
    """
    hosts, gateway = placed(job)
    found, console = {}, job.dir / "console.log"
    for number, (name, (before, shape, then)) in enumerate(boots.items()):
        say(f"boot {name}")
        run(list(before))
        gateway.machine.shape = shape
        began = console.stat().st_size if console.exists() else 0
        gateway.start(control=False)
        hosts.ask_for_leases()
        mac = f"52:54:00:00:79:{number:02x}"
        assert wait_for(lambda mac=mac: dhcp_client.lease("client-lan", "lan", mac), PATIENCE, gateway.alive)
        said = _log_in(hosts, gateway, key, target, command + then)["by key"]
        # the prompt of the serial console is the last to come
        wait_for(lambda began=began: b" login:" in console.read_bytes()[began:], PATIENCE, gateway.alive)
        assert gateway.stop() == "clean"
        found[name] = said, console.read_bytes()[began:].decode(errors="replace")
    return found
