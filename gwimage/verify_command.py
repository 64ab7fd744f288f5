"""`gwimage verify`: its arguments, what it says meanwhile, the report. What only it needs is imported in it."""

import json
import shutil
import sys
from pathlib import Path

import click

from gwimage.terminal import BUILD, FAILED, PROFILE, loaded

MACHINES = {"bios": "pc", "uefi": "q35"}


@click.command()
@PROFILE
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: what `build` made.")
@click.option("-o", "--output", default="build", type=BUILD, show_default=True, help="Directory for proof and logs.")
@click.option("--machine", type=click.Choice(["pc", "q35"]), help="pc: SeaBIOS; q35: OVMF. Default: as vm.firmware says.")
@click.option("--memory", type=click.IntRange(64), help="Memory of the VM in MiB. Default: vm.memory.")
@click.option("--cores", type=click.IntRange(1, 64), help="Cores of the VM, under KVM. Default: vm.cores.")
def verify(profile: str, image: Path | None, output: Path, machine: str | None, memory: int | None, cores: int | None) -> None:
    """Boot the image of PROFILE in a lab and ask from outside, with packets, whether it does what PROFILE says.

    Writes the proof as OUTPUT/NAME.proof.json and the consoles' logs beside it. Exit status 1 if a claim fails.
    """
    from gwimage import compile as compiler
    from gwimage import report
    from gwimage.lab.qemu import Shape
    from gwimage.render import mkosi as definitions
    from gwimage.verify import built_from
    from gwimage.verify import verify as run

    ((parsed, source),) = loaded((profile,))
    stem = definitions.image_name(parsed)
    image = image or output / f"{stem}.qcow2"
    built_from(image, compiler.render(parsed, source))
    vm = parsed.vm
    shape = Shape(machine or MACHINES[vm.firmware], memory or vm.memory, cores or vm.cores)
    found = run(
        image, parsed, compiler.claims(parsed), shape=shape, profile_digest=source.sha256,
        logs=output / f"{stem}.lab", say=lambda text: click.echo(f"        {text}", err=True),
    )  # fmt: skip
    proof = output / f"{stem}.proof.json"
    proof.parent.mkdir(parents=True, exist_ok=True)
    proof.write_text(json.dumps(report.document(found), indent=2) + "\n")
    click.echo(report.table(found, shutil.get_terminal_size((120, 40)).columns, sys.stdout.isatty()))
    click.echo(f"proof: {proof}\nlogs: {output / f'{stem}.lab'}")
    sys.exit(0 if found.good else FAILED)
