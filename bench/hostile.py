"""Measures how long gwimage takes to reject hostile profiles: about 1 MiB each, in some fifty shapes.

    python -m bench.hostile [NAME...]

Prints CPU seconds, problems and bytes printed for each; exit status 1 if one takes longer than LIMIT. The shapes are those
of tests/language/test_hostile.py, which checks counts and never time.
"""

import base64
import sys
import time

from gwimage.commands import diagnostics
from gwimage.compiler.loading import load
from gwimage.language import source, yaml_reader

SIZE = 1 << 20
MANY = yaml_reader.MAX_NODES // 2 - 50  # keys with a value each
LIMIT = 2.0
HEAD = "version: 1\nname: hostile\nrelease: 1.0.0\nwans:\n  wan: {nic: net0, ipv4: dhcp}\n"
TCP = "to: [lan], protocols: [tcp]"
LAN = "lans:\n  lan: {nic: net1, address: 10.0.0.1/24}\n"


def fill(head: str, unit: str, tail: str = "", most: int = SIZE) -> str:
    """Repeats `unit` up to SIZE bytes, or `most` times, between head and tail; N in a unit becomes its number."""
    left, parts = SIZE - len(head) - len(tail), []
    while left > 0 and len(parts) <= most:
        parts.append(unit.replace("N", str(len(parts))))
        left -= len(parts[-1])
    return head + "".join(parts[:-1]) + tail


def large(right: bool) -> str:
    """Profile with as many networks, routes and peers as the schema allows; all correct, or each conflicting with all others."""
    lines = [*HEAD.splitlines(), "lans:"]
    for n in range(64):
        subnet = f"10.1.{n if right else 0}"
        dhcp = f"{{pool: {subnet}.100-{subnet}.199}}"
        lines.append(f"  lan{n}x: {{nic: net5, vlan: {n + 2 if right else 1}, address: {subnet}.1/24, dhcp: {dhcp}}}")
    lines.append("routes:")
    for n in range(256):
        lines.append(f"  - {{to: 10.{20 + n // 250}.{n % 250}.0/24, via: 10.1.{n % 64 if right else 99}.254}}")
    lines.append("vpn:")
    for v in range(16):
        lines += [f"  v{v}x:", f"    port: {51820 + v * right}", f"    address: 10.{100 + v * right}.0.1/16", "    peers:"]
        for p in range(256):
            number = v * 256 + p + 1 if right else 1
            key = base64.b64encode(number.to_bytes(32)).decode()
            lines.append(
                f"      p{p}: {{public_key: {key}, address: 10.{100 + v * right}.{1 + number // 250}.{1 + number % 250}}}"
            )
    return "\n".join(lines) + "\n"


def many(name: str, count: int) -> str:
    """Comma-separated list of different names; N in them as for fill."""
    return ", ".join(f"{name}N-{index}" for index in range(count))


