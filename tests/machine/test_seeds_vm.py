"""Seeds in the real image: one that is not right changes nothing, another one what it says, and a clone is another gateway."""

import re

import pytest

from bench.rebaked import rebake
from gwimage import compiler
from gwimage.compiler import loading
from gwimage.lab import sandbox
from gwimage.lab.machine.qemu import SeedDisk, Shape
from gwimage.language import site, source
from gwimage.seed import difference, instance, iso
from gwimage.verify.run import Job
from tests.support.paths import HOMELAB
from tests.support.sites import wanted as wanted_of
from tests.support.vm_sessions import clone, etc_of, seeded

pytestmark = pytest.mark.vm
PROFILE = source.read(str(HOMELAB))
SUBNET = "lans: {lan: {address: 10.7.0.1/24, dhcp: {pool: 10.7.0.100-10.7.0.199}}}\n"
SSH = """\
system: {admin: {ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a]}}
services: {ssh: {from: [lan]}}
"""
# what cloud-init writes besides, of the identity that it finds in the seed
CLOUD_INITS = {
    "/etc/sudoers.d/90-cloud-init-users",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/passwd-",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/ssh/sshd_config.d/50-cloud-init.conf",
}


def contents(text: str, profile: source.Source = PROFILE) -> dict[str, bytes]:
    """Of the volume for a site."""
    given = source.parse(text, "site.yaml")
    wanted, problems = wanted_of(profile, given)
    assert wanted, problems
    base = compiler.render(loading.load(profile)[0], profile)
    return difference.volume(
        difference.difference(site.name(given), base, compiler.render(wanted, site.overlay(profile, given)))
    )


def test_a_seed_that_is_not_right_changes_nothing(image, tmp_path):
    good, other = contents("site: good\n" + SUBNET), contents("site: other\n" + SUBNET.replace("10.7.", "10.8."))
    head, archive = good[difference.HEAD].decode(), good[difference.ARCHIVE]
    base = next(line for line in head.split("\n") if line.startswith("base "))
    volumes = {
        "a good one": good,
        "flipped": good | {difference.ARCHIVE: archive[:5000] + bytes([archive[5000] ^ 1]) + archive[5001:]},
        "half": good | {difference.ARCHIVE: archive[: len(archive) // 2]},
        "large": good | {difference.ARCHIVE: archive.ljust(difference.MOST + 1, b"\0")},
        "another base": good | {difference.HEAD: head.replace(base, "base " + "0" * 64).encode()},
        "another kind": good | {difference.HEAD: head.replace("seed 1", "seed 2").encode()},
        "cloud-init's": {name: good[name] for name in ("meta-data", "user-data")},
        "another": other,
    }
    files = {}
    for name, content in volumes.items():
        files[name] = tmp_path / f"{name}.iso"
        files[name].write_bytes(iso.make(content))
    files["torn"] = tmp_path / "torn.iso"
    files["torn"].write_bytes(files["a good one"].read_bytes()[:34000].ljust(90112, b"\0"))
    cases = {name: (SeedDisk(file),) for name, file in files.items() if name not in ("another", "a good one")}
    right = SeedDisk(files["a good one"], disk=True)
    cases |= {"none": (), "two": (SeedDisk(files["another"]), right), "a good one": (right,)}
    parsed = loading.load(PROFILE)[0]
    found = sandbox.call(seeded, Job(image, parsed, (), Shape(), tmp_path), cases, say=print)
    leases = {name: lease.rpartition(".")[0] for name, (lease, _, _) in found.items()}
    assert leases == dict.fromkeys(cases, "10.0.0") | {"a good one": "10.7.0"}
    assert {name: answer for name, (_, answer, _) in found.items() if answer != "silent"} == {}, (
        "a gateway without rules would answer reset"
    )
    console = {name: text for name, (_, _, text) in found.items()}
    says = {
        "flipped": "it is damaged",
        "half": "it is damaged",
        "large": "it is too large",
        "another kind": "it is of another kind",
        "another base": "it was made against another image",
        "torn": "is damaged",
        "two": "several seeds",
    }
    assert [name for name, words in says.items() if words not in console[name]] == []
    assert "seed" not in console["none"] and "seed" not in console["cloud-init's"]


def test_a_changed_seed_does_what_explain_foretold(image, tmp_path, key):
    """From one boot to the next no file of /etc changes but those in which the two seeds differ; the host key stays.

    The sites' key opens the gateway, in place of the profile's.
    """
    (tmp_path / "profile.yaml").write_text(f"{HOMELAB.read_text()}\n{SSH}")
    profile = source.read(str(tmp_path / "profile.yaml"))
    parsed = loading.load(profile)[0]
    baked = rebake(image, compiler.render(parsed, profile), tmp_path / "baked.raw")
    admin = f"system: {{admin: {{ssh_keys: [{key.with_suffix('.pub').read_text().strip()}]}}}}\n"
    sites = {
        "a": "site: branch-a\n",
        "b": "site: branch-b\nlans: {lan: {dhcp: {pool: 10.0.0.120-10.0.0.199}}}\ndns: {domain: b.example}\n",
    }
    cases, told = {}, {}
    for name, text in sites.items():
        (tmp_path / f"{name}.yaml").write_text(text + admin)
        made = instance.make(profile, str(tmp_path / f"{name}.yaml"))
        (tmp_path / f"{name}.iso").write_bytes(made.volume)
        cases[name] = (SeedDisk(tmp_path / f"{name}.iso", disk=True),)
        diffs = re.split(r"^--- baked", made.changes, flags=re.M)[1:]
        told[name] = {re.search(r"^\+\+\+ seed(.*)$", diff, re.M)[1]: diff for diff in diffs}
        assert f"lays {len(diffs)} files" in made.next_boot
    found = sandbox.call(etc_of, Job(baked, parsed, (), Shape(), tmp_path), cases, str(key), "admin@10.0.0.1", say=print)
    paths = found["a"].keys() | found["b"].keys()
    changed = {path for path in paths if found["a"].get(path) != found["b"].get(path)}
    foretold = {path for path in told["a"].keys() | told["b"].keys() if told["a"].get(path) != told["b"].get(path)}
    assert changed - CLOUD_INITS == foretold | {"/etc/gwimage/seed"}
    assert len(foretold) >= 3 and "/state/ssh/ssh_host_ed25519_key" in paths - changed


def test_a_clone_is_another_gateway(image, tmp_path):
    profile = source.parse(f"{HOMELAB.read_text()}\n{SSH}", "profile.yaml")
    baked = rebake(image, compiler.render(loading.load(profile)[0], profile), tmp_path / "ssh.raw")
    first, again, copy = sandbox.call(clone, Job(baked, loading.load(profile)[0], (), Shape(), tmp_path), say=print)
    assert (first.machine_id, first.host_keys) == (again.machine_id, again.host_keys)
    assert first.host_keys and copy.host_keys
    assert copy.machine_id != first.machine_id and not set(copy.host_keys) & set(first.host_keys)
