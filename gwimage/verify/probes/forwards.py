"""Probes of port forwards: matching traffic arrives at the target, other traffic does not."""

from concurrent.futures import ThreadPoolExecutor

from gwimage.claims import claim_nat
from gwimage.lab.hosts.echo_servers import listen
from gwimage.lab.hosts.extra_addresses import host_for, with_address
from gwimage.lab.packets import ipv4
from gwimage.values import lab_host
from gwimage.values.lab_host import Role
from gwimage.verify.evidence import Wire
from gwimage.verify.probes import hints, sharing
from gwimage.verify.probes.ends import lost_tunnel
from gwimage.verify.probes.reachability import caller_of, told
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.sharing import Needs
from gwimage.verify.probes.view import Answer, View


def _forwarded(probe: claim_nat.Forwarded, view: View) -> Answer:
    """Calls a forwarded port; from outside by a caller beyond the ISP, so that the answer must be routed back."""
    hosts = view.hosts
    outside = probe.src.role == Role.ATTACKER
    source = probe.source or (hosts.topology.afar if outside else hosts.address_of(probe.src))
    target, there = hosts.given(hosts.wan(probe.wan)), host_for(hosts, probe.lan, probe.to)
    if not source or not target:
        return Answer(False, f"{probe.wan if source else probe.src} has no address")
    caller = caller_of(probe.src, source, hosts)
    if lost := lost_tunnel(hosts, there):
        return lost
    with with_address(hosts, caller, source), with_address(hosts, there, probe.to):
        listen(there.name, probe.protocol, probe.to, probe.to_port)
        answer = ipv4.connect(caller.name, target, probe.port, probe.protocol, source, tries=3)
    # hairpin: on one network the answer would bypass the gateway without masquerade
    hairpin = probe.src == lab_host.client(probe.lan)
    expected = {address.ip for address in hosts.lan(probe.lan).gateways} if hairpin else {source}
    return told(answer, expected, f"{target}:{probe.port} by {probe.protocol} is {probe.to}:{probe.to_port}")


def _not_forwarded(probe: claim_nat.NotForwarded, view: View) -> Answer:
    hosts = view.hosts
    source = probe.source or (hosts.topology.afar if probe.src.role == Role.ATTACKER else hosts.address_of(probe.src))
    targets, there = probe.called or (hosts.given(hosts.wan(probe.wan)),), host_for(hosts, probe.lan, probe.to)
    if not source or not all(targets):
        return Answer(False, f"{probe.wan if source else probe.src} has no address")
    caller = caller_of(probe.src, source, hosts)
    with with_address(hosts, caller, source), with_address(hosts, there, probe.to), ThreadPoolExecutor(16) as pool:
        for port in {port for pair in probe.ports for port in pair}:
            listen(there.name, probe.protocol, probe.to, port)
        called = [(target, port) for target in targets for port, _ in probe.ports]
        answers = list(pool.map(lambda one: ipv4.connect(caller.name, *one, probe.protocol, source), called))
    seen = ", ".join(f"{target}:{port} {answer}" for (target, port), answer in zip(called, answers))
    return Answer(set(answers) == {"silent"}, f"by {probe.protocol} {seen}; {probe.to} listens")


def _shares_server(probe: claim_nat.Forwarded | claim_nat.NotForwarded) -> Needs:
    source = probe.source or ("from afar" if probe.src.role == Role.ATTACKER else None)
    return sharing.address_locks(probe.src, source) | {lab_host.server(probe.lan).name: probe.to}


def _advise_forwarded(probe: claim_nat.Forwarded, wire: Wire) -> str:
    if wire.arrived(probe.lan, probe.to_port):
        return (
            f"It arrived on {probe.lan}: either its source is not the one that the server must see, or the answer found no way "
            "back (from inside it must come from the gateway's address)."
        )
    start = probe.src.network
    return (
        f"It did not come out of the gateway on {probe.lan}: {hints.explain(start, 'gateway', probe.protocol, probe.port)} says whether "
        "a forward takes it."
    )


def _advise_not_forwarded(probe: claim_nat.NotForwarded, wire: object) -> str:
    return "A rule takes more ports than the profile names: look at the chain dstnat of the image's rules."


PROBES = (
    Probe(
        kind=claim_nat.Forwarded,
        ask=_forwarded,
        question="a host sends to the WAN's address; a listener inside says whom it saw",
        advise=_advise_forwarded,
        shares=_shares_server,
    ),
    Probe(
        kind=claim_nat.NotForwarded,
        ask=_not_forwarded,
        question="a host sends to ports beside; a server inside listens",
        advise=_advise_not_forwarded,
        shares=_shares_server,
        waits=True,
        own_networks=True,
    ),
)
