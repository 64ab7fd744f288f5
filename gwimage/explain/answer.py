"""Answers one question: path of the packet, path of its reply, notes, and a suggestion if it is dropped."""

from dataclasses import dataclass, replace

from gwimage.explain import question
from gwimage.explain.packet import REQUESTS
from gwimage.explain.packet_path import Model, PacketPath, model, own_answer, trace, trace_reply
from gwimage.explain.question import Question, Words
from gwimage.explain.routing import RoutingTable
from gwimage.explain.suggestion import advise
from gwimage.plan import Plan


@dataclass(frozen=True)
class Explanation:
    """The answer to a question.

    there: the packet's path, None if it never reaches the gateway; back: the reply's path, None if no reply is expected.
    advice: for a dropped packet, a sentence and YAML lines for the profile (either may be empty).
    """

    asked: Question
    there: PacketPath | None
    back: PacketPath | None
    notes: tuple[str, ...]
    advice: tuple[str, str] = ("", "")

    @property
    def passes(self) -> bool:
        return self.there is None or self.there.verdict != "dropped"


def answer(plan: Plan, words: Words, leases: tuple[str, ...] = ()) -> Explanation:
    """Answers the question; raises ProfileError if the words are invalid.

    leases: values of --lease.
    """
    known = with_leases(plan, leases)
    asked = question.question(words, known.network)
    known = replace(known, network=asked.network)
    if _on_link(asked):
        where = f"both are on {asked.packet.iif}: hosts of one network reach each other without the gateway"
        return Explanation(asked, None, None, (*asked.notes, where))
    there = trace(known, asked.packet)
    # conntrack recognizes no replies to an untracked packet
    known_flow = (there.verdict, there.packet.state) == ("forwarded", "new")
    asks = there.packet.icmp_type in (None, *REQUESTS.get(there.packet.protocol, ()))
    returned = trace_reply(known, there) if known_flow and asks else None
    notes = (
        *asked.notes,
        *_assumed_addresses(asked.network, there),
        *_reply_notes(known, there, returned),
        *_doubts(there, returned),
    )
    advice = advise(known, asked, there) if there.verdict == "dropped" else ("", "")
    return Explanation(asked, there, returned, notes, advice)


def with_leases(plan: Plan, leases: tuple[str, ...]) -> Model:
    """The model of a plan; leases: values of --lease, ProfileError if one is invalid."""
    known = model(plan)
    return model(plan, question.leases(leases, known.network)) if leases else known


def _on_link(asked: Question) -> bool:
    """Whether source and destination are on the same link, so that the gateway never sees the packet."""
    packet, route = asked.packet, asked.network.route(asked.packet.dst)
    same = route and route.link == packet.iif and route.via is None and asked.network.kind(packet.dst) == "unicast"
    return bool(same) and packet.src in route.to


def _assumed_addresses(known: RoutingTable, there: PacketPath) -> list[str]:
    """Notes on assumed WAN addresses and prefixes that the packet's path depends on."""
    used = [each for each in (there.before.src, there.before.dst, there.packet.src, there.packet.dst, there.via) if each]
    notes = []
    for own in known.own:
        net = own.interface.network
        if own.assumed and any(address in net for address in used):
            what = f"{own.link} is assumed to have {own.interface}"
            word = f"{own.link}=ADDRESS/PREFIX" if net.version == 4 else "WAN=PREFIX/LENGTH"
            notes.append(f"{what}; say what the provider gave with --lease {word}")
    return notes


def _reply_notes(known: Model, there: PacketPath, returned: PacketPath | None) -> list[str]:
    """Notes on replies that are dropped, bypass the gateway, or leave by another link."""
    came = there.before
    if returned and returned.verdict == "dropped":
        return [f"no answer comes back: {returned.steps[-1].text}"]
    if returned and returned.packet.oif != came.iif:
        return [_asymmetric(returned.packet.oif, came.iif)]
    if (there.verdict, there.packet.state) == ("forwarded", "untracked"):
        return [f"not tracked: {there.packet.oif} may answer without the gateway"]
    if there.verdict == "accepted" and known.network.kind(came.dst) == "local":
        leaves = own_answer(known, there)
        if leaves and leaves != came.iif:
            return [_asymmetric(leaves, came.iif)]
    return []


def _asymmetric(leaves: str, came: str) -> str:
    return f"the answer leaves by {leaves}, not by {came}, where the packet came from: expect it to be lost"


def _doubts(*walks: PacketPath | None) -> list[str]:
    """Notes on raw rules on the path that could not be parsed."""
    rules = dict.fromkeys(rule for walk in walks if walk for rule in walk.doubts)
    return [f"{rule.path} is not understood and may change all this: {rule.text}" for rule in rules]