def shapes() -> dict[str, str]:
    """Hostile profiles (YAML) by name."""
    valid = HEAD + LAN
    allow = f"{valid}firewall:\n  allow:\n"
    admin = f"{HEAD}{LAN}system:\n  admin:\n    ssh_keys: "
    return {
        "many values": fill("a: [", "a,", "]"),
        "many empty mappings": fill("a: [", "{},", "]"),
        "problems on one line": fill("a: [", "yes,", "]"),
        "problems on long lines": fill("a: [", "&a ," * 1000 + "\n ", "]"),
        "anchors": fill("", "aN: &a x\n"),
        "tags": fill("", "aN: !x y\n"),
        "equal keys": fill("", "a: 1\n"),
        "equal long keys": fill("", "? " + "a" * 199 + "\n: 1\n"),
        "endless key": f"? {'a' * (SIZE - 9)}\n: 1\n",
        "invisible": "\u200b" * (SIZE // 3),
        "deep lists": "[" * SIZE,
        "deep mappings": fill("", "{a: "),
        "deep blocks": "\n".join(" " * n + "a:" for n in range(1400)),
        "blanks": " " * (SIZE - 5) + "a: b",
        "empty lines": "\n" * (SIZE - 5) + "a: b",
        "comments": fill("", "#\n", "a: b"),
        "one comment": "#" * (SIZE - 5) + "\na: b",
        "quoted": valid + f'x: "{"x" * (SIZE - 200)}"\n',
        "escapes": valid + 'x: "' + "\\n" * (SIZE // 2 - 200) + '"\n',
        "one word": valid + f"x: {'x' * (SIZE - 200)}\n",
        "words": fill(f"{valid}x: ", "x "),
        "folded": fill(f"{valid}x: >\n", "  x\n"),
        "literal": fill(f"{valid}x: |\n", "  x\n"),
        "several lines": fill(f"{valid}x: x\n", "  x\n"),
        "directives": fill("", "%X y\n", "---\na: b"),
        "like secrets": fill("", "password" * 500 + "\n", "a: &x"),
        "secrets with blanks": fill("", "password" + " " * 3000 + "\n", "a: &x"),
        "unknown keys": fill(valid, "addresN: x\n", most=MANY),
        "unknown keys in a network": fill(f"{HEAD}lans:\n  lan:\n", "    addresN: x\n", most=MANY),
        "networks": fill(f"{HEAD}lans:\n", "  aN: {}\n", most=MANY),
        "correct networks": fill(f"{HEAD}lans:\n", "  aN: {nic: net1, address: 10.0.0.1/24}\n", most=MANY // 3),
        "bad names": fill(f"{HEAD}lans:\n", "  AN: {nic: net1, address: 10.0.0.1/24}\n", most=MANY // 3),
        "mixed list": fill(f"{valid}services: {{ssh: {{from: [", "{a: N},bN,N,", "]}}", MANY // 3),
        "equal items": fill(f"{valid}services: {{ssh: {{from: [", "b,", "]}}", MANY * 2 - 100),
        "keys": fill(f"{admin}[", "ssh-ed25519 AAAAN,", "]", MANY * 2 - 100),
        "huge key": f"{admin}[ssh-ed25519 {'A' * (SIZE - 256)}]",
        "huge hash": f"{valid}system: {{admin: {{password_hash: $6${'a' * (SIZE - 200)}}}}}",
        "huge address": HEAD + f"lans:\n  lan: {{nic: net1, address: {'1.' * (SIZE // 2 - 200)}}}\n",
        "huge number": HEAD + f"lans:\n  lan: {{nic: net1, address: {'1' * (SIZE - 200)}}}\n",
        "huge mapping as text": fill(f"{HEAD}lans:\n  lan: {{nic: net1, address: {{", "aN: b,", "}}", MANY),
        "allow": fill(allow, f"    - {{from: [wan], {TCP}, ports: [4N-60000]}}\n", most=512),
        "unknown zones": fill(allow, f"    - {{from: [{many('lax', 90)}], {TCP}}}\n", most=500),
        "unknown sets": fill(allow, f"    - {{from: [wan], {TCP}, sources: [{many('a', 60)}]}}\n", most=512),
        "forwards": fill(f"{valid}firewall:\n  forwards:\n", "    aN: {ports: [4N-60000], to: 10.0.0.5}\n", most=512),
        "set": fill(f"{valid}firewall: {{sets: {{a: [", "2001:db8::N,", "]}}", MANY * 2 - 100),
        "sets": fill(f"{valid}firewall:\n  sets:\n", f"    aN: [{'10.0.0.1, ' * 300}]\n", most=128),
        "files": fill(valid, "aN_file: bN\n", most=MANY),
        "large and correct": large(True),
        "large and wrong": large(False),
        "sets of one address": valid
        + "firewall:\n  sets:\n"
        + "".join(f"    s{n}: [{', '.join(['10.9.0.1'] * 1024)}]\n" for n in range(45)),
        "forwards on one port": fill(f"{valid}firewall:\n  forwards:\n", "    fN: {ports: [80], to: 10.0.0.5}\n", most=512),
        "10 MB": "a: b\n" * (2 << 20),
    }


def ask(text: str) -> tuple[float, int, str]:
    """Checks a profile; returns CPU seconds, number of problems, and the text printed."""
    start = time.process_time()
    _, problems = load(source.parse(text, "hostile.yaml"))
    said = diagnostics.text(problems)
    return time.process_time() - start, len(problems), said


def main() -> int:
    slowest = 0.0
    for name, text in shapes().items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            seconds, problems, said = ask(text)
            slowest = max(slowest, seconds)
            print(f"{seconds:6.2f} s {problems:6} problems {len(said):8} bytes  {name}", flush=True)
    print(f"slowest {slowest:.2f} s, limit {LIMIT:.1f} s")
    return int(slowest > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
