"""Goldens: the set of output files and every byte and mode of them. --update-golden rewrites them.

The manifest (it holds the version) and the mkosi definitions (the same for all profiles, with a test of
their own) are left out.
"""

import json
import shutil

import pytest

from gwimage.compiler import compile
from gwimage.compiler.output_tree import write
from gwimage.language import source
from tests.support.paths import ROOT, TESTS

CASES = sorted(path.parent for path in (TESTS / "cases").glob("*/profile.yaml"))
LAYERS = ("config/", "seed/")
USUAL = 0o644


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, update_golden):
    files, _ = compile(source.read(str(case / "profile.yaml")))
    files = {path: file for path, file in files.items() if path.startswith(LAYERS)}
    assert files, "a case that is refused proves nothing"
    if update_golden:
        shutil.rmtree(case / "out", ignore_errors=True)
        write(files, str(case / "out"))
        modes = {path: f"{file.mode:04o}" for path, file in files.items() if file.mode != USUAL}
        (case / "modes.json").write_text(json.dumps(modes, indent=2) + "\n")
        for path in modes:  # git keeps no such modes, and a golden is for reading
            (case / "out" / path).chmod(USUAL)
    golden = {str(path.relative_to(case / "out")): path for path in (case / "out").rglob("*") if not path.is_dir()}
    assert sorted(files) == sorted(golden)
    for path, file in files.items():
        if file.link:
            assert str(golden[path].readlink()) == file.link, path
        else:
            assert golden[path].read_text() == file.text, path
    modes = json.loads((case / "modes.json").read_text())
    assert {path: int(mode, 8) for path, mode in modes.items()} == {p: f.mode for p, f in files.items() if f.mode != USUAL}


def test_the_shipped_profile_is_the_homelab_case():
    shipped = compile(source.read(str(ROOT / "profiles" / "homelab.yaml")))
    case = compile(source.read(str(TESTS / "cases" / "homelab" / "profile.yaml")))
    assert not shipped[1]
    for path, file in shipped[0].items():
        if path != "manifest.json":
            assert case[0][path] == file or file.text == case[0][path].text
