"""What forwards and allow entries do to real packets, in network namespaces. Needs root and nft.

Each "silent" was asked again without the rules, and answered then.
"""

import socket
import struct
from contextlib import suppress

from gwimage.compiler import compile
from gwimage.lab import sandbox
from gwimage.lab.netns import inside
from gwimage.language import source
from tests.support import nft_gateway

NFT = "config/etc/nftables/gwimage.nft"
HEAD = """
version: 1
name: x
release: 1.0.0
wans:
  wan: {nic: net0, ipv4: dhcp}
lans:
  lan: {nic: net1, address: 10.0.0.1/24}
  iot: {nic: net2, address: 10.0.1.1/24, masquerade: false}
"""
NETWORKS = {
    "wan": (["203.0.113.2/24"], ["203.0.113.66/24", "203.0.113.77/24"]),
    "lan": (
        ["10.0.0.1/24", "2001:db8::1/64"],
        [*(f"10.0.0.{n}/24" for n in (5, 6, 10, 17)), "2001:db8::5/64", "2001:db8::10/64"],
    ),
    "iot": (["10.0.1.1/24", "2001:db8:1::1/64"], ["10.0.1.5/24", "10.0.1.6/24", "2001:db8:1::5/64"]),
}
WITHOUT_RULES = ["nft", "delete", "table", "inet", "gwimage"]
OUTSIDE, OTHER, CLIENT, THING = ("wan", "203.0.113.66"), ("wan", "203.0.113.77"), ("lan", "10.0.0.10"), ("iot", "10.0.1.5")
WAN = "203.0.113.2"


def play(text: str, ports, steps, head=HEAD, networks=NETWORKS) -> list[dict[str, str]]:
    files, problems = compile(source.parse(head + text, "x"))
    assert files, problems
    return sandbox.call(nft_gateway.scenario, files[NFT].text, ["10.0.0.0/24"], networks, list(ports), steps, say=print)


def silent(answers: dict[str, str]) -> set[str]:
    return {key for key, answer in answers.items() if " saw " not in answer}


FORWARDS = """
firewall:
  forwards:
    web: {ports: [80], to: 10.0.0.5}
    dns: {protocols: [tcp, udp], ports: [53], to: 10.0.0.5}
    game: {protocols: [tcp, udp], ports: [7000-7003], to: 10.0.0.6}
    camera: {protocols: [tcp, udp], ports: [8000-8003], to: 10.0.1.6, to_port: 9000, hairpin: false}
    office: {ports: [2222], to: 10.0.0.5, to_port: 22, sources: [203.0.113.66]}
"""


def test_forwards():
    opened = {
        "outside": (*OUTSIDE, WAN, 80),
        "own network": (*CLIENT, WAN, 80),
        "the server itself": ("lan", "10.0.0.5", WAN, 80),
        "another network": (*THING, WAN, 80),
        "udp": (*OUTSIDE, WAN, 53, "udp"),
        "udp own network": (*CLIENT, WAN, 53, "udp"),
        "chosen source": (*OUTSIDE, WAN, 2222),
    }
    kept = [f"{port} {kind}" for port in range(7000, 7004) for kind in ("tcp", "udp")]
    moved = [f"{port} {kind}" for port in range(8000, 8004) for kind in ("tcp", "udp")]
    opened |= {f"range {key}": (*OUTSIDE, WAN, int(key[:4]), key[5:]) for key in kept}
    opened |= {f"shifted {key}": (*OUTSIDE, WAN, int(key[:4]), key[5:]) for key in moved}
    own = {
        "gateway for its own network": (*CLIENT, "10.0.0.1", 53),
        "gateway for another network": (*THING, "10.0.1.1", 53, "udp"),
        "gateway, other address": (*THING, "10.0.0.1", 53),
        "gateway for itself": ("gw", "127.0.0.1", "127.0.0.1", 80),
        "gateway for itself outside": ("gw", WAN, WAN, 80),
    }
    closed = {
        "no forward": (*OUTSIDE, WAN, 81),
        "no forward, udp": (*OUTSIDE, WAN, 80, "udp"),
        "past the range": (*OUTSIDE, WAN, 7004),
        "other source": (*OTHER, WAN, 2222),
        "chosen source, from inside": (*CLIENT, WAN, 2222),
        "no hairpin": (*CLIENT, WAN, 8000),
        "around the forward": (*OUTSIDE, "10.0.0.5", 80),
        "inside port": (*OUTSIDE, WAN, 9000),
    }
    ports = [22, 53, 80, 81, 2222, *range(7000, 7005), *range(8000, 8004), *range(9000, 9004)]
    answers, mine, silence, control = play(FORWARDS, ports, [opened, own, closed, WITHOUT_RULES, closed])
    assert answers == {
        "outside": "lan:80 saw 203.0.113.66",
        "own network": "lan:80 saw 10.0.0.1",
        "the server itself": "lan:80 saw 10.0.0.1",
        "another network": "lan:80 saw 10.0.1.5",
        "udp": "lan:53 saw 203.0.113.66",
        "udp own network": "lan:53 saw 10.0.0.1",
        "chosen source": "lan:22 saw 203.0.113.66",
        **{f"range {key}": f"lan:{key[:4]} saw 203.0.113.66" for key in kept},
        **{f"shifted {key}": f"iot:{int(key[:4]) + 1000} saw 203.0.113.66" for key in moved},
    }
    assert {answer.split(":")[0] for answer in mine.values()} == {"gw"}
    assert silent(silence) == set(closed)
    assert not silent(control)


