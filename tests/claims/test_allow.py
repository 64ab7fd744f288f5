"""Addresses, what hides what, and the claims of the firewall section. What it does to packets: test_packets.py."""

from ipaddress import IPv4Address
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwimage.claims import allow_boundary, claim, claim_firewall, claim_nat, flow
from gwimage.compiler import claims
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.profile.shadowing import Opening, shadowed
from gwimage.values import ranges
from gwimage.values.lab_host import attacker, client
from gwimage.values.ranges import IntervalIndex, Range

HEAD = """
version: 1
name: x
release: 1.0.0
wans:
  wan: {nic: net0, ipv4: dhcp}
lans:
  lan: {nic: net1, address: 10.0.0.1/24, dhcp: {pool: 10.0.0.100-10.0.0.199}}
  iot: {nic: net2, address: 10.0.1.1/24}
  guests: {nic: net3, address: 10.0.2.1/24, internet: false}
"""


@pytest.mark.parametrize(
    ("text", "family", "first", "last", "written"),
    [
        ("10.0.0.5", 4, 0x0A000005, 0x0A000005, "10.0.0.5"),
        ("10.0.0.0/30", 4, 0x0A000000, 0x0A000003, "10.0.0.0/30"),
        ("10.0.0.5-10.0.1.0", 4, 0x0A000005, 0x0A000100, "10.0.0.5-10.0.1.0"),
        ("0.0.0.0/0", 4, 0, 2**32 - 1, "0.0.0.0/0"),
        ("2001:DB8:0::1", 6, 0x20010DB8 << 96 | 1, 0x20010DB8 << 96 | 1, "2001:db8::1"),
        ("2001:db8::/32", 6, 0x20010DB8 << 96, (0x20010DB9 << 96) - 1, "2001:db8::/32"),
        ("::1-::5", 6, 1, 5, "::1-::5"),
    ],
)
def test_addresses(text, family, first, last, written):
    assert ranges.parse(text) == Range(family, first, last, written)
    assert ranges.is_addresses(text)
    assert not ranges.fault(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ""),
        ("lan", ""),
        ("10.0.0", ""),
        ("10.0.0.5\n", ""),
        ("10.0.0.5-", ""),
        ("10.0.0.5-10.0.0.6-10.0.0.7", ""),
        ("10.0.0.0/33", ""),
        ("10.0.0.0/024", "write 10.0.0.0/24"),
        ("10.0.0.5/24", "write 10.0.0.0/24 for the whole subnet, 10.0.0.5 for one address"),
        ("10.0.0.6-10.0.0.5", "the range ends before it starts: write 10.0.0.5-10.0.0.6"),
        ("10.0.0.6-::5", "a range is of one family"),
        ("fe80::1%lan", "leave the interface after % out"),
        ("::ffff:10.0.0.1", "write the IPv4 address: 10.0.0.1"),
        ("::ffff:a00:0/120", "write the IPv4 address: 10.0.0.0"),
    ],
)
def test_no_addresses(text, why):
    assert not ranges.is_addresses(text)
    assert ranges.fault(text) == why


@pytest.mark.parametrize("text", ["1", "443", "65535", "1-65535", "80-80"])
def test_ports(text):
    assert ranges.is_ports(text)
    assert ranges.ports_text(ranges.parse_ports(text)) == text.removesuffix("-80")


@pytest.mark.parametrize("text", ["", "0", "65536", "080", "90-80", "80-", "80-90-100", "80 - 90", "80\n", "８０", "http"])
def test_no_ports(text):
    assert not ranges.is_ports(text)


ZONES, PROTOCOLS, PORTS, ADDRESSES = "abc", ("tcp", "icmp"), range(1, 5), range(4)
UNIVERSE = list(product(ZONES, ZONES, PROTOCOLS, PORTS, (4, 6), ADDRESSES, ADDRESSES))
SPANS = st.tuples(st.sampled_from((4, 6)), st.integers(0, 3), st.integers(0, 3)).map(
    lambda span: Range(span[0], min(span[1:]), max(span[1:]), "")
)
BOXES = st.lists(
    st.tuples(
        st.sets(st.sampled_from(ZONES), min_size=1),
        st.sets(st.sampled_from(ZONES), min_size=1),
        st.sets(st.sampled_from(PROTOCOLS), min_size=1),
        st.lists(st.integers(1, 4).map(lambda port: (port, port)), max_size=3),
        st.lists(SPANS, max_size=3),
        st.lists(SPANS, max_size=3),
    ),
    min_size=2,
    max_size=6,
)


