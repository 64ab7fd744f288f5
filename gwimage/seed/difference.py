"""The seed of one instance: what it wants that the image has not baked in, as the files of a NoCloud volume.

A seed is the difference between two compilations. It names the base that it was made against by the digest of all that the
base was compiled to; the initrd (gwimage/image/mkosi.extra/usr/lib/gwimage/init) lays its files over the configuration layer
at every boot, if digest and sum are right, and else none of them.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

from gwimage.plan import File
from gwimage.render import manifest
from gwimage.render.base import BASE, IDENTITY, LAYER, digest
from gwimage.seed.iso import EPOCH

GONE = "etc/gwimage/seed.gone"  # names what the base has and the instance has not
NAME = "etc/gwimage/seed"  # the site, for whoever looks
HEAD, ARCHIVE = "gwimage.seed", "gwimage.tar"  # on the volume
FORMAT = 1
MOST_FILE, MOST = 1 << 20, 3 << 20  # bytes of one file and of all: Proxmox takes no more


class TooLarge(ValueError):
    """More than Proxmox takes."""


@dataclass(frozen=True)
class Seed:
    """changed: files by their path in the running system; gone: those that must not be there; identity: for cloud-init.

    base is empty where the identity is all that there is.
    """

    site: str
    base: str
    changed: dict[str, File]
    gone: tuple[str, ...]
    identity: dict[str, File]


def difference(site: str, base: Mapping[str, File], wanted: Mapping[str, File]) -> Seed:
    """What makes the instance of the base. Raises ValueError with the first file that a seed cannot change."""
    definitions = sorted(path for path in base.keys() | wanted.keys() if not path.startswith((LAYER, IDENTITY, manifest.PATH)))
    for path in definitions:
        if base.get(path) != wanted.get(path):
            raise ValueError(path)
    before, after = (_layer(files) for files in (base, wanted))
    changed = {
        path: file for path, file in after.items() if path not in before or manifest.entry(file) != manifest.entry(before[path])
    }
    identity = {path.removeprefix(IDENTITY): file for path, file in wanted.items() if path.startswith(IDENTITY)}
    return Seed(site, digest(base), changed, tuple(sorted(before.keys() - after.keys())), identity)


def volume(seed: Seed) -> dict[str, bytes]:
    """The files of the volume. Raises TooLarge."""
    found = {name: file.text.encode() for name, file in seed.identity.items()}
    if seed.base:
        own = {NAME: File(f"{seed.site}\n"), GONE: File("".join(f"{path}\n" for path in seed.gone))}
        archive = archive_of(seed.changed | own)
        head = f"gwimage-seed {FORMAT}\nbase {seed.base}\nfiles {hashlib.sha256(archive).hexdigest()}\n"
        found |= {HEAD: head.encode(), ARCHIVE: archive}
    if large := [name for name, content in found.items() if len(content) > MOST_FILE]:
        raise TooLarge(f"{large[0]} would have more than 1 MiB")
    if sum(map(len, found.values())) > MOST:
        raise TooLarge("all files together would have more than 3 MiB")
    return found


def _layer(files: Mapping[str, File]) -> dict[str, File]:
    return {path.removeprefix(LAYER): file for path, file in files.items() if path.startswith(LAYER) and path != BASE}


def archive_of(files: Mapping[str, File]) -> bytes:
    """POSIX tar (ustar): the same bytes for the same files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, file in sorted(files.items()):
            info, content = tarfile.TarInfo(path), file.text.encode()
            info.mtime, info.mode = EPOCH, file.mode
            if file.link:
                info.type, info.linkname, content = tarfile.SYMTYPE, file.link, b""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()
