"""Formats answers and the matrix as text and as JSON data. Must not evaluate anything."""

from itertools import groupby

from gwimage.explain.answer import Explanation
from gwimage.explain.matrix import Passage, Row
from gwimage.explain.packet import ICMP, ICMP_TYPES, ICMPV6, ICMPV6_TYPES, NAMES, Packet
from gwimage.explain.packet_path import PacketPath, Step, place
from gwimage.language.source import Source
from gwimage.problem import Problem

MARGIN, LONGEST = 12, 70


def text(answer: Explanation, source: Source) -> str:
    """The answer as text for the terminal."""
    lines = [_verdict(answer), ""]
    if answer.there:
        for step in answer.there.steps:
            lines += _step(step, source)
    if answer.back:
        lines += _lines("answers", _answers(answer.back))
    for note in answer.notes:
        lines += _lines("note", note)
    sentence, yaml = answer.advice
    if sentence:
        lines += ["", sentence, *([""] if yaml else []), *yaml.splitlines()]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip()


def document(answer: Explanation, source: Source) -> dict:
    """The answer as JSON data; keys are stable within one `format`."""
    there, returned = answer.there, answer.back
    return {
        "format": 1,
        "passes": answer.passes,
        "verdict": there.verdict if there else "direct",
        "packet": _data(answer.asked.packet),
        "leaves": _data(there.packet) if there and there.verdict == "forwarded" else None,
        "steps": _steps(there, source),
        "answer": _answer(returned, source) if returned else None,
        "notes": list(answer.notes),
        "advice": dict(zip(("text", "profile"), answer.advice, strict=True)),
    }


def _answer(returned: PacketPath, source: Source) -> dict:
    return {"verdict": returned.verdict, "packet": _data(returned.packet), "steps": _steps(returned, source)}


