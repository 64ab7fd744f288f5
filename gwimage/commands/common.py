"""Shared by the commands: exit statuses, arguments, loading of profiles, printing of problems."""

import os
import sys
from pathlib import Path

import click

from gwimage.commands import diagnostics
from gwimage.compiler.loading import load
from gwimage.language import source as sources
from gwimage.language.source import Source
from gwimage.problem import Problem, ProfileError, errors, warned
from gwimage.profile import Profile

FAILED, USAGE, TOOL = 1, 2, 3
PROFILE = click.argument("profile", type=click.Path(dir_okay=False))
BUILD = click.Path(file_okay=False, path_type=Path)


def loaded(names: tuple[str, ...]) -> list[tuple[Profile, Source]]:
    """Loads profiles; their names must differ. Prints warnings, no notes.

    Raises ProfileError with all problems of all profiles.
    """
    read = [sources.read(name) for name in names]
    found = [(*load(source), source) for source in read]
    problems, first = [], {}
    for profile, own, source in found:
        problems += own
        if profile and profile.name in first:
            message = f"another profile is called {profile.name!r} too: {first[profile.name]}"
            problems.append(source.locate(Problem(("name",), message, "give each profile a name of its own")))
        elif profile:
            first[profile.name] = source.filename
    if errors(problems):
        raise ProfileError(problems)
    show_problems(warned(problems))
    return [(profile, source) for profile, _, source in found]


def show_problems(problems: list[Problem] | tuple[Problem, ...]) -> None:
    """Prints problems to stderr, in colour on a terminal unless NO_COLOR is set."""
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    click.echo(diagnostics.text(problems, colour), err=True, nl=False)
