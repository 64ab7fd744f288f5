"""cloud-init's own schema, as Debian 13 ships it, takes every user-data that we write."""

import json
import subprocess

import jsonschema
import pytest
import yaml
from conftest import TESTS

from gwimage import host, instance, source, tools, volume

CASES = sorted((TESTS / "cases").glob("*/profile.yaml"))


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    """Validators by file of the volume."""
    root = tmp_path_factory.mktemp("cloud-init")
    tools.apt(root, "trixie", host.mirror(), ("update",), ("download", "cloud-init"))
    (package,) = root.glob("cloud-init_*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, root / "package"], check=True)
    folder = root / "package/usr/lib/python3/dist-packages/cloudinit/config/schemas"
    names = {"user-data": "schema-cloud-config-v1.json", "network-config": "schema-network-config-v2.json"}
    return {file: jsonschema.Draft4Validator(json.loads((folder / name).read_text())) for file, name in names.items()}


def complaints(schemas, files: dict[str, bytes]) -> list[str]:
    found = []
    for name, schema in schemas.items():
        if text := files.get(name, b"").decode():
            document = yaml.safe_load(text)
            found += [f"{name}: {error.json_path}: {error.message}" for error in schema.iter_errors(document)]
    return found


@pytest.mark.parametrize("stock_image", [False, True], ids=["own", "stock"])
def test_it_takes_the_user_data_of_every_case(schemas, stock_image):
    for case in CASES:
        made = instance.make(source.read(str(case)), None, stock_image=stock_image)
        assert made.seed, made.problems
        files = volume.read(made.volume)
        assert files["user-data"].startswith(b"#cloud-config\n") and b"instance-id: " in files["meta-data"]
        assert complaints(schemas, files) == [], case


def test_it_would_complain(schemas):
    files = {"user-data": b"#cloud-config\nhostnam: x\n", "network-config": b"version: 2\nethernets: {wan: {dhcp4: maybe}}\n"}
    assert {text.partition(":")[0] for text in complaints(schemas, files)} == set(files)
