"""Generates mutants of compiled files: one line dropped, changed or added. Pure; bench/mutants.py runs them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from gwimage.plan import File

RULES = "config/etc/nftables/gwimage.nft"
UNITS = "/systemd/system/"
MASKED = "unit masked"  # an empty unit file (systemd.unit(5))
_UNIT_FILES = (".network", ".netdev", ".link", ".conf")
_ADDRESS = re.compile(r"(?<![\d.])\d+\.\d+\.\d+\.\d+(?![\d.])")
_MAC = re.compile(r"\b((?:[0-9a-f]{2}:){5})([0-9a-f]{2})\b")
_PORT = re.compile(r"(dport (?:\{ )?|tcp \. |udp \. |:)(\d+)\b")
_MATCH = re.compile(
    r'\b(?:[io]ifname (?:!= )?(?:@\w+|"[^"]*"|\{[^}]*\})|ip6? [sd]addr (?:!= )?(?:@[\w-]+|\{[^}]*\}|\S+)'
    r"|(?:tcp|udp|th) dport (?:\{[^}]*\}|\S+)|meta l4proto (?:\{[^}]*\}|\S+)|fib daddr type local"
    r"|ct status dnat|icmp type (?:\{[^}]*\}|\S+)) "
)
_FLIPS = {"yes": "no", "no": "yes", "ipv4": "no", "0": "1", "1": "0", "accept": "drop", "drop": "accept"}


@dataclass(frozen=True)
class Mutant:
    """One mistake. line: from 1; text: the new line, None if it is dropped; more: a line added after it."""

    path: str
    line: int
    kind: str
    old: str
    text: str | None
    more: str | None = None

    def apply(self, files: Mapping[str, File]) -> dict[str, File]:
        if self.kind == MASKED:
            return dict(files) | {self.path: replace(files[self.path], text="")}
        lines = files[self.path].text.split("\n")
        lines[self.line - 1 : self.line] = [text for text in (self.text, self.more) if text is not None]
        return dict(files) | {self.path: replace(files[self.path], text="\n".join(lines))}

    def origin(self, files: Mapping[str, File]) -> str:
        """Profile path that caused the line, by the source map; empty for a line that is in every profile."""
        return dict(files[self.path].origins).get(self.line, "")


def mutants(files: Mapping[str, File], zones: list[str]) -> list[Mutant]:
    """All mutants, in the order of files and lines, then masked units; zones: names of all networks."""
    found = []
    for path in sorted(files):
        if not path.startswith(("config/", "mkosi.extra/")):
            continue
        for number, line in enumerate(files[path].text.split("\n"), 1):
            if line.strip() and not line.lstrip().startswith(("#", ";", "[")):
                found += [Mutant(path, number, kind, line, text, more) for kind, text, more in _of(path, line, zones)]
    masked = [path for path in sorted(files) if path.endswith((".service", ".socket")) and UNITS in path and files[path].text]
    return found + [Mutant(path, 1, MASKED, "", None) for path in masked]


def needs_machine(mutant: Mutant) -> bool:
    """Whether only a VM can ask about it: units, sshd, logins, the initrd."""
    asked = ("/network/", "/nftables/", "/networkd.conf.d/", "/resolved.conf.d/", "/chrony/", "/sysctl.d/", "etc/hosts")
    return not any(part in mutant.path for part in asked) or UNITS in mutant.path


def _of(path: str, line: str, zones: list[str]) -> Iterator[tuple[str, str | None, str | None]]:
    if path == RULES:
        yield from _of_rules(line, zones)
    elif path.endswith("etc/hosts"):
        yield "hosts entry dropped", None, None
        yield from _addresses("hosts entry changed", line)
        address, name, *rest = line.split(" ")
        yield "name changed", " ".join([address, f"x{name}", *rest]), None
    elif path.endswith(_UNIT_FILES) and "=" in line:
        yield from _of_keys(line)
    elif path.endswith("chrony.conf"):
        yield "line dropped", None, None
        yield from _addresses("address changed", line)


def _of_keys(line: str) -> Iterator[tuple[str, str | None, str | None]]:
    key, value = line.split("=", 1)
    yield "key dropped", None, None
    if " " not in key:  # a sysctl has blanks around `=`, and nothing checks its spelling
        yield "key misspelt", f"{key[:2]}{key[3:]}={value}" if len(key) > 3 else f"{key}x={value}", None
    if value.strip() in _FLIPS:
        yield "value flipped", f"{key}={' ' * value.startswith(' ')}{_FLIPS[value.strip()]}", None
    yield from _addresses("address changed", line)
    for found in _MAC.finditer(line.lower()):
        yield "MAC address changed", line[: found.start(2)] + f"{int(found[2], 16) ^ 1:02x}" + line[found.end(2) :], None
    if value.isdecimal() and value not in _FLIPS:
        yield "number raised", f"{key}={int(value) + 7}", None
        yield "number lowered", f"{key}={max(0, int(value) - 7)}", None


def _of_rules(line: str, zones: list[str]) -> Iterator[tuple[str, str | None, str | None]]:
    body, _, _ = line.partition(' comment "')
    if line.rstrip().endswith(","):
        yield "element dropped", None, None
        yield from _addresses("address changed", line)
        yield from _ports(line)
        yield from _opened(line, zones)
    elif "policy drop" in line:
        yield "policy turned", line.replace("policy drop", "policy accept"), None
    elif ' comment "' in line and not line.rstrip().endswith("{"):
        yield "rule dropped", None, None
        yield from _addresses("address changed", line)
        yield from _ports(line)
        for found in _MATCH.finditer(body + " "):
            yield "rule widened", line[: found.start()] + line[found.end() :], None
        for word in ("accept", "drop"):
            if re.search(rf"(?<![:\w] ){word}$", body):
                yield "verdict turned", body[: -len(word)] + _FLIPS[word] + line[len(body) :], None


def _opened(line: str, zones: list[str]) -> Iterator[tuple[str, str | None, str | None]]:
    """Mutants that open a zone or port: an element added after an existing one."""
    blank = line[: len(line) - len(line.lstrip())]
    if found := re.match(r'\s*"([\w-]+)" \. "([\w-]+)"', line):
        for other in zones:
            if other != found[1]:
                yield "zone opened", line, f'{blank}"{other}" . "{found[1]}",'
    elif found := re.match(r'\s*"([\w-]+)" \. (tcp|udp) \. 53', line):
        for other in zones:
            yield "port opened", line, f'{blank}"{other}" . {found[2]} . {8000 + len(found[1])},'


def _addresses(kind: str, line: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Mutants with another address: a prefix becomes its neighbour, an address differs in one bit."""
    for found in _ADDRESS.finditer(line):
        length = re.match(r"/(\d+)", line[found.end() :])
        bit = 1 << (32 - int(length[1])) if length and int(length[1]) < 31 else 2
        yield kind, line[: found.start()] + str(IPv4Address(int(IPv4Address(found[0])) ^ bit)) + line[found.end() :], None


def _ports(line: str) -> Iterator[tuple[str, str | None, str | None]]:
    for found in _PORT.finditer(line.partition(' comment "')[0]):
        port = int(found[2])
        yield "port moved", line[: found.start(2)] + str(port + 1) + line[found.end(2) :], None
        if found[1].startswith("dport") and not line[found.end(2) :].startswith("-"):
            yield "port widened", f"{line[: found.start(2)]}{port}-{port + 9}{line[found.end(2) :]}", None
