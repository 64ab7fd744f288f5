"""A gateway in namespaces: the compiled ruleset, networkd's masquerade, hosts around it, and packets.

The functions run in a private world (gwimage/lab/sandbox.py), where nothing reaches the host. The hosts of a network
share its namespace; each of their addresses is a host of its own. Listeners in the gateway's namespace answer only
where the rules allow it.
"""

import selectors
import socket
import threading
from collections.abc import Iterable
from ipaddress import ip_interface
from pathlib import Path

from gwimage.lab.netns import inside, ip, make, run

GATEWAY, WIRE = "gw", "wire"
WAIT = 0.4  # seconds; short, since everything is local
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def build(ruleset: str, masqueraded: Iterable[str], networks: dict[str, tuple[list[str], list[str]]]) -> None:
    """Builds the gateway. networks: by zone, its addresses there and those of the hosts, all with prefix length."""
    make(GATEWAY)
    make(WIRE)
    with inside(GATEWAY):
        for family, name in (("ipv4", "ip_forward"), ("ipv6", "conf/all/forwarding")):
            Path(f"/proc/sys/net/{family}/{name}").write_text("1")
    for zone, (own, hosts) in networks.items():
        make(zone)
        ip(WIRE, [f"link add br-{zone} type bridge", f"link set br-{zone} up"])
        _plug(zone, GATEWAY, zone, own)
        _plug(zone, zone, "eth", hosts)
        for gateway in map(ip_interface, own):
            ip(zone, [f"route add {EVERYWHERE[gateway.version]} via {gateway.ip}"])
    with inside(GATEWAY):
        run(["nft", "-f", "-"], stdin=ruleset)
        run(["nft", "-f", "-"], stdin=_networkd(masqueraded))


def _plug(zone: str, name: str, link: str, addresses: list[str]) -> None:
    end = f"{name[:6]}-{zone[:6]}"
    ip(WIRE, [f"link add {end} type veth peer name {link} netns {name}", f"link set {end} master br-{zone} up"])
    nodad = {4: "", 6: " nodad"}
    # a router needs a link-local address for neighbour discovery; the kernel's is not there at once
    addresses = [*addresses, "fe80::1/64" if name == GATEWAY else "fe80::2/64"]
    commands = [f"addr add {address} dev {link}{nodad[ip_interface(address).version]}" for address in addresses]
    ip(name, [f"link set {link} addrgenmode none up", *commands])


def _networkd(masqueraded: Iterable[str]) -> str:
    """The ruleset of IPMasquerade= in systemd 257."""
    elements = f"elements = {{ {', '.join(masqueraded)} }}"
    return f"""
        table ip io.systemd.nat {{
            set masq_saddr {{
                type ipv4_addr; flags interval; {elements}
            }}
            chain prerouting {{
                type nat hook prerouting priority dstnat + 1; policy accept;
            }}
            chain output {{
                type nat hook output priority -99; policy accept;
            }}
            chain postrouting {{
                type nat hook postrouting priority srcnat + 1; policy accept;
                ip saddr @masq_saddr masquerade
            }}
        }}
    """


def serve(name: str, ports: Iterable[int]) -> None:
    """Serves TCP and UDP ports; each answers with the namespace, its port, and the caller's address."""
    chosen = selectors.DefaultSelector()
    with inside(name):
        for port in ports:
            for kind in KINDS.values():
                server = socket.socket(socket.AF_INET6, kind)
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                # a UDP answer must come from the address called
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                server.bind(("::", port))
                if kind == socket.SOCK_STREAM:
                    server.listen(64)
                chosen.register(server, selectors.EVENT_READ)
    threading.Thread(target=_answer, args=(name, chosen), daemon=True).start()


def _answer(name: str, chosen: selectors.BaseSelector) -> None:
    while True:
        for key, _ in chosen.select():
            port = key.fileobj.getsockname()[1]
            if key.fileobj.type == socket.SOCK_DGRAM:
                _, where, _, caller = key.fileobj.recvmsg(100, 100)
                key.fileobj.sendmsg([f"{name}:{port} saw {_plain(caller)}".encode()], where, 0, caller)
            else:
                connection, caller = key.fileobj.accept()
                with connection:
                    connection.sendall(f"{name}:{port} saw {_plain(caller)}".encode())


def _plain(caller: tuple) -> str:
    return caller[0].removeprefix("::ffff:")


def ask(name: str, source: str, target: str, port: int, protocol: str = "tcp") -> str:
    """The server's answer: "lan:80 saw 203.0.113.66"; or "silent", or an error."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with inside(name), socket.socket(family, KINDS[protocol]) as asker:
        asker.settimeout(WAIT)
        asker.bind((source, 0))
        try:
            asker.connect((target, port))
            asker.send(b"?")
            return asker.recv(100).decode()
        except TimeoutError:
            return "silent"
        except OSError as error:
            return str(error)


def ask_all(questions: dict[str, tuple]) -> dict[str, str]:
    """Answers by name of question, asked in parallel, since silence means a timeout."""
    answers: dict[str, str] = {}

    def one(key: str, question: tuple) -> None:
        answers[key] = ask(*question)

    threads = [threading.Thread(target=one, args=item) for item in questions.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def scenario(say, ruleset: str, masqueraded: list[str], networks: dict, ports: list[int], steps: list) -> list[dict]:
    """Answers to each dictionary of questions. steps: questions (a dictionary), or a command for the gateway (a list)."""
    build(ruleset, masqueraded, networks)
    for name in (GATEWAY, *networks):
        serve(name, ports)
    found = []
    for step in steps:
        if isinstance(step, dict):
            found.append(ask_all(step))
        else:
            with inside(GATEWAY):
                run(step)
    return found
