"""Seed of one instance: the difference between two compilations, as the files of a NoCloud volume.

A seed names its base by the digest of all files that the base was compiled to. At every boot the initrd
(gwimage/image/mkosi.extra/usr/lib/gwimage/init) checks the base digest and the archive's SHA-256, and lays all files over
the configuration layer, or none if either is wrong.
"""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

from gwimage.plan import File
from gwimage.render import manifest
from gwimage.render.base import BASE, IDENTITY, LAYER, digest
from gwimage.seed.iso import EPOCH

GONE = "etc/gwimage/seed.gone"  # lists the files of the base that the instance lacks
NAME = "etc/gwimage/seed"  # the site's name, for administrators
HEAD, ARCHIVE = "gwimage.seed", "gwimage.tar"  # on the volume
FORMAT = 1
MOST_FILE, MOST = 1 << 20, 3 << 20  # bytes of one file and of all: Proxmox's limits


class TooLarge(ValueError):
    """A seed is larger than Proxmox accepts."""


@dataclass(frozen=True)
class Seed:
    """Seed of one site: changed and removed files, and cloud-init's files.

    base: digest of the base, empty if the seed has only cloud-init's files; changed: files by their path in the running
    system; gone: paths that must not exist; identity: cloud-init's files by name.
    """

    site: str
    base: str
    changed: dict[str, File]
    gone: tuple[str, ...]
    identity: dict[str, File]


def difference(site: str, base: Mapping[str, File], wanted: Mapping[str, File]) -> Seed:
    """Seed that turns the base into the wanted instance. Raises ValueError with the first file that a seed cannot change."""
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
    """Files of the volume by name. Raises TooLarge."""
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
    """POSIX tar archive (ustar); deterministic: the same bytes for the same files."""
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
