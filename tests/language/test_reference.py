"""The reference page is fresh and complete; the schema in one piece says the same as the fragments."""

import json

import jsonschema
import pytest
from click.testing import CliRunner

from gwimage.commands import main
from gwimage.language import reference, source
from tests.support.paths import ROOT, TESTS

PAGE = ROOT / "docs/reference.md"
PROFILES = sorted([*(TESTS / "cases").glob("*/profile.yaml"), *(ROOT / "profiles").glob("*.yaml")])


def test_the_page_is_fresh(update_golden):
    if update_golden:
        PAGE.write_text(reference.page())
    assert PAGE.read_text() == reference.page()


def keys(node):
    if isinstance(node, dict):
        yield from node.get("properties", {})
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from keys(value)


def test_every_key_is_on_the_page():
    rows = {line.split("|")[1].strip().strip("*") for line in reference.page().splitlines() if line.startswith("| ")}
    wanted = set(keys([json.loads(path.read_text()) for path in (ROOT / "schemas").glob("*.json")]))
    assert wanted <= rows


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.parent.name)
def test_the_bundle_takes_what_the_checker_takes(path):
    text = CliRunner().invoke(main.cli, ["schema"]).output
    bundle = json.loads(text)
    assert ".json" not in text.replace(bundle["$schema"], "")
    jsonschema.Draft202012Validator.check_schema(bundle)
    validator = jsonschema.Draft202012Validator(bundle)
    data = source.read(str(path)).data
    assert validator.is_valid(data)
    assert not validator.is_valid(data | {"lams": 1})
    assert not validator.is_valid(data | {"wans": {"wan": {"nic": "net9", "ipv4": "dhcp"}}})
