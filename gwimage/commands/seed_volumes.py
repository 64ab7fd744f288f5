"""What `gwimage seed` does: the volumes of all sites, written or explained."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import click

from gwimage.commands.common import show_problems
from gwimage.compiler import output_file
from gwimage.language import external_secrets
from gwimage.language import source as sources
from gwimage.language.external_secrets import Secret
from gwimage.language.source import Source
from gwimage.problem import Problem, ProfileError, errors, in_order, warned
from gwimage.profile import Profile
from gwimage.render import mkosi as definitions
from gwimage.render import qm_commands
from gwimage.seed import stock_image
from gwimage.seed.instance import Made, make

_FEW = 8  # of which another process would cost more than it brings


def run(
    profile: Profile,
    source: Source,
    sites: Sequence[str],
    secrets: Sequence[Secret],
    base: str | None,
    output: Path,
    explain: bool,
) -> None:
    """The seed of each site, of the profile itself without any; for a stock image if base names one."""
    one = partial(make, source, secrets=secrets, stock_image=bool(base))
    alone = any(secret.kind == external_secrets.COMMAND for secret in secrets)  # it may ask somebody for a passphrase
    found = list(_all(one, _files(sites) or [None], alone))
    problems = in_order([*(problem for made in found for problem in made.problems), *_twice(found)])
    if errors(problems):
        raise ProfileError(problems)
    show_problems(warned(problems))
    if explain:
        click.echo("\n".join(f"{made.file}: {made.next_boot}\n{made.changes}" for made in found), nl=False)
        return
    stem = definitions.image_name(profile)
    names = [f"{stem}_{made.seed.site}{f'.{base}' if base else ''}" for made in found]
    output.mkdir(parents=True, exist_ok=True)
    for name, made in zip(names, found):
        output_file.write(output / f"{name}.seed.iso", made.volume)
        if base:
            output_file.write(output / f"{name}.user-data", made.seed.identity["user-data"].text.encode())
    click.echo(f"{output}: {len(found)} seed{'s' * (len(found) > 1)} for {base or stem}", err=True)
    click.echo(_on_proxmox(found[0], f"{names[0]}.seed.iso", stock_image.IMAGE if base else ""))


def _on_proxmox(made: Made, file: str, image: str) -> str:
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


def _all(one: Callable[[str | None], Made], files: list[str | None], alone: bool) -> Iterator[Made]:
    if alone or len(files) <= _FEW:
        yield from map(one, files)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor() as pool:
        done = pool.map(one, files, chunksize=4)
        with click.progressbar(done, len(files), "sites", file=click.get_text_stream("stderr")) as bar:
            yield from bar


def _twice(found: Iterable[Made]) -> list[Problem]:
    problems, first = [], {}
    for made in found:
        if made.seed and first.setdefault(made.seed.site, made.file) != made.file:
            message = f"another site is called {made.seed.site!r} too: {first[made.seed.site]}"
            problems.append(sources.read(made.file).locate(Problem(("site",), message, "give each site a name of its own")))
    return problems