def test_a_forward_does_not_open_what_other_rules_translate():
    web = "firewall:\n  forwards: {web: {ports: [80], to: 10.0.0.5}}\n"
    raw = "  raw:\n    dstnat: [tcp dport 8081 dnat ip to 10.0.0.6:80, tcp dport 8082 dnat ip to 10.0.1.5:80]\n"
    asked = {"forward": (*OUTSIDE, WAN, 80), "neighbour": (*OUTSIDE, WAN, 8081), "thing": (*OUTSIDE, WAN, 8082)}
    (answers,) = play(web + raw, [80], [asked])
    assert silent(answers) == {"neighbour", "thing"}
    (answers,) = play(f"{web}{raw}    forward: [ct status dnat accept]\n", [80], [asked])
    assert not silent(answers)


def test_the_address_changes_while_it_runs():
    old = {"outside": (*OUTSIDE, WAN, 80), "inside": (*CLIENT, WAN, 80)}
    new = {key: (*question[:2], "203.0.113.9", 80) for key, question in old.items()}
    change = [["ip", "addr", "del", f"{WAN}/24", "dev", "wan"], ["ip", "addr", "add", "203.0.113.9/24", "dev", "wan"]]
    before, after, late = play(FORWARDS, [80], [old, *change, new, old])
    assert before == after == {"outside": "lan:80 saw 203.0.113.66", "inside": "lan:80 saw 10.0.0.1"}
    assert silent(late) == set(late)


def test_each_wan_has_forwards_of_its_own():
    head = HEAD.replace("lans:", "  fixed: {nic: net3, ipv4: {address: 198.51.100.2/24, gateway: 198.51.100.1}}\nlans:")
    networks = {"fixed": (["198.51.100.2/24"], ["198.51.100.66/24"]), **NETWORKS}
    text = """
firewall:
  forwards:
    leased: {from: [wan], ports: [443], to: 10.0.0.5, to_port: 8443}
    fixed: {from: [fixed], ports: [443], to: 10.0.1.5, to_port: 9443}
"""
    questions = {
        "leased": (*OUTSIDE, WAN, 443),
        "fixed": ("fixed", "198.51.100.66", "198.51.100.2", 443),
        "leased, inside": (*CLIENT, WAN, 443),
        "fixed, inside": (*CLIENT, "198.51.100.2", 443),
    }
    (answers,) = play(text, [8443, 9443], [questions], head, networks)
    assert answers == {
        "leased": "lan:8443 saw 203.0.113.66",
        "fixed": "iot:9443 saw 198.51.100.66",
        "leased, inside": "lan:8443 saw 10.0.0.1",
        "fixed, inside": answers["fixed, inside"],
    }
    assert answers["fixed, inside"].startswith("iot:9443 saw ")


