"""Claims about the running gateway, as data: features create them, only gwimage/verify runs them.

A claim's probe is one of the named tuples in claim_dhcp.py, claim_firewall.py and the other claim_*.py modules.
Probes are named tuples because every command loads them all: a dataclass takes ten times as long to create.
"""

from dataclasses import dataclass
from typing import NamedTuple


class NotTestable(NamedTuple):
    """Promise of the profile that no lab can test; `why` goes into the proof."""

    why: str


@dataclass(frozen=True)
class Claim:
    """One line of the proof.

    id: stable, such as "lans.lan.dhcp.lease"; path: the profile path that caused it; text: one line for
    people; needs: ids of claims that must pass before this one runs; closed: a negative ("closed" or
    "hidden") claim, which passes only if the same probe comes out open or visible in the control boot.
    """

    id: str
    path: str
    text: str
    probe: NamedTuple
    needs: tuple[str, ...] = ()
    closed: bool = False
