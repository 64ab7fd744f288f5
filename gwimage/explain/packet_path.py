"""Path of one packet through the gateway: hooks in kernel order, the compiled rules, networkd's masquerade.

`model` reads a plan once; `trace` follows one packet through it, `trace_reply` the reply to it.
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
    "invalid": "it is a reply or error without a known connection (conntrack: invalid)",
}


@dataclass(frozen=True)
class Model:
    """What packets are traced through; chains: rules of each chain in order; sets: elements by set name."""

    network: RoutingTable
    chains: dict[str, tuple[ParsedRule, ...]]
    sets: dict[str, tuple[Member, ...]]


@dataclass(frozen=True)
class Step:
    """What one hook did to the packet, by which rule, if any; paths: causes in the profile, the most specific first.

    hook: one of our chains, "routing" (the kernel), "networkd" (its masquerade), or "wireguard" (AllowedIPs).
    """

    hook: str
    text: str
    rule: ParsedRule | None = None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class PacketPath:
    """The traced path of a packet.

    verdict: forwarded (by packet.oif to the next hop `via`), accepted (by the gateway itself), or dropped (in the last step).
    before: the packet as it arrived; packet: as it left. doubts: rules on the path that could not be parsed.
    """

    before: Packet
    packet: Packet
    verdict: str
    steps: tuple[Step, ...]
    via: Address | None = None
    doubts: tuple[ParsedRule, ...] = ()


def model(plan: Plan, given: Given | None = None) -> Model:
    """The model of a plan; given: known leases, as in `networkd.read`."""
    rules = [_read(rule) for rule in nftables.ordered(plan)]
    chains = {name: tuple(rule for rule in rules if nftables.chain(rule) == name) for name in nftables.CHAINS}
    types = {name: lines[0].removeprefix("type ") for name, lines in nftables.named(plan).items()}
    sets: dict[str, list[Member]] = {name: [] for name in types}
    for element in plan.elements:
        sets[element.set].append(nft_parser.element(types[element.set], element.text, element.path))
    return Model(networkd.read(plan, given), chains, {name: tuple(members) for name, members in sets.items()})


def _read(rule: Text) -> ParsedRule:
    """Parses a rule; only raw rules of the user may be unknown, others raise ValueError."""
    try:
        return nft_parser.rule(rule.stage, rule.text, rule.path)
    except ValueError:
        if not rule.stage.endswith(".raw"):
            raise
        return ParsedRule(rule.stage, rule.text, rule.path, known=False)


def trace(model: Model, packet: Packet) -> PacketPath:
    """Path of the first packet of a flow."""
    way = _Traversal(model, packet)
    return way.end(way.first_packet())


def trace_reply(model: Model, there: PacketPath) -> PacketPath:
    """Path of the reply to a forwarded packet; its source becomes the address that the packet was sent to."""
    came, left = there.before, there.packet
    way = _Traversal(model, answer(left, left.oif, left.dst, left.dport, left.src, left.sport))
    return way.end(way.reply(came))


def own_answer(model: Model, there: PacketPath) -> str:
    """Outgoing link of the gateway's own reply to a packet that it accepted; empty if there is no route."""
    packet = there.packet
    way = _Traversal(model, answer(packet, "", packet.dst, packet.dport, packet.src, packet.sport))
    way.filter("output")
    found = model.network.route(packet.src, mark=way.packet.mark)
    return found.link if found else ""


