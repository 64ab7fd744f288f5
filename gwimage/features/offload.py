"""Flowtable fast path for established connections (the kernel's Documentation/networking/nf_flowtable.rst).

It has its own table, whose chain runs after the firewall's: only accepted traffic is offloaded, and a failure of the table
neither closes nor opens anything. It names the networks' own interfaces, not the cards below VLANs and bridges: on a
bridge's card the kernel would send to a host's former port, bypassing CAKE on the bridge.
"""

from gwimage.claims import prerequisites
from gwimage.claims.claim import Claim
from gwimage.claims.claim_traffic import Offloaded
from gwimage.plan import File, Plan, Setting, any_of, file_of, ini
from gwimage.problem import Problem
from gwimage.profile import Profile

PATH = "firewall.offload"
RULES = "etc/nftables/offload.nft"
UNIT = "gwimage-offload.service"
BLIND = ("prerouting", "forward")  # chains of firewall.raw that the fast path bypasses


def check(profile: Profile) -> list[Problem]:
    if not profile.offload:
        return []
    message = "with firewall.offload these rules see only the first packets of a connection"
    hint = "fine for rules about new connections; for others leave firewall.offload out"
    blind = [chain for chain in BLIND if profile.raw.rules.get(chain)]
    return [Problem(("firewall", "raw", chain), message, hint, "warning", on_key=True) for chain in blind]


def plan(profile: Profile) -> Plan:
    if not profile.offload:
        return Plan()
    names = [net.name for net in (*profile.wans, *profile.lans)]
    return Plan(
        files=((RULES, _table(names)), (f"etc/systemd/system/{UNIT}.d/10-gwimage.conf", _after(names))),
        units=((UNIT, "multi-user.target"),),
        claims=tuple(_claim(lan.name, profile) for lan in profile.lans if lan.internet),
    )


def _table(names: list[str]) -> File:
    quoted = [f'"{name}"' for name in names]
    links = any_of(quoted)
    match = f"iifname {links} oifname {links} meta l4proto {{ tcp, udp }} ct state established"
    return file_of(
        [
            ("#!/usr/sbin/nft -f", ""),
            ("table inet gwimage_offload", ""),
            ("delete table inet gwimage_offload", ""),
            ("", ""),
            ("table inet gwimage_offload {", ""),
            ("    flowtable short {", ""),
            ("        hook ingress priority filter", ""),
            (f"        devices = {{ {', '.join(quoted)} }}", PATH),
            ("    }", ""),
            ("", ""),
            ("    chain forward {", ""),
            ("        type filter hook forward priority filter + 10; policy accept;", ""),
            (f'        {match} flow add @short comment "{PATH}"', PATH),
            ("    }", ""),
            ("}", ""),
        ]
    )


def _after(names: list[str]) -> File:
    """Drop-in that makes the unit wait for the interfaces; in unit names - stands for / (systemd.unit(5))."""
    devices = " ".join(f"sys-subsystem-net-devices-{name.replace('-', chr(92) + 'x2d')}.device" for name in names)
    return ini([Setting("", "Unit", key, devices, PATH) for key in ("Wants", "After")])


def _claim(lan: str, profile: Profile) -> Claim:
    wan = profile.wans[0].name
    text = f"established connections from {lan} take the fast path out and back"
    return Claim(f"lans.{lan}.offload", PATH, text, Offloaded(lan), prerequisites.of(profile, lan, wan))
