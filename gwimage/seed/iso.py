"""A NoCloud volume: ISO 9660 with the label cidata, as a CD image and, the same bytes, as a disk (cloud-init's NoCloud datasource).

pycdlib writes it: alive, small, LGPL; genisoimage and xorriso would be another package on every host. It dates what it writes by
the clock and zone of the host; all these dates are replaced, so the same files give the same bytes.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping

LABEL = "cidata"
EPOCH = 1_700_000_000  # as the image's files
_DATE = time.gmtime(EPOCH)
_VOLUME_DATE = time.strftime("%Y%m%d%H%M%S00", _DATE).encode() + b"\0"  # ECMA-119 8.4.26.1; the last byte is the zone, UTC
_RECORD_DATE = bytes([_DATE.tm_year - 1900, *_DATE[1:6], 0])  # ECMA-119 9.1.5
_SECTOR, _FIRST_DESCRIPTOR, _LAST_KIND = 2048, 16, 255
_CREATED, _MODIFIED, _EFFECTIVE = 813, 830, 864  # where a volume descriptor has its dates; that of expiry is empty


def make(files: Mapping[str, bytes]) -> bytes:
    """The volume. Names as Linux and cloud-init see them (Rock Ridge), and as genisoimage's -J gives them to others (Joliet)."""
    import pycdlib

    iso, out = pycdlib.PyCdlib(), io.BytesIO()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL, sys_ident="LINUX")
    for number, (name, content) in enumerate(sorted(files.items())):
        place = {"iso_path": f"/FILE{number:03}.;1", "rr_name": name, "joliet_path": f"/{name}"}
        iso.add_fp(io.BytesIO(content), len(content), file_mode=0o100600, **place)
    _date_records(iso)
    iso.write_fp(out)
    iso.close()
    return _date_descriptors(out.getbuffer())


def _date_records(iso) -> None:
    """The dates of the root directories and of what is in them, also those that Rock Ridge has beside each (its TF entries)."""
    for root in (iso.pvd.root_directory_record(), iso.joliet_vd.root_directory_record()):
        for record in (root, *root.children):
            record.date = _record_date()
            for entries in (record.rock_ridge.dr_entries, record.rock_ridge.ce_entries) if record.rock_ridge else ():
                if times := entries and entries.tf_record:
                    for name in ("creation_time", "access_time", "modification_time", "attribute_change_time"):
                        if getattr(times, name):
                            setattr(times, name, _record_date())


def _record_date():
    from pycdlib.dates import DirectoryRecordDate

    date = DirectoryRecordDate()
    date.parse(_RECORD_DATE)
    return date


def _date_descriptors(volume: memoryview) -> bytes:
    """The dates of the volume itself, in the finished one: pycdlib takes that of the last change while it writes."""
    at = _FIRST_DESCRIPTOR * _SECTOR
    while volume[at] != _LAST_KIND:
        for date in (_CREATED, _MODIFIED, _EFFECTIVE):
            volume[at + date : at + date + len(_VOLUME_DATE)] = _VOLUME_DATE
        at += _SECTOR
    return bytes(volume)


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
