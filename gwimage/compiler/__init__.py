"""Compiles a source to {path: File}. Pure: `compile` reads no clock, environment, network or disk.

`output_tree.write` puts the files on the disk.
"""

from gwimage import features
from gwimage.claims.claim import Claim
from gwimage.compiler.loading import load
from gwimage.language.source import Source
from gwimage.plan import File, Plan
from gwimage.problem import Problem
from gwimage.profile import Profile
from gwimage.render import base, manifest, mkosi, networkd, nftables, nocloud, resolved

RENDERERS = (networkd, resolved, nftables)


def compile(source: Source) -> tuple[dict[str, File], list[Problem]]:
    """All output files by path, sorted, and all problems; no files if there are errors."""
    profile, problems = load(source)
    return (render(profile, source) if profile else {}), problems


def render(profile: Profile, source: Source) -> dict[str, File]:
    """All output files by path, sorted; `profile` is the result of `load` for the source."""
    plan = features.plan(profile)
    files = config(plan)
    files |= nocloud.render(profile, files)
    files |= mkosi.render(profile, plan)
    files[base.BASE] = File(f"{base.digest(files)}\n")
    files |= manifest.render(profile, source, files)
    return dict(sorted(files.items()))


def config(plan: Plan) -> dict[str, File]:
    """Configuration layer by path: the files that are laid over the packages' /etc."""
    files = {path: file for renderer in RENDERERS for path, file in renderer.render(plan).items()}
    files |= dict(plan.files)
    for unit, target in plan.units:
        # as plain files: presets and systemctl enable need a running package layer
        files[f"etc/systemd/system/{target}.wants/{unit}"] = File(link=f"/usr/lib/systemd/system/{unit}")
    return {f"config/{path}": file for path, file in sorted(files.items())}


def claims(profile: Profile) -> tuple[Claim, ...]:
    """Claims that `verify` checks on the running gateway, each after the claims that it needs."""
    left, found = list(features.plan(profile).claims), {}
    while left:
        ready = next(claim for claim in left if found.keys() >= set(claim.needs))
        found[ready.id] = ready
        left.remove(ready)
    return tuple(found.values())
