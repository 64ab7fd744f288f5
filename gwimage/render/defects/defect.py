"""A defect of systemd, and what gwimage does about it."""

from dataclasses import dataclass

SYSTEMD = "https://github.com/systemd/systemd"


@dataclass(frozen=True)
class Defect:
    """affected and fixed: versions of systemd, fixed is empty where it is not; issues: addresses upstream, if any."""

    id: str
    title: str
    affected: str
    fixed: str
    happens: str
    answer: str
    issues: tuple[str, ...] = ()


def issues(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{SYSTEMD}/issues/{number}" for number in numbers)
