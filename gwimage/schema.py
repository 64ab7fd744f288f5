"""Checks plain data against the JSON Schema in schemas/ and says what is wrong in human words.

The words stand beside each pattern in the schema (`patternErrorMessage`, which editors show too);
here are only the formats that need more than a pattern, and the translation of jsonschema's errors.
"""

import functools
import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from importlib import resources
from ipaddress import IPv4Address

from gwimage import secret
from gwimage.problem import MOST, Path, Problem, cut

TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
}


def check(data: object) -> list[Problem]:
    """Every violation of the schema, as problems; of more than MOST only some."""
    if isinstance(data, dict) and type(data.get("version", 1)) is int and data.get("version", 1) != 1:
        hint = "this gwimage reads version 1"
        return [Problem(("version",), f"unknown profile format {data['version']}", hint)]
    problems: dict[tuple, Problem] = {}
    for error in _validator().iter_errors(data):
        for problem in _translate(error, tuple(error.absolute_path)):
            problems.setdefault((problem.path, problem.message), problem)
            if len(problems) >= MOST:
                return list(problems.values())
    return list(problems.values())


def ipv4_address(text: str) -> bool:
    return _is(IPv4Address, text)


def ipv4_prefix(text: str) -> bool:
    address, slash, prefix = text.partition("/")
    return bool(slash) and _is(IPv4Address, address) and prefix in map(str, range(33))


def ipv4_range(text: str) -> bool:
    first, hyphen, last = text.partition("-")
    return bool(hyphen) and _is(IPv4Address, first) and _is(IPv4Address, last)


FORMATS = {"ipv4-address": ipv4_address, "ipv4-prefix": ipv4_prefix, "ipv4-range": ipv4_range}


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
        # Python's $ also matches before a last newline, and a newline must never reach a unit file
        if isinstance(instance, str) and ("\n" in instance or not re.search(regex, instance)):
            yield jsonschema.ValidationError("pattern")

    def unique(validator, wanted, instance, schema):
        # jsonschema compares each item with each where they cannot be sorted
        if isinstance(instance, list) and len({json.dumps(item, sort_keys=True) for item in instance}) < len(instance):
            yield jsonschema.ValidationError("uniqueItems")

    formats = jsonschema.FormatChecker(formats=())
    for name, test in FORMATS.items():
        formats.checks(name)(lambda value, test=test: not isinstance(value, str) or test(value))
    kind = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": pattern, "uniqueItems": unique})
    return kind(_inlined({"$ref": "profile.schema.json"}), format_checker=formats)


def _inlined(schema, file: str = ""):
    """The schema with what each $ref points at in its place: jsonschema would look it up for every value."""
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


def _translate(error, path: Path) -> Iterator[Problem]:
    words = error.schema.get("patternErrorMessage", "")
    rule, wanted, value = error.validator, error.validator_value, error.instance
    if rule == "additionalProperties":
        yield from _unknown(error.schema["properties"], value, path)
    elif rule == "required":
        for key in wanted:
            if key not in value and not _misspelt(key, value, error.schema):
                hint = words or _first_sentence(error.schema, key)
                yield Problem((*path, key), f"missing key {key!r}", hint, on_key=True)
    elif "propertyNames" in error.absolute_schema_path:
        yield Problem((*path, value), f"{words}{_but(value, path)}", on_key=True)
    elif rule == "type":
        hint = _type_hint("" if words else wanted, value)
        yield Problem(path, f"{words or 'expected ' + TYPES[wanted]}{_but(value, path)}", hint)
    elif rule == "not":
        yield Problem(path, words, on_key=True)
    elif rule in ("pattern", "format", "enum", "minimum", "maximum"):
        yield Problem(path, f"{words}{_but(value, path)}", _format_hint(wanted, value))
    elif rule == "const":
        yield Problem(path, f"expected {wanted}, not {_shown(value, path)}", "write it without quotes")
    else:
        yield Problem(path, _limit(rule, wanted))


def _unknown(known: dict, value: dict, path: Path) -> Iterator[Problem]:
    for key in value:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            inner = [name for name in known if key in known[name].get("properties", ())]
            hint = f"known keys: {', '.join(known)}"
            if near or inner:
                hint = f"did you mean {near[0]!r}?" if near else f"it belongs under {inner[0]!r}"
            yield Problem((*path, key), f"unknown key {cut(key)}", hint, on_key=True)


def _misspelt(key: str, value: dict, schema: dict) -> bool:
    """Said once is enough: the unknown key's hint names this one."""
    known = schema.get("properties", {key: {}})
    unknown = [other for other in value if other not in known]
    return any(get_close_matches(other, known, n=1) == [key] for other in unknown)


def _limit(rule: str, wanted: object) -> str:
    return {
        "minProperties": "at least one network is needed here",
        "maxProperties": f"more than {wanted} are not possible here",
        "minItems": "the list is empty" if wanted == 1 else f"the list has fewer than {wanted} entries",
        "maxItems": f"the list has more than {wanted} entries",
        "uniqueItems": "the list has the same entry twice",
        "minLength": "the text is empty",
    }[rule]


def _type_hint(types: str, value: object) -> str:
    if value is None:
        return "give it a value, or remove the key"
    if types == "array" and isinstance(value, str):
        return f"write [{cut(value)[1:-1]}]"
    if types == "string" and isinstance(value, (bool, int)):
        return "put it in quotes if it is meant as text"
    return ""


def _format_hint(wanted: object, value: object) -> str:
    text, wanted = str(value), str(wanted)
    if wanted == "ipv4-prefix" and ipv4_address(text):
        return f"write {text}/24 if its netmask is 255.255.255.0"
    if wanted in FORMATS and ":" in text:
        return "only IPv4 here"
    if wanted == "ipv4-address" and ipv4_prefix(text):
        return "leave the prefix length out"
    if wanted == "ipv4-range" and " " in text:
        return "no spaces around the hyphen"
    if "\n" in text:
        return "write it on one line"
    return ""


def _first_sentence(schema: dict, key: str) -> str:
    text = schema.get("properties", {}).get(key, {}).get("description", "").split(". ")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def _but(value: object, path: Path) -> str:
    return "" if secret.holds(path) else f", not {_shown(value, path)}"


def _shown(value: object, path: Path) -> str:
    if secret.holds(path):
        return "this"
    if isinstance(value, (dict, list)):
        return TYPES["object" if isinstance(value, dict) else "array"]
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else cut(value)
