"""`gwimage verify`: arguments, progress and report.

Imports the lab inside the functions, since other commands do not need it.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NoReturn

import click
from click.core import ParameterSource

from gwimage.commands.common import BUILD, FAILED, PROFILE, loaded
from gwimage.commands.seed import SECRET
from gwimage.language import source as sources
from gwimage.language.external_secrets import Secret
from gwimage.language.source import Source
from gwimage.problem import ProfileError, errors

MACHINES = {"bios": "pc", "uefi": "q35"}
FIRMWARE = {machine: firmware for firmware, machine in MACHINES.items()}


@click.command()
@PROFILE
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: what `build` made.")
@click.option("-o", "--output", default="build", type=BUILD, show_default=True, help="Directory for proof and logs.")
@click.option(
    "--site",
    type=click.Path(exists=True, dir_okay=False),
    help="Attach the seed of this site, and verify PROFILE as the site changes it.",
)
@SECRET
@click.option("--machine", type=click.Choice(["pc", "q35"]), help="pc: SeaBIOS; q35: OVMF. Default: as vm.firmware says.")
@click.option("--memory", type=click.IntRange(64), help="Memory of the VM in MiB. Default: vm.memory.")
@click.option("--cores", type=click.IntRange(1, 64), help="Cores of the VM, under KVM. Default: vm.cores.")
@click.option("--fast", is_flag=True, help="Verify the compiled files in seconds, without image and VM. No proof.")
@click.option("--faults", is_flag=True, help="Then also inject all faults (docs/faults.md).")
@click.option("--fault", "some", multiple=True, metavar="NAME", help="Inject only this fault; repeatable.")
@click.pass_context
def verify(
    context,
    profile: str,
    image: Path | None,
    output: Path,
    site: str | None,
    secrets: tuple[Secret, ...],
    machine,
    memory,
    cores,
    fast: bool,
    faults: bool,
    some: tuple[str, ...],
) -> None:
    """Boot the image of PROFILE in a lab and verify from outside, with packets, that it does what PROFILE says.

    Writes the proof as OUTPUT/NAME.proof.json, .xml (JUnit) and .html, and to OUTPUT/NAME.lab the console logs and packet
    captures of failed claims. Exit status 1 if a claim fails.

    --fast checks the same claims on the compiled files, run by Debian's own programs in namespaces; claims that need a
    machine are listed as unaskable. It needs no build, and writes no file.
    """
    if fast:
        _reject_other_options(context)
        _verify_fast(profile)
    from gwimage import compiler, report
    from gwimage.explain import output as tell
    from gwimage.lab.machine.qemu import Shape
    from gwimage.language.site import overlay
    from gwimage.render import mkosi as definitions
    from gwimage.verify.faults import FAULTS
    from gwimage.verify.image import built_from
    from gwimage.verify.image import verify as run

    if secrets and not site:
        raise click.UsageError("--secret is for a site: what the image itself has was read when it was built")
    names = [fault.id for fault in FAULTS]
    if unknown := [name for name in some if name not in names]:
        raise click.UsageError(f"there is no fault {unknown[0]!r}; there are {', '.join(names)}")
    ((parsed, source),) = loaded((profile,))
    machine, memory = machine or MACHINES[parsed.vm.firmware], memory or parsed.vm.memory
    _check_memory(machine, memory)
    stem = definitions.image_name(parsed)
    image = image or output / f"{stem}.qcow2"
    built_from(image, compiler.render(parsed, source))
    vm = parsed.vm
    with _seed(source, site, secrets) as (made, seeds):
        if made:
            parsed, source, stem = made.profile, overlay(source, sources.read(site)), f"{stem}_{made.seed.site}"
        shape = Shape(machine, memory, cores or vm.cores, seeds=seeds)
        claims = compiler.claims(parsed)
        found = run(
            image,
            parsed,
            claims,
            shape=shape,
            profile_digest=source.sha256,
            places={claim.path: tell.cited(claim.path, source) for claim in claims},
            logs=output / f"{stem}.lab",
            faults=some if faults or some else None,
            say=_say,
        )
    written = report.write(found, parsed, output / stem)
    click.echo(report.table(found, *_terminal()))
    click.echo(f"proof: {', '.join(map(str, written))}\nlogs: {output / f'{stem}.lab'}")
    sys.exit(0 if found.good else FAILED)


def _check_memory(machine: str, memory: int) -> None:
    from gwimage.profile.vm import LEAST_MEMORY

    if memory < (least := LEAST_MEMORY[FIRMWARE[machine]]):
        raise click.UsageError(f"{memory} MiB are too little on {machine}: a gateway takes {least}")


@contextmanager
def _seed(source: Source, site: str | None, secrets: tuple[Secret, ...]) -> Iterator[tuple]:
    """The site's instance and its seed disk, a temporary file; None and no disks without a site. Raises ProfileError."""
    if not site:
        yield None, ()
        return
    from gwimage.lab.machine.qemu import SeedDisk
    from gwimage.seed.instance import make

    made = make(source, site, secrets)
    if errors(made.problems):
        raise ProfileError(made.problems)
    with NamedTemporaryFile(suffix=".iso") as file:
        file.write(made.volume)
        file.flush()
        yield made, (SeedDisk(Path(file.name)),)


def _reject_other_options(context: click.Context) -> None:
    """Rejects options beside --fast: they choose an image, a machine or files, which it does not use."""
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
        if given and parameter.name not in ("profile", "fast"):
            raise click.UsageError(
                f"--fast takes no {max(parameter.opts, key=len)}: there is neither image nor VM, and no file is written"
            )


def _verify_fast(name: str) -> NoReturn:
    from gwimage import compiler, report
    from gwimage.build import host, tools
    from gwimage.build.progress import Steps
    from gwimage.verify import fast

    ((profile, source),) = loaded((name,))
    fast.preflight()
    steps, mirror = Steps(host.cache() / "fast.log"), host.mirror()
    tree = tools.tree(steps, tools.mkosi(steps, mirror), mirror)
    found = fast.verify(profile, compiler.render(profile, source), compiler.claims(profile), tree, _say)
    good, verdict = fast.verdict(found.results)
    click.echo("\n".join([*report.rows(found.results, *_terminal()), "", verdict]))
    sys.exit(0 if good else FAILED)


def _say(text: str) -> None:
    click.echo(f"        {text}", err=True)


def _terminal() -> tuple[int, bool]:
    """Columns of the terminal, and whether it shows colours."""
    return shutil.get_terminal_size((120, 40)).columns, sys.stdout.isatty()
