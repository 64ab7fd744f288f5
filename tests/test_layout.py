"""The layout of the packages: one line, each imports only those before it; one stem for each section; small modules.

docs/architecture.md says what lies where. Imports inside functions and those for annotations alone count like all others.
"""

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from gwimage import features
from gwimage.profile import Profile
from tests.support.paths import ROOT, TESTS

PACKAGE = ROOT / "gwimage"
# text -> data -> typed -> what is claimed, what is planned -> files -> what is done with them -> people
LINE = (
    *("problem", "values", "language", "profile", "claims", "plan", "features", "render", "compiler"),
    *("explain", "build", "seed", "lab", "verify", "report", "commands"),
)
APART = {"explain", "build", "seed"}  # do not know one another
MODULES = sorted(PACKAGE.rglob("*.py"))
FLAT = {"problem", "__init__", "__main__"}
LONGEST = 300  # lines
HEAD = {"name", "release", "description"}  # of a profile: no sections
SHARED = {"profile", "types"}  # schemas that are no section's


def dotted(path: Path) -> tuple[str, ...]:
    """gwimage/lab/boot.py: (gwimage, lab, boot); a package is called like its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(code: str) -> set[tuple[str, ...]]:
    """What of gwimage a module imports, wherever the import stands: (gwimage, package, ...)."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports say the whole name"
            found |= {(*(node.module or "").split("."), alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
    return {parts for parts in found if parts[0] == "gwimage" and len(parts) > 1 and parts[1] in LINE}


def wrong_imports(name: tuple[str, ...], code: str) -> list[str]:
    """The imports of a module that its place in the line does not allow."""
    if len(name) < 2 or name[1] not in LINE:
        return []
    package, wrong = name[1], []
    for parts in sorted(imported(code)):
        back = LINE.index(parts[1]) > LINE.index(package)
        apart = package != parts[1] and {package, parts[1]} <= APART
        knows_claims = package == "lab" and parts[1] == "claims"
        sibling = package == parts[1] == "features" and len(name) > 2
        if back or apart or knows_claims or sibling:
            wrong.append(f"{'.'.join(name)} must not import {'.'.join(parts)}")
    return wrong


def test_every_module_lies_in_a_package_of_the_line():
    assert {dotted(path)[1] for path in MODULES if len(dotted(path)) > 1} - FLAT == set(LINE) - FLAT
    assert {path.stem for path in PACKAGE.glob("*.py")} == FLAT


@pytest.mark.parametrize("path", MODULES, ids=lambda path: ".".join(dotted(path)))
def test_a_module_imports_only_what_comes_before_it(path):
    code = path.read_text()
    assert wrong_imports(dotted(path), code) == []
    assert "TYPE_CHECKING" not in code
    assert code.count("\n") <= LONGEST


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (("gwimage", "values", "nic"), "from gwimage.plan import File"),
        (("gwimage", "profile", "qos"), "def parse(data):\n    from gwimage import claims"),
        (("gwimage", "claims", "allow"), "if TYPE_CHECKING:\n    from gwimage.features.allow import Allow"),
        (("gwimage", "seed", "iso"), "import gwimage.build.image"),
        (("gwimage", "features", "qos"), "from gwimage.features import wans"),
        (("gwimage", "lab", "boot"), "from gwimage.claims.claim import Claim"),
        (("gwimage", "commands"), "from gwimage.commands import main"),
    ],
)
def test_a_planted_import_is_found(name, code):
    """But for the last one, which is allowed."""
    assert len(wrong_imports(name, code)) == (name != ("gwimage", "commands"))


def test_a_section_has_one_stem_everywhere():
    fields = {field.name for field in dataclasses.fields(Profile)} - HEAD
    schemas = {path.name.removesuffix(".schema.json") for path in (ROOT / "schemas").glob("*.json")} - SHARED
    assert schemas <= fields
    assert fields <= {path.stem for path in (PACKAGE / "profile").glob("*.py")}
    assert fields <= {feature.__name__.rsplit(".", 1)[1] for feature in features.ALL}
    cases = {word for path in (TESTS / "cases").iterdir() for word in path.name.split("-")}
    errors = {path.stem.split("-")[0] for path in (TESTS / "errors").glob("*.yaml")}
    assert fields - cases == set()
    assert fields - errors == set()


def test_bench_imports_no_tests():
    for path in (ROOT / "bench").glob("*.py"):
        names = [
            alias.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import) for alias in node.names
        ]
        names += [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if name.split(".")[0] == "tests"], path


@pytest.mark.parametrize("arguments", [["format", "--check"], ["check"]], ids=lambda arguments: arguments[0])
def test_ruff_finds_nothing(arguments):
    found = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
