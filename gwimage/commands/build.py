"""`gwimage build` and `gwimage rebake`: images, and how to start one on Proxmox."""

from pathlib import Path

import click

from gwimage.commands.common import BUILD, PROFILE, loaded
from gwimage.problem import ProfileError, ToolError
from gwimage.profile import Profile

OUTPUT = click.option("-o", "--output", default="build", type=BUILD, show_default=True, help="Directory for the image.")
MIRROR = click.option("--mirror", help="Debian mirror to install from, instead of the one that this host's apt uses.")
SUITE = click.option("--mkosi", "suite", type=click.Choice(["trixie", "sid"]), help="Build with that Debian suite's mkosi.")


@click.command()
@PROFILE
@OUTPUT
@MIRROR
@SUITE
def build(profile: str, output: Path, mirror: str | None, suite: str | None) -> None:
    """Build the image of PROFILE with mkosi, as raw and qcow2."""
    from gwimage.build import image as builder

    parsed, files, stem, steps, archive = _prepare(profile, output, mirror, suite)
    _show_built(parsed, builder.build(files, stem, output, steps, archive, suite), steps)


@click.command()
@PROFILE
@OUTPUT
@click.option(
    "--base", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: the newest of this gateway."
)
@MIRROR
@SUITE
def rebake(profile: str, output: Path, base: Path | None, mirror: str | None, suite: str | None) -> None:
    """Build the image of PROFILE in seconds, from an image whose packages are the same: what `build` would make of them.

    They are taken from --base, a raw image beside its manifest and digests; so Debian's security updates are as old as that image.
    """
    from gwimage.build import rebake as baker

    parsed, files, stem, steps, archive = _prepare(profile, output, mirror, suite)
    base = base or baker.newest(output, parsed.name)
    if base is None:
        raise click.UsageError(
            f"{output} has no image of {parsed.name!r} to take the packages from; run `gwimage build`, or give --base"
        )
    built = baker.rebake(files, stem, base, output, steps, archive, suite)
    click.echo(f"packages: those of {base}, without newer security updates of Debian; `gwimage build` takes them in")
    _show_built(parsed, built, steps)


def _prepare(profile: str, output: Path, mirror: str | None, suite: str | None):
    """What both kinds of build begin with: the profile, what it compiles to, the stem of all files, the steps, the mirror."""
    from gwimage import compiler
    from gwimage.build import host
    from gwimage.build import image as builder
    from gwimage.build.progress import Steps
    from gwimage.render import mkosi as definitions

    ((parsed, source),) = loaded((profile,))
    files = compiler.render(parsed, source)
    if packages := host.lacking(builder.COMMANDS):
        raise ToolError(("gwimage",), 127, f"this host lacks Debian packages: {' '.join(packages)}")
    stem = definitions.image_name(parsed)
    steps, archive = Steps(output / f"{stem}.log"), host.mirror(mirror)
    if parsed.raw.rules and (problems := builder.check_raw_rules(files, steps, archive, suite)):
        raise ProfileError(source.locate(problem) for problem in problems)
    return parsed, files, stem, steps, archive


def _show_built(profile: Profile, built, steps) -> None:
    from gwimage.render import qm_commands

    size = built.qcow2.stat().st_size / 2**20
    click.echo(f"{built.qcow2}  {size:.1f} MiB\n{built.raw}\nlog: {steps.log}\n{_login(profile)}")
    click.echo(
        "on Proxmox, with the qcow2 copied there:\n" + "\n".join(f"    {line}" for line in qm_commands.commands(profile))
    )


def _login(profile: Profile) -> str:
    admin, zones = profile.system.admin, profile.services.ssh_from
    if admin is None:
        return "login: nobody can log in; add system.admin to the profile"
    ways = [f"ssh {admin.name}@{lan.address.ip}" for lan in profile.lans if lan.name in zones]
    if admin.password_hash:
        ways.append(f"{admin.name} on the console")
    return f"login: {', '.join(ways) or 'not from any LAN'}"
