"""Profile template of `gwimage init`: `text` renders the answers; `pool`, `next_lan` and `first_lan` propose defaults.

Pure; init_dialog.py asks the questions, the command writes the file.
"""

from dataclasses import dataclass
from ipaddress import IPv4Interface
from itertools import count

from gwimage.profile.lans import for_guests
from gwimage.values import host_address

HEAD = """\
# yaml-language-server: $schema={schema}
version: 1
name: {name}
release: 1.0.0
"""
ADMIN = """
# Who may log in: by key over SSH from {zones}, and with sudo. For the console add
# password_hash, as made by `openssl passwd -6`.
system:
  admin:
    ssh_keys:
      - {key}
services:
  ssh: {{from: [{zones}]}}
"""
FIRST = ("192.168.77.1/24", "10.77.0.1/24")  # rare in home routers
NOBODY = """
# Nobody can log in. For SSH from {zones}, with your own public key:
#
# system:
#   admin:
#     ssh_keys:
#       - ssh-ed25519 AAAA... you@example
# services:
#   ssh: {{from: [{zones}]}}
"""


@dataclass(frozen=True)
class LanAnswer:
    """One LAN. vlan: None if untagged; address: the gateway's, with prefix length."""

    name: str
    nic: str
    vlan: str | None
    address: str


@dataclass(frozen=True)
class Answers:
    """All answers. wan: "dhcp", or "ADDRESS/PREFIX GATEWAY"; ssh_key: one line of a .pub file, or empty."""

    name: str
    wan: str
    lans: tuple[LanAnswer, ...]
    ssh_key: str = ""
    schema: str = "profile.schema.json"


def text(answers: Answers) -> str:
    """Profile as YAML with comments. Invalid answers produce a profile that the checker rejects at their place."""
    parts = [HEAD.format(name=answers.name, schema=answers.schema), _wan(answers.wan), _lans(answers.lans)]
    zones = answers.lans[0].name
    parts.append(ADMIN.format(key=answers.ssh_key, zones=zones) if answers.ssh_key else NOBODY.format(zones=zones))
    return "".join(parts)


def _wan(wan: str) -> str:
    lines = ["", "# Outside: closed from there; net0 is the VM's first network device in Proxmox.", "wans:"]
    if wan == "dhcp":
        return "\n".join([*lines, "  wan: {nic: net0, ipv4: dhcp}", ""])
    address, _, gateway = wan.partition(" ")
    lines += ["  wan:", "    nic: net0", "    ipv4:", f"      address: {address}", f"      gateway: {gateway.strip()}"]
    return "\n".join([*lines, "    dns: [9.9.9.9, 149.112.112.112]", ""])


def _lans(lans: tuple[LanAnswer, ...]) -> str:
    lines = ["", "# Inside: each may go out, hidden behind the WAN's address; none may reach another one.", "lans:"]
    for lan in lans:
        lines += [f"  {lan.name}:", f"    nic: {lan.nic}"]
        lines += [f"    vlan: {lan.vlan}"] if lan.vlan else []
        lines.append(f"    address: {lan.address}")
        if for_guests(lan.name):
            lines += ["    # not what is private outside, such as the network of a home router", "    internet: public"]
        if found := pool(lan.address):
            lines += ["    # what lies outside the pool is free for fixed addresses", f"    dhcp: {{pool: {found}}}"]
    return "\n".join([*lines, ""])


def pool(address: str) -> str:
    """DHCP pool for a gateway address: .100 to .199 of a /24, else the upper half; the other part if the gateway is inside.

    Empty for an invalid address or a prefix length outside 8 to 29.
    """
    try:
        own = IPv4Interface(address)
    except ValueError:
        return ""
    net = own.network
    if not 8 <= net.prefixlen <= 29:
        return ""
    first, last = (100, 199) if net.prefixlen == 24 else (net.num_addresses // 2, net.num_addresses - 2)
    if first <= int(own.ip) - int(net.network_address) <= last:
        first, last = (200, 250) if net.prefixlen == 24 else (1, net.num_addresses // 2 - 1)
    return f"{net[first]}-{net[last]}"


def next_lan(lans: tuple[LanAnswer, ...]) -> str:
    """Gateway address for one more LAN: in the next /24 after the last LAN's subnet that is not usual for home routers."""
    try:
        last = IPv4Interface(lans[-1].address).network.broadcast_address
        following = (IPv4Interface(((int(last) | 255) + 2 + 256 * number, 24)) for number in count())
        return str(next(one for one in following if not host_address.of_home_routers(one.network)))
    except (IndexError, ValueError):
        return FIRST[0]


def first_lan(wan: str) -> str:
    """Gateway address for the first LAN, outside the WAN's subnet."""
    try:
        outside = IPv4Interface(wan.partition(" ")[0]).network
    except ValueError:
        return FIRST[0]
    return next(address for address in FIRST if not IPv4Interface(address).network.overlaps(outside))
