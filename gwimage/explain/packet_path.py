"""The way of one packet through the gateway: the hooks in the kernel's order, the rules that ship, networkd's masquerade.

`model` reads a plan once; `walk` asks it about one packet, `back` about the answer to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gwimage.explain import kernel, networkd, nft_parser
from gwimage.explain.networkd import Given
from gwimage.explain.nft_rules import Member, Nat, ParsedRule, matches
from gwimage.explain.packet import Address, Packet, answer, first_state
from gwimage.explain.routing import RoutingTable
from gwimage.plan import Plan
from gwimage.plan import Rule as Text
from gwimage.render import nftables

SAYS = {"accept": "accepted", "drop": "dropped"}
STATES = {
    "established": "it belongs to a connection that was let through",
    "related": "it belongs to a connection that was let through",
    "invalid": "it answers or reports what nobody asked (conntrack: invalid)",
}


@dataclass(frozen=True)
class Model:
    """chains: the rules of each, in order."""

    network: RoutingTable
    chains: dict[str, tuple[ParsedRule, ...]]
    sets: dict[str, tuple[Member, ...]]


@dataclass(frozen=True)
class Step:
    """What one hook did to the packet, by which rule if by any; paths are the causes, the nearest first.

    A hook is a chain of ours, or "routing" (the kernel), or "networkd" (its masquerade).
    """

    hook: str
    text: str
    rule: ParsedRule | None = None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class PacketPath:
    """verdict: forwarded (by packet.oif to the neighbour `via`), accepted (by the gateway itself), dropped (last step).

    before: the packet as it came; packet: as it left. doubts: rules that it met and nobody here understands.
    """

    before: Packet
    packet: Packet
    verdict: str
    steps: tuple[Step, ...]
    via: Address | None = None
    doubts: tuple[ParsedRule, ...] = ()


def model(plan: Plan, given: Given | None = None) -> Model:
    """`given`: see reading.read."""
    rules = [_read(rule) for rule in nftables.ordered(plan)]
    chains = {name: tuple(rule for rule in rules if nftables.chain(rule) == name) for name in nftables.CHAINS}
    types = {name: lines[0].removeprefix("type ") for name, lines in nftables.named(plan).items()}
    sets: dict[str, list[Member]] = {name: [] for name in types}
    for element in plan.elements:
        sets[element.set].append(nft_parser.element(types[element.set], element.text, element.path))
    return Model(networkd.read(plan, given), chains, {name: tuple(members) for name, members in sets.items()})


def _read(rule: Text) -> ParsedRule:
    """Only what the user wrote word for word may be beyond us."""
    try:
        return nft_parser.rule(rule.stage, rule.text, rule.path)
    except ValueError:
        if not rule.stage.endswith(".raw"):
            raise
        return ParsedRule(rule.stage, rule.text, rule.path, known=False)


def trace(model: Model, packet: Packet) -> PacketPath:
    """The way of the first packet of a flow."""
    way = _Traversal(model, packet)
    return way.end(way.first())


def trace_reply(model: Model, there: PacketPath) -> PacketPath:
    """The way of the answer to a packet that was forwarded; it ends as if from where the packet was sent to."""
    came, left = there.before, there.packet
    way = _Traversal(model, answer(left, left.oif, left.dst, left.dport, left.src, left.sport))
    return way.end(way.answer(came))


def own_answer(model: Model, there: PacketPath) -> str:
    """The link by which the gateway's own answer leaves to a packet that it accepted; nothing if by none."""
    packet = there.packet
    way = _Traversal(model, answer(packet, "", packet.dst, packet.dport, packet.src, packet.sport))
    way.filter("output")
    found = model.network.route(packet.src, mark=way.packet.mark)
    return found.link if found else ""


