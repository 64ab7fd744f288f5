"""`gwimage wg`: what it prints and writes, with which modes, and what it refuses. The QR code is read by another library."""

import re
import struct
import zlib

import pytest
import zxingcpp
from click.testing import CliRunner

from gwimage.commands import wg
from gwimage.commands.main import cli
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.values import wireguard
from tests.support.paths import TESTS

VPN = str(TESTS / "cases/vpn/profile.yaml")
SITES = str(TESTS / "cases/vpn-sites/profile.yaml")
PHONE_KEY = "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os="
GATEWAY = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
PHONE = f"""\
[Interface]
PrivateKey = {PHONE_KEY}
Address = 10.99.0.2/32
DNS = 10.99.0.1
MTU = 1420

[Peer]
PublicKey = {GATEWAY}
PresharedKey = QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=
AllowedIPs = 10.99.0.0/24
Endpoint = vpn.example:51820
"""


def run(*argv):
    return CliRunner().invoke(cli, ["wg", *map(str, argv)])


@pytest.fixture
def phone_key(tmp_path):
    path = tmp_path / "phone.key"
    path.write_text(PHONE_KEY + "\n")
    return path


def client(*argv, profile=VPN, vpn="wg0", peer="phone"):
    return run("client", profile, vpn, peer, *argv)


def test_genkey(tmp_path):
    result = run("genkey", tmp_path / "new.key")
    path = tmp_path / "new.key"
    assert result.exit_code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert result.output == wireguard.public(path.read_text().strip()) + "\n"
    before = path.read_text()
    again = run("genkey", path)
    assert again.exit_code == 2
    assert path.read_text() == before


def test_a_phone(phone_key):
    result = client("--endpoint", "vpn.example", "--private-key-file", phone_key)
    assert (result.exit_code, result.output) == (0, PHONE)


def test_another_site():
    result = client("--no-dns", "--server-public-key", GATEWAY, profile=SITES, vpn="sites", peer="branch")
    assert result.exit_code == 0
    assert (
        result.output
        == f"""\
[Interface]
# PrivateKey = the private key of branch
Address = 10.98.0.2/32
ListenPort = 51820
MTU = 1412

[Peer]
PublicKey = {GATEWAY}
AllowedIPs = 10.98.0.0/30, 10.0.0.0/24
PersistentKeepalive = 25
"""
    )


def test_a_new_key():
    result = client("--endpoint", "[2001:db8::1]:443", "--generate")
    assert result.exit_code == 0
    private = re.search(r"^PrivateKey = (.*)$", result.stdout, re.M)[1]
    assert "Endpoint = [2001:db8::1]:443\n" in result.stdout
    assert "vpn.wg0.peers.phone.public_key" in result.stderr
    assert wireguard.public(private) in result.stderr
    assert private not in result.stderr


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        ([], 2, "give --endpoint"),
        (["--endpoint", "vpn.example:0"], 2, "give --endpoint"),
        (["--endpoint", "2001:db8::1"], 2, "give --endpoint"),
        (["--endpoint", "a", "--private-key-file", "KEY", "--generate"], 2, "not both"),
        (["--endpoint", "a", "--private-key-file", TESTS / "cases/vpn/wg.key"], 2, "is not the key of phone"),
        (["--endpoint", "a", "--private-key-file", VPN], 2, "holds no WireGuard key"),
        (["--endpoint", "a", "--private-key-file", "/nowhere"], 2, "does not exist"),
        (["--endpoint", "a", "--server-public-key", "x"], 2, "is no WireGuard key"),
        (["--endpoint", "a", "--server-public-key", PHONE_KEY], 2, "is not that of vpn.wg0.private_key_file"),
        (["--endpoint", "a", "--allowed-ips", "10.0.0.1/24"], 2, "has host bits set"),
        (["--endpoint", "a", "--allowed-ips", ""], 0, "AllowedIPs = 10.99.0.0/24"),
        (["--endpoint", "a", "--qr"], 2, "a QR code needs the device's key"),
        (["--endpoint", "a", "-o", "x.svg"], 2, "a QR code needs the device's key"),
    ],
)
def test_what_is_wrong(phone_key, argv, status, message):
    result = client(*(phone_key if word == "KEY" else word for word in argv))
    assert result.exit_code == status
    assert message in result.output
    assert not status or PHONE_KEY not in result.output.replace("--server", "")


def test_unknown_names_and_a_wrong_profile(tmp_path):
    assert "VPNs here: wg0" in client(vpn="wg1").output
    assert "peers here: phone, laptop" in client(peer="tablet").output
    missing = client("--server-public-key", GATEWAY, "--endpoint", "a", profile=SITES, vpn="sites", peer="branch")
    assert (missing.exit_code, "only dials out" in missing.output) == (2, True)
    keyless = client(profile=SITES, vpn="sites", peer="branch")
    assert (keyless.exit_code, "has no private_key_file" in keyless.output) == (2, True)
    (tmp_path / "wrong.yaml").write_text("version: 1\n")
    assert client(profile=tmp_path / "wrong.yaml").exit_code == 1


def test_allowed_ips(phone_key):
    result = client("--endpoint", "a", "--allowed-ips", "10.0.0.0/24, 2001:db8::/32")
    assert "AllowedIPs = 10.0.0.0/24, 2001:db8::/32\n" in result.output


