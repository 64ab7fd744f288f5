"""What a near miss is answered: the hint says what to write, and what it says is right."""

import jsonschema
import pytest

from gwimage.language import schema, schema_messages

WAN = {"nic": "net0", "ipv4": "dhcp"}
LAN = {"nic": "net1", "address": "10.0.0.1/24", "dhcp": {"pool": "10.0.0.100-10.0.0.199"}}


def profile(path: str, value: object) -> dict:
    data = {
        "version": 1,
        "name": "x",
        "release": "1.0.0",
        "wans": {"wan": dict(WAN)},
        "lans": {"lan": {**LAN, "dhcp": dict(LAN["dhcp"])}},
    }
    node, parts = data, path.split(".")
    for part in parts[:-1]:
        node = node.setdefault(part, {})
    node[parts[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "hint"),
    [
        ("version", "1", "write 1 without quotes"),
        ("version", "1.0", "write 1"),
        ("name", "Home Lab", "write home-lab"),
        ("name", 5, ""),
        ("release", "v1.0.0", "write 1.0.0"),
        ("release", "1.2", "write 1.2.0"),
        ("release", 1, "write 1.0.0"),
        ("release", "v1.0.0-rc1", ""),
        ("firewall.log.limit", "10/min", "write 10/minute"),
        ("firewall.log.limit", "5 per hour", "write 5/hour"),
        ("qos.wan.upload", "40 Mbit/s", "write 40M"),
        ("wans.wan.ipv6", True, "write auto"),
        ("wans.wan.ipv6", False, "remove the key if you want none"),
        ("lans.lan.dhcp", False, "remove the key if you want none"),
        ("lans.lan.ipv6", True, "write delegated"),
        ("lans.lan.dhcp", True, "give it its keys: pool"),
        ("services.ssh", True, "give it its keys: from"),
        ("firewall.log", True, "give it its keys: dropped, limit"),
        ("wans", {"nic": "net0"}, "give it a name first: NAME: {nic: ...}"),
        ("lans.lan.dhcp.reservations", {"mac": "bc:24:11:00:00:01"}, "give it a name first: NAME: {mac: ...}"),
        ("lans.lan.address", "10.0.0.5:8080", ""),
        ("lans.lan.dhcp.router", "10.0.0.5:80", "write 10.0.0.5"),
        ("system.hostname", "gw.example.com", "write gw"),
        ("system.timezone", "UTC+1", "did you mean 'Etc/GMT-1'?"),
        ("system.timezone", "GMT-03:00", "did you mean 'Etc/GMT+3'?"),
        ("lans.lan.masquerade", "true", "write true without quotes"),
        ("lans.lan.masquerade", "No", "write false"),
        ("lans.lan.address", "10.0.0.1/255.255.255.0", "write 10.0.0.1/24"),
        ("lans.lan.address", "10.0.0.1 255.255.240.0", "write 10.0.0.1/20"),
        ("lans.lan.address", "10.0.0.1 / 24", ""),
        ("lans.lan.address", "10.0.0.1", "write 10.0.0.1/24 if its netmask is 255.255.255.0"),
        ("lans.lan.address", "fd00::1/64", "only IPv4 here"),
        ("lans.lan.address", ["10.0.0.1/24"], "write 10.0.0.1/24"),
        ("lans.lan.mac", "bc24.1100.00AA", "write bc:24:11:00:00:aa"),
        ("lans.lan.mac", "BC-24-11-00-00-AA", "write bc:24:11:00:00:aa"),
        ("lans.lan.mac", "bc241100000a", "write bc:24:11:00:00:0a"),
        ("lans.lan.nic", "eth0", "write net0"),
        ("lans.lan.nic", "ens18", "write net0"),
        ("lans.lan.nic", "enp6s19", "write net1"),
        ("lans.lan.nic", "NET1", "write net1"),
        ("lans.lan.nic", 2, ""),
        ("lans.lan.nic", "net7", ""),
        ("lans.lan.dhcp.pool", "10.0.0.100-199", "write 10.0.0.100-10.0.0.199"),
        ("lans.lan.dhcp.pool", "10.0.0.100 - 1.20", "write 10.0.0.100-10.0.1.20"),
        ("lans.lan.dhcp.pool", "10.0.0.100 to 10.0.0.199", "write 10.0.0.100-10.0.0.199"),
        ("lans.lan.dhcp.pool", "10.0.0.100\u201310.0.0.199", "write 10.0.0.100-10.0.0.199"),
        ("lans.lan.dhcp.pool", "fd00::1-fd00::9", "only IPv4 here"),
        ("lans.lan.dhcp.lease_time", 3600, "write 3600s"),
        ("lans.lan.dhcp.lease_time", "12 hours", "write 12h"),
        ("lans.lan.dhcp.lease_time", "2W", "write 14d"),
        ("lans.lan.dhcp.lease_time", "500ms", ""),
        ("lans.lan.dhcp.dns", "9.9.9.9", "write [9.9.9.9]"),
        ("lans.lan.dhcp.dns", "9.9.9.9, 1.1.1.1", "write [9.9.9.9, 1.1.1.1]"),
        ("lans.lan.dhcp.dns", ["9.9.9.9/32"], "write 9.9.9.9"),
        ("wans.wan.ipv6", {"address": "10.0.0.1/24", "gateway": "fe80::1"}, "only IPv6 here"),
        ("vm.memory", "2 GiB", "write 2048"),
        ("vm.memory", "512M", "write 512"),
        ("image.state_size", "64MB", "write 64M"),
        ("description", "two\nlines", "write it on one line"),
        ("wans.wan.ipv4", "DHCP", "write dhcp"),
        ("wans.wan.ipv4", "dhcp4", "did you mean 'dhcp'?"),
        ("lans.lan.internet", "pubilc", "did you mean 'public'?"),
        ("lans.lan.internet", "no", "write false"),
        ("wans.wan.ipv4", "PPPoE", "PPPoE is not possible: let the modem or router before the gateway dial in, and take dhcp"),
        ("wans.wan.ipv4", None, "give it a value, or remove the key"),
        ("services.ssh.from", {"lan": None}, "write [lan]"),
        ("services.ssh.from", "lan", "write [lan]"),
        ("lans", [{"name": "lan", "nic": "net1"}], "write each one below its name, as NAME: {...}, without hyphens"),
        ("system.admin.password_hash", "$6$x", ""),
        ("system.hostname", "g\u0430te", "'\u0430' is U+0430 CYRILLIC SMALL LETTER A"),
    ],
)
def test_hint(path, value, hint):
    problem = schema.check(profile(path, value))[0]
    assert problem.hint == hint
    if problem.hint.startswith("write ") and "\n" not in str(value) and path != "lans" and not isinstance(value, list):
        written = problem.hint.removeprefix("write ").removesuffix(" without quotes").partition(" if ")[0]
        right = int(written) if written.isdigit() else {"true": True, "false": False}.get(written, written)
        right = [word.strip() for word in written[1:-1].split(",")] if written[0] == "[" else right
        assert not [p for p in schema.check(profile(path, right)) if ".".join(map(str, p.path)) == path and not p.on_key]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("Address", "did you mean 'address'?"),
        ("lease_time", "it belongs under 'dhcp'"),
        ("blue", "known keys: nic, mac, "),
        ("\u0430", "'\u0430' is U+0430 CYRILLIC SMALL LETTER A"),
    ],
)
def test_unknown_keys(key, hint):
    problem = schema.check(profile(f"lans.lan.{key}", 1))[0]
    assert problem.hint.startswith(hint)