def matrix_text(rows: list[Row], doubts: list[str], source: Source) -> str:
    """The matrix as a table, then the details of cells that are neither all nor nothing."""
    starts, ends = list(dict.fromkeys(row[0] for row in rows)), list(dict.fromkeys(row[1] for row in rows))
    cells = {(start, end): _cell(start, end, found) for start, end, found in rows}
    table = [["from \\ to", *ends], *([start, *(cells[start, end] for end in ends)] for start in starts)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    for start, end, found in rows:
        if cells[start, end] in ("some", "most"):
            lines += ["", f"{start} to {end}", *_openings(found, source)]
    return "\n".join([*lines, *([""] if doubts else []), *doubts])


def _openings(found: list[Passage], source: Source) -> list[str]:
    """A line for each profile entry, in rule order: the first match decides."""
    lines = []
    for (closed, path), group in groupby(found, key=lambda each: (each.closed, each.path)):
        texts = [each.text for each in group]
        texts = [", ".join(texts)] if sum(map(len, texts)) < LONGEST else texts
        lines += [(f"{'not ' * closed}{text}", path) for text in texts]
    width = min(LONGEST, max(len(text) for text, _ in lines))
    return [f"    {text:{width}}  [{_where(path, source)}]" for text, path in lines]


def matrix_document(rows: list[Row], doubts: list[str], source: Source) -> dict:
    """The matrix as JSON data; keys are stable within one `format`."""
    return {
        "format": 1,
        "zones": [
            {
                "from": start,
                "to": end,
                "open": {"-": "none", "": "own"}.get(cell := _cell(start, end, found), cell),
                "what": [{"text": each.text, "closed": each.closed, **_cause(each.path, source)} for each in found],
            }
            for start, end, found in rows
        ],
        "notes": doubts,
    }


def _cell(start: str, end: str, found: list[Passage]) -> str:
    if not found:
        return "" if start == end else "-"
    every = any(each.everything for each in found)
    return "some" if not every else "most" if any(each.closed for each in found) else "all"


def _verdict(answer: Explanation) -> str:
    packet, there = answer.asked.packet, answer.there
    what = f"{_kind(packet)} from {place(packet.src, packet.sport)} on {packet.iif} to {place(packet.dst, packet.dport)}"
    if there is None:
        return f"passes: {what}"
    if there.doubts or (answer.back and answer.back.doubts):
        what = f"{what} (unless a rule below that is not understood says otherwise)"
    if there.verdict == "dropped":
        return f"is dropped: {what}{f' on {there.packet.oif}' if there.packet.oif else ''}"
    if there.verdict == "accepted":
        return f"passes: {what}, the gateway itself"
    left, changes = there.packet, []
    if (left.dst, left.dport) != (packet.dst, packet.dport):
        changes.append(f"to {place(left.dst, left.dport)}")
    if left.src != packet.src:
        changes.append(f"as {left.src}")
    return f"passes: {what}, out by {left.oif}{' ' * bool(changes)}{' '.join(changes)}"


def _kind(packet: Packet) -> str:
    name = NAMES.get(packet.protocol, f"protocol {packet.protocol}")
    if packet.protocol in (ICMP, ICMPV6):
        types = ICMP_TYPES if packet.protocol == ICMP else ICMPV6_TYPES
        return f"{name} {next((word for word, number in types.items() if number == packet.icmp_type), packet.icmp_type)}"
    return name


def _lines(head: str, *texts: str) -> list[str]:
    return [f"{head:{MARGIN}}{texts[0]}", *(" " * MARGIN + text for text in texts[1:])]


def _step(step: Step, source: Source) -> list[str]:
    texts = [step.text, f"rule: {step.rule.text}"] if step.rule else [step.text]
    return _lines(step.hook, *texts, *map(_cite, _causes(step, source)))


def _causes(step: Step, source: Source) -> list[dict]:
    """Causes of a step: those written in the profile; else the first one."""
    found = [_cause(path, source) for path in dict.fromkeys(step.paths)]
    return [cause for cause in found if cause["line"]] or found[:1]


def _cause(path: str, source: Source) -> dict:
    """Position of a profile path, or of the nearest written key above it (then `default` is true)."""
    keys = source.path(path)
    written = keys in source.keys or keys in source.values
    spot = source.locate(Problem(keys, "", on_key=True)).place if keys[:1] in source.keys else None
    return {
        "path": path,
        "default": not written,
        "file": spot.file if spot else "",
        "line": spot.line if spot else 0,
        "column": spot.column if spot else 0,
        "written": _excerpt(spot.text, spot.column - 1) if spot else "",
    }


def cited(path: str, source: Source) -> str:
    """Citation of a profile path: file, line, column and the text written there."""
    return _cite(_cause(path, source))


def _cite(cause: dict) -> str:
    if not cause["line"]:
        return f"[{cause['path']}: holds for every profile]"
    place = f"{cause['file']}:{cause['line']}:{cause['column']}"
    return f"{place}: {cause['written']}  [{cause['path']}{': a default' * cause['default']}]"


def _excerpt(line: str, start: int) -> str:
    """The line from `start`, to the end of the entry in a flow mapping or list; at most LONGEST characters."""
    depth, end = 0, len(line)
    inside = sum(line.count(sign, 0, start) for sign in "{[") > sum(line.count(sign, 0, start) for sign in "}]")
    for index in range(start, len(line) if inside else start):
        depth += (line[index] in "{[") - (line[index] in "}]")
        if depth < 0 or (depth == 0 and line[index] == ","):
            end = index
            break
    text = line[start:end].rstrip()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _where(path: str, source: Source) -> str:
    cause = _cause(path, source)
    return f"{cause['path']}, line {cause['line']}" if cause["line"] else cause["path"]


def _answers(returned: PacketPath) -> str:
    packet = returned.packet
    if returned.verdict == "dropped":
        return "are dropped"
    ends = f"from {place(packet.src, packet.sport)} to {place(packet.dst, packet.dport)}"
    return f"pass as part of the connection, {ends} by {packet.oif}"


def _steps(way: PacketPath | None, source: Source) -> list[dict]:
    return [
        {
            "hook": step.hook,
            "text": step.text,
            "rule": step.rule.text if step.rule else "",
            "causes": [_cause(path, source) for path in step.paths],
        }
        for step in (way.steps if way else ())
    ]


def _data(packet: Packet) -> dict:
    return {
        "from": packet.iif,
        "to": packet.oif,
        "source": str(packet.src),
        "destination": str(packet.dst),
        "protocol": NAMES.get(packet.protocol, str(packet.protocol)),
        "source_port": packet.sport,
        "destination_port": packet.dport,
        "icmp_type": packet.icmp_type,
    }
