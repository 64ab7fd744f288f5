"""In which order claims are asked: side by side what gets in nobody's way, by turns what shares something.

A single scan keeps an emulated gateway busy, so of such a one only that is asked side by side which waits most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock

from gwimage import claim as asked
from gwimage.claim import Claim, Probe
from gwimage.claim6 import GatewayClosed6, GatewayClosedUdp6, Kept6, Renumbered, Unadvertised, Unreachable6
from gwimage.lab.probes import Answer

# slow where the answer is no, or many
_WAITING = (
    asked.Unreachable, asked.OtherAddresses, asked.Spoofed, asked.Reservation, asked.LocalName, Unreachable6, Unadvertised,
)  # fmt: skip
# Nothing else meanwhile: what drops tunnels, takes every answer for its own, measures, disturbs; and, in the end, looks back
_ALONE = (asked.Handshake, asked.Strangers, asked.Shaped, Renumbered, asked.Inspection, asked.OwnNames)
_OUTSIDE = "the ISP's ways to hosts outside"
_COUNT = "the kernel's count of what is let in for nobody"
_MOST = 128  # at the same time, with those that wait for their turn


def ask_all(claims: Sequence[Claim], ask: Callable[[Claim], Answer], at_once: bool) -> dict[str, Answer | None]:
    """Ask each claim whose prerequisites came out good; None for the others. at_once: many may ask the gateway together."""
    answers: dict[str, Answer | None] = {}
    left = sorted(claims, key=_place)
    while ready := [c for c in left if all(answers.get(n) and answers[n].good for n in c.needs)]:
        awaited = [claim for claim in ready if any(claim.id in other.needs for other in left)]
        batch = _together(awaited or ready) if at_once else _one_by_one(awaited, ready)
        turns = {claim.id: sorted(_shared(claim.probe)) if at_once else [] for claim in batch}
        with ThreadPoolExecutor(min(len(batch), _MOST)) as pool:
            answers |= zip(turns, pool.map(_by_turns(ask, turns), batch), strict=True)
        left = [claim for claim in left if claim.id not in answers]
    return answers | {claim.id: None for claim in left}


def _by_turns(ask: Callable[[Claim], Answer], turns: Mapping[str, Sequence[str]]) -> Callable[[Claim], Answer]:
    """turns: by claim what it shares, all in the same order: so nobody waits for who waits for them."""
    locks = {name: Lock() for names in turns.values() for name in names}

    def ask_in_turn(claim: Claim) -> Answer:
        with ExitStack() as held:
            for name in turns[claim.id]:
                held.enter_context(locks[name])
            return ask(claim)

    return ask_in_turn


def _place(claim: Claim) -> int:
    """Inspection late: what the other probes stir up in the journal counts too."""
    return _ALONE.index(type(claim.probe)) if isinstance(claim.probe, _ALONE) else -1


def _together(claims: Sequence[Claim]) -> Sequence[Claim]:
    return [claim for claim in claims if not _alone(claim.probe)] or claims[:1]


def _alone(probe: Probe) -> bool:
    """A single DNS server is asked while nobody else is there outside."""
    return isinstance(probe, _ALONE) or (isinstance(probe, asked.Dns) and probe.server is not None)


def _one_by_one(awaited: Sequence[Claim], ready: Sequence[Claim]) -> Sequence[Claim]:
    return awaited[:1] or [claim for claim in ready if isinstance(claim.probe, _WAITING)] or ready[:1]


def _shared(probe: Probe) -> set[str]:
    """What a probe shares with others, so that they take turns; nothing for most."""
    match probe:
        case asked.Forwarded(src=src, lan=lan) | asked.NotForwarded(src=src, lan=lan) | asked.SpoofedForward(src=src, lan=lan):
            return _clothes(src) | {f"server-{lan}"}
        case asked.Reaches(src=src, zone=zone) | asked.Withheld(src=src, zone=zone):
            return _clothes(src) | {f"server-{zone}", _OUTSIDE}
        case asked.Admitted(src=src, protocol=protocol):
            return _clothes(src) | ({_COUNT} if protocol == "udp" else set())
        case asked.Source(lan=lan, host=host):
            return {f"the calls from {lan}"} | (_clothes(f"client-{lan}") if host else set())  # a capture cannot tell them apart
        case asked.GatewayClosed(zone_host=name, open_tcp=ports):
            return {"a scan"} | (_clothes(name) if ports and name.startswith("attacker-") else set())  # who calls from afar too
        case GatewayClosed6():
            return {"a scan of IPv6"}
        case asked.GatewayClosedUdp() | asked.OtherAddresses() | asked.Dns() | asked.LocalName() | asked.TunnelServices() | asked.Ntp():
            return {_COUNT}  # who asks a service that is not there is let in for nobody
        case GatewayClosedUdp6():
            return {"the kernel's count for IPv6"}
        case asked.Identities() | asked.Renewal() | asked.Elsewhere() | asked.Pool() | asked.DhcpOptions():
            return {f"the pool of {probe.lan}"}
        case Unreachable6():
            return {f"the routes of {probe.src}"}
        case Kept6():
            return {"the ear that the ISP has for a false source"}
    return set()


def _clothes(name: str) -> set[str]:
    """A host that has one more address for a while; if it is outside, the ISP knows the way to that, and no other."""
    return {name, _OUTSIDE} if name.startswith("attacker-") else {name}