def test_allow():
    text = """
firewall:
  sets: {admins: [10.0.0.10, 10.0.0.16/28, "2001:db8::10"]}
  allow:
    - {from: [iot], to: [lan], protocols: [tcp], ports: [445, 8000-8002], sources: [10.0.1.5], destinations: [10.0.0.5],
       log: true}
    - {from: [lan], to: [iot, gateway], protocols: [tcp, udp], ports: [9000], sources: [admins]}
    - {from: [wan], to: [lan], protocols: [udp], destinations: [10.0.0.6]}
  log: {dropped: true, limit: 1/day}
"""
    opened = {f"{port}": (*THING, "10.0.0.5", port) for port in (445, 8000, 8001, 8002)}
    # far more than the log takes
    opened |= {f"again {number}": (*THING, "10.0.0.5", 445) for number in range(20)}
    opened |= {
        "admin": (*CLIENT, "10.0.1.5", 9000),
        "admin in the prefix": ("lan", "10.0.0.17", "10.0.1.5", 9000, "udp"),
        "admin to the gateway": (*CLIENT, "10.0.0.1", 9000),
        "admin to the gateway elsewhere": (*CLIENT, "10.0.1.1", 9000, "udp"),
        "admin by IPv6": ("lan", "2001:db8::10", "2001:db8:1::5", 9000),
        "admin to the gateway by IPv6": ("lan", "2001:db8::10", "2001:db8::1", 9000, "udp"),
        "from the WAN": (*OUTSIDE, "10.0.0.6", 9000, "udp"),
    }
    closed = {
        "port before": (*THING, "10.0.0.5", 7999),
        "port after": (*THING, "10.0.0.5", 8003),
        "other protocol": (*THING, "10.0.0.5", 445, "udp"),
        "other source": ("iot", "10.0.1.6", "10.0.0.5", 445),
        "other destination": (*THING, "10.0.0.6", 445),
        "not to the gateway": (*THING, "10.0.0.1", 445),
        "not back": ("lan", "10.0.0.5", "10.0.1.5", 445),
        "no admin": ("lan", "10.0.0.5", "10.0.1.5", 9000),
        "no admin by IPv6": ("lan", "2001:db8::5", "2001:db8:1::5", 9000),
        "no admin to the gateway": ("lan", "10.0.0.5", "10.0.0.1", 9000),
        "not from the WAN": (*OUTSIDE, "10.0.0.5", 9000, "udp"),
        "not from the WAN by TCP": (*OUTSIDE, "10.0.0.6", 9000),
    }
    ports = [445, *range(7999, 8004), 9000]
    answers, silence, control = play(text, ports, [opened, closed, WITHOUT_RULES, closed])
    assert not silent(answers)
    assert silent(silence) == set(closed)
    assert not silent(control)


def bursts(say, ruleset: str) -> list[int]:
    """How many of 60 clients' first pings are answered at once; how many neighbour solicitations during a flood outside."""
    nft_gateway.build(ruleset, ["10.0.0.0/24"], NETWORKS)
    pings = [struct.pack("!BBHHH", 128, 0, 0, number, 0) for number in range(60)]
    where = socket.inet_pton(socket.AF_INET6, "fe80::1")
    solicits = [struct.pack("!BBHI16s", 135, 0, 0, 0, where)] * 60  # RFC 4861 4.3
    return [answers("lan", pings, 129), answers("wan", solicits * 5, 136) and answers("lan", solicits, 136)]


def answers(zone: str, questions: list[bytes], kind: int) -> int:
    """How many answers of that kind so many ICMPv6 questions to the gateway get."""
    with inside(zone), socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as asker:
        asker.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
        asker.settimeout(nft_gateway.WAIT)
        for question in questions:
            asker.sendto(question, ("fe80::1", 0, 0, socket.if_nametoindex("eth")))
        count = 0
        with suppress(TimeoutError):
            while count < len(questions):
                count += asker.recv(100)[0] == kind
        return count


def test_a_burst_is_answered():
    head = HEAD.replace("10.0.0.1/24", "10.0.0.1/24, ipv6: {address: '2001:db8::1/64'}").replace("dhcp}", "dhcp, ipv6: auto}")
    files, problems = compile(source.parse(head, "x"))
    assert files, problems
    assert sandbox.call(bursts, files[NFT].text, say=print) == [60, 60]
