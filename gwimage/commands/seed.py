"""`gwimage seed`: its arguments. The work is in seed_volumes, imported when it runs."""

from __future__ import annotations

from pathlib import Path

import click

from gwimage.commands.common import BUILD, PROFILE, loaded
from gwimage.language import external_secrets
from gwimage.language.external_secrets import Secret

STOCK = "debian-13"  # the only one whose cloud images we know


def _secret(_context, _parameter, values: tuple[str, ...]) -> tuple[Secret, ...]:
    try:
        return external_secrets.parse(values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


SECRET = click.option(
    "--secret",
    "secrets",
    multiple=True,
    callback=_secret,
    metavar="PATH=SOURCE",
    help="Set PATH of each site from file:NAME, env:NAME or command:LINE; {site} stands for its name; repeatable.",
)


@click.command()
@PROFILE
@click.option("--site", "sites", multiple=True, type=click.Path(exists=True), help="A file, or a folder; repeatable.")
@click.option("--base", type=click.Choice([STOCK]), help="For a stock cloud image of that Debian, not for PROFILE's own.")
@click.option("-o", "--output", default="build", type=BUILD, show_default=True, help="Directory to write.")
@click.option("--explain", is_flag=True, help="Write nothing; show what each site changes, file by file.")
@SECRET
def seed(
    profile: str, sites: tuple[str, ...], base: str | None, output: Path, explain: bool, secrets: tuple[Secret, ...]
) -> None:
    """Write the seed of each SITE: the difference of one instance to PROFILE's image.

    A site is a small YAML file: its name, and what differs (docs/sites.md). Its seed is a volume for the VM, beside the image:
    OUTPUT/NAME_VERSION_SITE.seed.iso, a CD image that is also good as a disk. Nothing is written if any site is wrong.

    With --base debian-13 the seed turns a stock cloud image into the gateway, without a build; --site is then optional. Its
    user-data is written beside it, too.
    """
    from gwimage.commands import seed_volumes

    if not sites and not base:
        raise click.UsageError("whose seed? Give --site, or --base for a stock cloud image")
    ((parsed, source),) = loaded((profile,))
    seed_volumes.run(parsed, source, sites, secrets, base, output, explain)