def packets(box) -> set:
    """What a box lets through, one by one."""

    def on(spans, family, address):
        return not spans or any(span.family == family and span.first <= address <= span.last for span in spans)

    starts, ends, protocols, ports, sources, targets = box
    return {
        packet
        for packet in UNIVERSE
        for start, end, protocol, port, family, saddr, daddr in [packet]
        if start in starts
        and end in ends
        and protocol in protocols
        and (protocol == "icmp" or not ports or (port, port) in ports)
        and on(sources, family, saddr)
        and on(targets, family, daddr)
    }


def within(box, other) -> bool:
    """Whether one box lies in the other by every one of its sides."""

    def points(spans):
        return {(span.family, address) for span in spans for address in range(span.first, span.last + 1)}

    ports = not other[3] or "tcp" not in box[2] or (box[3] and set(box[3]) <= set(other[3]))
    addresses = all(not theirs or (mine and points(mine) <= points(theirs)) for mine, theirs in zip(box[4:], other[4:]))
    return ports and addresses and all(mine <= theirs for mine, theirs in zip(box[:3], other[:3]))


@given(BOXES)
@settings(max_examples=150)
def test_what_is_hidden_opens_nothing_new(boxes):
    axis = IntervalIndex([span for box in boxes for spans in box[4:] for span in spans])

    def bits(spans):
        return axis.bits(spans) if spans else ranges.EVERY

    openings = [
        Opening(str(index), *map(tuple, box[:3]), ranges.port_bits(box[3]), bits(box[4]), bits(box[5]))
        for index, box in enumerate(boxes)
    ]
    found = {int(one.path): list(map(int, by)) for one, by in shadowed(openings, axis)}
    for index, box in enumerate(boxes):
        if index in found:
            assert packets(box) <= set().union(*(packets(boxes[other]) for other in found[index]))
        elif packets(box):
            assert not any(within(box, other) for other in boxes[:index])


def asked(text: str, head: str = HEAD) -> dict[str, claim.Claim]:
    profile, problems = load(source.parse(head + text, "x"))
    assert profile, problems
    return {one.id: one for one in claims(profile)}


def test_claims_of_allow():
    found = asked("""
firewall:
  allow:
    - {from: [iot], to: [lan], protocols: [tcp], ports: [445, 80], sources: [10.0.1.0/28], destinations: [10.0.0.5]}
    - {from: [lan], to: [iot, gateway], protocols: [udp, tcp], ports: [8000-8100]}
    - {from: [wan], to: [lan], protocols: [udp], ports: [53]}
    - {from: [wan], to: [gateway, lan], protocols: [tcp], ports: [22], sources: [192.0.2.0/24]}
    - {from: [iot], to: [lan], protocols: [esp]}
    - {from: [guests], to: [wan], protocols: [udp], ports: [53], destinations: [9.9.9.9]}
""")
    probes = {id: one.probe for id, one in found.items() if id.startswith("firewall.") and not id.endswith(".only")}
    let_in = {id: probes.pop(id) for id in list(probes) if ".gateway." in id}
    assert let_in.keys() == {
        f"firewall.allow.{name}" for name in ("1.lan.gateway.tcp", "1.lan.gateway.udp", "3.wan.gateway.tcp")
    }
    source, other = IPv4Address("192.0.2.253"), IPv4Address("192.0.3.1")
    assert let_in["firewall.allow.3.wan.gateway.tcp"] == claim_firewall.AllowedToGateway(
        attacker("wan"),
        "tcp",
        (flow.Flow(22, None, source),),
        (flow.Flow(21, None, source), flow.Flow(23, None, source), flow.Flow(22, None, other)),
    )
    assert probes == {
        "firewall.allow.0.iot.lan": claim_firewall.Reaches(
            client("iot"), "lan", "tcp", 445, IPv4Address("10.0.0.5"), IPv4Address("10.0.1.2")
        ),
        "firewall.allow.1.lan.iot": claim_firewall.Reaches(client("lan"), "iot", "udp", 8000),
        "firewall.allow.1.lan.iot.tcp": claim_firewall.Reaches(client("lan"), "iot", "tcp", 8000),
        "firewall.allow.2.wan.lan": claim_firewall.Reaches(attacker("wan"), "lan", "udp", 53),
        "firewall.allow.3.wan.lan": claim_firewall.Reaches(
            attacker("wan"), "lan", "tcp", 22, source=IPv4Address("192.0.2.253")
        ),
        "firewall.allow.4.unasked.0": claim.NotTestable("the lab speaks TCP, UDP and ping only"),
        "firewall.allow.5.guests.wan": claim_firewall.Reaches(client("guests"), "wan", "udp", 53, IPv4Address("9.9.9.9")),
    }
    to_lans = {id for id, probe in probes.items() if getattr(probe, "zone", "") in ("lan", "iot")}
    assert {id.removesuffix(".only") for id in found if id.endswith(".only")} == to_lans
    assert found["firewall.allow.2.wan.lan"].needs == ("wans.wan.address", "lans.lan.dhcp.lease")
    assert found["wans.wan.closed"].probe.allowed_tcp == ((22, 22),)
    assert found["lans.lan.closed"].probe.allowed_tcp == ((8000, 8100),)
    # 8080 is where the lab's hosts listen
    assert found["lans.iot.unreachable.lan"].probe.protocols == ("icmp",)
    assert "lans.lan.unreachable.iot" in found
    assert "lans.lan.unreachable.wan" in found