class _Traversal:
    """A packet's traversal of the hooks: its current state and the steps so far."""

    def __init__(self, model: Model, packet: Packet):
        self.model, self.before, self.packet = model, packet, packet
        self.steps: list[Step] = []
        self.doubts: list[ParsedRule] = []
        self.via: Address | None = None

    def end(self, verdict: str) -> PacketPath:
        return PacketPath(self.before, self.packet, verdict, tuple(self.steps), self.via, tuple(self.doubts))

    def first_packet(self) -> str:
        """Verdict for the first packet of a flow."""
        if wrong := kernel.martian(self.packet):
            self.step("routing", wrong, None)
            return "dropped"
        if not self.passes_wireguard(self.packet.iif, self.packet.src) or self.filter("prerouting") == "drop":
            return "dropped"
        if self.packet.state == "new":
            self.packet = replace(self.packet, state=first_state(self.packet))
        self.filter("mangle")
        if self.packet.state == "new" and self.translate("dstnat") == "drop":
            return "dropped"
        verdict = self.route_and_filter()
        return self.postrouting() if verdict == "forwarded" else verdict

    def postrouting(self) -> str:
        """Postrouting: srcnat, networkd's masquerade, WireGuard's AllowedIPs."""
        if self.packet.state == "new":
            said = self.translate("srcnat")
            if said == "drop":
                return "dropped"
            if said != "nat":
                self.masquerade()
        return "forwarded" if self.passes_wireguard(self.packet.oif, self.packet.dst) else "dropped"

    def reply(self, asked: Packet) -> str:
        """Verdict for a reply: conntrack reverses SNAT before routing and DNAT on the way out."""
        if self.filter("prerouting") == "drop":
            return "dropped"
        self.filter("mangle")
        self.packet = replace(self.packet, dst=asked.src, dport=asked.sport)
        verdict = self.route_and_filter()
        if verdict == "forwarded":
            self.packet = replace(self.packet, src=asked.dst, sport=asked.dport)
        return verdict

    def route_and_filter(self) -> str:
        """Routing decision, then the input or forward chain: accepted, forwarded or dropped."""
        decision = kernel.decide(self.model.network, self.packet)
        self.step("routing", decision.text, None, decision.path)
        if decision.to == "drop":
            return "dropped"
        if decision.to == "input":
            return SAYS[self.filter("input")]
        self.packet, self.via = replace(self.packet, oif=decision.route.link), decision.via
        return "dropped" if self.filter("forward") == "drop" else "forwarded"

    def passes_wireguard(self, link: str, address: Address) -> bool:
        """Whether WireGuard passes the packet: the address must be in some peer's AllowedIPs."""
        behind = self.model.network.peers.get(link)
        if behind is None or any(address in net for net in behind):
            return True
        self.step("wireguard", f"dropped: {address} is an address of no peer of {link}", None)
        return False

    def filter(self, chain: str) -> str:
        """Verdict of a base chain: accept or drop, of the first rule with one, else the policy."""
        if said := self.evaluate(chain):
            return said
        if "policy accept" in nftables.CHAINS[chain]:
            return "accept"
        self.step(chain, "dropped: no rule accepts it", None)
        return "drop"

    def evaluate(self, chain: str) -> str:
        """Verdict of a chain's rules, with those of chains it jumps to: accept, drop, or empty."""
        for rule, paths in self.matching(chain):
            self.apply_marks(chain, rule, paths)
            self.report_log(chain, rule, paths)
            if rule.jump and (said := self.evaluate(rule.jump)):
                return said
            if said := rule.verdict:
                rate = f", at most {rule.limit}" if rule.limit else ""
                state = f": {STATES[self.packet.state]}" if rule.by_state else ""
                self.step(chain, SAYS[said] + rate + state, rule, *paths)
                return said
        return ""

    def report_log(self, chain: str, rule: ParsedRule, paths: tuple[str, ...]) -> None:
        if rule.log:
            self.step(chain, f"logged as {rule.log.strip()!r}", rule, *paths)

    def apply_marks(self, chain: str, rule: ParsedRule, paths: tuple[str, ...]) -> None:
        """Applies a rule's non-verdict statements: notrack, and setting or restoring the ct mark."""
        if rule.untracked:
            self.packet = replace(self.packet, state="untracked")
            self.step(chain, "not tracked: it keeps its addresses", rule, *paths)
        if rule.ct_mark is not None and self.packet.state not in ("invalid", "untracked"):
            self.packet = replace(self.packet, ct_mark=rule.ct_mark)
            self.step(chain, f"answers are to leave by {self.packet.iif}", rule, *paths)
        if rule.marked:
            self.packet = replace(self.packet, mark=self.packet.ct_mark)
            self.step(chain, "leaves by the link on which its connection arrived", rule, *paths)

    def translate(self, chain: str) -> str:
        """Evaluates a NAT chain: nat if a rule decided (ends later NAT chains of the hook), else drop or empty."""
        for rule, paths in self.matching(chain):
            self.report_log(chain, rule, paths)
            if rule.jump and (said := self.evaluate(rule.jump)):
                return "drop" if said == "drop" else ""
            if rule.nat:
                self.apply_nat(chain, rule, paths)
                return "nat"
            if rule.verdict:
                self.step(chain, SAYS[rule.verdict], rule, *paths)
                return "drop" if rule.verdict == "drop" else ""
        return ""

    def masquerade(self) -> None:
        """Applies networkd's masquerade, which runs after our chain and matches the source only, not the output link."""
        for net, path in self.model.network.masquerade:
            if self.packet.src in net:
                rule = ParsedRule("networkd", f"ip saddr {net} masquerade", path, nat=Nat("masquerade"))
                self.apply_nat("networkd", rule, (path,))
                return

    def apply_nat(self, hook: str, rule: ParsedRule, paths: tuple[str, ...]) -> None:
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
        """Yields matching rules with their causes; rules that could not be parsed are collected in `doubts`."""
        for rule in self.model.chains[chain]:
            if not rule.known:
                self.doubts.append(rule)
                continue
            holds, paths = matches(rule, self.packet, self.model.network, self.model.sets)
            if holds:
                # a rule that every profile has is the least specific cause
                yield rule, (rule.path, *paths) if "." in rule.path else (*paths, rule.path)

    def step(self, hook: str, text: str, rule: ParsedRule | None, *paths: str) -> None:
        self.steps.append(Step(hook, text, rule, tuple(path for path in paths if path)))


def place(address: Address, port: int | None) -> str:
    """Address and port as text: 10.0.0.5, 10.0.0.5:80, [2001:db8::5]:80."""
    if not port:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
