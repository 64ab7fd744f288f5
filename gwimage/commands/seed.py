"""`gwimage seed`: writes seed volumes for sites, or shows what each of them changes."""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import click

from gwimage.commands.common import BUILD, PROFILE, loaded, show_problems
from gwimage.language import external_secrets
from gwimage.language import source as sources
from gwimage.language.external_secrets import Secret
from gwimage.problem import Problem, ProfileError, ToolError, errors
from gwimage.seed import stock_image
from gwimage.seed.instance import Made, make

_FEW = 8  # sites, up to which starting other processes costs more time than it saves


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
@click.option(
    "--base", type=click.Choice([stock_image.BASE]), help="For a stock cloud image of that Debian, not for PROFILE's own."
)
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
    from gwimage.render import mkosi as definitions

    if not sites and not base:
        raise click.UsageError("whose seed? Give --site, or --base for a stock cloud image")
    ((parsed, source),) = loaded((profile,))
    one = partial(make, source, secrets=secrets, stock_image=bool(base))
    # a command may ask for a passphrase on the terminal
    one_process = any(secret.kind == external_secrets.COMMAND for secret in secrets)
    found = list(_all(one, _files(sites) or [None], one_process))
    problems = [problem for made in found for problem in made.problems] + _duplicate_names(found)
    if errors(problems):
        raise ProfileError(problems)
    show_problems(problems)
    if explain:
        click.echo("\n".join(f"{made.file}: {made.next_boot}\n{made.changes}" for made in found), nl=False)
        return
    stem = definitions.image_name(parsed)
    names = [f"{stem}_{made.seed.site}{f'.{base}' if base else ''}" for made in found]
    for name, made in zip(names, found):
        _write(output / f"{name}.seed.iso", made.volume)
        if base:
            _write(output / f"{name}.user-data", made.seed.identity["user-data"].text.encode())
    click.echo(f"{output}: {len(found)} seed{'s' * (len(found) > 1)} for {base or stem}", err=True)
    click.echo(_on_proxmox(found[0], f"{names[0]}.seed.iso", stock_image.IMAGE if base else ""))


def _on_proxmox(made: Made, file: str, image: str) -> str:
    from gwimage.render import qm_commands

    return "\n".join(
        [
            "on Proxmox, with image and seed copied there:",
            *(f"    {line}" for line in qm_commands.commands(made.profile, file, image)),
        ]
    )


def _files(sites: Iterable[str]) -> list[str | None]:
    found = []
    for name in sites:
        inner = sorted(map(str, Path(name).glob("*.yaml"))) if os.path.isdir(name) else [name]
        if not inner:
            raise click.UsageError(f"{name} holds no *.yaml")
        found += inner
    return list(dict.fromkeys(found))


def _all(one: Callable[[str | None], Made], files: list[str | None], one_process: bool) -> Iterator[Made]:
    if one_process or len(files) <= _FEW:
        yield from map(one, files)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor() as pool:
        done = pool.map(one, files, chunksize=4)
        with click.progressbar(done, len(files), "sites", file=click.get_text_stream("stderr")) as bar:
            yield from bar


def _duplicate_names(found: Iterable[Made]) -> list[Problem]:
    problems, first = [], {}
    for made in found:
        if made.seed and first.setdefault(made.seed.site, made.file) != made.file:
            message = f"another site is called {made.seed.site!r} too: {first[made.seed.site]}"
            problems.append(sources.read(made.file).locate(Problem(("site",), message, "give each site a name of its own")))
    return problems


def _write(path: Path, content: bytes) -> None:
    """Writes the file atomically, reads it back and compares. Raises ToolError."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        if part.read_bytes() != content:
            raise ToolError(("write", str(path)), 1, "what was read back differs from what was written")
        part.replace(path)
    except OSError as error:
        raise ToolError(("write", str(path)), 1, error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)
