"""One file: whole or not at all, under its name only; the old one stays when that fails."""

import errno
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
def test_what_is_private_is_its_users_whatever_the_umask(tmp_path, write):
    before = os.umask(0o777)
    try:
        write(tmp_path / "a", b"secret")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == 0o600


@pytest.mark.parametrize("write", [output_file.write, output_file.create])
def test_a_half_written_file_does_not_have_the_name(tmp_path, monkeypatch, write):
    """Nothing is tidied up after SIGKILL: what has the name must be whole."""
    seen = []
    monkeypatch.setattr(os, "fsync", lambda file: seen.extend(path.name for path in tmp_path.iterdir()))
    write(tmp_path / "a", b"secret")
    assert len(seen) == 1 and seen[0].startswith(".gwimage-")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"secret"


@pytest.mark.parametrize("there", ["file", "link"])
@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_takes_no_name_that_is_taken(tmp_path, monkeypatch, there, links):
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "a"
    path.write_text("theirs") if there == "file" else path.symlink_to("nowhere")
    before = path.lstat()
    with pytest.raises(FileExistsError):
        output_file.create(path, b"secret")
    assert path.lstat() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_new_file_where_there_are_no_hard_links(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "link", lambda *names: no_links(*names, number=number))
    output_file.create(tmp_path / "a", b"secret")
    assert mode(tmp_path / "a") == 0o600
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"secret"]


def no_links(*names, number=errno.EPERM, **options):
    raise OSError(number, os.strerror(number))


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
