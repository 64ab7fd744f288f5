"""Files that a profile references by keys ending in `_file`: private keys and other secrets.

Must never show a content or a name: a key pasted in place of the name would be shown.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gwimage.problem import Path, Problem

LARGEST = 1 << 16  # bytes of one file
ALL = 1 << 20  # bytes of all files together


@dataclass(frozen=True)
class Named:
    """A referenced file: its text (perhaps with a warning), or an error."""

    text: str = ""
    error: str = ""
    warning: str = ""


def check(names: Mapping[Path, str], files: Mapping[str, Named]) -> list[Problem]:
    """Problems of referenced files; names: file name by profile path; files: results of `read` by file name."""
    problems = []
    for path, name in names.items():
        named = files.get(name, Named(error="it was not read"))
        if named.error:
            hint = "give its path, relative to the folder of the profile"
            problems.append(Problem(path, f"cannot use this file: {named.error}", hint))
        elif named.warning:
            problems.append(Problem(path, named.warning, "chmod 600 keeps it to yourself", "warning"))
    return problems


def read(names: Iterable[str], folder: str) -> dict[str, Named]:
    """Reads the files; relative names start in `folder`."""
    files, left = {}, ALL
    for name in names:
        if name not in files:
            files[name] = _read(os.path.join(folder, name), min(left, LARGEST))
            left -= len(files[name].text)
    return files


def _read(path: str, most: int) -> Named:
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):  # a pipe would wait for a writer
            return Named(error="it is not a regular file")
        with open(path, "rb") as file:
            raw = file.read(most + 1)
        if len(raw) > most:
            return Named(error="it is larger than 64 KiB" if most == LARGEST else "all files together are larger than 1 MiB")
        text = raw.decode()
    except OSError as error:
        return Named(error=(error.strerror or "it cannot be opened").lower())
    except UnicodeDecodeError:
        return Named(error="it is not UTF-8 text")
    except ValueError:
        return Named(error="this is not the name of a file")
    return Named(text, warning="every user of this machine can read this file" if mode & stat.S_IROTH else "")
