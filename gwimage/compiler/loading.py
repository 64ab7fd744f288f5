"""Parses and checks a source: a correct profile, or its problems. All of `gwimage check`. Pure; renders nothing."""

from gwimage import features
from gwimage import profile as profiles
from gwimage.language import referenced_files, schema
from gwimage.language.source import Source
from gwimage.problem import Problem, errors, in_order
from gwimage.profile import Profile


def load(source: Source) -> tuple[Profile | None, list[Problem]]:
    """Profile (None if there are errors) and problems, in order; stops after the first stage with errors."""
    if errors(source.problems):
        return None, list(source.problems)
    found = schema.check(source.data)
    wrong = {problem.path for problem in found}
    found += [problem for problem in referenced_files.check(source.names, source.files) if problem.path not in wrong]
    if errors(found):
        return None, _located(source, found)
    profile = profiles.parse(source.data, {name: file.text for name, file in source.files.items()})
    problems = _located(source, found + features.check(profile))
    return (None if errors(problems) else profile), problems


def _located(source: Source, problems: list[Problem]) -> list[Problem]:
    return in_order(source.locate(problem) for problem in problems)