class _Traversal:
    """A packet on its way, and what has happened to it so far."""

    def __init__(self, model: Model, packet: Packet):
        self.model, self.before, self.packet = model, packet, packet
        self.steps: list[Step] = []
        self.doubts: list[ParsedRule] = []
        self.via: Address | None = None

    def end(self, verdict: str) -> PacketPath:
        return PacketPath(self.before, self.packet, verdict, tuple(self.steps), self.via, tuple(self.doubts))

    def first(self) -> str:
        if wrong := kernel.martian(self.packet):
            self.step("routing", wrong, None)
            return "dropped"
        if not self.in_tunnel(self.packet.iif, self.packet.src) or self.filter("prerouting") == "drop":
            return "dropped"
        if self.packet.state == "new":
            self.packet = replace(self.packet, state=first_state(self.packet))
        self.filter("mangle")
        if self.packet.state == "new" and self.translate("dstnat") == "drop":
            return "dropped"
        verdict = self.onwards()
        return self.leave() if verdict == "forwarded" else verdict

    def leave(self) -> str:
        if self.packet.state == "new":
            said = self.translate("srcnat")
            if said == "drop":
                return "dropped"
            if said != "nat":
                self.hide()
        return "forwarded" if self.in_tunnel(self.packet.oif, self.packet.dst) else "dropped"

    def answer(self, asked: Packet) -> str:
        """Conntrack undoes what it did to the first packet: its source before routing, its destination on the way out."""
        if self.filter("prerouting") == "drop":
            return "dropped"
        self.filter("mangle")
        self.packet = replace(self.packet, dst=asked.src, dport=asked.sport)
        verdict = self.onwards()
        if verdict == "forwarded":
            self.packet = replace(self.packet, src=asked.dst, sport=asked.dport)
        return verdict

    def onwards(self) -> str:
        decision = kernel.decide(self.model.network, self.packet)
        self.step("routing", decision.text, None, decision.path)
        if decision.to == "drop":
            return "dropped"
        if decision.to == "input":
            return SAYS[self.filter("input")]
        self.packet, self.via = replace(self.packet, oif=decision.route.link), decision.via
        return "dropped" if self.filter("forward") == "drop" else "forwarded"

    def in_tunnel(self, link: str, address: Address) -> bool:
        """WireGuard takes and sends only what is an address of a peer."""
        behind = self.model.network.peers.get(link)
        if behind is None or any(address in net for net in behind):
            return True
        self.step("wireguard", f"dropped: {address} is an address of no peer of {link}", None)
        return False

    def filter(self, chain: str) -> str:
        """accept or drop: by the first rule that says so, else by the policy of the chain, which has a hook."""
        if said := self.judge(chain):
            return said
        if "policy accept" in nftables.CHAINS[chain]:
            return "accept"
        self.step(chain, "dropped: no rule accepts it", None)
        return "drop"

    def judge(self, chain: str) -> str:
        """accept, drop, or nothing if no rule says so, neither there nor where it jumps to."""
        for rule, paths in self.matching(chain):
            self.remember(chain, rule, paths)
            self.tell(chain, rule, paths)
            if rule.jump and (said := self.judge(rule.jump)):
                return said
            if said := rule.verdict:
                rate = f", at most {rule.limit}" if rule.limit else ""
                state = f": {STATES[self.packet.state]}" if rule.by_state else ""
                self.step(chain, SAYS[said] + rate + state, rule, *paths)
                return said
        return ""

    def tell(self, chain: str, rule: ParsedRule, paths: tuple[str, ...]) -> None:
        if rule.log:
            self.step(chain, f"logged as {rule.log.strip()!r}", rule, *paths)

    def remember(self, chain: str, rule: ParsedRule, paths: tuple[str, ...]) -> None:
        """What a rule does that is no verdict: conntrack keeps out, or notes by which way a connection came."""
        if rule.untracked:
            self.packet = replace(self.packet, state="untracked")
            self.step(chain, "not tracked: it keeps its addresses", rule, *paths)
        if rule.ct_mark is not None and self.packet.state not in ("invalid", "untracked"):
            self.packet = replace(self.packet, ct_mark=rule.ct_mark)
            self.step(chain, f"answers are to leave by {self.packet.iif}", rule, *paths)
        if rule.marked:
            self.packet = replace(self.packet, mark=self.packet.ct_mark)
            self.step(chain, "goes the way that its connection came", rule, *paths)

    def translate(self, chain: str) -> str:
        """nat if a rule decided about the addresses: then no later chain of this hook does. Else drop, or nothing."""
        for rule, paths in self.matching(chain):
            self.tell(chain, rule, paths)
            if rule.jump and (said := self.judge(rule.jump)):
                return "drop" if said == "drop" else ""
            if rule.nat:
                self.change(chain, rule, paths)
                return "nat"
            if rule.verdict:
                self.step(chain, SAYS[rule.verdict], rule, *paths)
                return "drop" if rule.verdict == "drop" else ""
        return ""

    def hide(self) -> None:
        """networkd's masquerade: by the source alone, whatever the way out (it comes after our chain)."""
        for net, path in self.model.network.masquerade:
            if self.packet.src in net:
                rule = ParsedRule("networkd", f"ip saddr {net} masquerade", path, nat=Nat("masquerade"))
                self.change("networkd", rule, (path,))
                return

    def change(self, hook: str, rule: ParsedRule, paths: tuple[str, ...]) -> None:
        nat = rule.nat
        if nat.kind == "keep":
            self.step(hook, f"keeps its source {self.packet.src}", rule, *paths)
        elif nat.kind == "dnat":
            dport = nat.port or self.packet.dport
            changed = replace(self.packet, dst=nat.address, dport=dport)
            self.packet = replace(changed, dnat=changed != self.packet)
            self.step(hook, f"destination becomes {place(nat.address, dport)}", rule, *paths)
        else:
            own = self.model.network.address_on(self.packet.oif, self.via)
            src = nat.address or (own and own.interface.ip)
            if src is None:
                return
            self.packet = replace(self.packet, src=src)
            self.step(hook, f"source becomes {src}", rule, *paths)

    def matching(self, chain: str) -> Iterator[tuple[ParsedRule, tuple[str, ...]]]:
        """The rules that hold, each with its causes; what is not understood is kept in mind."""
        for rule in self.model.chains[chain]:
            if not rule.known:
                self.doubts.append(rule)
                continue
            holds, paths = matches(rule, self.packet, self.model.network, self.model.sets)
            if holds:
                # what holds for every profile is the last to be of interest
                yield rule, (rule.path, *paths) if "." in rule.path else (*paths, rule.path)

    def step(self, hook: str, text: str, rule: ParsedRule | None, *paths: str) -> None:
        self.steps.append(Step(hook, text, rule, tuple(path for path in paths if path)))


def place(address: Address, port: int | None) -> str:
    """10.0.0.5, 10.0.0.5:80, [2001:db8::5]:80."""
    if not port:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