RULE = {"type": "object", "properties": {"from": {"type": "array"}, "port": {"type": "integer", "minimum": 1, "maximum": 9}}}
LIST = {"type": "array", "maxItems": 2, "items": RULE}


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (LIST, {"from": []}, ["expected a list, not a mapping (begin each entry with a hyphen: - {...})"]),
        (
            LIST,
            {"web": {"from": []}},
            ["expected a list, not a mapping (entries have no names: begin each with a hyphen, as - {...})"],
        ),
        (LIST, [{}, {}, {}], ["the list has more than 2 entries ()"]),
        (LIST, [{"port": 10}], ["expected a number from 1 to 9, not 10 ()"]),
        (LIST, [{"port": "8/tcp"}], ["expected a whole number, not '8/tcp' (write 8)"]),
        ({"type": "object", "maxProperties": 1}, {"a": 1, "b": 2}, ["there are more than 1 here ()"]),
        ({"type": "object", "dependentRequired": {"a": ["b"]}}, {"a": 1}, ["missing key 'b' ()"]),
        ({"type": ["string", "object"]}, 1, ["expected text or a mapping, not 1 (put it in quotes: '1')"]),
        ({"type": "string"}, 5, ["expected text, not 5 (put it in quotes: '5')"]),
        ({"type": "string", "maxLength": 3}, "abcd", ["the text is longer than 3 characters ()"]),
    ],
)
def test_words(kind, value, said):
    validator = jsonschema.Draft202012Validator(kind)
    problems = [p for error in validator.iter_errors(value) for p in schema_messages.translate(error, schema._fits)]
    assert [f"{p.message} ({p.hint})" for p in problems] == said
