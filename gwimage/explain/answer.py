"""One question answered: the way of the packet, of the answer to it, and what else an administrator should know."""

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
    """there: the packet's way, nothing if it never comes to the gateway; back: the answer's, if one is to be expected.

    advice: a sentence and lines for the profile, for a packet that was dropped.
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
    """Raises ProfileError if the words cannot be meant."""
    known = model(plan)
    if leases:
        known = model(plan, question.leases(leases, known.network))
    asked = question.question(words, known.network)
    known = replace(known, network=asked.network)
    if _direct(asked):
        where = f"both are on {asked.packet.iif}: hosts of one network reach each other without the gateway"
        return Explanation(asked, None, None, (*asked.notes, where))
    there = trace(known, asked.packet)
    # what is not tracked has no answer that the gateway would know as one
    known_flow = (there.verdict, there.packet.state) == ("forwarded", "new")
    asks = there.packet.icmp_type in (None, *REQUESTS.get(there.packet.protocol, ()))
    returned = trace_reply(known, there) if known_flow and asks else None
    notes = (*asked.notes, *_assumed(asked.network, there), *_returns(known, there, returned), *_doubts(there, returned))
    advice = advise(known, asked, there) if there.verdict == "dropped" else ("", "")
    return Explanation(asked, there, returned, notes, advice)


def _direct(asked: Question) -> bool:
    """Neighbours on one network; the gateway never sees what they say to each other."""
    packet, route = asked.packet, asked.network.route(asked.packet.dst)
    same = route and route.link == packet.iif and route.via is None and asked.network.kind(packet.dst) == "unicast"
    return bool(same) and packet.src in route.to


def _assumed(known: RoutingTable, there: PacketPath) -> list[str]:
    used = [each for each in (there.before.src, there.before.dst, there.packet.src, there.packet.dst, there.via) if each]
    notes = []
    for own in known.own:
        net = own.interface.network
        if own.assumed and any(address in net for address in used):
            what = f"{own.link} is assumed to have {own.interface}"
            word = f"{own.link}=ADDRESS/PREFIX" if net.version == 4 else "WAN=PREFIX/LENGTH"
            notes.append(f"{what}; say what the provider gave with --lease {word}")
    return notes


def _returns(known: Model, there: PacketPath, returned: PacketPath | None) -> list[str]:
    """Answers that do not come back as they should."""
    came = there.before
    if returned and returned.verdict == "dropped":
        return [f"no answer comes back: {returned.steps[-1].text}"]
    if returned and returned.packet.oif != came.iif:
        return [_astray(returned.packet.oif, came.iif)]
    if (there.verdict, there.packet.state) == ("forwarded", "untracked"):
        return [f"not tracked: {there.packet.oif} may answer without the gateway"]
    if there.verdict == "accepted" and known.network.kind(came.dst) == "local":
        leaves = own_answer(known, there)
        if leaves and leaves != came.iif:
            return [_astray(leaves, came.iif)]
    return []


def _astray(leaves: str, came: str) -> str:
    return f"the answer leaves by {leaves}, not by {came}, where the packet came from: expect it to be lost"


def _doubts(*walks: PacketPath | None) -> list[str]:
    rules = dict.fromkeys(rule for walk in walks if walk for rule in walk.doubts)
    return [f"{rule.path} is not understood and may change all this: {rule.text}" for rule in rules]
