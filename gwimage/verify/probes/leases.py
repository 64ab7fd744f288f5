"""Probes of DHCP leases, with raw clients that release what they get."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address

from gwimage.claims import claim_dhcp
from gwimage.lab.hosts import Hosts
from gwimage.lab.packets import dhcp_client
from gwimage.lab.packets.dhcp_client import Client, Given
from gwimage.values import lab_host
from gwimage.verify.evidence import Wire
from gwimage.verify.probes import hints, sharing
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.view import Answer, View

_NAMED, _RENEWING, _FOREIGN, _MANY, _KEPT, _EDGES = range(6)  # kinds of clients, part of their MAC addresses
_OTHERS = 8  # clients whose offers `keep` may choose from


def _identities(probe: claim_dhcp.ClientIds, view: View) -> Answer:
    seen, good = [], True
    by_mac, by_duid, by_nothing = (_client(probe.lan, _NAMED, number) for number in range(3))
    by_duid, by_nothing = replace(by_duid, identity=dhcp_client.DUID), replace(by_nothing, identity=b"")
    for how, client in (("by MAC address", by_mac), ("by DUID", by_duid), ("without a name", by_nothing)):
        with _borrowed(client) as given:
            again = dhcp_client.take(client) if given else None
            if not given or not again:
                good, text = False, "no answer"
            elif again.address != given.address:
                good, text = False, f"{given.address}, then {again.address}"
            else:
                inside = probe.first <= given.address <= probe.last
                good, text = good and inside, f"{given.address}{'' if inside else ' outside the pool'}"
        seen.append(f"{how} {text}")
    return Answer(good, ", ".join(seen))


def _renewal(probe: claim_dhcp.Renewal, view: View) -> Answer:
    """Renews, rebinds and releases a lease; a second client requests the same address, as if it had been offered."""
    client, other = (_client(probe.lan, _RENEWING, number) for number in range(2))
    with _borrowed(client) as given:
        if given is None:
            return Answer(False, "no lease to renew")
        address = given.address
        for how, everywhere in (("renewed", False), ("rebound", True)):
            if not _granted(dhcp_client.renew(client, given, everywhere), address):
                return Answer(False, f"{address} is not {how}")
        stolen = dhcp_client.ask_for(other, address, given, tries=1)
        if _granted(stolen, address):
            dhcp_client.release(other, stolen)
            return Answer(False, f"{address} is given to another client at the same time")
    late = dhcp_client.ask_for(other, address, given)
    if not _granted(late, address):
        return Answer(False, f"{address} is not given to another client after its release")
    dhcp_client.release(other, late)
    return Answer(True, f"{address} is renewed, rebound, refused to another client and given to it after its release")


def _elsewhere(probe: claim_dhcp.WrongSubnetRequest, view: View) -> Answer:
    foreign = view.hosts.topology.afar
    answer = dhcp_client.ask_for(_client(probe.lan, _FOREIGN), foreign)
    if answer is None:
        return Answer(False, f"{foreign}: no answer")
    return Answer(answer.refused, f"{foreign} is {'refused' if answer.refused else 'granted'}")


def _pool(probe: claim_dhcp.Pool, view: View) -> Answer:
    clients = [_client(probe.lan, _MANY, number) for number in range(probe.clients)]
    late = _client(probe.lan, _MANY, probe.clients)
    with ExitStack() as lent:
        addresses: list[IPv4Address] = []
        for client in clients:
            given = lent.enter_context(_borrowed(client))
            if given is None:
                return Answer(False, f"{len(addresses)} clients of {probe.clients} got an address")
            addresses.append(given.address)
        if wrong := doubts(probe, addresses, _held(probe.lan, view.hosts)):
            return Answer(False, wrong)
        seen = f"{len(addresses)} clients at once, {min(addresses)} to {max(addresses)}"
        if not probe.emptied:
            wrong = _edges(probe, view.hosts)
            return Answer(not wrong, f"{seen}; {wrong or 'from first to last'}")
        if one_more := dhcp_client.discover(late, tries=1):
            return Answer(False, f"{seen}; one more is offered {one_more.address}")
    with _borrowed(late) as given:
        good = given is not None
    return Answer(good, f"{seen}; one more got none, and {'one' if good else 'none'} after them")


def _edges(probe: claim_dhcp.Pool, hosts: Hosts) -> str:
    """What is wrong at the pool's limits, requested by address; addresses in use are skipped."""
    client, lan = _client(probe.lan, _EDGES), hosts.lan(probe.lan)
    taken = {*probe.reserved, _held(probe.lan, hosts), *(own.ip for own in lan.gateways)}
    for address, inside in ((probe.first, True), (probe.last, True), (probe.first - 1, False), (probe.last + 1, False)):
        if address in taken or address not in lan.gateway.network:
            continue
        given = dhcp_client.ask_for(client, address, tries=4 if inside else 1)
        granted = _granted(given, address)
        if granted:
            dhcp_client.release(client, given)
        if granted != inside:
            return f"{address} is {'not given' if inside else 'given, outside the pool'}"
    return ""