@pytest.mark.parametrize(
    ("key", "start", "value", "host"),
    [
        ("sources", "wan", "0.0.0.0/0", "223.255.255.253"),
        # the LAN's own, then the provider's router and the gateway
        ("sources", "wan", "10.0.0.0/15, 192.0.2.9", "10.1.255.253"),
        ("sources", "wan", "9.255.255.0-10.0.0.255, 192.0.2.9", "192.0.2.9"),
        ("sources", "wan", "203.0.113.253-203.0.113.254, 192.0.2.9", "192.0.2.9"),
        ("sources", "lan", "10.0.0.0/24", "10.0.0.4"),
        ("destinations", "lan", "10.0.1.0/24", "10.0.1.2"),
    ],
)
def test_hosts_of_claims_are_nobody_elses(key, start, value, host):
    wan = "{nic: net0, ipv4: {address: 203.0.113.253/24, gateway: 203.0.113.254}}"
    lan = "{nic: net1, address: 10.0.0.1/24, extra_addresses: [10.0.0.2/24, 10.0.0.3/24], "
    head = HEAD.replace("{nic: net0, ipv4: dhcp}", wan).replace("{nic: net1, address: 10.0.0.1/24, ", lan)
    entry = f"{{from: [{start}], to: [iot], ports: [22], protocols: [tcp], {key}: [{value}]}}"
    found = asked(f"firewall: {{allow: [{entry}]}}", head)
    probe = found[f"firewall.allow.0.{start}.iot"].probe
    assert (probe.source if key == "sources" else probe.destination) == IPv4Address(host)


