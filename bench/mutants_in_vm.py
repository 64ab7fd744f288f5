"""Mutation test in the real image: a sample of the mutants that bench/mutants.py cannot ask (units, logins, tunnels).

    python -m bench.mutants_in_vm [--count N] [--seed N] [-o FILE] [PROFILE...]

Run by hand: each mutant takes two boots. One image is built; a mutant is that image with another configuration layer, where
a file below /etc overrides the image's own below /usr/lib. Exit status 1 if the score is below mutants.LEAST.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import yaml

from bench import mutants, mutate
from bench.mutants import ROOT, Gateway, Seen
from bench.rebaked import rebake
from gwimage.problem import ToolError
from gwimage.verify.image import verify
from gwimage.verify.result import PASS, UNTESTABLE

PROFILES = [ROOT / "profiles/homelab.yaml", ROOT / "profiles/vpn.yaml"]
_IMAGE, _LAYER = re.compile(r"mkosi\.extra/usr/lib/(systemd|sysctl\.d)/"), r"config/etc/\1/"


def chosen(gateways: list[Gateway], count: int, seed: int, same: list[dict]) -> list[tuple[Gateway, mutate.Mutant]]:
    """Random sample of mutants that need a machine, without equivalents and files that only a full build can change."""
    every = mutants.chosen(gateways, 10**6, seed)
    found = [
        (gateway, mutant)
        for gateway, mutant in every
        if (mutate.needs_machine(mutant) or "/30-" in mutant.path)
        and (mutant.path.startswith("config/") or _IMAGE.match(mutant.path))
        and not mutants.equivalent(gateway.name, mutant, same)
    ]
    random.Random(seed).shuffle(found)
    return found[:count]


def ask(gateway: Gateway, mutant: mutate.Mutant, image: Path, folder: Path) -> Seen:
    start, origin = time.monotonic(), mutant.origin(gateway.files)
    seen = Seen(gateway.name, mutant, origin)
    files = mutant.apply(gateway.files)
    moved = _IMAGE.sub(_LAYER, mutant.path)
    files[moved] = replace(files[mutant.path])
    baked = rebake(image, files, folder / "mutant.raw")
    try:
        found = verify(baked, gateway.profile, gateway.claims, logs=folder / "logs")
    except ToolError as error:
        seen.verdict, seen.why = "broke the lab", error.stderr[-500:]
        return seen
    wrong = [result for result in found.results if result.status not in (PASS, UNTESTABLE)]
    seen.red, seen.why = [result.id for result in wrong], wrong[0].seen[:200] if wrong else ""
    seen.expected = mutants.expected(wrong, gateway, mutant)
    seen.verdict = "caught" if wrong else "survived"
    seen.seconds = time.monotonic() - start
    return seen


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("profiles", nargs="*", type=Path, default=PROFILES)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    gateways = [mutants.load(path) for path in options.profiles]
    same, found = yaml.safe_load((ROOT / "bench/equivalent.yaml").read_text()), []
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="gwimage-mutants-") as name:
        folder = Path(name)
        argv = [sys.executable, "-m", "gwimage", "build", str(PROFILES[0]), "-o", str(folder)]
        subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (image,) = folder.glob("*.raw")
        for gateway, mutant in chosen(gateways, options.count, options.seed, same):
            seen = ask(gateway, mutant, image, folder)
            found.append(seen)
            if options.output:
                options.output.write_text(json.dumps(mutants.document(found, options.seed), indent=1) + "\n")
            print(
                f"{len(found):4} {seen.verdict} {seen.gateway} {mutant.path}:{mutant.line} {mutant.kind}: {seen.red[:6]}",
                flush=True,
            )
    text, score = mutants.table(found)
    print(text)
    return int(score < mutants.LEAST)


if __name__ == "__main__":
    sys.exit(main())