def doubts(probe: claim_dhcp.Pool, given: list[IPv4Address], held: IPv4Address | None) -> str:
    """What is wrong with simultaneous leases; `held` is another client's address."""
    twice = [address for address in given if given.count(address) > 1 or address == held]
    outside = [address for address in given if not probe.first <= address <= probe.last]
    reserved = [address for address in given if address in probe.reserved]
    for wrong, what in ((twice, "two clients have"), (outside, "outside the pool is"), (reserved, "reserved for another is")):
        if wrong:
            return f"{what} {wrong[0]}"
    return ""


def keep(lan: str) -> None:
    """Takes an address that the server offers to another client, so that only a kept lease explains a later offer of it."""
    client = _client(lan, _KEPT)
    own = dhcp_client.discover(client)
    for number in range(1, _OTHERS) if own else ():
        other = dhcp_client.discover(_client(lan, _KEPT, number))
        if other and own and other.address != own.address and dhcp_client.ask_for(client, other.address, other):
            return


def kept(lan: str) -> str:
    """The address offered to the client of `keep`."""
    given = dhcp_client.discover(_client(lan, _KEPT))
    return str(given.address) if given else "None"


@contextmanager
def _borrowed(client: Client) -> Iterator[Given | None]:
    given = dhcp_client.take(client)
    try:
        yield given
    finally:
        if given:
            dhcp_client.release(client, given)


def _client(lan: str, kind: int, number: int = 0) -> Client:
    """A raw client on the link of the LAN's client, with its own MAC address as client identifier."""
    return dhcp_client.by_mac(lab_host.client(lan).name, lan, f"02:67:77:{kind:02x}:{number >> 8:02x}:{number & 255:02x}")


def _held(lan: str, hosts: Hosts) -> IPv4Address | None:
    return hosts.client_address(hosts.lan(lan))


def _granted(answer: Given | None, address: IPv4Address) -> bool:
    return answer is not None and not answer.refused and answer.address == address


def _advise(
    probe: claim_dhcp.ClientIds | claim_dhcp.Renewal | claim_dhcp.WrongSubnetRequest | claim_dhcp.Pool, wire: Wire
) -> str:
    if not wire.spoke(probe.lan):
        return hints.silent(probe.lan)
    return f"The capture shows what was asked and told: compare it with [DHCPServer] of 20-{probe.lan}.network and lans.{probe.lan}.dhcp."


PROBES = (
    Probe(
        kind=claim_dhcp.ClientIds,
        ask=_identities,
        question="clients with other MAC addresses ask for a lease twice, then give it back",
        advise=_advise,
        shares=sharing.pool,
    ),
    Probe(
        kind=claim_dhcp.Renewal,
        ask=_renewal,
        question="a client renews and rebinds; another asks for its address, before the release and after",
        advise=_advise,
        shares=sharing.pool,
    ),
    Probe(
        kind=claim_dhcp.WrongSubnetRequest,
        ask=_elsewhere,
        question="a client asks for an address of another network, as after a restart (INIT-REBOOT)",
        advise=_advise,
        shares=sharing.pool,
    ),
    Probe(
        kind=claim_dhcp.Pool,
        ask=_pool,
        question="clients with other MAC addresses ask for a lease each, and keep it until the last has asked",
        advise=_advise,
        shares=sharing.pool,
    ),
)
