"""Mutation test: which mistakes in compiled files `gwimage verify --fast` catches, and whether it reports false failures.

    python -m bench.mutants [--count N] [--seed N] [--jobs N] [-o FILE] [PROFILE...]
    python -m bench.mutants --loop N [PROFILE...]      N runs without mistakes, none may fail

Run by hand: each mutant takes a few seconds of CPU. A mutant is caught if any claim fails; its failed claims that point to
the mistake, by the manifest's source map, are `expected` (below). bench/equivalent.yaml lists equivalent mutants: mistakes
without any observable effect, with the reason. Exit status 1 if the score, without those, is below LEAST, or if a run of
the loop fails.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from bench import mutate
from gwimage import compiler
from gwimage.build import host, tools
from gwimage.build.progress import Steps
from gwimage.claims.claim import Claim
from gwimage.compiler import loading
from gwimage.lab.machine.guest import LISTENER
from gwimage.language import source
from gwimage.plan import File
from gwimage.problem import ToolError
from gwimage.profile import Profile
from gwimage.verify import fast
from gwimage.verify.result import PASS, UNTESTABLE, Result

ROOT = Path(__file__).resolve().parent.parent
PROFILES = [*sorted((ROOT / "profiles").glob("*.yaml")), ROOT / "tests/cases/everything/profile.yaml"]
LEAST = 0.97
PORTS = (*range(1, 10001), LISTENER)  # scanned ports: the mistakes are here; all ports would take most of the time


@dataclass(frozen=True)
class Gateway:
    name: str
    profile: Profile
    files: dict[str, File]
    claims: tuple[Claim, ...]

    @property
    def zones(self) -> list[str]:
        return [net.name for net in (*self.profile.wans, *self.profile.lans)]


@dataclass
class Seen:
    """Result of a mutant. red: ids of failed claims; expected: those of the profile part that caused the line."""

    gateway: str
    mutant: mutate.Mutant
    origin: str
    verdict: str = ""
    red: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    why: str = ""
    seconds: float = 0


def load(path: Path) -> Gateway:
    read = source.read(str(path))
    profile, problems = loading.load(read)
    assert profile, problems
    return Gateway(profile.name, profile, compiler.render(profile, read), compiler.claims(profile))


def chosen(gateways: list[Gateway], count: int, seed: int) -> list[tuple[Gateway, mutate.Mutant]]:
    """Random sample of mutants, one of each kind in turn, so that rare kinds are included."""
    kinds = defaultdict(list)
    for gateway in gateways:
        for mutant in mutate.mutants(gateway.files, gateway.zones):
            kinds[mutant.kind].append((gateway, mutant))
    rng, found = random.Random(seed), []
    for kind in sorted(kinds):
        rng.shuffle(kinds[kind])
    while len(found) < count and any(kinds.values()):
        found += [kinds[kind].pop() for kind in sorted(kinds) if kinds[kind]]
    return found[:count]


def ask(gateway: Gateway, mutant: mutate.Mutant, tree: Path, same: list[dict]) -> Seen:
    start, origin = time.monotonic(), mutant.origin(gateway.files)
    seen = Seen(gateway.name, mutant, origin)
    if why := equivalent(gateway.name, mutant, same):
        seen.verdict, seen.why = "equivalent", why
        return seen
    if mutate.needs_machine(mutant):
        seen.verdict = "needs VM"
        return seen
    first = [claim for claim in gateway.claims if related(claim.path, origin)]
    try:
        # first the claims that should fail, all claims only if they pass: saves time, since few claims catch most mutants
        for claims in (_with_needs(first, gateway.claims), gateway.claims):
            outcome = fast.verify(gateway.profile, mutant.apply(gateway.files), claims, tree, ports=PORTS)
            wrong = [result for result in outcome.results if result.status not in (PASS, UNTESTABLE)]
            seen.expected = expected(wrong, gateway, mutant)
            if seen.expected:
                break
    except ToolError as error:
        seen.verdict, seen.why = "broke the lab", f"{' '.join(error.argv)}: {error.stderr}"[:500]
        return seen
    seen.red = [result.id for result in wrong]
    beyond = any(result.status == UNTESTABLE and related(result.path, origin) for result in outcome.results)
    seen.verdict = "caught" if wrong else "needs VM" if beyond else "survived"
    seen.seconds = time.monotonic() - start
    return seen


def equivalent(gateway: str, mutant: mutate.Mutant, same: list[dict]) -> str:
    """Reason why the mutant has no observable effect, from bench/equivalent.yaml; empty if not listed."""
    for entry in same:
        fits = fnmatchcase(mutant.path, f"*/{entry['file']}") and mutant.kind in entry.get("kinds", [mutant.kind])
        if fits and gateway in entry.get("gateways", [gateway]) and re.search(entry["line"], mutant.old.strip()):
            return entry["why"]
    return ""


def expected(wrong: list[Result], gateway: Gateway, mutant: mutate.Mutant) -> list[str]:
    """Ids of failed claims that point to the mistake: of the profile part that caused the line, or a network that it names.

    For a line that is in every profile, or of the firewall as a whole, any claim counts; for a misspelt or dropped key also
    files.accepted.
    """
    origin, line = mutant.origin(gateway.files), f"{Path(mutant.path).name} {mutant.old} {mutant.text} {mutant.more}"
    named = {zone for zone in gateway.zones if re.search(rf'["-]{re.escape(zone)}[".]', line)}
    return [
        result.id
        for result in wrong
        if related(result.path, origin)
        or named & set(re.split(r"[.]", result.id))
        or origin in ("", "firewall")
        or (result.id == "files.accepted" and mutant.kind.startswith("key"))
    ]


def _with_needs(some: list[Claim], claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    wanted = {claim.id for claim in some}
    for claim in reversed(claims):  # in reverse: each claim comes after the claims that it needs
        wanted |= set(claim.needs) if claim.id in wanted else set()
    return tuple(claim for claim in claims if claim.id in wanted)


def related(path: str, origin: str) -> bool:
    return bool(path and origin) and (f"{path}.".startswith(f"{origin}.") or f"{origin}.".startswith(f"{path}."))


def table(found: list[Seen]) -> tuple[str, float]:
    """Table of verdicts by kind, and the score: caught mutants divided by all that could be asked here."""
    kinds, lines = defaultdict(Counter), []
    for seen in found:
        kinds[seen.mutant.kind][seen.verdict] += 1
    verdicts = ["caught", "survived", "equivalent", "needs VM", "broke the lab"]
    lines.append(f"{'':22}" + "".join(f"{verdict:>15}" for verdict in verdicts))
    for kind in sorted(kinds):
        lines.append(f"{kind:22}" + "".join(f"{kinds[kind][verdict] or '':>15}" for verdict in verdicts))
    count = Counter(seen.verdict for seen in found)
    lines.append(f"{'all':22}" + "".join(f"{count[verdict]:>15}" for verdict in verdicts) + "\n")
    for seen in found:
        if seen.verdict in ("survived", "broke the lab"):
            mutant = seen.mutant
            lines.append(f"{seen.verdict}: {seen.gateway} {mutant.path}:{mutant.line} {mutant.kind} [{seen.origin}] {seen.why}")
            lines += [f"    - {mutant.old.strip()}", *(f"    + {text.strip()}" for text in (mutant.text, mutant.more) if text)]
    asked = count["caught"] + count["survived"] + count["broke the lab"]
    score = count["caught"] / asked if asked else 1.0
    there = sum(1 for seen in found if seen.verdict == "caught" and seen.expected)
    lines.append(f"{count['caught']} of {asked} caught: {score:.1%}; {there} by a claim that says where to look")
    return "\n".join(lines), score


def document(found: list[Seen], seed: int) -> dict:
    return {
        "seed": seed,
        "mutants": [
            {
                "gateway": seen.gateway,
                "file": seen.mutant.path,
                "line": seen.mutant.line,
                "kind": seen.mutant.kind,
                "was": seen.mutant.old.strip(),
                "is": (seen.mutant.text or "").strip(),
                "and": (seen.mutant.more or "").strip(),
                "cause": seen.origin,
                "verdict": seen.verdict,
                "red": seen.red,
                "expected": seen.expected,
                "why": seen.why,
                "seconds": round(seen.seconds, 1),
            }
            for seen in found
        ],
    }


def loop(gateways: list[Gateway], times: int, jobs: int, tree: Path) -> int:
    """Verifies unchanged gateways in turn, and prints failures; returns 1 if any run failed, else 0."""
    bad = 0

    def run(number: int) -> list[str]:
        gateway = gateways[number % len(gateways)]
        results = fast.verify(gateway.profile, gateway.files, gateway.claims, tree).results
        return [f"{gateway.name}: {r.id}: {r.seen} {r.control}" for r in results if r.status not in (PASS, UNTESTABLE)]

    with ThreadPoolExecutor(jobs) as pool:
        for number, wrong in enumerate(pool.map(run, range(times)), 1):
            bad += bool(wrong)
            print(f"{number:3} of {times}: {'; '.join(wrong) or 'green'}", flush=True)
    print(f"{bad} of {times} runs were red")
    return int(bad > 0)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("profiles", nargs="*", type=Path, default=PROFILES)
    parser.add_argument("--count", type=int, default=320)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--loop", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    fast.preflight()
    steps, mirror = Steps(host.cache() / "mutants.log"), host.mirror()
    tree = tools.tree(steps, tools.mkosi(steps, mirror), mirror)
    gateways = [load(path) for path in options.profiles]
    if options.loop:
        return loop(gateways, options.loop, options.jobs, tree)
    same, found = yaml.safe_load((ROOT / "bench/equivalent.yaml").read_text()), []
    print(f"seed {options.seed}", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        for seen in pool.map(lambda pair: ask(*pair, tree, same), chosen(gateways, options.count, options.seed)):
            found.append(seen)
            if options.output:
                options.output.write_text(json.dumps(document(found, options.seed), indent=1) + "\n")
            print(
                f"{len(found):4} {seen.verdict:10} {seen.gateway} {seen.mutant.path}:{seen.mutant.line} {seen.mutant.kind}",
                flush=True,
            )
    text, score = table(found)
    print(text)
    return int(score < LEAST)


if __name__ == "__main__":
    sys.exit(main())
