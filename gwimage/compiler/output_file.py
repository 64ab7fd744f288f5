"""Writes one file: all of it or nothing, never through a link, never into a file that is there.

Everything that may hold a secret is written here, with mode PRIVATE from the first byte.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gwimage.problem import ToolError

PRIVATE = 0o600
SHARED = 0o666  # less the user's umask, as programs usually write
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Replaces the file or link PATH by a new file.

    Mode and owner of the old file do not count. Raises ToolError if the disk fails, or if PATH is neither file nor link;
    the old file is then as it was.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_symlink():
            raise ToolError(("write", str(path)), 1, "it is there, and is no file")
        with _written_beside(path, content, mode) as name:
            os.replace(name, path)
    except OSError as error:
        raise _failed(path, error) from error


def create(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Writes a new file. Raises FileExistsError if PATH is there, even as a link to nowhere; ToolError if the disk fails."""
    try:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        with _written_beside(path, content, mode) as name:
            _link(name, path, content, mode)
    except FileExistsError:
        raise
    except OSError as error:
        raise _failed(path, error) from error


def _link(name: Path, path: Path, content: bytes, mode: int) -> None:
    """Gives a written file its name, if nobody has it: a rename would replace what is there."""
    try:
        os.link(name, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: each has its own error for it
        _put(path, content, mode)


@contextmanager
def _written_beside(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A new file with the content, under a name that nobody can guess, which ends with the context."""
    name = path.parent / f".gwimage-{os.urandom(8).hex()}"
    _put(name, content, mode)
    try:
        yield name
    finally:
        name.unlink(missing_ok=True)


def _put(name: Path, content: bytes, mode: int) -> None:
    """Writes a new file; removes it if that fails or is interrupted."""
    file = os.open(name, _NEW, mode)
    try:
        with open(file, "wb") as out:
            # a umask may take the user's own bits; only then, since a file system without modes refuses to set one
            if mode == PRIVATE and mode & ~os.fstat(file).st_mode:
                os.fchmod(file, mode)
            out.write(content)
            out.flush()
            os.fsync(file)
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def _failed(path: Path, error: OSError) -> ToolError:
    return ToolError(("write", str(path)), 1, error.strerror or str(error))
