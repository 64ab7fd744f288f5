"""`gwimage explain`: from the command's words to text or JSON, and a verdict."""

import json

from gwimage.explain import matrix, output, question
from gwimage.explain.answer import answer, with_leases
from gwimage.explain.nft_rules import ParsedRule
from gwimage.explain.packet_path import Model
from gwimage.language.source import Source
from gwimage.plan import Plan


def run(
    plan: Plan, source: Source, start: str | None, end: str | None, packet: dict, leases: tuple[str, ...], form: str
) -> tuple[str, bool]:
    """Text or JSON, and whether the packet passes; without a protocol the matrix of zones, and True.

    packet: tcp, udp (ports), icmp (a type), proto (a name) and sport, or None each. Raises ProfileError.
    """
    asked = {name: packet[name] for name in ("tcp", "udp", "icmp", "proto") if packet[name] is not None}
    if not asked:
        return _matrix(with_leases(plan, leases), source, start, end, form), True
    if len(asked) > 1:
        raise question.wrong(f"--{list(asked)[1]}", "one packet has one protocol", "ask once for each")
    for option, word in (("--from", start), ("--to", end)):
        if not word:
            raise question.wrong(option, "missing", "say where the packet comes from and where it goes")
    found = answer(plan, _words(start, end, asked, packet["sport"]), leases)
    if form == "json":
        return json.dumps(output.document(found, source), indent=2), found.passes
    return output.text(found, source), found.passes


def _words(start: str, end: str, asked: dict, sport: int | None) -> question.Words:
    ((name, value),) = asked.items()
    if name == "icmp":
        return question.Words(start, end, name, icmp_type=value)
    if name == "proto":
        return question.Words(start, end, value)
    return question.Words(start, end, name, value, sport=sport)


def _matrix(known: Model, source: Source, start: str | None, end: str | None, form: str) -> str:
    zones = list(known.network.zones)
    starts = [question.zone("--from", start, zones)] if start else zones
    ends = [question.zone("--to", end, [matrix.GATEWAY, *zones])] if end else [matrix.GATEWAY, *zones]
    rows = matrix.rows(known, starts, ends)
    doubts = [text for rules in known.chains.values() for rule in rules if (text := _doubt(rule))]
    if form == "json":
        return json.dumps(output.matrix_document(rows, doubts, source), indent=2)
    return output.matrix_text(rows, doubts, source)


def _doubt(rule: ParsedRule) -> str:
    """Note on a rule that the matrix leaves out, which covers only the two filters and port forwards; empty if none."""
    if not rule.known:
        return f"{rule.path} is not understood and may change this: {rule.text}"
    if rule.stage in ("prerouting.raw", "dstnat.raw", "srcnat.raw"):
        return f"{rule.path} is not in this table, though it counts: {rule.text}"
    return ""
