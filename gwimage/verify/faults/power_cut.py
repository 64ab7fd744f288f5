"""Power cuts: logs the disk writes of one boot with new leases, and reconstructs the state disk after cuts at any moment.

Each disk is repaired by the initrd's own functions, then its files are checked. Two are booted.
"""

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from gwimage.lab.packets import dhcp_client
from gwimage.verify.faults import disk_writes
from gwimage.verify.faults.checks import closed, lan_serves, leases, newcomer, traffic
from gwimage.verify.faults.disk_writes import Cut, Write
from gwimage.verify.faults.fault import Act, Fault, Scene
from gwimage.verify.probes.view import Answer

CUTS = 300
LEASES = 12
GRACE = 2  # seconds after which a lease given must be on the disk
_STUBS = """
say() { echo "$2"; }; mount() { :; }; umount() { :; }; chroot() { shift; "$@"; }
sectors() { echo $(($(wc -c < "$1") / 512)); }
{ is_state "$1" || unfinished "$1" || blank "$1"; } && prepare_state "$1"
"""


@dataclass(frozen=True)
class Kept:
    """State that a disk must hold if power was cut after `at` bytes of the log."""

    at: int
    machine_id: str
    host_keys: tuple[str, ...]
    leases: tuple[str, ...]


def _write(scene: Scene) -> None:
    """Gets leases one by one, cuts power, and notes the write log with what must be on the disk at which point."""
    log = scene.hosts.dir / "state.writes"
    lan, found = next(lan for lan in scene.hosts.topology.lans if lan.dhcp), scene.gateway.findings()
    identity = (found.machine_id, found.host_keys) if found else ("", ())
    given, kept = [], []
    for _ in range(LEASES):
        if lease := dhcp_client.lease(lan.client.name, lan.name, newcomer()):
            given.append(str(lease.address))
        time.sleep(GRACE)
        kept.append(Kept(log.stat().st_size, *identity, tuple(given)))
    scene.gateway.cut()
    scene.notes |= {
        "kept": kept,
        "writes": disk_writes.read(log),
        "size": (scene.hosts.dir / "state.raw").stat().st_size,
        "lan": lan.name,
    }


def _whole(scene: Scene) -> Answer:
    """Checks that after each of CUTS power cuts the state volume can be repaired, and its files are intact."""
    told, kept = scene.notes["writes"], scene.notes["kept"]
    if len(kept[-1].leases) < LEASES or not any(write.data for write in told):
        return Answer(False, f"{len(kept[-1].leases)} leases of {LEASES}, {len(told)} orders to the disk")
    cuts = disk_writes.cuts(told, CUTS)
    with tempfile.TemporaryDirectory(dir=scene.hosts.dir) as folder, ThreadPoolExecutor(2) as pool:
        rooms = [Path(folder) / str(number) for number in range(len(cuts))]
        faults = list(pool.map(lambda cut, room: examine(scene, cut, room), cuts, rooms))
    broken = [f"{cut}: {fault}" for cut, fault in zip(cuts, faults) if fault]
    seen = f"{len(cuts)} cuts after {len(told)} orders to the disk"
    return Answer(not broken, f"{len(broken)} of {seen}: {broken[0]}" if broken else seen)


def examine(scene: Scene, cut: Cut, room: Path) -> str:
    """Damage to the state volume after this cut, as text; empty if none."""
    room.mkdir()
    disk = room / "disk"
    lay(scene, cut, disk)
    script = _init().replace("mib=/mib", f"mib={room / 'mib'}").replace("export PATH=/bin\n", "") + _STUBS
    done = subprocess.run(["sh", "-c", script, "init", str(disk)], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"not usable: {(done.stdout + done.stderr).strip()[-200:]}"
    subprocess.run(["debugfs", "-R", f"rdump / {room}", str(disk)], capture_output=True, check=False)
    disk.unlink()
    told = scene.notes["writes"][: cut.count]
    return "; ".join(_damage(room, scene.notes["lan"], _due(scene.notes["kept"], told[-1].end)))


def lay(scene: Scene, cut: Cut, disk: Path) -> None:
    """Writes the state disk as this cut leaves it."""
    disk_writes.lay(disk, scene.notes["size"], disk_writes.survivors(scene.notes["writes"], cut))


def _init() -> str:
    """Shell functions of the initrd's init, without main."""
    script = resources.files("gwimage").joinpath("image/mkosi.extra/usr/lib/gwimage/init").read_text()
    return script[: script.rindex("main() {")]


def _due(kept: Sequence[Kept], at: int) -> Kept | None:
    return next((one for one in reversed(kept) if one.at <= at), None)


def _damage(files: Path, lan: str, due: Kept | None) -> Iterator[str]:
    """Yields damage to the files: machine id, host key and leases must be whole or absent, without duplicate leases.

    due: what must be there by now.
    """
    machine_id, key = _read(files / "machine-id"), _read(files / "ssh/ssh_host_ed25519_key")
    if machine_id is not None and not re.fullmatch(r"[0-9a-f]{32}\n", machine_id):
        yield f"machine id {machine_id!r}"
    if key is not None and not re.fullmatch(r"-----BEGIN [^\0]*-----END OPENSSH PRIVATE KEY-----\n", key, re.S):
        yield f"host key of {len(key)} bytes"
    found = _leases(_read(files / "leases/dhcp-server-lease" / lan))
    if found is None:
        yield "the file of leases is cut off"
    elif len(found) != len(set(found)):
        yield "a lease is there twice"
    if due is None:
        return
    if (machine_id or "").strip() != due.machine_id or (due.host_keys and not key):
        yield "the machine id or the host key is another one"
    if lost := set(due.leases) - set(found or ()):
        yield f"leases lost: {', '.join(sorted(lost))}"


def _leases(text: str | None) -> list[str] | None:
    """Addresses in a lease file of networkd; empty without a file, None if it is not one."""
    try:
        return [".".join(map(str, one["Address"])) for one in json.loads(text)["Leases"]] if text is not None else []
    except (ValueError, LookupError):
        return None


def _read(file: Path) -> str | None:
    return file.read_text(errors="replace") if file.exists() else None


def _formatting(told: Sequence[Write]) -> Cut:
    """Torn cut just before the first file system is complete: at the second flush, since the first is the mark's."""
    return Cut([number for number, write in enumerate(told) if write.flush][1], "torn")


def _writing(told: Sequence[Write]) -> Cut:
    """Torn cut at the last moment with unflushed writes."""
    return Cut(next(number for number in range(len(told), 0, -1) if not told[number - 1].flush), "torn", 1)


def _left_by(choose: Callable[[Sequence[Write]], Cut]) -> Act:
    return lambda scene: lay(scene, choose(scene.notes["writes"]), scene.hosts.dir / "state.raw")


SERVES = (leases, lan_serves, traffic, closed)
FAULTS = (
    Fault(
        "power-cut",
        f"power goes at {CUTS} moments of a boot and of lease writes: the state volume is whole",
        begin=_write,
        during=(_whole,),
        seconds=0,
    ),
    Fault(
        "power-cut-formatting",
        "a gateway whose power went while the state volume was formatted starts, and serves",
        before_boot=_left_by(_formatting),
        during=SERVES,
        seconds=120,
        needs="power-cut",
    ),
    Fault(
        "power-cut-lease",
        "a gateway whose power went while a lease was written starts, and serves",
        before_boot=_left_by(_writing),
        during=SERVES,
        seconds=120,
        needs="power-cut",
    ),
)
