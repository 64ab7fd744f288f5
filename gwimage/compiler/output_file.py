"""Writes one file: all of it or nothing, never through a link, never into a file that is there.

Everything that may hold a secret is written here, with mode PRIVATE from the first byte.
"""

import os
from pathlib import Path

from gwimage.problem import ToolError

PRIVATE = 0o600
SHARED = 0o666  # less the user's umask, as programs usually write
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Replaces the file or link PATH by a new file under a name that nobody can guess, then renamed.

    Mode and owner of the old file do not count. Raises ToolError if the disk fails, or if PATH is neither file nor link;
    the old file is then as it was.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_symlink():
            raise ToolError(("write", str(path)), 1, "it is there, and is no file")
        _put(path.with_name(f".gwimage-{os.urandom(8).hex()}"), path, content, mode)
    except OSError as error:
        raise _failed(path, error) from error


def create(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Writes a new file. Raises FileExistsError if PATH is there, even as a link to nowhere; ToolError if the disk fails."""
    try:
        _put(path, path, content, mode)
    except FileExistsError:
        raise
    except OSError as error:
        raise _failed(path, error) from error


def _put(name: Path, path: Path, content: bytes, mode: int) -> None:
    """Writes under a new name, and renames; removes what it wrote if it fails or is interrupted."""
    file = os.open(name, _NEW, mode)
    try:
        with open(file, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, path)
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def _failed(path: Path, error: OSError) -> ToolError:
    return ToolError(("write", str(path)), 1, error.strerror or str(error))
