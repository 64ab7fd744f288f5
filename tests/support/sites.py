"""What a site makes of a profile, for tests."""

from gwimage import site
from gwimage.loading import load
from gwimage.problem import Problem, errors
from gwimage.profile import Profile
from gwimage.source import Source


def wanted(profile: Source, given: Source) -> tuple[Profile | None, list[Problem]]:
    problems = site.check(given)
    return (None, problems) if errors(problems) else load(site.overlay(profile, given))
