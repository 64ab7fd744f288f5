"""From a source to a correct profile, or to all that is wrong with it: all of `gwimage check`. Pure; renders nothing."""

from gwimage import features
from gwimage import profile as profiles
from gwimage.language import referenced_files, schema
from gwimage.language.source import Source
from gwimage.problem import Problem, errors, in_order
from gwimage.profile import Profile


def load(source: Source) -> tuple[Profile | None, list[Problem]]:
    """The profile, or None if there are errors; all problems of the first stage that has errors, in order."""
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
