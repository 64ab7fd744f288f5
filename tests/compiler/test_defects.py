"""The evidence for gwimage/render/defects: for every entry the case that is refused, or the line that is (or is never) written."""

import re

import pytest

from gwimage.compiler import compile
from gwimage.compiler.output_tree import write
from gwimage.language import source
from gwimage.render import defects
from gwimage.render.mkosi import LINKS
from tests.support import served_lan
from tests.support.paths import ROOT, TESTS

CASES = sorted((TESTS / "cases").glob("*/out/config"))
IMAGE = ROOT / "gwimage/image/mkosi.extra"
UNITS, WANTS = "usr/lib/systemd/system", "etc/systemd/system/multi-user.target.wants"

# id: error case, words of its message
REFUSED = {
    "dhcp-pool-beyond-subnet": ("dhcp-pool-outside", "the subnet of this network"),
    "dhcp-pool-fails-the-link": ("dhcp-pool-ends", "the network address of"),
    "dhcp-network-address": ("lans-network-address", "no host can have it"),
    "dhcp-reservation-outside": ("reservations-addresses", "10.0.1.5 is not in 10.0.0.0/24"),
    "dhcp-reservation-twice": ("reservations-macs", "02:00:00:00:00:cc is already first"),
    "dhcp-answer-full": ("dhcp-room", "an answer has room for 312"),
    "address-zero": ("lans-unusable-address", "0.0.0.0 is not an address that a host can have"),
    "masquerade-overlap": ("overlap", "overlaps 10.0.0.0/24 of lans.lan"),
    "names-of-the-kernel": ("reserved-names", "the name 'ens18' is reserved by the system"),
}
LAN, NFT = "etc/systemd/network/20-lan.network", "etc/nftables/gwimage.nft"
RESOLVED = "etc/systemd/resolved.conf.d/10-gwimage.conf"
# id: case, file of its configuration, pattern of a line
WRITTEN = {
    "dhcp-copies-dns-once": [
        ("homelab", LAN, line)
        for line in ("DNS=10.0.0.1", "EmitNTP=no", "EmitSIP=no", "EmitTimezone=no", "UplinkInterface=:none")
    ],
    "dhcp-reservation-mute": [("reservations", LAN, "MaxLeaseTimeSec=3600")],
    "dhcp-no-domain": [("homelab", LAN, "SendOption=15:string:home.arpa")],
    "dhcp-lease-time-cut": [("everything", LAN, "DefaultLeaseTimeSec=43200"), ("everything", LAN, "MaxLeaseTimeSec=43200")],
    "masquerade-everywhere": [
        ("everything", NFT, r'\s+oifname != @wans oifname != "lan" .* snat ip prefix to ip saddr map .*')
    ],
    "masquerade-not-routed": [("routes", NFT, r"\s+oifname @wans ip saddr 10\.20\.0\.0/16 masquerade .*")],
    "flush-ruleset": [("homelab", NFT, "delete table inet gwimage")],
    "ipforward-ignored": [("homelab", "etc/systemd/networkd.conf.d/10-gwimage.conf", "IPv4Forwarding=yes")],
    "ipv6-prefix-too-small": [("ipv6-delegated", "etc/systemd/network/10-fibre.network", "PrefixDelegationHint=::/60")],
    "ipv6-forwarding-drops-ra": [("ipv6-delegated", "etc/systemd/network/10-fibre.network", "IPv6AcceptRA=yes")],
    "ipv6-forwarding-per-link": [
        ("ipv6-delegated", "etc/systemd/networkd.conf.d/10-gwimage.conf", "IPv6Forwarding=yes"),
        ("homelab", "etc/systemd/networkd.conf.d/10-gwimage.conf", "IPv6Forwarding=no"),
    ],
    "wireguard-key-readable": [("vpn", "etc/systemd/network/30-wg0.netdev", r"PrivateKey=@network\.wireguard\.wg0")],
    "ra-from-clients": [("homelab", LAN, "IPv6AcceptRA=no")],
    "wan-numbers-as-we-do": [
        ("homelab", "etc/systemd/network/10-wan.network", r"DenyList=10\.0\.0\.0/24"),
        ("homelab", NFT, r'\s+iifname "wan" udp dport 68 ip saddr 10\.0\.0\.0/24 .* log prefix "gwimage: .*'),
    ],
    "carrier-loss": [(case, LAN, "ConfigureWithoutCarrier=yes") for case in ("homelab", "lans-bridge")],
    "bridge-spanning-tree": [("lans-bridge", "etc/systemd/network/20-lan.netdev", "STP=no")],
    "wait-online": [
        ("homelab", f"etc/systemd/network/{name}.network", "RequiredForOnline=no") for name in ("20-lan", "10-wan")
    ],
    "resolved-no-fallback": [("homelab", RESOLVED, r"FallbackDNS=\d.*")],
    "resolved-llmnr": [
        ("homelab", RESOLVED, "LLMNR=no"),
        ("homelab", RESOLVED, "MulticastDNS=no"),
        ("homelab", LAN, "LLMNR=no"),
    ],
    "resolved-own-name": [("homelab", "etc/hosts", "10.0.0.1 .*homelab.*")],
}
# id: what stands in no file of any case
NEVER = {
    "ipv6-forwarding-drops-ra": r"^IPMasquerade=(both|ipv6|yes)",
    "wireguard-key-readable": r"^(PrivateKey|PresharedKey)=[^@]",
    "flush-ruleset": r"flush ruleset",
    "ipforward-ignored": r"^IPForward=",
    "sysctl-against-networkd": r"net\.ipv[46]\..*forwarding",
}
# id: links and lines of the packages layer
LAYER = {
    "flush-ruleset": lambda: LINKS["mkosi.extra/etc/systemd/system/nftables.service"] == "/dev/null",
    "wait-online": lambda: LINKS["mkosi.extra/etc/systemd/system/systemd-networkd-wait-online.service"] == "/dev/null",
    "resolved-loop": lambda: LINKS["mkosi.extra/etc/resolv.conf"].endswith("/stub-resolv.conf"),
    "dhcp-leases-unsynced": lambda: (
        "mount -t ext4 -o noatime,nosuid,nodev,noexec,dirsync,nodelalloc " in text("usr/lib/gwimage/init")
    ),
    # that these two help is shown in test_leases.py
    "dhcp-reservation-mute": lambda: (
        "ExecStartPre=-+/usr/lib/gwimage/leases\n" in text(f"{UNITS}/systemd-networkd.service.d/20-leases.conf")
    ),
    "dhcp-reservation-client-id": lambda: (
        (TESTS / "cases/reservations/out/config" / WANTS / "gwimage-reservations.service").is_symlink()
        and "\nExecStart=/usr/lib/gwimage/reservations\n" in text(f"{UNITS}/gwimage-reservations.service")
    ),
    "dhcp-without-storage": lambda: (
        "\nEnvironment=SYSTEMD_NETWORK_PERSISTENT_STORAGE_READY=1\n"
        in text("usr/lib/systemd/system/systemd-networkd.service.d/20-leases.conf")
    ),
    "sysctl-against-networkd": lambda: "forward" not in "".join(file.read_text() for file in IMAGE.glob("**/sysctl.d/*")),
}
# id: answers of an upstream that resolved hands on as they are
HANDED_ON = {"resolved-rebinding": ["10.0.0.1", "10.0.0.9", "127.0.0.1", "169.254.169.254", "fd00::9"]}

