"""The DHCPv6 hint: a prefix with room for every delegated LAN, and no more (systemd #13547)."""

import pytest

from gwimage.compiler import compile
from gwimage.lab.hosts import ipv6_provider
from gwimage.language import source

PROFILE = """\
version: 1
name: gw
release: 1.0.0
wans: {wan: {nic: net0, ipv4: dhcp, ipv6: auto}, other: {nic: net5, ipv4: dhcp, ipv6: auto}}
lans:
"""


@pytest.mark.parametrize(
    ("subnets", "hint"),
    [
        ([None], None),
        ([0], None),
        ([None, None], "::/60"),
        ([1], "::/60"),
        ([15, 0], "::/60"),
        ([16], "::/56"),
        ([255, 3], "::/56"),
        ([256], "::/52"),
        ([65535], "::/48"),
    ],
)
def test_the_hint_has_room_for_the_highest_number(subnets, hint):
    lans = "".join(
        f"  lan{number}: {{nic: net{number + 1}, address: 10.0.{number}.1/24, ipv6: {{delegated: true"
        f"{'' if subnet is None else f', subnet: {subnet}'}}}}}\n"
        for number, subnet in enumerate(subnets)
    )
    files, problems = compile(source.parse(PROFILE + lans, "p.yaml"))
    assert files, problems
    texts = {name: files[f"config/etc/systemd/network/10-{name}.network"].text for name in ("wan", "other")}
    assert "PrefixDelegationHint" not in texts["other"]
    assert [line for line in texts["wan"].splitlines() if "Hint" in line] == ([f"PrefixDelegationHint={hint}"] if hint else [])


@pytest.mark.parametrize(
    ("hinted", "delegated"),
    [
        (None, "2001:db8::/64"),
        (60, "2001:db8::/60"),
        (56, "2001:db8::/56"),
        (48, "2001:db8::/56"),
        (80, "2001:db8::/64"),
        (0, "2001:db8::/64"),
    ],
)
def test_the_lab_s_provider_gives_a_64_to_who_does_not_ask_for_more(hinted, delegated):
    hint = b"" if hinted is None else ipv6_provider.prefix(ipv6_provider.IPv6Network((0, hinted)), 0, 0)
    room = ipv6_provider.IPv6Network("2001:db8::/56")
    provider = ipv6_provider.Provider("gw", room, room, length=ipv6_provider.wanted(bytes(12) + hint))
    assert str(provider.delegated) == delegated
