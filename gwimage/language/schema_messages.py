"""Turns jsonschema's errors into problems with a message and a hint.

Messages for a pattern, format or enum are in the schema (`patternErrorMessage`, which editors show too).
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from itertools import islice

from gwimage.language.suggestions import guesses
from gwimage.problem import Path, Problem, cut
from gwimage.values import ranges, secret_keys, time_zones

Fits = Callable[[object, dict], bool]  # whether a schema accepts a value

TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
}
LIMITS = {
    "minProperties": "at least one is needed here",
    "maxProperties": "there are more than {} here",
    "minItems": "the list needs {} entries or more",
    "maxItems": "the list has more than {} entries",
    "uniqueItems": "the list has the same entry twice",
    "minLength": "the text is empty",
    "maxLength": "the text is longer than {} characters",
}
NOT_HERE = {"pppoe": "PPPoE is not possible: let the modem or router before the gateway dial in, and take dhcp"}
COMPARED = 100  # unknown keys compared with missing ones


def translate(error, fits: Fits) -> Iterator[Problem]:
    """Problems for one jsonschema error; usually one."""
    path, words = tuple(error.absolute_path), error.schema.get("patternErrorMessage", "")
    rule, wanted, value = error.validator, error.validator_value, error.instance
    if rule == "additionalProperties":
        yield from _unknown(error.schema.get("properties", {}), value, path)
    elif rule in ("required", "dependentRequired"):
        yield from _missing(error, path, words)
    elif "propertyNames" in error.absolute_schema_path:
        yield Problem((*path, value), f"{words}{_but_not(value, path)}", _hint(error, (*path, value), fits), on_key=True)
    elif rule == "not":
        yield Problem(path, words, on_key=True)
    elif rule == "minItems" and not value:
        yield Problem(path, "the list is empty")
    elif rule in LIMITS:
        yield Problem(path, LIMITS[rule].format(wanted))
    else:
        yield Problem(path, (words or _expected(rule, wanted, error.schema)) + _but_not(value, path), _hint(error, path, fits))


def _expected(rule: str, wanted: object, schema: dict) -> str:
    if rule == "type":
        return f"expected {' or '.join(TYPES[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted))}"
    if rule in ("minimum", "maximum"):
        return f"expected a number from {schema['minimum']} to {schema['maximum']}"
    return f"expected {wanted}"  # const


def _missing(error, path: Path, words: str) -> Iterator[Problem]:
    wanted, value, schema = error.validator_value, error.instance, error.schema
    if error.validator == "dependentRequired":
        wanted = [key for name, keys in wanted.items() if name in value for key in keys]
    for key in wanted:
        if key not in value and not _misspelt(key, value, schema):
            hint = words or _first_sentence(schema, key)
            yield Problem((*path, key), f"missing key {key!r}", hint, on_key=True)


def _unknown(known: dict, value: dict, path: Path) -> Iterator[Problem]:
    for key in value:
        if key not in known:
            inner = [name for name in known if key in known[name].get("properties", ())]
            if near := _near(key, known):
                hint = f"did you mean {near!r}?"
            elif inner:
                hint = f"it belongs under {inner[0]!r}"
            else:
                hint = _non_ascii(key) or f"known keys: {', '.join(known)}"
            yield Problem((*path, key), f"unknown key {cut(key)}", hint, on_key=True)


def _near(word: str, known) -> str:
    return next(iter(get_close_matches(word.lower(), known, n=1)), "")


def _misspelt(key: str, value: dict, schema: dict) -> bool:
    """Whether the missing key is misspelt as an unknown one, whose hint names it already."""
    known = schema.get("properties", {key: {}})
    unknown = (other for other in value if other not in known)
    return any(_near(other, known) == key for other in islice(unknown, COMPARED))


def _hint(error, path: Path, fits: Fits) -> str:
    """Hint what to write instead, or empty; never for values that may be secret."""
    rule, wanted, value = error.validator, error.validator_value, error.instance
    if value is None or value == "":
        return "give it a value, or remove the key"
    if secret_keys.holds(path):
        return ""
    if rule == "type" and wanted in ("object", "array") and isinstance(value, (dict, list)) and _mappings(error.schema):
        return _shape_hint(error.schema, value)
    if rule == "type" and value is False:
        return "write none" if fits("none", error.schema) else "remove the key if you want none"
    if rule == "type" and wanted == "object" and not isinstance(value, (dict, list)):
        return _keys_hint(error.schema, path)
    if str(value).lower() in NOT_HERE:
        return NOT_HERE[str(value).lower()]
    if "\n" in str(value):
        return "write it on one line"
    if rule == "enum" and len(several := [word for word in re.split(r"\W+", str(value).lower()) if word in wanted]) > 1:
        return f"write each as an entry of its own: {', '.join(several)}"
    if rule == "format" and wanted in ("addresses", "addresses-or-set", "ports") and (more := ranges.fault(value)):
        return more
    if wanted == "timezone" and (near := time_zones.near(str(value))):
        return f"did you mean {near!r}?"
    for guess in guesses(value):
        if fits(guess, error.schema):
            return _write(guess, value)
    text = cut(value)[1:-1]
    if ":" in text and fits(f"{text}/64", error.schema):
        return f"write {text}/64 if its subnet is a /64"
    if text and fits(f"{text}/24", error.schema):
        return f"write {text}/24 if its netmask is 255.255.255.0"
    for family, own, other in (("4", ".", ":"), ("6", ":", ".")):
        if str(wanted).startswith(f"ipv{family}") and other in str(value) and own not in str(value):
            return f"only IPv{family} here"
    if str(wanted).startswith("ipv6"):
        return "leave out the % and what follows it" if "%" in text else "only IPv6 here" if ":" not in text else ""
    near = _near(str(value), [word for word in wanted if isinstance(word, str)]) if rule == "enum" else ""
    return f"did you mean {near!r}?" if near else _non_ascii(str(value))


def _mappings(schema: dict) -> bool:
    """Whether the schema expects mappings, by name or as entries of a list."""
    inner = schema.get("items", schema.get("additionalProperties"))
    return isinstance(inner, dict) and inner.get("type") == "object"


def _keys_hint(schema: dict, path: Path) -> str:
    """Hint for a single value in place of a mapping: dhcp: true, or wans: {nic: net0} without a name."""
    keys = schema.get("properties", {})
    if path and path[-1] in keys:
        return f"give it a name first: NAME: {{{path[-1]}: ...}}"
    wanted = schema.get("required") or keys
    return f"give it its keys: {', '.join(wanted)}" if wanted else ""


def _shape_hint(schema: dict, value: dict | list) -> str:
    if isinstance(value, list):
        return "write each one below its name, as NAME: {...}, without hyphens"
    if value.keys() <= schema["items"].get("properties", {}).keys():
        return "begin each entry with a hyphen: - {...}"
    return "entries have no names: begin each with a hyphen, as - {...}"


def _write(guess: object, value: object) -> str:
    if isinstance(guess, list):
        return f"write {cut('[' + ', '.join(map(_plain, guess)) + ']')[1:-1]}"
    if str(guess) == str(value) or _plain(guess) == value:
        return f"put it in quotes: '{guess}'" if isinstance(guess, str) else f"write {_plain(guess)} without quotes"
    return f"write {cut(_plain(guess))[1:-1]}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _non_ascii(text: str) -> str:
    """Names the first non-ASCII character, which may only look like an ASCII one; empty if there is none."""
    odd = next((char for char in text if not char.isascii()), None)
    return f"{odd!r} is U+{ord(odd):04X} {unicodedata.name(odd, '')}".rstrip() if odd else ""


def _first_sentence(schema: dict, key: str) -> str:
    text = schema.get("properties", {}).get(key, {}).get("description", "").split(". ")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def _but_not(value: object, path: Path) -> str:
    """The end of a message: `, not VALUE`; empty for possible secrets."""
    if secret_keys.holds(path):
        return ""
    if isinstance(value, (dict, list)):
        return f", not {TYPES['object' if isinstance(value, dict) else 'array']}"
    return f", not {'nothing' if value is None else _plain(value) if isinstance(value, bool) else cut(value)}"
