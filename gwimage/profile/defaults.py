"""Writes out a profile's defaults: those in the schemas, and those derived from other values. Pure."""

import copy

from gwimage.language import reference
from gwimage.profile import Profile


def complete(data: dict, profile: Profile) -> dict:
    """A copy of checked profile data with every default written out; it compiles to the same files."""
    found = copy.deepcopy(data)
    found.setdefault("system", {}).setdefault("hostname", profile.system.hostname)
    for lan in profile.lans:
        if dhcp := found["lans"][lan.name].get("dhcp"):
            dhcp.setdefault("dns", [str(lan.address.ip)])
            if lan.name in profile.ntp.serves:
                dhcp.setdefault("ntp", [str(lan.address.ip)])
            dhcp.setdefault("domain", profile.dns.domain)
            dhcp.setdefault("router", str(lan.address.ip))
    for name, inside in profile.ipv6.lans.items():
        if inside.delegated:
            written = found["lans"][name]["ipv6"]
            written = {"delegated": True} if written == "delegated" else written
            found["lans"][name]["ipv6"] = written | {"subnet": inside.subnet}
    for forward in found.get("firewall", {}).get("forwards", {}).values():
        forward.setdefault("from", list(found["wans"]))
    return _fill(found, reference.root())


def _fill(data: object, node: dict) -> object:
    """The data with missing keys set to their schema defaults; a default of {} is a section that is active even if absent."""
    if isinstance(data, dict):
        known, rest = node.get("properties", {}), node.get("additionalProperties")
        for key, schema in known.items():
            value = reference.follow(schema, node)
            if key not in data and "default" in value:
                data[key] = copy.deepcopy(value["default"])
            if key in data:
                data[key] = _fill(data[key], value)
        if isinstance(rest, dict):
            inner = reference.follow(rest, node)
            return {key: value if key in known else _fill(value, inner) for key, value in data.items()}
    if isinstance(data, list) and isinstance(node.get("items"), dict):
        inner = reference.follow(node["items"], node)
        return [_fill(value, inner) for value in data]
    return data