# id: pages that say what is not avoided, and their words
SAID = {
    "wan-dead-provider": [
        ("docs/reference.md", "one that is dead behind a living link keeps the traffic"),
        ("docs/image.md", "a provider that is dead behind a living link"),
        ("docs/ipv6.md", "A provider that is dead behind a living link keeps both"),
    ],
}


def text(path: str) -> str:
    return (IMAGE / path).read_text()


def test_every_entry_has_evidence_and_nothing_else_has():
    ids = [defect.id for defect in defects.ALL]
    assert len(ids) == len(set(ids))
    assert set(ids) == REFUSED.keys() | WRITTEN.keys() | NEVER.keys() | LAYER.keys() | SAID.keys() | HANDED_ON.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    case, words = REFUSED[name]
    files, problems = compile(source.read(str(TESTS / "errors" / f"{case}.yaml")))
    assert not files
    assert any(words in problem.message for problem in problems)


@pytest.mark.parametrize("name", WRITTEN)
def test_written(name):
    for case, path, pattern in WRITTEN[name]:
        lines = (TESTS / "cases" / case / "out/config" / path).read_text().splitlines()
        assert any(re.fullmatch(pattern, line) for line in lines), (case, path, pattern)


@pytest.mark.parametrize("name", NEVER)
def test_never_written(name):
    for case in CASES:
        for file in [path for path in case.rglob("*") if path.is_file() and not path.is_symlink()]:
            assert not re.search(NEVER[name], file.read_text(), re.M), file


@pytest.mark.parametrize("name", LAYER)
def test_of_the_packages_layer(name):
    assert LAYER[name]()


@pytest.mark.parametrize("name", SAID)
def test_said(name):
    for page, words in SAID[name]:
        assert words in " ".join((ROOT / page).read_text().split()), page


@pytest.mark.parametrize("name", HANDED_ON)
def test_handed_on(name, tmp_path):
    """Whoever finds it filtered can turn the entry into a promise."""
    answers = {"rebind.example": HANDED_ON[name], "public.example": ["203.0.113.9"]}
    case = (TESTS / "cases/homelab/profile.yaml").read_text() + f"dns: {{upstreams: [{served_lan.UPSTREAM}]}}\n"
    write(compile(source.parse(case, "p.yaml"))[0], str(tmp_path / "tree"))
    config = tmp_path / "tree/config"
    _, found = served_lan.lan(config, "lan", "10.0.0.1", ["02:00:00:00:00:07"], list(answers), answers=answers)
    assert found == {asked: sorted(addresses) for asked, addresses in answers.items()}


def test_the_page_is_fresh():
    assert (ROOT / "docs/defects.md").read_text() == defects.page()


def test_addresses_of_issues():
    for defect in defects.ALL:
        assert all(re.fullmatch(r"https://github\.com/\w+/\w+/(issues|pull)/\d+", address) for address in defect.issues)
