"""A NoCloud volume: ISO 9660 with the label cidata, as a CD image and, the same bytes, as a disk (cloud-init's NoCloud datasource).

pycdlib writes it: alive, small, LGPL; genisoimage and xorriso would be another package on every host. Its clock is ours here,
so the same files give the same bytes.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from unittest import mock

LABEL = "cidata"
EPOCH = 1_700_000_000  # as the image's files

# what pycdlib sees as the module time
_CLOCK = SimpleNamespace(
    **vars(time)
    | {
        "time": lambda: float(EPOCH),
        "localtime": lambda moment=None: time.gmtime(EPOCH),
        "gmtime": lambda moment=None: time.gmtime(EPOCH),
    }
)


def make(files: Mapping[str, bytes]) -> bytes:
    """The volume. Names as Linux and cloud-init see them (Rock Ridge), and as genisoimage's -J gives them to others (Joliet)."""
    import pycdlib

    with _clock():
        iso, out = pycdlib.PyCdlib(), io.BytesIO()
        iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL, sys_ident="LINUX")
        for number, (name, content) in enumerate(sorted(files.items())):
            place = {"iso_path": f"/FILE{number:03}.;1", "rr_name": name, "joliet_path": f"/{name}"}
            iso.add_fp(io.BytesIO(content), len(content), file_mode=0o100600, **place)
        iso.write_fp(out)
        iso.close()
    return out.getvalue()


def read(raw: bytes) -> dict[str, bytes]:
    """The files of a volume. Raises ValueError if it is none, or has another label."""
    import pycdlib

    iso = pycdlib.PyCdlib()
    try:
        iso.open_fp(io.BytesIO(raw))
        if iso.pvd.volume_identifier.decode().strip() != LABEL:
            raise ValueError("another label")
        return {
            child.rock_ridge.name().decode(): _content(iso, child)
            for child in iso.list_children(iso_path="/")
            if child.is_file()
        }
    except pycdlib.pycdlibexception.PyCdlibException as error:
        raise ValueError(str(error)) from None


def _content(iso, child) -> bytes:
    out = io.BytesIO()
    iso.get_file_from_iso_fp(out, iso_path=f"/{child.file_identifier().decode()}")
    return out.getvalue()


@contextlib.contextmanager
def _clock() -> Iterator[None]:
    import pycdlib.dates
    import pycdlib.headervd
    import pycdlib.pycdlib

    with contextlib.ExitStack() as stack:
        for module in (pycdlib.dates, pycdlib.headervd, pycdlib.pycdlib):
            stack.enter_context(mock.patch.object(module, "time", _CLOCK))
        yield
