"""Hypothesis strategies for documents: valid by the schema, nearly valid, and hostile."""

import copy
import json
from functools import cache

import yaml
from hypothesis import strategies as st

from gwimage.language import source
from tests.support.paths import ROOT, TESTS

SCHEMAS = {path.name: json.loads(path.read_text()) for path in (ROOT / "schemas").glob("*.json")}
SEEDS = [
    source.read(str(path)).data
    for path in sorted([*(TESTS / "cases").glob("*/profile.yaml"), *(ROOT / "profiles").glob("*.yaml")])
]
HOSTILE = (
    "\n[Match]\nName=*|\x00|\x1b[2J|\u202e|\u2028|\ufeff|';drop|\"; flush ruleset; #|} table inet x {|$(reboot)|`id`|%n%s"
    "|../../../etc/shadow|/etc/passwd|\\x0a|\r\nX=1|a\tb|${HOME}|@include|&a|*a|!!python/object/apply:os.system [id]|<<|#|---|...|\udcff"
    "|ｌａｎ|lan\u0301|𝟙𝟘.0.0.1"
).split("|")
NAMES = st.sampled_from("wan lan iot guests dmz wg fibre cable nas web a b-2".split())
ADDRESSES = (
    "10.0.0.1 10.0.0.5 10.0.0.100 10.0.0.255 10.0.1.1 10.0.1.7 192.168.7.1 203.0.113.2 198.51.100.7 9.9.9.9 127.0.0.1 0.0.0.0"
    " 224.0.0.1 255.255.255.255 fd00::1 2001:db8::1 fe80::1 ::"
).split()
PREFIXES = [f"{address}/{length}" for address in ADDRESSES for length in ((64, 128, 48) if ":" in address else (24, 32, 8, 30))]
WORDS = [
    *ADDRESSES,
    *PREFIXES,
    "10.0.0.100-10.0.0.199",
    "10.0.0.9-10.0.0.3",
    "1h",
    "12h",
    "40M",
    "dhcp",
    "auto",
    "none",
    "delegated",
    "net0",
    "net1",
    "net5",
    "52:54:00:12:34:56",
    "tcp",
    "udp",
    "gateway",
    "nas.home.arpa",
    "home.arpa",
    "9.9.9.9#dns.quad9.net",
    "vpn.example:51820",
    "[2001:db8::1]:51820",
    "Europe/Berlin",
    "80-90",
    "65535",
    "10.50.0.0/16",
    "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=",
    "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=",
]
LEAVES = (
    st.sampled_from(WORDS)
    | NAMES
    | st.sampled_from(HOSTILE)
    | st.text(max_size=20)
    | st.integers(-2, 70000)
    | st.integers()
    | st.booleans()
    | st.none()
)
ANYTHING = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(NAMES | st.text(max_size=8), LEAVES, max_size=3)


def resolve(node: dict) -> dict:
    """A schema node with its references resolved; keys beside a reference take precedence."""
    while "$ref" in node:
        file, _, pointer = node["$ref"].partition("#")
        found = SCHEMAS[file or "types.schema.json"]
        for part in filter(None, pointer.split("/")):
            found = found[part]
        node = {**found, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def valid(node: dict) -> st.SearchStrategy:
    """Values mostly valid by the schema; for formats and `if` they are guessed from a list of words."""
    node = resolve(node)
    return _valid(json.dumps(node, sort_keys=True))


@cache
def _valid(text: str) -> st.SearchStrategy:
    node = json.loads(text)
    if "const" in node:
        return st.just(node["const"])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if "pattern" in node:
        return st.from_regex(node["pattern"], fullmatch=True) | NAMES
    kinds = node.get("type", "string")
    found = [_of_type(kind, node) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return st.one_of(found)


def _of_type(kind: str, node: dict) -> st.SearchStrategy:
    if kind == "object":
        return st.deferred(lambda: _mapping(node))
    if kind == "array":
        size = min(node.get("maxItems", 3), 3)
        return st.deferred(lambda: st.lists(valid(node.get("items", {})), min_size=node.get("minItems", 0), max_size=size))
    if kind == "integer":
        return st.integers(node.get("minimum", -1), node.get("maximum", 70000))
    if kind == "boolean":
        return st.booleans()
    if "format" in node:
        return st.sampled_from(WORDS)
    return st.sampled_from(WORDS) | NAMES | st.text(min_size=node.get("minLength", 0), max_size=20)


def _mapping(node: dict) -> st.SearchStrategy:
    if "properties" not in node:
        return st.dictionaries(NAMES, valid(node["additionalProperties"]), min_size=node.get("minProperties", 0), max_size=3)
    required = set(node.get("required", ()))
    known = {key: valid(value) for key, value in node["properties"].items()}
    must = {key: value for key, value in known.items() if key in required}
    return st.fixed_dictionaries(must, optional={key: value for key, value in known.items() if key not in required})


def places(data: object, node: dict, path: tuple = ()):
    """(path, schema node) of every value in a document, and of every key that could be added."""
    node = resolve(node)
    yield path, node
    if isinstance(data, dict):
        known, rest = node.get("properties", {}), node.get("additionalProperties")
        for key in [*data, *(key for key in known if key not in data)]:
            inner = known.get(key, rest)
            yield from places(data.get(key), inner if isinstance(inner, dict) else {}, (*path, key))
        if isinstance(rest, dict):
            yield (*path, "dmz"), rest
    for index, value in enumerate(data if isinstance(data, list) else ()):
        yield from places(value, node.get("items", {}), (*path, index))


PLACES = [[(path, node) for path, node in places(seed, SCHEMAS["profile.schema.json"]) if path] for seed in SEEDS]


def change(data: object, path: tuple, how: str, value: object) -> None:
    """Changes a value in place; nothing if an earlier change removed the place."""
    try:
        for part in path[:-1]:
            data = data[part] if isinstance(data, list) else data.setdefault(part, {})
        if how == "drop":
            del data[path[-1]]
        elif how == "rename":
            data[str(value)] = data.pop(path[-1])
        elif isinstance(data, list) and path[-1] >= len(data):
            data.append(value)
        else:
            data[path[-1]] = value
    except (KeyError, IndexError, TypeError, AttributeError):
        return


@st.composite
def documents(draw) -> bytes:
    """A profile of the cases with up to four changes: values valid there by the schema, others, hostile ones, text edits."""
    number = draw(st.integers(0, len(SEEDS) - 1))
    data = copy.deepcopy(SEEDS[number])
    for _ in range(draw(st.integers(0, 4))):
        path, node = draw(st.sampled_from(PLACES[number]))
        how = draw(st.sampled_from(["valid"] * 6 + ["any", "drop", "rename"]))
        value = draw(valid(node) if how == "valid" else ANYTHING)
        change(data, path, how, value)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=draw(st.booleans()))
    if draw(st.integers(0, 9)) == 0:
        start = draw(st.integers(0, len(text)))
        insert = draw(st.sampled_from(HOSTILE) | st.sampled_from(list("[]{}&*!|>%@`\t\r:-?#'\"\\")) | st.text(max_size=10))
        text = text[:start] + insert + text[start + draw(st.integers(0, 30)) :]
    return text.encode("utf-8", "surrogatepass")