def test_claims_of_forwards():
    found = asked("""
firewall:
  forwards:
    web: {protocols: [tcp, udp], ports: [443, 8000-8001], to: 10.0.0.5}
    camera: {ports: [9000], to: 10.0.1.5, to_port: 80, hairpin: false}
    office: {ports: [2222], to: 10.0.0.5, sources: [10.0.1.7, 192.0.2.1]}
""")
    probes = {id: one.probe for id, one in found.items() if id.startswith("firewall.")}
    more = {
        id: probes.pop(id)
        for id in list(probes)
        if id.endswith((".inside", ".outside", ".spoofed")) or id.endswith("beside") and "client" in id
    }
    inside = more["firewall.forwards.web.client-iot.wan.tcp.inside"]
    assert (inside.ports, inside.called[:2]) == (((443, 443),), (IPv4Address("10.0.0.1"), IPv4Address("10.0.1.1")))
    assert more["firewall.forwards.web.client-lan.wan.udp.outside"] == claim_firewall.Reaches(client("lan"), "wan", "udp", 443)
    assert {id for id in more if ".office." in id and id.endswith(".spoofed")} == set(), "it names its sources"
    outside, web, camera = attacker("wan"), IPv4Address("10.0.0.5"), IPv4Address("10.0.1.5")
    assert probes == {
        **{
            f"firewall.forwards.web.{caller}.wan.{kind}": claim_nat.Forwarded(caller, "wan", kind, 443, "lan", web, 443)
            for caller in (outside, client("lan"), client("iot"))
            for kind in ("tcp", "udp")
        },
        f"firewall.forwards.camera.{outside}.wan.tcp": claim_nat.Forwarded(outside, "wan", "tcp", 9000, "iot", camera, 80),
        **{  # each caller from where it can be
            f"firewall.forwards.office.{caller}.wan.tcp": claim_nat.Forwarded(
                caller, "wan", "tcp", 2222, "lan", web, 2222, IPv4Address(source)
            )
            for caller, source in ((outside, "192.0.2.1"), (client("iot"), "10.0.1.7"))
        },
        **{  # both ends of each range, and what lies beside it; from outside alone
            f"firewall.forwards.web.{outside}.wan.{kind}.{port}": claim_nat.Forwarded(
                outside, "wan", kind, port, "lan", web, port
            )
            for port in (8000, 8001)
            for kind in ("tcp", "udp")
        },
        **{
            f"firewall.forwards.web.{outside}.wan.{kind}.beside": claim_nat.NotForwarded(
                outside, "wan", kind, ((442, 442), (444, 444), (7999, 7999), (8002, 8002)), "lan", web
            )
            for kind in ("tcp", "udp")
        },
        f"firewall.forwards.camera.{outside}.wan.tcp.beside": claim_nat.NotForwarded(
            outside, "wan", "tcp", ((8999, 79), (9001, 81)), "iot", camera
        ),
        f"firewall.forwards.office.{outside}.wan.tcp.beside": claim_nat.NotForwarded(
            outside, "wan", "tcp", ((2221, 2221), (2223, 2223)), "lan", web, IPv4Address("192.0.2.1")
        ),
    }
    assert found["wans.wan.closed"].probe.allowed_tcp == ((443, 443), (2222, 2222), (8000, 8001), (9000, 9000))
    assert found["lans.lan.unreachable.wan"].closed


def test_what_an_entry_opens_is_not_claimed_closed():
    closed = asked("").keys()
    assert {"lans.guests.internet", "lans.guests.unreachable.lan"} <= closed
    left = asked("""
firewall:
  allow:
    - {from: [guests], to: [wan], protocols: [tcp], ports: [8000-9000]}
    - {from: [lan], to: [guests], destinations: [10.0.2.5]}
""")
    assert closed - left.keys() == {"lans.guests.unreachable.lan"}
    assert left["lans.guests.internet"].probe.protocols == ("udp", "icmp")
    assert left["lans.guests.internet"].text == "a client on guests does not reach a server outside by UDP or ICMP"
    assert left["firewall.allow.0.guests.wan"].probe == claim_firewall.Reaches(client("guests"), "wan", "tcp", 8000)


def test_there_are_not_too_many_claims():
    forwards = "".join(f"    f{port}: {{ports: [{port}], to: 10.0.0.5}}\n" for port in range(1000, 1100))
    entries = "".join(f"    - {{from: [iot], to: [lan], protocols: [tcp], ports: [{port}]}}\n" for port in range(1000, 1100))
    found = asked(f"firewall:\n  forwards:\n{forwards}  allow:\n{entries}")
    assert len([id for id in found if id.startswith("firewall.forwards.") and not id.endswith(".unasked")]) == 64
    allowed = [id for id in found if id.startswith("firewall.allow.") and ".unasked." not in id]
    assert len([id for id in allowed if not id.endswith(".only")]) == 64
    assert len([id for id in allowed if id.endswith(".only")]) == allow_boundary.MOST


MANY = """
version: 1
name: x
release: 1.0.0
wans:
  wan: {nic: net0, ipv4: dhcp, ipv6: auto}
  cable: {nic: net4, ipv4: dhcp, ipv6: auto}
lans:
  lan: {nic: net1, address: 10.0.0.1/24, ipv6: delegated}
  iot: {nic: net2, address: 10.0.1.1/24, internet: false, ipv6: {address: "fd12:3456:789a:1::1/64"}}
vpn:
  wg:
    port: 51820
    address: 10.99.0.1/24
    peers:
      phone: {public_key: 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=, address: 10.99.0.2}
firewall:
"""


