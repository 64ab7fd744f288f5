"""Another configuration in an image that is there: the bytes of a full build elsewhere; refusals; nothing half."""

import os
import signal
import struct
import subprocess
import sys
import zlib
from stat import S_ISGID

import pytest

from gwimage.build import digests, rebake
from gwimage.build import image as build
from gwimage.build.disk_image import SECTOR, partitions
from gwimage.build.progress import Steps
from gwimage.compiler import compile
from gwimage.language import source
from gwimage.plan import File
from gwimage.problem import ToolError
from tests.build.test_build import wait_for
from tests.support import debian_oracle
from tests.support.paths import HOMELAB, ROOT

GWIMAGE = [sys.executable, "-m", "gwimage"]
STEM = "homelab_1.0.1_amd64"
FILES = {f"{STEM}.{suffix}" for suffix in ("raw", "qcow2", "manifest.json", "digests.json", "log")}
# another release, another address, and a password's hash, which not everybody may read
CHANGED = HOMELAB.read_text().replace("release: 1.0.0", "release: 1.0.1").replace("10.0.0.", "10.9.9.") + (
    "system: {admin: {name: ops, password_hash: $6$saltsalt$" + "a" * 86 + "}}\n"
)


@pytest.fixture
def changed(tmp_path):
    path = tmp_path / "changed.yaml"
    path.write_text(CHANGED)
    return path


def run(*argv, **options) -> subprocess.CompletedProcess:
    command = [*GWIMAGE, *map(str, argv)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def differing(one, other) -> list[str]:
    """Labels of the partitions in which two images are unlike; `disk` for what lies outside of them."""
    places = partitions(one)
    images = [bytearray(path.read_bytes()) for path in (one, other)]
    found = []
    for label, place in places.items():
        parts = [image[place.start : place.start + place.size] for image in images]
        found += [label] * (parts[0] != parts[1])
        for image in images:
            image[place.start : place.start + place.size] = bytes(place.size)
    return found + ["disk"] * (images[0] != images[1])


def test_a_full_build_elsewhere_gives_the_same_bytes(image, changed, tmp_path):
    """Every partition and the table, of the first image's configuration but one: so both builds were the same, too.

    Another folder, time, umask, time zone, language, and number of processors.
    """
    full, baked = tmp_path / "another" / "folder" / "full", tmp_path / "with spaces"
    elsewhere = os.environ | {"TZ": "Pacific/Auckland", "LC_ALL": "tr_TR.UTF-8"}
    one = {min(os.sched_getaffinity(0))}
    done = run("build", changed, "-o", full, env=elsewhere, umask=0o077, preexec_fn=lambda: os.sched_setaffinity(0, one))
    assert done.returncode == 0, done.stderr
    done = run("rebake", changed, "-o", baked, "--base", image)
    assert done.returncode == 0, done.stderr
    assert f"packages: those of {image}" in done.stdout
    assert {path.name for path in baked.iterdir()} == FILES
    assert differing(full / f"{STEM}.raw", baked / f"{STEM}.raw") == []
    assert differing(image, baked / f"{STEM}.raw") == ["gwimage-config"]
    for suffix in ("qcow2", "manifest.json", "digests.json"):
        assert (full / f"{STEM}.{suffix}").read_bytes() == (baked / f"{STEM}.{suffix}").read_bytes(), suffix
    for folder in (full, baked):
        modes = {path.suffix: path.stat().st_mode & 0o777 for path in folder.iterdir()}
        assert (modes[".raw"], modes[".qcow2"]) == (0o600, 0o600)


def test_all_that_is_in_the_image_is_roots(image, tmp_path):
    """As an ordinary user mkosi can make nothing else: so its image is that of root. Programs have no group's rights."""
    place = partitions(image)["gwimage-packages"]
    with image.open("rb") as disk:
        disk.seek(place.start)
        (tmp_path / "packages").write_bytes(disk.read(place.size))
    script = 'mount --bind "$WORK" "$TREE/mnt" && exec chroot "$TREE" fsck.erofs --preserve --extract=/mnt/tree /mnt/packages'
    env = {"TREE": str(debian_oracle.tree()), "WORK": str(tmp_path), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script], env=env, check=True, capture_output=True
    )
    found = {path: path.lstat() for path in (tmp_path / "tree").rglob("*")}
    assert len(found) > 1000
    assert [path for path, stat in found.items() if stat.st_uid or stat.st_gid or stat.st_mode & S_ISGID] == []


