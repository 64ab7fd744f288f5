"""`explain` agrees with a real kernel: random profiles, random packets, namespaces.

The ordinary run asks some hundred pairs of the run's seed (tests/conftest.py). More, or the same again:
pytest tests/explain/test_explain_kernel.py --pairs 10000 --seed 7
"""

import random
import re
import struct
from ipaddress import ip_address

import pytest

from gwimage.compiler import compile
from gwimage.explain import packet_path
from gwimage.language import source
from tests.support import kernel_oracle, random_profiles
from tests.support.paths import HOMELAB

PACKETS = 120  # per gateway
FIRST = 1
UNLIMITED = "limit rate 1000000/second burst 10000 packets"
RULESET = "config/etc/nftables/gwimage.nft"


def test_explain_agrees_with_the_kernel(request):
    pairs, seed = request.config.getoption("--pairs"), request.config.getoption("--seed")
    print(f"seed {seed}")
    samples = []
    for number in range(-(-pairs // PACKETS)):
        rng = random.Random(f"{seed}/{number}")
        sample = random_profiles.sample(rng)
        samples.append((sample, random_profiles.packets(rng, sample, PACKETS)))
    seen = kernel_oracle.observe([(gateway(sample), sent(packets)) for sample, packets in samples])
    wrong, told, answered = [], 0, 0
    for number, ((sample, packets), of_one) in enumerate(zip(samples, seen, strict=True)):
        model = packet_path.model(sample.plan, sample.given)
        for packet, truth in zip(packets, of_one, strict=True):
            way = packet_path.trace(model, packet)
            told += 1
            differ = [(view(model, way), as_seen(truth))]
            if truth.answer and (way.verdict, way.packet.state) == ("forwarded", "new"):
                differ.append((view(model, packet_path.trace_reply(model, way)), as_seen(truth.answer)))
            if truth.own and way.verdict == "accepted":
                answered += 1
                differ.append(({packet_path.own_answer(model, way)}, set(truth.own)))
            for said, was in differ:
                if said != was:
                    wrong.append(f"seed {seed}/{number}: {packet}\n  explain: {said}\n  kernel:  {was}\n{sample.text}")
    assert told >= pairs
    assert answered
    assert not wrong, f"{len(wrong)} of {told} differ (seed {seed})\n" + "\n".join(wrong[:3])


def gateway(sample: random_profiles.Sample) -> kernel_oracle.Gateway:
    """What networkd would make of the plan, in the words of ip(8) and nft."""
    files: dict = {}
    for each in sample.plan.network:
        files.setdefault(each.file, {}).setdefault((each.section, each.instance), []).append((each.key, each.value))
    links = {dict(parts["Match", ""])["Name"]: parts for file, parts in files.items() if file.endswith(".network")}
    links = {name: parts for name, parts in links.items() if name in dict(sample.nets)}
    addresses, routes, rules, hidden = [], [], [], []
    for name, parts in links.items():
        own = [value for key, value in parts["Network", ""] if key == "Address"]
        hidden += [value for value in own if ":" not in value] if ("IPMasquerade", "ipv4") in parts["Network", ""] else []
        given = leased(sample, name, parts) + announced(links, name, parts) + delegated(parts)
        addresses += [(name, value) for value in own + [value for kind, value in given if kind == "address"]]
        routes += [value for kind, value in given if kind == "route"]
        lease = router(sample.leases[name]) if name in sample.leases else None
        routes += [route(name, dict(keys), lease) for (section, _), keys in parts.items() if section == "Route"]
        rules += [rule(dict(keys)) for (section, _), keys in parts.items() if section == "RoutingPolicyRule"]
    nft = re.sub(r"limit rate \S+( burst \d+ packets)?", UNLIMITED, sample.files[RULESET].text)
    ipv6 = ("IPv6Forwarding", "yes") in files["networkd.conf"]["Network", ""]
    return kernel_oracle.Gateway(tuple(links), tuple(addresses), tuple(routes), tuple(rules), nft + masquerade(hidden), ipv6)


def leased(sample: random_profiles.Sample, name: str, parts: dict) -> list[tuple[str, str]]:
    """What DHCP gives."""
    if name not in sample.leases:
        return []
    lease, metric = sample.leases[name], dict(parts["DHCPv4", ""])["RouteMetric"]
    return [("address", str(lease)), ("route", f"default via {router(lease)} dev {name} metric {metric}")]


def announced(links: dict, name: str, parts: dict) -> list[tuple[str, str]]:
    """IPv6 of the link itself, and what a provider's router advertises: a /64 for each WAN that listens."""
    if ("LinkLocalAddressing", "ipv6") not in parts["Network", ""]:
        return []
    given = [("address", "fe80::200:ff:fe00:0/64")]
    listening = [link for link, others in links.items() if ("IPv6AcceptRA", "yes") in others["Network", ""]]
    if name in listening:
        metric = dict(parts["IPv6AcceptRA", ""])["RouteMetric"]
        given.append(("address", f"2001:db8:fffe:{listening.index(name):x}:200:ff:fe00:0/64"))
        given.append(("route", f"default via fe80::1 dev {name} metric {metric}"))
    return given


def delegated(parts: dict) -> list[tuple[str, str]]:
    """A LAN's part of the prefix; the whole of it leads nowhere."""
    if ("DHCPPrefixDelegation", "yes") not in parts["Network", ""]:
        return []
    number = int(dict(parts["DHCPPrefixDelegation", ""])["SubnetId"], 16)
    prefix = random_profiles.DELEGATED
    nowhere = f"unreachable {prefix} metric 1024"
    return [("address", f"{prefix.network_address + (number << 64) + 1}/64"), ("route", nowhere)]


def router(lease):
    """The last host of the subnet, or the one before it."""
    return next(ip for ip in reversed(list(lease.network.hosts())) if ip != lease.ip)


def route(link: str, keys: dict[str, str], lease) -> str:
    via = {"_dhcp4": lease}.get(keys.get("Gateway"), keys.get("Gateway"))
    to = keys.get("Destination", "default")
    words = [to, *(["via", via] if via else []), "dev", link]
    words += ["onlink"] * ("GatewayOnLink" in keys)
    words += [word for key, name in (("Metric", "metric"), ("Table", "table")) if key in keys for word in (name, keys[key])]
    return " ".join(map(str, words))


def rule(keys: dict[str, str]) -> str:
    words = f"fwmark {keys['FirewallMark']} lookup {keys['Table']} priority {keys['Priority']}"
    return words + (f" suppress_prefixlength {keys['SuppressPrefixLength']}" if "SuppressPrefixLength" in keys else "")


def masquerade(subnets: list[str]) -> str:
    """networkd's own table, as systemd 257 makes it."""
    if not subnets:
        return ""
    elements = ", ".join(str(ip.network) for ip in map(random_profiles.IPv4Interface, subnets))
    return f"""
table ip io.systemd.nat {{
    set masq_saddr {{
        type ipv4_addr
        flags interval
        elements = {{ {elements} }}
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat + 1; policy accept;
        ip saddr @masq_saddr masquerade
    }}
}}
"""


def sent(packets) -> list[kernel_oracle.Sent]:
    return [kernel_oracle.Sent(number, each.iif, raw(number, each)) for number, each in enumerate(packets, FIRST)]


def raw(number: int, each) -> bytes:
    ends = each.src, each.dst, each.protocol, each.sport, each.dport
    return kernel_oracle.packet(number, *ends, each.icmp_type, hops=each.hop_limit)


def view(model: packet_path.Model, way: packet_path.PacketPath) -> tuple:
    """(what became of it, the rules that decided) as explain has it."""
    left = way.packet
    leaves = way.verdict == "forwarded" or way.steps[-1].hook == "wireguard"  # a cable takes what a tunnel does not
    arrived = [(left.oif, str(left.src), str(left.dst), left.sport, left.dport)] if leaves else []
    rules = [
        (step.hook, model.chains[step.hook].index(step.rule) if step.rule else -1)
        for step in way.steps
        if step.hook in model.chains and (not step.rule or step.rule.verdict or step.rule.by_state or step.rule.nat)
    ]
    hidden = any(step.hook == "networkd" for step in way.steps)
    return way.verdict == "accepted", arrived, rules, hidden


def as_seen(seen: kernel_oracle.Seen) -> tuple:
    """The same of what the kernel did. A policy that accepts decides nothing."""
    ours = [(chain, index, verdict) for table, chain, index, verdict in seen.rules if table == "gwimage" and verdict]
    rules = [(chain, index) for chain, index, verdict in ours if index >= 0 or verdict == "drop"]
    hidden = any(table == "io.systemd.nat" and index >= 0 for table, _, index, _ in seen.rules)
    return seen.through, [(link, *tuple_of(packet)) for link, packet in seen.arrived], rules, hidden


def tuple_of(packet: bytes) -> tuple:
    src, dst, protocol, load = kernel_oracle.opened(packet)
    return str(src), str(dst), *(struct.unpack_from("!HH", load) if protocol in (6, 17) else (None, None))


@pytest.mark.parametrize("server", ["10.0.0.1", "10.0.0.2"])
@pytest.mark.parametrize("client", ["10.0.0.50", "255.255.255.255"])
def test_the_console_hears_of_a_dhcp_server_outside_in_a_subnet_of_ours(server, client):
    """Also of one that has our own address, of which the kernel's routing lets nothing through."""
    files, _ = compile(source.read(str(HOMELAB)))
    nft = re.sub(r"limit rate \S+( burst \d+ packets)?", UNLIMITED, files[RULESET].text)
    gate = kernel_oracle.Gateway(("wan", "lan"), (("lan", "10.0.0.1/24"),), (), (), nft)
    ((seen,),) = kernel_oracle.observe(
        [(gate, [kernel_oracle.Sent(1, "wan", kernel_oracle.packet(1, ip_address(server), ip_address(client), 17, 67, 68))])]
    )
    assert ("gwimage", "dstnat", 0, "") in seen.rules
    assert not seen.through and not seen.arrived


OPEN = """
version: 1
name: x
release: 1.0.0
wans: {wan: {nic: net0, ipv4: {address: 203.0.113.2/24, gateway: 203.0.113.1}}}
lans:
  lan: {nic: net1, address: 10.0.0.1/24}
  iot: {nic: net2, address: 10.1.0.1/24}
  guests: {nic: net3, address: 10.2.0.1/24}
firewall: {allow: [{from: [lan], to: [iot], protocols: [udp], ports: [123]}]}
"""


def test_nobody_joins_a_conversation_between_networks_inside():
    """UDP with the same port at both ends: all its numbers are known beforehand."""
    files, problems = compile(source.parse(OPEN, "p.yaml"))
    assert files, problems
    addresses = (
        ("wan", "203.0.113.2/24"),
        *((name, f"10.{number}.0.1/24") for number, name in enumerate(("lan", "iot", "guests"))),
    )
    gate = kernel_oracle.Gateway(("wan", "lan", "iot", "guests"), addresses, (), (), files[RULESET].text)
    phone, clock = "10.0.0.7", "10.1.0.5"
    sent = [
        ("lan", phone, clock),
        ("wan", phone, clock),
        ("wan", clock, phone),
        ("guests", clock, phone),
        ("lan", phone, clock),
    ]
    made = [
        kernel_oracle.Sent(number, link, kernel_oracle.packet(number, ip_address(src), ip_address(dst), 17, 123, 123))
        for number, (link, src, dst) in enumerate(sent, 1)
    ]
    first, *forged, honest = kernel_oracle.observe([(gate, made[:1], made[1:])])[0]
    assert first.answer.arrived and honest.arrived
    assert [each.arrived for each in forged] == [[], [], []]
    assert ("gwimage", "forward", 1, "accept") in honest.rules, "it was known as established"


def test_a_forged_packet_makes_the_gateway_say_nothing():
    """Its time to live ends here, and whoever was named would get the error."""
    files, _ = compile(source.read(str(HOMELAB)))
    addresses = (("wan", "203.0.113.2/24"), ("lan", "10.0.0.1/24"))
    gate = kernel_oracle.Gateway(("wan", "lan"), addresses, ("default via 203.0.113.1",), (), files[RULESET].text)
    ends = [("lan", "198.51.100.9", "203.0.113.9"), ("wan", "10.0.0.7", "10.0.0.9"), ("lan", "10.0.0.7", "203.0.113.9")]
    made = []
    for number, (link, src, dst) in enumerate(ends, 1):
        port = kernel_oracle.FIRST_PORT + number
        packet = kernel_oracle.packet(number, ip_address(src), ip_address(dst), 17, 5000, port, hops=1)
        made.append(kernel_oracle.Sent(number, link, packet))
    *forged, honest = kernel_oracle.observe([(gate, made)])[0]
    assert [any("drop" == verdict for *_, verdict in each.rules) for each in forged] == [True, True]
    assert ([each.own for each in forged], honest.own) == ([[], []], ["lan"])