@pytest.mark.parametrize(
    ("entry", "unasked"),
    [
        ("from: [iot], to: [lan], protocols: [udp], ports: [53]", {}),
        ("from: [lan], to: [gateway], protocols: [icmp]", {}),
        ("from: [wan], to: [gateway], protocols: [icmpv6]", {}),
        ("from: [iot, wg], to: [lan], sources: [10.0.1.9]", {}),  # no host on wg has it
        (
            'from: [wan], to: [lan], protocols: [tcp], ports: [443], destinations: ["2001:db8:aaaa:1::5"]',
            {"from wan to lan over IPv6": "the provider's prefix on lan is not known beforehand"},
        ),
        (
            "from: [iot], to: [wan, cable], protocols: [tcp], ports: [443]",
            {
                "from iot to cable": "the lab's server outside is behind wan",
                "from iot to wan over IPv6, from iot to cable over IPv6": "the unique local addresses of iot do not leave the gateway",
            },
        ),
        (
            'from: [wan], to: [iot], destinations: ["fd12:3456:789a:1::5"], protocols: [tcp]',
            {"from wan to iot over IPv6": "nobody outside has a way to the unique local addresses of iot"},
        ),
        (
            "from: [iot, wg], to: [lan], protocols: [esp]",
            {"from iot to lan, from wg to lan, from iot to lan over IPv6": "the lab speaks TCP, UDP and ping only"},
        ),
        (
            "from: [wg], to: [gateway], protocols: [tcp], ports: [22]",
            {"from wg to gateway": "the lab does not ask this through a tunnel"},
        ),
        (
            "from: [wg], to: [wg], protocols: [tcp], ports: [22]",
            {"from wg to wg": "the lab does not ask between hosts of one network"},
        ),
        (
            "from: [cable], to: [lan], protocols: [tcp], ports: [22]",
            {"from cable to lan over IPv6": "answers leave by wan, the first WAN with IPv6"},
        ),
        (
            "from: [lan], to: [wg], destinations: [10.99.0.77]",
            {"from lan to wg": "no host of the lab can have its destinations"},
        ),
    ],
)
def test_what_the_lab_does_not_ask_is_listed(entry, unasked):
    found = asked(f"  allow: [{{{entry}}}]", MANY)
    listed = [one for one in found.values() if one.path == "firewall.allow.0" and isinstance(one.probe, claim.NotTestable)]
    assert {one.text.removeprefix("what this entry opens "): one.probe.why for one in listed} == unasked
    assert len(listed) == len(unasked)


def test_unique_local_addresses_of_a_lan_with_a_prefix_stay_inside():
    profile = MANY.replace("ipv6: delegated", 'ipv6: {delegated: true, address: "fd12:3456:789a:2::1/64"}')
    entry = "{from: [lan], to: [wan], protocols: [tcp], ports: [443], sources: [own]}"
    found = asked(f'  sets: {{own: [10.0.0.9, "fd12:3456:789a:2::9"]}}\n  allow: [{entry}]', profile)
    assert found["firewall.allow.0.unasked.0"].probe.why == "the unique local addresses of lan do not leave the gateway"


@pytest.mark.parametrize(
    ("forward", "why"),
    [
        ("to: 10.99.0.50", "the lab has no peer of wg with the address 10.99.0.50"),
        ("to: 10.0.0.5, hairpin: false, sources: [192.0.2.1/32]", None),
        ("to: 10.99.0.2", None),
    ],
)
def test_a_forward_that_the_lab_does_not_ask_is_listed(forward, why):
    found = asked(f"  forwards: {{web: {{ports: [443], {forward}}}}}", MANY)
    listed = [one.probe.why for one in found.values() if one.id == "firewall.forwards.web.unasked"]
    assert listed == ([why] if why else [])
    assert any(one.path == "firewall.forwards.web" for one in found.values())


def test_what_is_too_much_is_listed_once_for_each_entry():
    entries = "".join(f"    - {{from: [iot], to: [lan], protocols: [tcp], ports: [{port}]}}\n" for port in range(1000, 1100))
    found = asked(f"firewall:\n  allow:\n{entries}")
    listed = [one for one in found.values() if one.id.endswith(".unasked.0")]
    assert {one.probe.why for one in listed} == {"the lab asks a limited number of claims of firewall.allow"}
    assert len({one.path for one in found.values() if one.path.startswith("firewall.allow.")}) == 100
