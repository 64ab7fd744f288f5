"""The schemas themselves: complete, described, and as one with the code."""

import dataclasses
import json
import re

import jsonschema
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from gwimage import features
from gwimage.language import schema, schema_messages
from gwimage.profile import Profile
from tests.support.paths import ROOT

FRAGMENTS = {path.name: json.loads(path.read_text()) for path in sorted((ROOT / "schemas").glob("*.json"))}
HEAD = {"version", "name", "release", "description"}


def walk(node, path=()):
    yield path, node
    for key, value in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        yield from walk(value, (*path, key))


@pytest.mark.parametrize("name", FRAGMENTS)
def test_fragment(name):
    jsonschema.Draft202012Validator.check_schema(FRAGMENTS[name])
    for path, node in walk(FRAGMENTS[name]):
        assert not {"oneOf", "anyOf", "allOf"} & set(node if isinstance(node, dict) else ()), path


@pytest.mark.parametrize("name", FRAGMENTS)
def test_every_property_is_described(name):
    for path, node in walk(FRAGMENTS[name]):
        if path and path[-1] == "properties" and not {"if", "then"} & set(path):
            for key, value in node.items():
                target = value.get("$ref", "")
                described = value if "description" in value else _resolve(target)
                assert described["description"].endswith("."), (path, key)


@pytest.mark.parametrize("name", FRAGMENTS)
def test_every_refusal_has_words(name):
    """Patterns and formats mean nothing to people."""
    for path, node in walk(FRAGMENTS[name]):
        if isinstance(node, dict) and {"pattern", "format", "not", "enum"} & set(node) and path[-1] != "properties":
            assert node["patternErrorMessage"], path
        if isinstance(node, dict) and "format" in node:
            assert node["format"] in schema.FORMATS


@pytest.mark.parametrize("name", FRAGMENTS)
def test_no_object_takes_unknown_keys(name):
    for path, node in walk(FRAGMENTS[name]):
        if isinstance(node, dict) and "object" in str(node.get("type", "")):
            assert "additionalProperties" in node, path


RULES = {
    "additionalProperties",
    "required",
    "dependentRequired",
    "propertyNames",
    "not",
    "type",
    "pattern",
    "format",
    "enum",
    "const",
}
RULES |= {"minimum", "maximum", *schema_messages.LIMITS}
FREE = {
    "$schema",
    "$ref",
    "$defs",
    "title",
    "description",
    "default",
    "examples",
    "properties",
    "items",
    "if",
    "then",
    "else",
    "patternErrorMessage",
    "seedable",
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_only_keywords_that_have_words(name):
    for path, node in walk(FRAGMENTS[name]):
        if isinstance(node, dict) and path[-1:] not in (("properties",), ("$defs",), ("dependentRequired",)):
            assert not set(node) - RULES - FREE, path
            assert ("minimum" in node) == ("maximum" in node), path


def test_words_do_not_lie():
    """The example in the words is one that the schema takes."""
    for name, kind in FRAGMENTS["types.schema.json"]["$defs"].items():
        example = re.search(r"such as (\S+)$", kind.get("patternErrorMessage", ""))
        if example and "pattern" in kind:
            assert re.search(kind["pattern"], example[1]), name
        elif example:
            assert schema.FORMATS[kind["format"]](example[1]), name


def test_sections_fields_and_features_agree():
    sections = set(FRAGMENTS["profile.schema.json"]["properties"]) - HEAD
    fields = {field.name for field in dataclasses.fields(Profile)} - HEAD
    modules = {feature.__name__.rsplit(".", 1)[1] for feature in features.ALL}
    assert sections <= fields <= modules


def test_editors_and_the_checker_read_the_same():
    """A stock validator over the plain files, as an editor has it, agrees on what has no format of ours."""
    registry = Registry().with_resources((name, DRAFT202012.create_resource(data)) for name, data in FRAGMENTS.items())
    stock = jsonschema.Draft202012Validator({"$ref": "profile.schema.json"}, registry=registry)
    good = {"version": 1, "name": "a", "release": "1.0.0", "wans": {"wan": {"nic": "net0", "ipv4": "dhcp"}}}
    good["lans"] = {"lan": {"nic": "net1", "address": "10.0.0.1/24"}}
    assert stock.is_valid(good)
    assert not schema.check(good)
    for wrong in ({**good, "x": 1}, {**good, "name": "A"}, {**good, "lans": {}}, {**good, "wans": {"wan": {"nic": "net0"}}}):
        assert not stock.is_valid(wrong)
        assert schema.check(wrong)


@pytest.mark.parametrize("text", ["1.2.3.4", "0.0.0.0", "255.255.255.255"])
def test_addresses(text):
    assert schema.ipv4_address(text)
    assert schema.ipv4_prefix(f"{text}/0")
    assert schema.ipv4_range(f"{text}-{text}")


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.4 ", "1.2.3.4\n", "１.2.3.4", "::1"]
)
def test_no_addresses(text):
    assert not schema.ipv4_address(text)
    assert not schema.ipv4_prefix(f"{text}/24")
    assert not schema.ipv4_range(f"{text}-1.2.3.4")


@pytest.mark.parametrize(
    "text", ["1.2.3.4", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/+8", "1.2.3.4/08", "1.2.3.4/8/8", "1.2.3.4/255.0.0.0"]
)
def test_no_prefixes(text):
    assert not schema.ipv4_prefix(text)


def _resolve(target: str) -> dict:
    file, _, pointer = target.partition("#/")
    node = FRAGMENTS[file]
    for part in filter(None, pointer.split("/")):
        node = node[part]
    return node
