"""In which order claims are asked: side by side what gets in nobody's way, by turns what shares something.

A single scan keeps an emulated gateway busy, so of such a one only that is asked side by side which waits most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Condition

from gwimage.claims import claim as asked
from gwimage.claims.claim import Claim, Probe
from gwimage.claims.claim_ipv6 import (
    Allowed6,
    BlockedFlows6,
    GatewayClosed6,
    GatewayClosedUdp6,
    NoEgress6,
    PrefixChange,
    Unadvertised,
    Unreachable6,
)
from gwimage.values import lab_host
from gwimage.values.lab_host import LabHost, Role
from gwimage.verify.probes.view import Answer

Needs = dict[str, object]  # by name of a thing, the state in which it must be meanwhile
# slow where the answer is no, or many
_WAITING = (
    asked.Unreachable,
    asked.OtherAddresses,
    asked.Spoofed,
    asked.ReservedLease,
    asked.LocalName,
    asked.BlockedFlows,
    asked.NotForwarded,
    NoEgress6,
    Unreachable6,
    Unadvertised,
    Allowed6,
    BlockedFlows6,
)
# Nothing else meanwhile: what drops tunnels, takes every answer for its own, measures, disturbs; and, in the end, looks back
_ALONE = (
    asked.Handshake,
    asked.UnknownPeer,
    asked.RateLimit,
    asked.Offloaded,
    PrefixChange,
    asked.SystemHealth,
    asked.GatewayResolver,
)
_OUTSIDE = "the ISP's ways to hosts outside"
_COUNT = "the kernel's count of what is let in for nobody"
_COUNT6 = "the kernel's count for IPv6"
_MOST = 128  # at the same time, with those that wait for their turn


def ask_all(claims: Sequence[Claim], ask: Callable[[Claim], Answer], concurrent: bool) -> dict[str, Answer | None]:
    """Ask each claim whose prerequisites came out good; None for the others. concurrent: many may ask the gateway together."""
    answers: dict[str, Answer | None] = {}
    left = sorted(claims, key=_place)
    while ready := [c for c in left if all(answers.get(n) and answers[n].good for n in c.needs)]:
        awaited = [claim for claim in ready if any(claim.id in other.needs for other in left)]
        batch = _together(awaited or ready) if concurrent else _one_by_one(awaited, ready)
        needed = {claim.id: needs(claim.probe) for claim in batch}
        with ThreadPoolExecutor(min(len(batch), _MOST)) as pool:
            answers |= zip(needed, pool.map(_with_locks(ask, needed), batch), strict=True)
        left = [claim for claim in left if claim.id not in answers]
    return answers | {claim.id: None for claim in left}


def _with_locks(ask: Callable[[Claim], Answer], needed: Mapping[str, Needs]) -> Callable[[Claim], Answer]:
    """needed: by claim. All take things in the same order, so nobody waits for who waits for them."""
    things = {name: _SharedResource() for needs in needed.values() for name in needs}

    def ask_in_turn(claim: Claim) -> Answer:
        with ExitStack() as held:
            for name, state in sorted(needed[claim.id].items(), key=lambda need: need[0]):
                held.enter_context(things[name].held(state))
            return ask(claim)

    return ask_in_turn


class _SharedResource:
    """It is in one state at a time: who needs it in that state has it together, others wait."""

    def __init__(self) -> None:
        self._change, self._users, self._state = Condition(), 0, None

    @contextmanager
    def held(self, state: object) -> Iterator[None]:
        with self._change:
            self._change.wait_for(lambda: not self._users or state == self._state)
            self._users, self._state = self._users + 1, state
        try:
            yield
        finally:
            with self._change:
                self._users -= 1
                self._change.notify_all()


def _place(claim: Claim) -> int:
    """Inspection late: what the other probes stir up in the journal counts too."""
    return _ALONE.index(type(claim.probe)) if isinstance(claim.probe, _ALONE) else -1


def _together(claims: Sequence[Claim]) -> Sequence[Claim]:
    return [claim for claim in claims if not _alone(claim.probe)] or claims[:1]


def _alone(probe: Probe) -> bool:
    """A single DNS server is asked while nobody else is there outside."""
    return isinstance(probe, _ALONE) or (isinstance(probe, asked.DnsQuery) and probe.server is not None)


def _one_by_one(awaited: Sequence[Claim], ready: Sequence[Claim]) -> Sequence[Claim]:
    return awaited[:1] or [claim for claim in ready if isinstance(claim.probe, _WAITING)] or ready[:1]


def needs(probe: Probe) -> Needs:
    """What a probe shares with others; nothing for most."""
    alone = object()  # no two are equal
    match probe:
        case (
            asked.Forwarded(src=src, lan=lan, to=to, source=source) | asked.NotForwarded(src=src, lan=lan, to=to, source=source)
        ):
            return _address_locks(src, source or ("from afar" if src.role == Role.ATTACKER else None)) | {
                lab_host.server(lan).name: to
            }
        case asked.SpoofedForward(lan=lan, to=to):
            return {lab_host.server(lan).name: to}
        case asked.Reaches(src=src, zone=zone) | asked.BlockedFlows(src=src, zone=zone):
            return _address_locks(src, alone) | {lab_host.server(zone).name: alone, _OUTSIDE: alone}
        case asked.AllowedToGateway(src=src, protocol=protocol):
            return _address_locks(src, alone) | ({_COUNT: alone} if protocol == "udp" else {})
        case asked.SourceAddress(lan=lan, host=host):
            return {f"the calls from {lan}": alone} | (
                _address_locks(lab_host.client(lan), host) if host else {}
            )  # a capture cannot tell them apart
        case asked.GatewayClosed(zone_host=host, open_tcp=ports):
            return {"a scan": alone} | (_address_locks(host, "from afar") if ports and host.role == Role.ATTACKER else {})
        case GatewayClosed6():
            return {"a scan of IPv6": alone}
        case asked.GatewayClosedUdp():
            return {_COUNT: alone}
        case asked.OtherAddresses() | asked.DnsQuery() | asked.LocalName() | asked.TunnelServices() | asked.NtpQuery():
            return {_COUNT: "nobody counts"}  # who asks a service that is not there is let in for nobody
        case GatewayClosedUdp6():
            return {_COUNT6: alone}
        case asked.ClientIds() | asked.Renewal() | asked.WrongSubnetRequest() | asked.Pool() | asked.DhcpOptions():
            return {f"the pool of {probe.lan}": alone}
        case Allowed6(src=src, there=there, protocol=protocol) | BlockedFlows6(src=src, there=there, protocol=protocol):
            if there:
                return {f"IPv6 of {src}": alone, f"IPv6 of {there}": alone}
            return {f"IPv6 of {src}": alone} | ({_COUNT6: alone} if protocol == "udp" else {})
        case Unreachable6():
            return {f"IPv6 of {probe.src}": alone}  # its routes
        case NoEgress6():
            return {"the ear that the ISP has for a false source": alone}
    return {}


def _address_locks(host: LabHost, address: object) -> Needs:
    """A host that has one more address for a while; if it is outside, the ISP knows the way to that, and no other."""
    if address is None:
        return {}
    return {host.name: address} | ({_OUTSIDE: (host, address)} if host.role == Role.ATTACKER else {})
