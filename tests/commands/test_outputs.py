"""Files that commands write: never through a planted link or into a planted file, never wider than they should be, never half."""

import resource
import stat
import subprocess
import sys

import pytest

from tests.support.paths import HOMELAB, ROOT

GWIMAGE = [sys.executable, "-m", "gwimage"]
STEM = "homelab_1.0.0_amd64_branch-a"
SEED, PART = f"{STEM}.seed.iso", f".{STEM}.seed.iso.part"  # PART: the name that gwimage once wrote through


def gwimage(*argv, **options) -> subprocess.CompletedProcess:
    command = [*GWIMAGE, *map(str, argv)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "branch-a.yaml"
    path.write_text("site: branch-a\n")
    return path


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def seed(site, out, **options) -> subprocess.CompletedProcess:
    return gwimage("seed", HOMELAB, "--site", site, "-o", out, **options)


def modes(folder) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.lstat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize("name", [SEED, PART])
def test_a_seed_is_not_written_through_a_link(site, out, tmp_path, name):
    foreign = tmp_path / "foreign"
    foreign.write_text("theirs")
    (out / name).symlink_to(foreign)
    done = seed(site, out)
    assert done.returncode == 0, done.stderr
    assert foreign.read_text() == "theirs"
    assert (out / SEED).is_file() and not (out / SEED).is_symlink()
    assert modes(out)[SEED] == 0o600


@pytest.mark.parametrize("name", [SEED, PART])
def test_a_seed_takes_over_no_mode_and_no_open_file(site, out, name):
    (out / name).touch(0o644)
    with (out / name).open("rb") as planted:
        done = seed(site, out, umask=0)
        assert done.returncode == 0, done.stderr
        assert planted.read() == b"", "who had it open reads the secrets"
    assert modes(out)[SEED] == 0o600


def test_seeds_for_a_stock_image_are_their_owners_under_any_umask(out):
    done = gwimage("seed", HOMELAB, "--base", "debian-13", "-o", out, umask=0)
    assert done.returncode == 0, done.stderr
    assert set(modes(out).values()) == {0o600}


def test_a_full_disk_keeps_the_old_seed_and_leaves_nothing(site, out):
    (out / SEED).write_text("that of yesterday")
    few = 4096
    done = seed(site, out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (few, few)))
    assert (done.returncode, done.stderr.splitlines()) == (
        3,
        [f"gwimage: write {out / SEED} failed (exit status 1):", "File too large"],
    )
    assert list(modes(out)) == [SEED]
    assert (out / SEED).read_text() == "that of yesterday"


def test_a_key_that_could_not_be_written_leaves_nothing(out):
    done = gwimage("wg", "genkey", out / "key", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)))
    assert (done.returncode, done.stdout) == (3, "")
    assert list(out.iterdir()) == []


def test_a_key_replaces_no_file_and_follows_no_link(out, tmp_path):
    (out / "there").write_text("theirs")
    (out / "link").symlink_to(tmp_path / "nowhere")
    for name in ("there", "link"):
        done = gwimage("wg", "genkey", out / name)
        assert done.returncode == 2 and f"{out / name} is there already" in done.stderr
    assert (out / "there").read_text() == "theirs"
    assert not (tmp_path / "nowhere").exists()
    done = gwimage("wg", "genkey", out / "new", umask=0)
    assert (done.returncode, modes(out)["new"]) == (0, 0o600)
