"""Profiles with a site's overlay, for tests."""

from gwimage.compiler.loading import load
from gwimage.language import site
from gwimage.language.source import Source
from gwimage.problem import Problem, errors
from gwimage.profile import Profile


def wanted(profile: Source, given: Source) -> tuple[Profile | None, list[Problem]]:
    problems = site.check(given)
    return (None, problems) if errors(problems) else load(site.overlay(profile, given))
