"""What `verify` claims about the running gateway, as data. Features make claims; only gwimage/verify asks them.

The question of a claim, its probe, is one of the named tuples in claim_dhcp.py, claim_firewall.py and the others here.
Probes are named tuples, since every command loads them all: a dataclass takes ten times as long to make.
"""

from dataclasses import dataclass
from typing import NamedTuple


class NotTestable(NamedTuple):
    """What the profile says and no lab can ask; why goes into the proof."""

    why: str


@dataclass(frozen=True)
class Claim:
    """One line of the proof.

    id: stable, such as "lans.lan.dhcp.lease"; path: the profile path that caused it; text: one line for
    people; needs: ids of claims without whose pass this one is not asked; closed: a "closed" or "hidden"
    claim, which counts only with a control boot in which the same probe comes out open or visible.
    """

    id: str
    path: str
    text: str
    probe: NamedTuple
    needs: tuple[str, ...] = ()
    closed: bool = False
