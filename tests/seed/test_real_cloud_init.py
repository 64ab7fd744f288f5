"""cloud-init as Debian 13 ships it takes every volume that we write: its schemas, and its NoCloud reader."""

import json
import shutil

import jsonschema
import pytest
import yaml

from gwimage.language import source
from gwimage.seed import instance, iso
from tests.support import debian_oracle, debian_packages
from tests.support.paths import TESTS

CASES = sorted((TESTS / "cases").glob("*/profile.yaml"))
PACKAGES = "usr/lib/python3/dist-packages"
# Debian 13's Python, beside it cloud-init and what it needs, and the volumes
ENTER = r"""
set -eu
mount --bind "$LAYER" "$TREE/mnt"
for dir in run tmp etc; do mount -t tmpfs -o mode=0755 tmpfs "$TREE/$dir"; done
mkdir -p "$TREE/etc/ssl/certs" # without certificates its library for HTTP is not even loaded
cat "$LAYER"/usr/share/ca-certificates/mozilla/*.crt > "$TREE/etc/ssl/certs/ca-certificates.crt"
cp -r "$CONFIG/." "$TREE/tmp/"
export PYTHONPATH="/mnt/$PACKAGES" LD_LIBRARY_PATH=/mnt/usr/lib/x86_64-linux-gnu PYTHONDONTWRITEBYTECODE=1
cd "$TREE/tmp"
chroot "$TREE" sh -c 'cd /tmp && python3 nocloud.py *-*'
"""


@pytest.fixture(scope="module")
def cloud_init():
    return debian_packages.unpacked(debian_oracle.tree(), "cloud-init", "cloud-init")


@pytest.fixture(scope="module")
def schemas(cloud_init):
    """Validators by file of the volume."""
    folder = cloud_init / PACKAGES / "cloudinit/config/schemas"
    names = {"user-data": "schema-cloud-config-v1.json", "network-config": "schema-network-config-v2.json"}
    return {file: jsonschema.Draft4Validator(json.loads((folder / name).read_text())) for file, name in names.items()}


def complaints(schemas, files: dict[str, bytes]) -> list[str]:
    found = []
    for name, schema in schemas.items():
        if text := files.get(name, b"").decode():
            document = yaml.safe_load(text)
            found += [f"{name}: {error.json_path}: {error.message}" for error in schema.iter_errors(document)]
    return found


@pytest.fixture(scope="module")
def volumes():
    """The files of each case's volume, by the case's name and whether it is for a stock image."""
    found = {}
    for case in CASES:
        for base in ("own", "stock"):
            made = instance.make(source.read(str(case)), None, stock_image=base == "stock")
            assert made.seed, made.problems
            found[f"{case.parent.name}-{base}"] = iso.read(made.volume)
    return found


def test_the_schemas_take_every_volume(schemas, volumes):
    assert {name: found for name, files in volumes.items() if (found := complaints(schemas, files))} == {}


def test_the_reader_takes_every_volume(cloud_init, volumes, tmp_path):
    """As one piece of configuration, for the instance that it names, with the network that it names, if any."""
    for name, files in volumes.items():
        folder = tmp_path / name / "seed/nocloud"
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
    (tmp_path / "none-at-all").mkdir()
    shutil.copy(TESTS / "support/nocloud.py", tmp_path)
    read = dict(map(json.loads, debian_oracle.ask(ENTER, tmp_path, LAYER=str(cloud_init), PACKAGES=PACKAGES).splitlines()))
    assert read.pop("none-at-all")["taken"] is False
    assert read.keys() == volumes.keys()
    for name, files in volumes.items():
        meta = yaml.safe_load(files["meta-data"])
        network = yaml.safe_load(files.get("network-config", b""))
        assert read[name] == {
            "taken": True,
            "instance": meta["instance-id"],
            "parts": ["text/cloud-config"],
            "network": network,
        }, name


def test_it_would_complain(schemas):
    files = {"user-data": b"#cloud-config\nhostnam: x\n", "network-config": b"version: 2\nethernets: {wan: {dhcp4: maybe}}\n"}
    assert {text.partition(":")[0] for text in complaints(schemas, files)} == set(files)
