"""Replaces the configuration layer in a copy of a built image; byte-identical to a full build with the same packages.

Takes seconds. Everything else that the profile compiles to must be unchanged. Calls mkfs.erofs as systemd-repart does:
repart itself would make a whole disk, and would need mkosi's arguments.
"""

import json
import os
import re
import tempfile
from pathlib import Path
from uuid import UUID

from gwimage.build import digests, disk_image, tools
from gwimage.build import image as build
from gwimage.build.host import Mirror
from gwimage.build.progress import Steps
from gwimage.compiler import output_tree
from gwimage.plan import File
from gwimage.problem import ToolError
from gwimage.render import manifest, mkosi

LAYERS = (PACKAGES, CONFIG) = ("gwimage-packages", "gwimage-config")
STATE = "gwimage-state"
OWN = ("config/", "seed/", mkosi.NAME)  # affect neither the packages layer nor the partition table
# as systemd-repart calls it (src/shared/mkfs-util.c); the bind mount shows our work folder in the tools tree
FORMAT = (
    'mount --bind "$WORK" "$TREE/mnt" &&'
    ' exec chroot "$TREE" mkfs.erofs --quiet -U "$UUID" /mnt/config.img /mnt/layer/config $OPTIONS'
)
EPOCH = re.compile(r"^SourceDateEpoch=(\d+)$", re.M)
OPTIONS = re.compile(r'^Environment=SYSTEMD_REPART_MKFS_OPTIONS_EROFS="(.*)"$', re.M)


def newest(out: Path, name: str) -> Path | None:
    """Newest raw image of the gateway NAME in OUT, or None."""
    return max(out.glob(f"{name}_*_amd64.raw"), key=lambda path: path.stat().st_mtime_ns, default=None)


def rebake(
    files: dict[str, File], stem: str, base: Path, out: Path, steps: Steps, mirror: Mirror, suite: str | None = None
) -> build.Built:
    """As `build.build`, with the packages of the raw image BASE. Raises ToolError if BASE is unusable; OUT is then unchanged."""
    if why := why_unusable(base, files):
        raise ToolError(("gwimage", "rebake", "--base", str(base)), 1, f"{why}; run `gwimage build`")
    tree = tools.tree(steps, tools.mkosi(steps, mirror, suite), mirror)
    with build.staging(out) as folder:
        raw = folder / f"{stem}.raw"
        bake(files, base, raw, tree, steps)
        return build.finish(files, raw, out, steps)


def why_unusable(base: Path, files: dict[str, File]) -> str:
    """Reason why BASE cannot be rebaked with these compiled files; empty if it can."""
    beside = base.with_suffix(".manifest.json")
    try:
        known = json.loads(beside.read_text(encoding="utf-8"))["files"]
        known = {path: entry for path, entry in known.items() if not path.startswith(OWN)}
    except FileNotFoundError:
        return f"there is no {beside.name} beside it, so nobody knows what is in it"
    except output_tree.UNLIKE:
        return f"{beside.name} cannot be read"
    wanted = {path: manifest.entry(file) for path, file in files.items() if not path.startswith((*OWN, manifest.PATH))}
    if changed := sorted(path for path in known.keys() | wanted.keys() if known.get(path) != wanted.get(path)):
        return f"packages or partitions differ ({', '.join(changed)})"
    return _unusable(base)


def _unusable(base: Path) -> str:
    try:
        found = disk_image.partitions(base)
        for label in LAYERS:
            disk_image.erofs_uuid(base, found[label])
        if not disk_image.blank(base, found[STATE]):
            return "it was booted: its state partition is in use"
    except KeyError as error:
        return f"it has no partition {error}"
    except ValueError as error:
        return f"it is damaged: {error}"
    return digests.why_not_as_built(base)


def bake(files: dict[str, File], base: Path, raw: Path, tree: Path, steps: Steps) -> None:
    """Copies BASE to RAW with a new configuration layer. Raises ToolError if the layer is larger than its partition."""
    steps.run(["cp", "--sparse=always", base, raw], "copying the packages")
    place = disk_image.partitions(raw)[CONFIG]
    with tempfile.TemporaryDirectory(dir=raw.parent, prefix=".layer-") as work:
        layer = _layer(files, disk_image.erofs_uuid(raw, place), Path(work), tree, steps)
    if len(layer) > place.size:
        said = f"it has {len(layer) / 2**20:.1f} MiB, and its partition {place.size / 2**20:.0f}"
        raise ToolError(("write", "the configuration layer"), 1, said)
    with raw.open("r+b") as image:
        image.seek(place.start)
        image.write(layer.ljust(place.size, b"\0"))


def _layer(files: dict[str, File], uuid: UUID, work: Path, tree: Path, steps: Steps) -> bytes:
    output_tree.write({path: file for path, file in files.items() if path.startswith("config/")}, str(work / "layer"))
    user = ["--user", "--map-root-user"] if os.geteuid() else []
    (epoch,), (options,) = (wanted.findall(files["mkosi.conf"].text) for wanted in (EPOCH, OPTIONS))
    env = {
        "TREE": str(tree),
        "WORK": str(work.resolve()),
        "UUID": str(uuid),
        "SOURCE_DATE_EPOCH": epoch,
        "OPTIONS": options,
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }
    argv = ["unshare", "--mount", "--propagation", "private", *user, "sh", "-c", FORMAT]
    steps.run(argv, "writing the configuration layer", env=env)
    return (work / "config.img").read_bytes()
