"""Whole verifications of an image, for tests: their reports, and the failures in them."""

from gwimage import report
from gwimage.compiler import claims
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.verify.image import verify

# ports in which mistakes are, and guest.LISTENER; all ports, which take most of the time, only for good images
PORTS = (*range(1, 10001), *range(40001, 45001))


def prove(image, profile, **options):
    parsed, _ = load(source.read(str(profile)))
    found = verify(image, parsed, claims(parsed), say=print, **options)
    print(report.table(found))
    return found


def red(found) -> set[str]:
    return {result.id for result in found.results if result.status not in ("pass", "unaskable")}