@pytest.fixture
def out(image, tmp_path):
    """An output folder with the image, its manifest and digests, and a proof of an image that the next one replaces."""
    folder = tmp_path / "out"
    folder.mkdir()
    for path in (image, image.with_suffix(".manifest.json"), image.with_suffix(digests.SUFFIX)):
        subprocess.run(["cp", "--sparse=always", str(path), str(folder)], check=True)
    (folder / f"{STEM}.proof.json").write_text("{}")
    return folder


def stub(folder, script) -> dict[str, str]:
    """An environment whose qemu-img is this."""
    folder.mkdir()
    (folder / "qemu-img").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "qemu-img").chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_the_newest_image_of_the_gateway_is_taken(out, changed):
    for name, age in (("homelab_0.9.0_amd64.raw", 60), ("lab_1.0.0_amd64.raw", -60)):
        (out / name).write_text("not this one")
        at = (out / "homelab_1.0.0_amd64.raw").stat().st_mtime - age
        os.utime(out / name, (at, at))
    done = run("rebake", changed, "-o", out)
    assert done.returncode == 0, done.stderr
    assert f"packages: those of {out / 'homelab_1.0.0_amd64.raw'}, without newer security updates" in done.stdout
    assert not (out / f"{STEM}.proof.json").exists(), "it proved another image"
    done = run("rebake", changed, "-o", out)  # from itself, now the newest
    assert f"packages: those of {out / f'{STEM}.raw'}" in done.stdout
    assert differing(out / "homelab_1.0.0_amd64.raw", out / f"{STEM}.raw") == ["gwimage-config"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("image: {packages: [mtr-tiny]}\n", "packages or partitions differ (mkosi.conf.d/10-profile.conf)"),
        (
            "image: {state_size: 128M}\n",
            "packages or partitions differ (mkosi.conf.d/10-profile.conf, mkosi.repart/40-state.conf)",
        ),
    ],
)
def test_other_packages_need_a_build(out, changed, more, words):
    changed.write_text(CHANGED + more)
    done = run("rebake", changed, "-o", out)
    assert done.returncode == 3
    assert f"{words}; run `gwimage build`" in done.stderr
    assert {path.suffix for path in out.glob(f"{STEM}*")} == {".log", ".json"}, "the proof stays with what it proved"


def test_without_an_image_it_says_what_to_do(changed, tmp_path):
    done = run("rebake", changed, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "has no image of 'homelab' to take the packages from; run `gwimage build`, or give --base" in done.stderr


def without(label):
    """The partition gets another label, with right checksums."""

    def change(path):
        with path.open("r+b") as disk:
            disk.seek(SECTOR)
            header = bytearray(disk.read(92))
            first, count, size = struct.unpack_from("<QII", header, 72)
            disk.seek(first * SECTOR)
            entries = disk.read(count * size)
            entries = entries.replace(label.encode("utf-16-le"), label[::-1].encode("utf-16-le"))
            struct.pack_into("<I", header, 88, zlib.crc32(entries))
            struct.pack_into("<I", header, 16, 0)
            struct.pack_into("<I", header, 16, zlib.crc32(header))
            disk.seek(first * SECTOR)
            disk.write(entries)
            disk.seek(SECTOR)
            disk.write(header)

    return change


def overwritten(label, offset, data):
    def change(path):
        with path.open("r+b") as disk:
            disk.seek((partitions(path)[label].start if label else 0) + offset)
            disk.write(data)

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.with_suffix(".manifest.json").unlink(), "there is no homelab_1.0.0_amd64.manifest.json beside it"),
        (lambda path: path.with_suffix(".manifest.json").write_text("[]"), "homelab_1.0.0_amd64.manifest.json cannot be read"),
        (lambda path: path.with_suffix(".digests.json").unlink(), "there is no homelab_1.0.0_amd64.digests.json beside it"),
        (lambda path: os.truncate(path, path.stat().st_size - 1), "it is damaged: it ends too early"),
        (lambda path: path.write_bytes(b"nothing"), "it is damaged: it ends too early"),
        (overwritten("", SECTOR + 60, b"x"), "it is damaged: it has no partition table, or a damaged one"),
        (overwritten("", 2 * SECTOR + 60, b"x"), "it is damaged: its partition table is damaged"),
        (overwritten("gwimage-packages", 1024, bytes(4)), "it is damaged: no erofs"),
        (overwritten("gwimage-state", 2**25, b"x"), "it was booted: its state partition is in use"),
        (
            overwritten("gwimage-esp", 2**25, b"x"),
            "it is damaged, or was changed since it was built: partition gwimage-esp has SHA-",
        ),
        (
            overwritten("gwimage-packages", 2**24, b"x"),
            "it is damaged, or was changed since it was built: partition gwimage-pack",
        ),
        (
            overwritten("", 2**20 - 1, b"x"),
            "it is damaged, or was changed since it was built: no partition, but the file has SHA",
        ),
        (without("gwimage-config"), "it has no partition 'gwimage-config'"),
    ],
)
def test_an_image_that_will_not_do(out, damage, words):
    files = compile(source.parse(CHANGED, "p.yaml"))[0]
    assert rebake.why_unusable(out / "homelab_1.0.0_amd64.raw", files) == ""
    damage(out / "homelab_1.0.0_amd64.raw")
    assert rebake.why_unusable(out / "homelab_1.0.0_amd64.raw", files).startswith(words)


