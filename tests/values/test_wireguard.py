"""Keys and endpoints as everyone else understands them; no secret key where it could be read."""

import base64
import secrets

import pytest

from gwimage.compiler import compile
from gwimage.compiler.output_tree import write
from gwimage.language import source
from gwimage.problem import as_text, to_json
from gwimage.values import wireguard
from tests.support import debian_oracle
from tests.support.paths import TESTS

CASE = TESTS / "cases" / "vpn"
# RFC 7748, 6.1
ALICE = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
ALICE_PUBLIC = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
BOB = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
BOB_PUBLIC = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"


def key(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


@pytest.mark.parametrize(("private", "public"), [(ALICE, ALICE_PUBLIC), (BOB, BOB_PUBLIC)])
def test_public_keys_of_the_rfc(private, public):
    assert wireguard.public(key(private)) == key(public)


def test_new_keys():
    found = {wireguard.generate() for _ in range(20)}
    assert len(found) == 20
    assert all(wireguard.is_key(one) and wireguard.is_key(wireguard.public(one)) for one in found)


def test_keys():
    good = key(ALICE)
    assert wireguard.is_key(good)
    assert wireguard.is_key(wireguard.ZERO)
    # the last two: the same bytes, written in a way that networkd refuses
    for bad in (
        "",
        good[:-1],
        good + "=",
        good[:-4],
        good + "\n",
        " " + good,
        good[:20] + "-" + good[21:],
        "é" * 44,
        good[:-2] + "p=",
        good[:-2] + "r=",
    ):
        assert not wireguard.is_key(bad), bad


@pytest.mark.parametrize(
    "text",
    ["vpn.example:51820", "a:1", "192.0.2.1:65535", "[2001:db8::1]:51820", "xn--bcher-kva.example:1", "a_b.example:1", "1.a:1"],
)
def test_endpoints(text, tmp_path):
    assert wireguard.is_endpoint(text)
    network = tmp_path / "etc/systemd/network"
    network.mkdir(parents=True)
    netdev = "[NetDev]\nName=wg\nKind=wireguard\n[WireGuard]\nPrivateKey=@network.wireguard.wg\n[WireGuardPeer]\n"
    (network / "wg.netdev").write_text(f"{netdev}PublicKey={key(BOB_PUBLIC)}\nEndpoint={text}\n")
    assert debian_oracle.networkd(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "vpn.example",
        "vpn.example:",
        ":51820",
        "vpn.example:0",
        "vpn.example:65536",
        "vpn.example:051820",
        "vpn.example:-1",
        "2001:db8::1:51820",
        "[2001:db8::1]",
        "[2001:db8::1]51820",
        "[192.0.2.1]:51820",
        "[a]:51820",
        "[fe80::1%eth0]:51820",
        "[]:1",
        "192.0.2.256:51820",
        "1:1",
        "vpn..example:1",
        "vpn.example.:1",
        "-a:1",
        "a-:1",
        "a b:1",
        "é:1",
        "a:١",
        "a:1\n",
        "a\n:1",
        f"{'a' * 64}:1",
        f"{'.'.join(['a' * 49] * 6)}:1",
    ],
)
def test_no_endpoints(text):
    assert not wireguard.is_endpoint(text)


def profile(tmp_path, old="", new=""):
    for name in ("profile.yaml", "wg.key", "phone.psk"):
        (tmp_path / name).write_text((CASE / name).read_text().replace(old, new) if old else (CASE / name).read_text())
        (tmp_path / name).chmod(0o600)
    return tmp_path / "profile.yaml"


def said(path):
    return [(problem.path[-1], problem.severity, problem.message) for problem in compile(source.read(str(path)))[1]]


def test_a_baked_key_is_a_warning(tmp_path):
    message = "whoever can read the image, or the seed, can read this key"
    assert said(profile(tmp_path)) == [("private_key_file", "warning", message), ("preshared_key_file", "warning", message)]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("wg.key", "", "this file holds no WireGuard key"),
        ("wg.key", "[Interface]\nPrivateKey = " + key(ALICE), "this file holds no WireGuard key"),
        ("phone.psk", key(ALICE) + key(ALICE), "this file holds no WireGuard key"),
        ("wg.key", wireguard.ZERO, "the key in this file is all zero"),
        ("phone.psk", wireguard.ZERO, "the key in this file is all zero"),
        ("wg.key", key(BOB), "this is the gateway's own public key"),
    ],
)
def test_files_without_a_usable_key(tmp_path, file, text, message):
    path = profile(tmp_path)
    (tmp_path / file).write_text(text)
    found = compile(source.read(str(path)))
    assert not found[0]
    assert [problem.message for problem in found[1] if problem.severity == "error"] == [message]


def test_a_secret_key_in_place_of_a_public_one(tmp_path):
    path = profile(tmp_path, key(BOB_PUBLIC), key(ALICE))
    assert ("public_key", "error", "this is one of the secret keys") in said(path)
    assert not shown(path, key(ALICE))


def shown(path, secret: str) -> bool:
    """Whether any message repeats it, or the greater part of it."""
    problems = compile(source.read(str(path)))[1]
    assert problems
    return any(secret[:12] in as_text(problem) + str(to_json(problem)) for problem in problems)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("private_key_file: wg.key", "private_key: SECRET"),
        ("private_key_file: wg.key", "private_key_file: SECRET"),
        ("private_key_file: wg.key", "private_key_file: {key: SECRET}"),
        ("private_key_file: wg.key", "PrivateKey: SECRET"),
        ("preshared_key_file: phone.psk", "preshared_key: SECRET"),
        ("preshared_key_file: phone.psk", "psk: SECRET"),
        ("preshared_key_file: phone.psk", "preshared_key_file: [SECRET]"),
        (f"public_key: {key(BOB_PUBLIC)}", "public_key: SECRET="),
    ],
)
def test_no_message_repeats_a_key_in_the_wrong_place(tmp_path, old, new):
    path = profile(tmp_path, old, new.replace("SECRET", key(ALICE)))
    assert key(ALICE) in path.read_text()
    assert not shown(path, key(ALICE))


def test_secret_keys_are_in_one_place_each():
    files, _ = compile(source.read(str(CASE / "profile.yaml")))
    for name, secret in (("wg0", "wg.key"), ("wg0.phone", "phone.psk")):
        text = (CASE / secret).read_text().strip()
        path = f"config/etc/credstore/network.wireguard.{name}"
        assert [other for other, file in files.items() if text in file.text + file.link] == [path]
        assert files[path].mode == 0o600
        assert files[path].text == text


def test_a_profile_with_keys_does_not_show_them(tmp_path):
    from gwimage.compiler.loading import load

    loaded, _ = load(source.read(str(profile(tmp_path))))
    assert loaded.vpn[0].private_key == key(ALICE)
    assert key(ALICE) not in repr(loaded)
    assert (CASE / "phone.psk").read_text().strip() not in repr(loaded)


def test_the_oracle_hears_a_key_that_is_none(tmp_path):
    """The credential is read, not only named: text for the key, and the tunnel alone is left out."""
    write(compile(source.read(str(CASE / "profile.yaml")))[0], str(tmp_path / "tree"))
    config = tmp_path / "tree/config"
    assert debian_oracle.networkd(config) == []
    (config / "etc/credstore/network.wireguard.wg0").write_text(secrets.token_hex(8))
    complaints = debian_oracle.networkd(config)
    assert complaints
    assert all("/30-wg0.netdev" in line or line.startswith("30-wg0.netdev") for line in complaints)
