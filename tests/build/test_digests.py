"""Digests of an image: one byte in any partition, or outside of all, is found and named."""

import hashlib
import json
import struct
import zlib

import pytest

from gwimage.build import digests, rebake
from gwimage.build.disk_image import SECTOR, partitions

LABELS = ("gwimage-esp", "gwimage-bios", "gwimage-packages", "gwimage-config", "gwimage-state")
FIRST, SIZE = 64, 16  # sectors
EROFS = struct.pack("<I", 0xE0F5E1E2).rjust(1028, b"\0")
MANIFEST = json.dumps({"format": 1, "files": {}})


def table(labels) -> bytes:
    """A GPT (UEFI specification 2.10, 5.3) of partitions of SIZE sectors, one after the other."""
    entries = b""
    for number, label in enumerate(labels):
        start = FIRST + number * SIZE
        entries += b"t" * 16 + b"u" * 16 + struct.pack("<QQQ", start, start + SIZE - 1, 0)
        entries += label.encode("utf-16-le").ljust(72, b"\0")
    backup = FIRST + len(labels) * SIZE
    tail = struct.pack("<QQQQ16sQIII", 1, backup, FIRST, backup - 1, b"d" * 16, 2, len(labels), 128, zlib.crc32(entries))
    fixed = b"EFI PART" + struct.pack("<II", 0x10000, 92)
    checksum = zlib.crc32(fixed + bytes(8) + tail)
    header = fixed + struct.pack("<II", checksum, 0) + tail
    return bytes(SECTOR) + header.ljust(SECTOR, b"\0") + entries


@pytest.fixture
def raw(tmp_path):
    """A small image with what rebake looks for, and the digests that a build writes."""
    path = tmp_path / "x.raw"
    content = table(LABELS).ljust(FIRST * SECTOR, b"\0")
    for label in LABELS:
        content += (EROFS if label in rebake.LAYERS else b"").ljust(SIZE * SECTOR, b"\0")
    path.write_bytes(content + bytes(SECTOR))
    path.with_suffix(".qcow2").write_bytes(b"QFI\xfb compressed")
    path.with_suffix(".manifest.json").write_text(MANIFEST)
    path.with_suffix(".digests.json").write_text(digests.render(path, path.with_suffix(".qcow2")))
    return path


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_what_is_written_is_what_sha256sum_says(raw):
    found = json.loads(raw.with_suffix(".digests.json").read_text())
    files = {form: hashlib.sha256(raw.with_suffix(f".{form}").read_bytes()).hexdigest() for form in ("raw", "qcow2")}
    assert found["files"] == files
    content = raw.read_bytes()
    parts = {label: content[place.start : place.start + place.size] for label, place in partitions(raw).items()}
    assert found["partitions"] == {label: hashlib.sha256(part).hexdigest() for label, part in parts.items()}
    assert list(parts) == list(LABELS)


def test_both_forms_are_as_built(raw):
    assert digests.why_not_as_built(raw) == digests.why_not_as_built(raw.with_suffix(".qcow2")) == ""
    assert rebake.why_unusable(raw, {}) == ""


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("at", [0, SIZE * SECTOR - 1], ids=["first", "last"])
def test_a_byte_in_a_partition(raw, label, at):
    before = json.loads(raw.with_suffix(".digests.json").read_text())["partitions"]
    flip(raw, partitions(raw)[label].start + at)
    why = digests.why_not_as_built(raw)
    there = raw.read_bytes()[(place := partitions(raw)[label]).start :][: place.size]
    found = hashlib.sha256(there).hexdigest()
    assert why.endswith(f"since it was built: partition {label} has SHA-256 {found}, the build wrote {before[label]}")
    booted = "it was booted: its state partition is in use"
    assert rebake.why_unusable(raw, {}) == (booted if label == rebake.STATE else why)


@pytest.mark.parametrize("place", [0, FIRST * SECTOR - 1, -1], ids=["boot record", "before the first", "after the last"])
def test_a_byte_outside_of_all_partitions(raw, place):
    flip(raw, place)
    assert "since it was built: no partition, but the file has SHA-256" in rebake.why_unusable(raw, {})


def test_a_byte_of_the_qcow2(raw):
    flip(raw.with_suffix(".qcow2"), -1)
    assert "since it was built: the file has SHA-256" in digests.why_not_as_built(raw.with_suffix(".qcow2"))


def test_several_partitions_are_all_named(raw):
    for label in LABELS[:2]:
        flip(raw, partitions(raw)[label].start)
    assert [label in digests.why_not_as_built(raw) for label in LABELS] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no x.digests.json beside it, as older versions of gwimage wrote none: nobody knows if it is damaged"),
        ("", "x.digests.json cannot be read"),
        ("[]", "x.digests.json cannot be read"),
        ('{"format": 1, "files": null, "partitions": {}}', "x.digests.json cannot be read"),
        ('{"format": 2, "files": {}, "partitions": {}}', "x.digests.json is of another version of gwimage"),
    ],
)
def test_digests_that_do_not_serve(raw, text, words):
    beside = raw.with_suffix(".digests.json")
    beside.unlink() if text is None else beside.write_text(text)
    assert digests.why_not_as_built(raw) == words
