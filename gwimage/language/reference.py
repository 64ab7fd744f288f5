"""The reference page of the profile language, and the schema in one piece for editors: both from schemas/ alone.

docs/reference.md is `python -m gwimage.language.reference`; a test keeps it fresh.
"""

import json
from collections.abc import Iterator
from importlib import resources

ROOT = "profile.schema.json"
HEAD = """\
# Reference of the profile language

Made from the schemas by `python -m gwimage.language.reference`; do not edit. The same texts stand in your editor when the first
line of a profile is

    # yaml-language-server: $schema=PATH/profile.schema.json

with the path of `schemas/profile.schema.json` in a checkout, or of the file that `gwimage schema` writes. A key in bold
must be there. `NAME` stands for a name that you choose, `[]` for each entry of a list.
"""


def page() -> str:
    """The whole page as Markdown."""
    return HEAD + "".join(_section(path, node) for path, node in _objects((), root()))


def root() -> dict:
    """Schema node of a whole profile; descend only with `follow`."""
    return _node({"$ref": ROOT}, ROOT)


def follow(schema: dict, parent: dict) -> dict:
    """A child schema of `parent` with its $ref resolved; keys beside the $ref win."""
    return _node(schema, parent[""])


def bundle() -> dict:
    """The schema as one document without references to other files, for editors without a checkout."""
    names = sorted(entry.name for entry in (resources.files("gwimage") / "schemas").iterdir())
    fragments = {name: _inlined(_fragment(name), name) for name in names}
    root = fragments.pop(ROOT)
    return root | {"$defs": {name.split(".")[0]: fragment for name, fragment in fragments.items()}}


def _fragment(name: str) -> dict:
    return json.loads((resources.files("gwimage") / "schemas" / name).read_text(encoding="utf-8"))


def _inlined(node: object, file: str) -> object:
    """The node with references rewritten: types.schema.json#/$defs/nic becomes #/$defs/types/$defs/nic."""
    if isinstance(node, list):
        return [_inlined(entry, file) for entry in node]
    if not isinstance(node, dict):
        return node
    found = {key: _inlined(value, file) for key, value in node.items() if file == ROOT or key != "$schema"}
    if isinstance(target := node.get("$ref"), str):
        other, _, pointer = target.partition("#")
        found["$ref"] = f"#/$defs/{(other or file).split('.')[0]}{pointer}"
    return found


def _node(schema: dict, file: str) -> dict:
    """The schema with $ref resolved; file: base of references, kept under the key ""."""
    node = {**schema, "": file}
    while "$ref" in node:
        target = node.pop("$ref")
        name, _, pointer = target.partition("#")
        name = name or node[""]
        found = _fragment(name)
        for part in filter(None, pointer.split("/")):
            found = found[part]
        node = {**found, **node, "": name} if "$ref" not in found else {**node, "$ref": found["$ref"], "": name}
    return node


def _objects(path: tuple[str, ...], node: dict) -> Iterator[tuple[tuple[str, ...], dict]]:
    """Yields every mapping with fixed keys and its path, outermost first, in schema order."""
    if "properties" in node:
        yield path, node
        for key, value in node["properties"].items():
            yield from _objects((*path, key), follow(value, node))
    if isinstance(rest := node.get("additionalProperties"), dict):
        yield from _objects((*path, "NAME"), follow(rest, node))
    if isinstance(items := node.get("items"), dict):
        yield from _objects((*path[:-1], f"{path[-1]}[]"), follow(items, node))


def _section(path: tuple[str, ...], node: dict) -> str:
    title = f"`{'.'.join(path)}`" if path else "The profile"
    lines = [f"\n{'##' if len([part for part in path if part != 'NAME']) < 2 else '###'} {title}\n", f"{node['description']}\n"]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, schema in node["properties"].items():
        value = follow(schema, node)
        name = f"**{key}**" if key in node.get("required", ()) else key
        default = f"`{json.dumps(value['default'])}`" if "default" in value else ""
        lines.append("| " + " | ".join(_cell(text) for text in (name, _kind(value), default, value["description"])) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _kind(node: dict) -> str:
    """The allowed values in a few words."""
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    if "enum" in node:
        return ", ".join(f"`{value if isinstance(value, str) else json.dumps(value)}`" for value in node["enum"])
    if "pattern" in node or "format" in node or isinstance(node.get("type"), list):
        return node.get("patternErrorMessage", "").removeprefix("expected ")
    if node.get("type") == "array":
        return f"list of: {_kind(follow(node['items'], node))}"
    if node.get("type") == "integer":
        return f"{node['minimum']} to {node['maximum']}" if {"minimum", "maximum"} <= node.keys() else "a whole number"
    return {"object": "mapping", "boolean": "`true`, `false`", "string": "text"}[node["type"]]


if __name__ == "__main__":
    print(page(), end="")
