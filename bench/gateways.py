"""Builds the gateways that the benchmarks compare, by one mkosi from one mirror: ours, and handmade ones.

    python -m bench.gateways [--fresh] [-o DIR] [NAME...]

A gateway that is in the folder already, from the same definition, is not built again, even if its mirror has newer packages
since, unless --fresh is given.
"""

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gwimage import compiler
from gwimage.build import host, tools
from gwimage.build import image as builder
from gwimage.build.host import Mirror
from gwimage.build.progress import Steps
from gwimage.compiler import output_tree
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.plan import File
from gwimage.problem import ProfileError
from gwimage.profile import Profile

BENCH = Path(__file__).resolve().parent
PROFILE, BASELINE = BENCH / "gateway.yaml", BENCH / "baseline"
OURS, OFFLOAD = "ours", "offload"  # OFFLOAD: the same profile with firewall.offload
# Handmade gateways: the mkosi profiles of bench/baseline for each. `bare` only forwards: the upper bound of throughput.
HANDMADE = {"baseline": ("dnsmasq", "iptables"), "networkd": ("networkd",), "bare": ("dnsmasq",)}
KINDS = ("native", "cloud-init")  # the same profile with another image.seed than none
NAMES = (OURS, OFFLOAD, *HANDMADE)
STOCK = "stock"  # base of the handmade ones: a cloud image without user data; the benchmarks do not measure it
_SEEDED = "mkosi.extra/var/lib/cloud/seed/"
_SIZE = "installed"  # file to which _MEASURE writes the size of the tree, in bytes
_MEASURE = f"""#!/bin/sh
du --summarize --apparent-size --block-size=1 "$BUILDROOT" | cut -f1 > "$OUTPUTDIR/{_SIZE}"
"""


@dataclass(frozen=True)
class Gateway:
    """A built gateway, sizes in bytes.

    seconds: of mkosi and the compression; installed: size of all files of the tree, before any compression.
    """

    name: str
    raw: Path
    qcow2: Path
    seconds: float
    raw_size: int
    qcow2_size: int
    installed: int
    packages: int


def profile() -> Profile:
    """Profile that all gateways implement."""
    return _read(OURS)[0]


def build(
    folder: Path, steps: Steps, names: Sequence[str] = NAMES, *, fresh: bool = False, mirror: Mirror | None = None
) -> list[Gateway]:
    """Builds the named gateways in the folder, or reuses them. Raises ToolError."""
    mirror = mirror or host.mirror()
    mkosi = tools.mkosi(steps, mirror)
    tree = tools.tree(steps, mkosi, mirror)
    found = []
    for name in names:
        files = _read(name)[1] if name in (OURS, OFFLOAD, *KINDS) else stock() if name == STOCK else handmade()
        words = ["--tools-tree", str(tree), "--output", name, *(f"--profile={one}" for one in HANDMADE.get(name, ()))]
        key = hashlib.sha256(repr((files, words, mkosi, mirror, _MEASURE)).encode()).hexdigest()[:12]
        built = folder / f"{name}-{key}"
        if fresh or not built.exists():
            _build(files, name, words, built, steps, mkosi, mirror)
        found.append(_load(built))
    return found


def handmade() -> dict[str, File]:
    """Files of bench/baseline/; those that begin with #! are executable."""
    texts = {str(path.relative_to(BASELINE)): path.read_text() for path in sorted(BASELINE.rglob("*")) if path.is_file()}
    return {path: File(text, mode=0o755 if text.startswith("#!") else 0o644) for path, text in texts.items()}


def stock() -> dict[str, File]:
    """Files of `handmade` without user data, with the trusted mirror mirror.example, and manage_etc_hosts of cloud-init.

    With the latter cloud-init rewrites /etc/hosts at every boot.
    """
    sources = File("Types: deb\nURIs: http://mirror.example/\nSuites: ./\nTrusted: yes\n")
    left = {path: file for path, file in handmade().items() if not path.startswith(_SEEDED)}
    hosts = File("manage_etc_hosts: true\n")
    return left | {
        "mkosi.extra/etc/apt/sources.list.d/debian.sources": sources,
        "mkosi.extra/etc/cloud/cloud.cfg.d/02_hosts.cfg": hosts,
    }


def text(name: str) -> str:
    """YAML of bench/gateway.yaml for a gateway: unchanged, with firewall.offload, or with another image.seed."""
    found = PROFILE.read_text()
    if name == OFFLOAD:
        return found.replace("\nfirewall:\n", "\nfirewall:\n  offload: software\n")
    return found.replace("seed: none", f"seed: {name}") if name in KINDS else found


def _read(name: str) -> tuple[Profile, dict[str, File]]:
    given = source.parse(text(name), str(PROFILE))
    found, problems = load(given)
    if found is None:
        raise ProfileError(problems)
    return found, compiler.render(found, given)


def _build(
    files: dict[str, File], name: str, words: Sequence[str], built: Path, steps: Steps, mkosi: tools.Mkosi, mirror: Mirror
) -> None:
    with builder.staging(built.parent) as work:
        output_tree.write(files, str(work / "tree"))
        measure = work / "measure"
        measure.write_text(_MEASURE)
        measure.chmod(0o755)
        with tools.locked("build", steps):
            start = time.monotonic()
            out = tools.run(steps, f"building {name}", mkosi, mirror, work / "tree", *words, f"--finalize-script={measure}")
        raw, qcow2 = out / f"{name}.raw", out / f"{name}.qcow2"
        steps.run(
            ["qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", raw, qcow2], f"compressing {name}"
        )
        facts = {
            "name": name,
            "seconds": time.monotonic() - start,
            "raw_size": raw.stat().st_size,
            "qcow2_size": qcow2.stat().st_size,
            "installed": int((out / _SIZE).read_text()),
            "packages": len(json.loads((out / f"{name}.manifest").read_text())["packages"]),
        }
        (out / "facts.json").write_text(json.dumps(facts))
        for old in built.parent.glob(f"{name}-*"):
            shutil.rmtree(old)
        out.rename(built)


def _load(built: Path) -> Gateway:
    facts = json.loads((built / "facts.json").read_text())
    return Gateway(raw=built / f"{facts['name']}.raw", qcow2=built / f"{facts['name']}.qcow2", **facts)


def known(name: str) -> str:
    """Argparse type: the name of a gateway."""
    if name not in NAMES:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(NAMES)}")
    return name


def table(gateways: Sequence[Gateway]) -> str:
    lines = [f"{'':10} {'qcow2':>8} {'raw':>8} {'installed':>10} {'packages':>9} {'build':>7}"]
    for one in gateways:
        sizes = (size / 2**20 for size in (one.qcow2_size, one.raw_size, one.installed))
        lines.append(
            "{:10} {:4.0f} MiB {:4.0f} MiB {:6.0f} MiB {:9} {:5.0f} s".format(one.name, *sizes, one.packages, one.seconds)
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", type=known)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("-o", "--output", type=Path, default=host.cache() / "bench")
    options = parser.parse_args()
    found = build(options.output, Steps(options.output / "build.log"), options.names or NAMES, fresh=options.fresh)
    print(table(found))
    print(*(one.qcow2 for one in found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
