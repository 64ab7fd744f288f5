"""One wrong profile per check. The expected diagnostics stand at its end, and all of them must match:

    # expect: LINE:COLUMN SEVERITY [PATH] MESSAGE

To rewrite them after a change of words: --update-golden, then read the difference.
"""

import pytest

from gwimage.compiler import compile
from gwimage.language import source
from gwimage.problem import as_text, dotted, errors
from tests.support.paths import TESTS

FILES = sorted((TESTS / "errors").glob("*.yaml"))
MARK = "# expect: "


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_errors(file, update_golden):
    lines = file.read_text().splitlines()
    body = [line for line in lines if not line.startswith(MARK)]
    files, problems = compile(source.read(str(file)))
    said = [MARK + _line(problem) for problem in problems]
    if update_golden:
        file.write_text("\n".join(body + said) + "\n")
    assert said == [line for line in file.read_text().splitlines() if line.startswith(MARK)]
    assert said
    assert bool(files) != bool(errors(problems))


def test_no_password_is_repeated():
    for name, secret in (
        ("system-password-plain", "horse"),
        ("system-admin-schema", "hunter2"),
        ("system-private-key", "b3Blbn"),
    ):
        raw = (TESTS / "errors" / f"{name}.yaml").read_text()
        problems = compile(source.parse(raw, name))[1]
        assert problems
        assert secret in raw
        assert not any(secret in as_text(problem) for problem in problems)


def _line(problem) -> str:
    place = problem.place
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{place.line}:{place.column} {problem.severity} [{dotted(problem.path)}] {problem.message}{hint}"
