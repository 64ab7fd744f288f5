"""Network diagram of a profile, as text for a terminal or as SVG. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from gwimage.profile import Profile
from gwimage.profile.allow import Allow
from gwimage.profile.forwards import Forward
from gwimage.profile.lans import Lan
from gwimage.profile.vpn import Vpn
from gwimage.profile.wans import DhcpAddress, StaticAddress, Wan
from gwimage.values import nic, ranges
from gwimage.values.address_lists import Items

SHOWN = 8  # at most: reservations of a LAN, peers of a VPN
HOSTS = 3  # at most: sources or destinations of a rule
CHARACTER, LINE, GAP, MARGIN = 7.3, 17, 16, 20  # pixels; a 12 px monospaced character is 7.2 wide
# every selector names .networks: inside a page these rules apply to the whole page
STYLE = (
    ".networks text{font:12px ui-monospace,monospace;fill:#1b1f24}.networks .name{font-weight:bold}"
    ".networks rect{fill:#fff;stroke:#57606a;rx:6}.networks .outside rect{stroke:#bc4c00}"
    ".networks .gateway rect{stroke:#1b1f24;stroke-width:2}.networks .inside rect{stroke:#1a7f37}"
    ".networks .tunnel rect{stroke:#8250df;stroke-dasharray:4}.networks path{fill:none;stroke:#57606a}"
    "@media screen and (prefers-color-scheme:dark){.networks text{fill:#e6edf3}.networks rect{fill:#161b22}"
    ".networks .gateway rect{stroke:#e6edf3}.networks .inside rect{stroke:#3fb950}.networks path{stroke:#9198a1}}"
)


@dataclass(frozen=True)
class Box:
    """Box of the diagram. kind: outside, gateway, inside or tunnel."""

    kind: str
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    left: tuple[Box, ...]
    gateway: Box
    right: tuple[Box, ...]


def derive(profile: Profile) -> Picture:
    """Diagram of a profile: WANs on the left, the gateway, LANs and VPNs on the right."""
    gateway = Box("gateway", profile.system.hostname, (f"{profile.name} {profile.release}", *_services(profile)))
    return Picture(
        tuple(Box("outside", wan.name, tuple(_wan(wan, profile))) for wan in profile.wans),
        gateway,
        tuple(Box("inside", lan.name, tuple(_lan(lan, profile))) for lan in profile.lans)
        + tuple(Box("tunnel", vpn.name, tuple(_vpn(vpn))) for vpn in profile.vpn),
    )


def _services(profile: Profile) -> Iterator[str]:
    if profile.services.ssh_from:
        yield f"SSH from {', '.join(profile.services.ssh_from)}"
    if profile.ntp.serves:
        yield f"time for {', '.join(profile.ntp.serves)}"
    yield from (_forward(forward, profile) for forward in profile.forwards)
    yield from map(_allow, profile.allow)


def _forward(forward: Forward, profile: Profile) -> str:
    way = f"{'/'.join(forward.protocols)} {', '.join(map(ranges.ports_text, forward.ports))}"
    some = set(forward.wans) != {wan.name for wan in profile.wans}
    way += f" of {', '.join(forward.wans)}" if some else ""
    way += f" from{_hosts(forward.sources)}" if forward.sources else ""
    return f"{way} -> {forward.to}{f':{forward.to_port}' if forward.to_port else ''}"


def _allow(entry: Allow) -> str:
    start = f"{', '.join(entry.from_zones)}{_hosts(entry.sources)}"
    end = f"{', '.join(entry.to_zones)}{_hosts(entry.destinations)}"
    what = ["/".join(entry.protocols), ", ".join(map(ranges.ports_text, entry.ports))]
    return " ".join([f"{start} may reach {end}", *filter(None, what)])


def _hosts(items: Items) -> str:
    """The hosts of a zone that are meant, such as ` 10.0.0.5, admins`; empty if all are."""
    shown = ", ".join(item if isinstance(item, str) else item.text for item in items[:HOSTS])
    return f" {shown}{f' and {len(items) - HOSTS} more' if len(items) > HOSTS else ''}" if items else ""


def _wan(wan: Wan, profile: Profile) -> Iterator[str]:
    yield _card(wan)
    match wan.ipv4:
        case DhcpAddress():
            yield "address by DHCP"
        case StaticAddress(address, gateway, extra):
            yield f"{address} by {gateway}"
            yield from map(str, extra)
    if outside := profile.ipv6.wans.get(wan.name):
        yield f"{outside.address} by {outside.gateway}" if outside.address else "IPv6 by router advertisement"


def _lan(lan: Lan, profile: Profile) -> Iterator[str]:
    yield _card(lan)
    yield from map(str, (lan.address, *lan.extra_addresses))
    if inside := profile.ipv6.lans.get(lan.name):
        yield from [str(inside.address)] if inside.address else []
        yield from [f"IPv6 subnet {inside.subnet} of the provider's prefix"] if inside.delegated else []
    if dhcp := profile.dhcp.get(lan.name):
        yield f"DHCP {dhcp.first}-{dhcp.last}"
    yield from (f"{one.address} {one.name}" for one in profile.reservations.get(lan.name, ())[:SHOWN])
    yield from _more(len(profile.reservations.get(lan.name, ())))
    yield ("masqueraded" if lan.masquerade else "seen outside with its own addresses") if lan.internet else "no internet"
    yield from ["public addresses only"] if lan.public_only else []


def _vpn(vpn: Vpn) -> Iterator[str]:
    yield f"WireGuard, UDP {vpn.port}" if vpn.port else "WireGuard, calls only"
    yield str(vpn.address)
    for peer in vpn.peers[:SHOWN]:
        yield " ".join([str(peer.address), peer.name, *(f"for {net}" for net in peer.networks)])
    yield from _more(len(vpn.peers))


def _more(count: int) -> Iterator[str]:
    yield from [f"and {count - SHOWN} more"] if count > SHOWN else []


def _card(network: Wan | Lan) -> str:
    cards = " + ".join(map(nic.name, network.link.cards))
    return cards if network.link.vlan is None else f"{cards} VLAN {network.link.vlan}"


def text(picture: Picture) -> str:
    """Diagram as text: three columns of boxes, joined by lines."""
    columns = [_column(boxes) for boxes in (picture.left, (picture.gateway,), picture.right)]
    height = max(len(column) for column, _ in columns)
    columns = [_centred(column, joints, height) for column, joints in columns]
    widths = [max(map(len, column)) for column, _ in columns]
    gaps = [_cables(*(joints for _, joints in pair), height) for pair in (columns[:2], columns[1:])]
    rows = []
    for row in range(height):
        cells = [column[row].ljust(width) for (column, _), width in zip(columns, widths, strict=True)]
        rows.append((cells[0] + gaps[0][row] + cells[1] + gaps[1][row] + cells[2]).rstrip())
    return "\n".join(rows) + "\n"


def _column(boxes: tuple[Box, ...]) -> tuple[list[str], list[int]]:
    """Text lines of a column of boxes of one width, and the line number of each box's joint."""
    width = max(len(line) for box in boxes for line in (box.name, *box.lines))
    lines, joints = [], []
    for box in boxes:
        joints.append(len(lines) + (len(box.lines) + 2) // 2)
        lines += [f"┌─{box.name:─<{width}}─┐", *(f"│ {line:<{width}} │" for line in box.lines), f"└─{'─' * width}─┘"]
    return lines, joints


def _centred(lines: list[str], joints: list[int], height: int) -> tuple[list[str], list[int]]:
    above = (height - len(lines)) // 2
    width = len(lines[0])
    blank = " " * width
    return [blank] * above + lines + [blank] * (height - above - len(lines)), [joint + above for joint in joints]


def _cables(left: list[int], right: list[int], height: int) -> list[str]:
    """Text lines of the gap between two columns, three characters wide, with lines that connect all joints."""
    first, last = min(left + right), max(left + right)
    rows = []
    for row in range(height):
        ways = (row in left, first < row <= last, row in right, first <= row < last)
        rows.append(("─" if ways[0] else " ") + _CORNERS[ways] + ("─" if ways[2] else " "))
    return rows


# left, up, right, down
_CORNERS = {
    (left, up, right, down): " ╷╶┌╵│└├╴┐─┬┘┤┴┼"[left * 8 + up * 4 + right * 2 + down]
    for left in (False, True)
    for up in (False, True)
    for right in (False, True)
    for down in (False, True)
}


def svg(picture: Picture) -> str:
    """Diagram as the text of one self-contained SVG file."""
    root = drawing(picture)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def drawing(picture: Picture) -> ElementTree.Element:
    """Diagram as an SVG element, for a file or inside an HTML page."""
    columns = (picture.left, (picture.gateway,), picture.right)
    widths = [max(len(line) for box in boxes for line in (box.name, *box.lines)) * CHARACTER + 24 for boxes in columns]
    heights = [sum(_height(box) for box in boxes) + GAP * (len(boxes) - 1) for boxes in columns]
    size = (sum(widths) + 2 * 60 + 2 * MARGIN, max(heights) + 2 * MARGIN)
    root = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {size[0]:.0f} {size[1]:.0f}")
    root.attrib |= {"width": f"{size[0]:.0f}", "height": f"{size[1]:.0f}", "role": "img", "class": "networks"}
    ElementTree.SubElement(root, "title").text = f"{picture.gateway.name}: networks"
    ElementTree.SubElement(root, "style").text = STYLE
    joints, x = [], float(MARGIN)
    for boxes, width, height in zip(columns, widths, heights, strict=True):
        joints.append(_draw(root, boxes, x, (size[1] - height) / 2, width))
        x += width + 60
    for (from_x, from_y), (to_x, to_y) in _pairs(joints):
        middle = (from_x + to_x) / 2
        ElementTree.SubElement(root, "path", d=f"M{from_x:.0f} {from_y:.0f}H{middle:.0f}V{to_y:.0f}H{to_x:.0f}")
    return root


def _height(box: Box) -> int:
    return LINE * (len(box.lines) + 1) + 14


def _draw(
    root: ElementTree.Element, boxes: tuple[Box, ...], x: float, y: float, width: float
) -> list[tuple[float, float, float]]:
    """Draws a column of boxes; returns (left edge, right edge, vertical middle) of each."""
    joints = []
    for box in boxes:
        group = ElementTree.SubElement(root, "g", {"class": box.kind})
        place = {"x": f"{x:.0f}", "y": f"{y:.0f}", "width": f"{width:.0f}", "height": f"{_height(box)}"}
        ElementTree.SubElement(group, "rect", place)
        for row, line in enumerate((box.name, *box.lines)):
            place = {"x": f"{x + 12:.0f}", "y": f"{y + 6 + LINE * (row + 1):.0f}"}
            ElementTree.SubElement(group, "text", place | ({"class": "name"} if not row else {})).text = line
        joints.append((x, x + width, y + _height(box) / 2))
        y += _height(box) + GAP
    return joints


def _pairs(joints: list[list[tuple[float, float, float]]]):
    (left, right, middle) = joints[1][0]
    yield from (((edge, y), (left, middle)) for _, edge, y in joints[0])
    yield from (((right, middle), (edge, y)) for edge, _, y in joints[2])
