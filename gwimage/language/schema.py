"""Validates plain data against the JSON Schema in schemas/, and defines formats that need more than a pattern.

Messages are in schema_messages.py.
"""

import functools
import json
import re
from collections.abc import Iterator
from importlib import resources
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from gwimage.language import schema_messages
from gwimage.problem import MOST, Problem
from gwimage.values import domain_names, ranges, time_zones
from gwimage.values.wireguard import is_endpoint, is_key


def check(data: object) -> list[Problem]:
    """Problems for all violations of the schema, about MOST at most."""
    if isinstance(data, dict) and type(data.get("version", 1)) is int and data.get("version", 1) != 1:
        hint = "this gwimage reads version 1"
        return [Problem(("version",), f"unknown profile format {data['version']}", hint)]
    problems: dict[tuple, Problem] = {}
    for error in _validator().iter_errors(data):
        for problem in schema_messages.translate(error, _fits):
            problems.setdefault((problem.path, problem.message), problem)
            if len(problems) >= MOST:
                return list(problems.values())
    return list(problems.values())


def sections() -> dict[str, str]:
    """Description of each section of a profile, by name."""
    return {
        name: part["description"] for name, part in whole()["properties"].items() if part.get("type") in ("object", "array")
    }


def seedable() -> list[str]:
    """Dotted paths that a site may set."""
    return [".".join(path) for path in _seedable(whole(), ())]


def _seedable(part: dict, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, inner in part.get("properties", {}).items():
        if inner.get("seedable"):
            yield (*path, name)
        else:
            yield from _seedable(inner, (*path, name))


def _fits(value: object, schema: dict) -> bool:
    return _validator().evolve(schema=schema).is_valid(value)


def ipv4_address(text: str) -> bool:
    return _is(IPv4Address, text)


def ipv4_prefix(text: str) -> bool:
    address, slash, prefix = text.partition("/")
    return bool(slash) and _is(IPv4Address, address) and prefix in map(str, range(33))


def ipv4_network(text: str) -> bool:
    return ipv4_prefix(text) and _is(IPv4Network, text)


def ipv4_range(text: str) -> bool:
    first, hyphen, last = text.partition("-")
    return bool(hyphen) and _is(IPv4Address, first) and _is(IPv4Address, last)


def ipv6_address(text: str) -> bool:
    return "%" not in text and _is(IPv6Address, text)  # a scope such as %wan is not part of an address here


def ipv6_prefix(text: str) -> bool:
    address, slash, prefix = text.partition("/")
    return bool(slash) and ipv6_address(address) and prefix in map(str, range(129))


FORMATS = {
    "ipv4-address": ipv4_address,
    "ipv4-address-or-none": lambda text: text == "none" or ipv4_address(text),
    "ipv4-prefix": ipv4_prefix,
    "ipv4-network": ipv4_network,
    "ipv4-range": ipv4_range,
    "ipv6-address": ipv6_address,
    "ipv6-prefix": ipv6_prefix,
    "ip-address": domain_names.is_address,
    "label": domain_names.is_label,
    "domain": domain_names.is_domain,
    "host": domain_names.is_host,
    "dns-upstream": domain_names.is_upstream,
    "timezone": time_zones.exists,
    "wg-key": is_key,
    "endpoint": is_endpoint,
    "addresses": ranges.is_addresses,
    "addresses-or-set": ranges.is_addresses_or_set,
    "ports": ranges.is_ports,
}


def _is(kind: type, text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


@functools.cache
def _validator():
    # imported late: --help and --version need no validator
    import jsonschema

    def pattern(validator, regex, instance, schema):
        # Python's $ also matches before a final newline, and a newline must never reach a unit file
        if isinstance(instance, str) and ("\n" in instance or not re.search(regex, instance)):
            yield jsonschema.ValidationError("pattern")

    def unique(validator, wanted, instance, schema):
        # jsonschema is quadratic for items that cannot be sorted
        if isinstance(instance, list) and len({json.dumps(item, sort_keys=True) for item in instance}) < len(instance):
            yield jsonschema.ValidationError("uniqueItems")

    formats = jsonschema.FormatChecker(formats=())
    for name, test in FORMATS.items():
        formats.checks(name)(lambda value, test=test: not isinstance(value, str) or test(value))
    kind = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": pattern, "uniqueItems": unique})
    return kind(whole(), format_checker=formats)


@functools.cache
def whole() -> dict:
    """The whole schema, with references resolved."""
    return _inlined({"$ref": "profile.schema.json"})


def _inlined(schema, file: str = ""):
    """The schema with each $ref replaced by its target, which jsonschema would otherwise look up for every value."""
    if isinstance(schema, list):
        return [_inlined(part, file) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: value for key, value in schema.items() if key not in ("$schema", "$defs")}
    there, _, pointer = schema.pop("$ref", "").partition("#")
    found = {}
    if there or pointer:
        found = _fragment(there or file)
        for part in pointer.strip("/").split("/") if pointer else ():
            found = found[part]
        found = _inlined(found, there or file)
    return found | {key: _inlined(value, file) for key, value in schema.items()}


@functools.cache
def _fragment(name: str) -> dict:
    return json.loads((resources.files("gwimage") / "schemas" / name).read_text(encoding="utf-8"))