OPENED = """\
version: 1
name: x
release: 1.0.0
wans:
  wan: {nic: net0, ipv4: dhcp}
lans:
  lan: {nic: net1, address: 10.0.0.1/24, extra_addresses: [10.0.9.1/24]}
  iot: {nic: net2, address: 10.1.0.1/24}
routes:
  - {to: 10.20.0.0/16, via: 10.0.0.254}
vpn:
  wg:
    port: 51820
    address: 10.99.0.1/24
    peers:
      phone: {public_key: 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=, address: 10.99.0.2}
      branch: {public_key: B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=, address: 10.99.0.3, networks: [10.50.0.0/16]}
  other:
    port: 51821
    address: 10.98.0.1/24
firewall:
  allow:
    - {from: [lan], to: [wan, iot]}
    - {from: [wg], to: [gateway], protocols: [tcp], ports: [8443]}
    - {from: [lan, wan], to: [other]}
"""


@pytest.mark.parametrize(
    ("to", "peer", "expected"),
    [
        ([], 0, ["10.99.0.0/24"]),
        (["lan"], 0, ["10.99.0.0/24", "10.0.0.0/24", "10.0.9.0/24", "10.20.0.0/16"]),
        (["iot", "other"], 0, ["10.99.0.0/24", "10.1.0.0/24", "10.98.0.0/24"]),
        (["wg"], 0, ["10.99.0.0/24", "10.50.0.0/16"]),
        (["wg"], 1, ["10.99.0.0/24"]),
        (["lan", "wan"], 0, ["0.0.0.0/0", "::/0"]),
    ],
)
def test_what_goes_into_the_tunnel_follows_from_what_the_firewall_allows(to, peer, expected):
    profile, problems = load(source.parse(OPENED + f"    - {{from: [wg], to: [{', '.join(to)}]}}\n" * bool(to), "p"))
    assert profile, problems
    assert list(wg.reachable(profile, profile.vpn[0], profile.vpn[0].peers[peer])) == expected
    called = ("10.98.0.0/24", "10.0.0.0/24", "10.0.9.0/24", "10.20.0.0/16", *["10.99.0.0/24", "10.50.0.0/16"] * ("other" in to))
    assert wg.reachable(profile, profile.vpn[1], profile.vpn[0].peers[0]) == called


@pytest.mark.parametrize(("to", "served"), [("10.99.0.2", [0]), ("10.50.0.9", [1]), ("10.0.0.5", [])])
def test_a_server_on_a_vpn_hears_everybody_outside(to, served):
    profile, problems = load(source.parse(f"{OPENED}  forwards: {{web: {{ports: [443], to: {to}}}}}\n", "p"))
    assert profile, problems
    peers = profile.vpn[0].peers
    assert [n for n in (0, 1) if wg.reachable(profile, profile.vpn[0], peers[n]) == wg.EVERYTHING] == served


@pytest.mark.parametrize("name", ["phone.conf", "phone.svg", "phone.png"])
def test_files_are_for_their_owner_alone(tmp_path, phone_key, name):
    argv = ("--endpoint", "vpn.example", "--private-key-file", phone_key, "-o", tmp_path / name)
    result = client(*argv)
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    again = client(*argv)
    assert again.exit_code == 2
    assert "is there already" in again.output
    if name == "phone.conf":
        assert (tmp_path / name).read_text() == PHONE
    elif name == "phone.png":
        assert read(png((tmp_path / name).read_bytes())) == PHONE
    else:
        assert (tmp_path / name).read_bytes().startswith(b"<?xml")


def test_the_qr_code_on_the_terminal(phone_key):
    result = client("--endpoint", "vpn.example", "--private-key-file", phone_key, "--qr")
    assert result.output.startswith(PHONE)
    assert read(dots(result.output.removeprefix(PHONE))) == PHONE
    coloured = wg.blocks(PHONE, on_terminal=True)
    assert read(dots(re.sub(r"\x1b\[[0-9;]*m", "", coloured))) == PHONE
    assert all(line.startswith("\x1b[97;40m") and line.endswith("\x1b[0m") for line in coloured.splitlines())


def dots(text: str) -> list[list[bool]]:
    """Whether each point is light: a line of text is two rows."""
    lines = text.splitlines()
    return [[mark in marks for mark in line] for line in lines for marks in ("█▀", "█▄")]


def png(data: bytes) -> list[list[bool]]:
    """The points of a picture with one bit each; of the filters only 0 (none) and 2 (what differs from the row above)."""
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert (depth, colour) == (1, 0)
    raw, place = b"", 8
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        raw += data[place + 8 : place + 8 + size] * (kind == b"IDAT")
        place += size + 12
    raw, stride = zlib.decompress(raw), (width + 7) // 8 + 1
    rows = [bytes(stride - 1)]
    for start in range(0, height * stride, stride):
        assert raw[start] in (0, 2)
        above = rows[-1] if raw[start] else bytes(stride - 1)
        rows.append(bytes((one + other) % 256 for one, other in zip(raw[start + 1 : start + stride], above, strict=True)))
    return [[bool(row[x // 8] >> 7 - x % 8 & 1) for x in range(width)] for row in rows[1:]]


def read(light: list[list[bool]]) -> str:
    """What a camera would read."""
    points = b"".join(bytes(255 * one for one in row for _ in range(3)) for row in light for _ in range(3))
    image = memoryview(points).cast("B", shape=[3 * len(light), 3 * len(light[0])])
    (found,) = zxingcpp.read_barcodes(image)
    return found.text
