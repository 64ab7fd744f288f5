"""IPv6 addresses: which a host can have, and their scope. Must not know any feature."""

from ipaddress import IPv6Address, IPv6Interface, IPv6Network

from gwimage.problem import Path, Problem

GLOBAL, UNIQUE_LOCAL, LINK_LOCAL = (IPv6Network(net) for net in ("2000::/3", "fc00::/7", "fe80::/10"))

# all that is assigned to hosts of the internet, and those of IPv4 by way of a NAT64, which must refuse private ones (RFC 6052 3.1)
PUBLIC = (IPv6Network("64:ff9b::/96"), GLOBAL)


def local(address: IPv6Interface | None) -> bool:
    """Whether this is a unique local address (RFC 4193), which is not reachable from the internet."""
    return address is not None and address.ip in UNIQUE_LOCAL


def unusable(ip: IPv6Address) -> tuple[str, str]:
    """Reason why no host can be configured with this address, and a hint; both empty if one can."""
    if ip.ipv4_mapped:
        return f"{ip.ipv4_mapped} stays an IPv4 address, also when it is written like this", ""
    if ip in LINK_LOCAL:
        return f"{ip} is a link-local address", "give the other one; the gateway makes its link-local address itself"
    if ip not in GLOBAL and ip not in UNIQUE_LOCAL:
        hint = "a global address begins with 2 or 3, a unique local one with fd"
        return f"{ip} is not an address that a host can have", hint
    return "", ""


def made_of(prefix: IPv6Network, mac: str) -> IPv6Address:
    """The EUI-64 address of a MAC address in a /64 (RFC 4291 appendix A)."""
    raw = bytes.fromhex(mac.replace(":", ""))
    return IPv6Address(prefix.network_address.packed[:8] + bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:])


def check_host(path: Path, address: IPv6Interface, widest: int, narrowest: int) -> list[Problem]:
    """Problems of the gateway's own address on a network: whether a host can have it, prefix length widest..narrowest."""
    ip, net = address.ip, address.network
    message, hint = unusable(ip)
    if message:
        return [Problem(path, message, hint)]
    if not widest <= net.prefixlen <= narrowest:
        hint = f"write {ip}/64"
        if narrowest == 64:
            hint += ": clients make their own addresses, and do so only in a /64"
        return [Problem(path, f"a prefix length of {net.prefixlen} does not work here", hint)]
    if net.prefixlen < 127 and ip == net.network_address:
        hint = f"did you mean {ip + 1}/{net.prefixlen}?"
        return [Problem(path, f"{ip} is the address of the network {net} itself", hint)]
    return []
