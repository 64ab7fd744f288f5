"""`pip install .` into an empty virtual environment gives a gwimage that works outside the checkout."""

import os
import subprocess
import sys

from tests.support.paths import ROOT


def test_an_installed_gwimage_compiles(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    subprocess.run([str(tmp_path / "venv/bin/pip"), "install", "-q", str(ROOT)], check=True, cwd=tmp_path)
    profile = tmp_path / "homelab.yaml"
    profile.write_text((ROOT / "profiles/homelab.yaml").read_text())
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    argv = [str(tmp_path / "venv/bin/gwimage"), "compile", str(profile), "-o", "out"]
    subprocess.run(argv, check=True, cwd=tmp_path, env=env)
    inside = [sys.executable, "-m", "gwimage", "compile", str(profile), "-o", str(tmp_path / "other")]
    subprocess.run(inside, check=True, cwd=ROOT)
    trees = [
        {
            str(p.relative_to(t)): p.is_dir() or p.read_bytes()
            for t in [tmp_path / name]
            for p in t.rglob("*")
            if not p.is_symlink()
        }
        for name in ("out", "other")
    ]
    assert trees[0] == trees[1]
