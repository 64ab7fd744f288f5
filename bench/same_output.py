"""Checks that two commits compile every profile to the same bytes and modes, for changes that must not change output.

    python -m bench.same_output OLD [NEW]        NEW is HEAD unless said otherwise

Takes the profiles of OLD (profiles/ and the cases of the tests), and compiles each by the `gwimage compile` of both commits,
from the same folder. Prints each path that differs and how many there were. Exit status 1 if any differs.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
Tree = dict[str, tuple[int, bytes]]  # by path: st_mode; the bytes, or the target of a link


def check_out(commit: str, folder: Path) -> Path:
    """Extracts the files of a commit into a new folder; returns it."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    return folder


def profiles(tree: Path) -> list[Path]:
    return sorted([*tree.glob("profiles/*.yaml"), *tree.glob("tests/**/cases/*/profile.yaml")])


def compiled(program: Path, profile: Path, out: Path) -> Tree:
    """Compiles a profile by the gwimage in `program`; returns the output tree."""
    argv = [sys.executable, "-m", "gwimage", "compile", profile.name, "-o", out]
    environment = os.environ | {"PYTHONPATH": str(program), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(argv, cwd=profile.parent, env=environment, check=True, stderr=subprocess.DEVNULL)
    return {str(path.relative_to(out)): _content(path) for path in out.rglob("*")}


def _content(path: Path) -> tuple[int, bytes]:
    mode = path.lstat().st_mode
    if path.is_symlink():
        return mode, os.readlink(path).encode()
    return mode, b"" if path.is_dir() else path.read_bytes()


def main() -> int:
    old, new = (*sys.argv[1:], "HEAD")[:2]
    differing = count = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        programs = [check_out(commit, work / name) for commit, name in ((old, "old"), (new, "new"))]
        found = profiles(programs[0])
        for number, profile in enumerate(found):
            before, after = (compiled(program, profile, work / f"{program.name}-{number}") for program in programs)
            count += len(before)
            for path in sorted(before.keys() | after.keys()):
                if before.get(path) != after.get(path):
                    differing += 1
                    print(f"{profile.relative_to(programs[0])}: {path} differs")
    print(f"{old} and {new}: {len(found)} profiles, {count} files and folders, {differing} of them differ")
    return 1 if differing or not found else 0


if __name__ == "__main__":
    sys.exit(main())
