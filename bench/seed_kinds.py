"""Measures each kind of image.seed: size of the image, and instructions to the first DHCP offer with a seed attached."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench import boot_times, gateways
from bench.results import Row
from gwimage.build.progress import Steps
from gwimage.lab.machine.qemu import SeedDisk
from gwimage.language import source
from gwimage.seed import instance

NONE, NATIVE, CLOUD_INIT = "none", "native", "cloud-init"
_SITE = "site: branch-7\nlans: {lan: {dhcp: {pool: 10.0.0.120-10.0.0.199}}}\n"


def rows(folder: Path, work: Path, say: Callable[[str], None]) -> list[Row]:
    """Rows for all kinds. folder: where the gateways are built; work: an empty one.

    One run is enough: instructions hardly differ from run to run.
    """
    names = {NONE: gateways.OURS, NATIVE: NATIVE, CLOUD_INIT: CLOUD_INIT}
    built = dict(zip(names, gateways.build(folder, Steps(folder / "build.log"), list(names.values()))))
    size = Row(
        "seeds", "qcow2, compressed clusters", "MiB", True, {kind: [one.qcow2_size / 2**20] for kind, one in built.items()}
    )
    offers: dict[str, list[float]] = {}
    for kind, one in built.items():
        say(f"seeds: {kind}, counted")
        seen = boot_times.watch(
            one.raw, gateways.profile(), shape=replace(boot_times.SHAPE, counted=True, seeds=_seeds(kind, work))
        )
        offers[kind] = [boot.counts.offer / 1e9 for boot in seen.boots]
    counted = [
        Row("seeds", f"{which} boot, to the first DHCP offer", "1e9", True, {kind: [offers[kind][number]] for kind in names})
        for number, which in enumerate(("first", "second"))
    ]
    share = Row(
        "seeds",
        "of that without a seed",
        "",
        True,
        {kind: [offers[kind][0] / offers[NONE][0]] for kind in (NATIVE, CLOUD_INIT)},
    )
    return [size, *counted, share]


def _seeds(kind: str, work: Path) -> tuple[SeedDisk, ...]:
    if kind == NONE:
        return ()
    site, file = work / "branch-7.yaml", work / f"{kind}.iso"
    site.write_text(_SITE)
    given = source.parse(gateways.text(kind), str(gateways.PROFILE))
    file.write_bytes(instance.make(given, str(site)).volume)
    return (SeedDisk(file, disk=True),)
