"""One file: whole or not at all, under its name only; the old one stays when that fails."""

import os
import stat

import pytest

from gwimage.build.progress import Steps
from gwimage.compiler import output_file
from gwimage.problem import ToolError


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.usefixtures("open_umask")
def test_a_file_is_private_before_its_first_byte(tmp_path, monkeypatch):
    found = []

    def opened(name, flags, mode):
        file = os_open(name, flags, mode)
        found.append((os.fstat(file).st_size, stat.S_IMODE(os.fstat(file).st_mode)))
        return file

    os_open = os.open
    monkeypatch.setattr(os, "open", opened)
    output_file.write(tmp_path / "a", b"secret")
    output_file.create(tmp_path / "b", b"secret")
    assert found == [(0, 0o600), (0, 0o600)]
    assert [mode(path) for path in sorted(tmp_path.iterdir())] == [0o600, 0o600]


def test_what_anybody_may_read_has_the_users_umask(tmp_path):
    before = os.umask(0o027)
    try:
        output_file.write(tmp_path / "a", b"", output_file.SHARED)
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == 0o640


@pytest.mark.parametrize("write", [output_file.write, output_file.create])
@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit])
def test_half_a_file_is_removed(tmp_path, monkeypatch, write, how):
    def interrupted(file):
        assert os.fstat(file).st_size == 6, "half is there"
        raise how

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(how):
        write(tmp_path / "a", b"secret")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_file_is_not_replaced(tmp_path, kind):
    path = tmp_path / "a"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    before = path.lstat()
    with pytest.raises(ToolError) as error:
        output_file.write(path, b"x")
    assert error.value.stderr == "it is there, and is no file"
    assert path.lstat() == before


def test_a_log_of_a_build_goes_through_no_link(tmp_path):
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "log").symlink_to("theirs")
    steps = Steps(tmp_path / "log", open(os.devnull, "w"))
    steps.run(["echo", "said"], "saying")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (tmp_path / "log").read_text().splitlines()[-1] == "said"