def test_zeros_in_the_file_are_no_state(out):
    image = out / "homelab_1.0.0_amd64.raw"
    overwritten("gwimage-state", 2**25, bytes(2**21))(image)
    assert rebake.why_unusable(image, compile(source.parse(CHANGED, "p.yaml"))[0]) == ""


def test_a_configuration_larger_than_its_partition(image, tmp_path):
    files = compile(source.parse(CHANGED, "p.yaml"))[0] | {"config/etc/large": File("x" * (16 * 2**20))}
    with open(os.devnull, "w") as nowhere, pytest.raises(ToolError) as error:
        rebake.bake(files, image, tmp_path / "x.raw", debian_oracle.tree(), Steps(tmp_path / "log", nowhere))
    assert error.value.stderr == "it has 16.0 MiB, and its partition 16"


def _states(folder):
    """Of each file what a change would change."""
    found = {path.name: path.stat() for path in folder.iterdir()}
    return {name: (state.st_ino, state.st_size, state.st_mtime_ns, state.st_mode) for name, state in found.items()}


def test_a_tool_that_fails_changes_nothing(out, changed, tmp_path):
    before = _states(out)
    done = run("rebake", changed, "-o", out, env=stub(tmp_path / "bin", "echo no room >&2; exit 1"))
    assert done.returncode == 3
    assert "no room" in done.stderr
    assert {name: state for name, state in _states(out).items() if name != f"{STEM}.log"} == before


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_when_it_is_killed_nothing_half_is_left(out, changed, tmp_path, how):
    before = {path.name for path in out.iterdir()} | {f"{STEM}.log"}
    argv = [*GWIMAGE, "rebake", str(changed), "-o", str(out)]
    with subprocess.Popen(
        argv,
        cwd=ROOT,
        env=stub(tmp_path / "bin", 'touch "$0.runs"; exec tail -f /dev/null'),
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    ) as process:
        try:
            assert wait_for((tmp_path / "bin/qemu-img.runs").exists, process), "it did not come to the qcow2"
            process.send_signal(how)
            process.wait(60)
        finally:
            process.kill()
    if how == signal.SIGKILL:  # the next one cleans up after it
        with build.staging(out):
            pass
    assert {path.name for path in out.iterdir()} == before


def test_raw_rules_are_shown_to_nft_first(out, changed):
    changed.write_text(CHANGED + "firewall: {raw: {input: [ip saddr 10.0.0.9 dropp]}}\n")
    done = run("rebake", changed, "-o", out)
    assert done.returncode == 1
    assert "nft says" in done.stderr


def test_profiles_that_differ_in_their_configuration_share_all_definitions_but_the_name():
    """So do one with an administrator and one without; another kernel is another image."""
    homelab, changed, generic = (
        {path: file for path, file in compile(source.parse(text, "p.yaml"))[0].items() if path.startswith("mkosi")}
        for text in (HOMELAB.read_text(), CHANGED, CHANGED + "image: {kernel: generic}\n")
    )
    assert [path for path in homelab if homelab[path] != changed[path]] == ["mkosi.conf.d/20-name.conf"]
    assert homelab["mkosi.conf.d/20-name.conf"].text == "[Output]\nOutput=homelab_1.0.0_amd64\n"
    seeds = {
        files["mkosi.conf.d/10-profile.conf"].text.partition("Seed=")[2].split()[0] for files in (homelab, changed, generic)
    }
    assert len(seeds) == 2
