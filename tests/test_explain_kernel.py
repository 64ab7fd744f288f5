"""`explain` agrees with a real kernel: random profiles, random packets, namespaces.

The ordinary run asks some hundred pairs of a random seed. More, or the same again:
pytest tests/test_explain_kernel.py --pairs 10000 --seed 7
"""

import random
import re
import struct

import gateways
import kernel
import pytest

from gwimage.explain import walk

PACKETS = 120  # per gateway
FIRST = 1
RULESET = "config/etc/nftables/gwimage.nft"


@pytest.fixture
def seed(request) -> int:
    given = request.config.getoption("--seed")
    return random.SystemRandom().randrange(10**6) if given is None else given


def test_explain_agrees_with_the_kernel(request, seed):
    pairs = request.config.getoption("--pairs")
    print(f"seed {seed}")
    samples = []
    for number in range(-(-pairs // PACKETS)):
        rng = random.Random(f"{seed}/{number}")
        sample = gateways.sample(rng)
        samples.append((sample, gateways.packets(rng, sample, PACKETS)))
    seen = kernel.observe([(gateway(sample), sent(packets)) for sample, packets in samples])
    wrong, told = [], 0
    for number, ((sample, packets), of_one) in enumerate(zip(samples, seen, strict=True)):
        model = walk.model(sample.plan, sample.given)
        for packet, truth in zip(packets, of_one, strict=True):
            way = walk.walk(model, packet)
            told += 1
            differ = [(view(model, way), as_seen(truth))]
            if truth.answer and (way.verdict, way.packet.state) == ("forwarded", "new"):
                differ.append((view(model, walk.back(model, way)), as_seen(truth.answer)))
            for said, was in differ:
                if said != was:
                    wrong.append(f"seed {seed}/{number}: {packet}\n  explain: {said}\n  kernel:  {was}\n{sample.text}")
    assert told >= pairs
    assert not wrong, f"{len(wrong)} of {told} differ (seed {seed})\n" + "\n".join(wrong[:3])


def gateway(sample: gateways.Sample) -> kernel.Gateway:
    """What networkd would make of the plan, in the words of ip(8) and nft."""
    sections: dict = {}
    for each in sample.plan.network:
        sections.setdefault(each.file, {}).setdefault((each.section, each.instance), []).append((each.key, each.value))
    addresses, routes, hidden = [], [], []
    for file, parts in sections.items():
        if not file.endswith(".network"):
            continue
        (name,) = [value for key, value in parts["Match", ""] if key == "Name"]
        own = [value for key, value in parts["Network", ""] if key == "Address"]
        if name in sample.leases:
            lease, metric = sample.leases[name], dict(parts["DHCPv4", ""])["RouteMetric"]
            own.append(str(lease))
            routes.append(f"default via {lease.network[-2] if lease.network[-2] != lease.ip else lease.network[1]} dev {name} metric {metric}")
        addresses += [(name, value) for value in own]
        for (section, _), keys in parts.items():
            if section == "Route":
                keys = dict(keys)
                onlink = " onlink" * ("GatewayOnLink" in keys)
                via = f" via {keys['Gateway']}" if "Gateway" in keys else ""
                routes.append(f"{keys.get('Destination', 'default')}{via} dev {name} metric {keys.get('Metric', 0)}{onlink}")
        if ("IPMasquerade", "ipv4") in parts["Network", ""]:
            hidden += own
    nft = re.sub(r"limit rate \S+", "limit rate 1000000/second burst 10000 packets", sample.files[RULESET].text)
    return kernel.Gateway(tuple(dict.fromkeys(name for name, _ in sample.nets)), tuple(addresses), tuple(routes), nft + masquerade(hidden))


def masquerade(subnets: list[str]) -> str:
    """networkd's own table, as systemd 257 makes it."""
    if not subnets:
        return ""
    elements = ", ".join(str(ip.network) for ip in map(gateways.IPv4Interface, subnets))
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


def sent(packets) -> list[kernel.Sent]:
    return [
        kernel.Sent(number, each.iif, kernel.packet(number, each.src, each.dst, each.protocol, each.sport, each.dport, each.icmp_type))
        for number, each in enumerate(packets, FIRST)
    ]


def view(model: walk.Model, way: walk.Walk) -> tuple:
    """(what became of it, the rules that decided) as explain has it."""
    left = way.packet
    arrived = [(left.oif, str(left.src), str(left.dst), left.sport, left.dport)] if way.verdict == "forwarded" else []
    rules = [
        (step.hook, model.chains[step.hook].index(step.rule) if step.rule else -1)
        for step in way.steps
        if step.hook in model.chains and (not step.rule or step.rule.verdict or step.rule.by_state or step.rule.nat)
    ]
    hidden = any(step.hook == "networkd" for step in way.steps)
    return way.verdict == "accepted", arrived, rules, hidden


def as_seen(seen: kernel.Seen) -> tuple:
    """The same of what the kernel did. A policy that accepts decides nothing."""
    rules = [(chain, index) for table, chain, index, verdict in seen.rules if table == "gwimage" and verdict and (index >= 0 or verdict == "drop")]
    hidden = any(table == "io.systemd.nat" and index >= 0 for table, _, index, _ in seen.rules)
    return seen.through, [(link, *tuple_of(packet)) for link, packet in seen.arrived], rules, hidden


def tuple_of(packet: bytes) -> tuple:
    src, dst, protocol, load = kernel.opened(packet)
    return str(src), str(dst), *(struct.unpack_from("!HH", load) if protocol in (6, 17) else (None, None))
