"""Advice on failed probes of services.py."""

from gwimage.claims import claim, claim_dhcp, claim_services
from gwimage.lab.topology import IspAssigned
from gwimage.verify import evidence
from gwimage.verify.evidence import Wire
from gwimage.verify.probes import hints


def wan_address(probe: claim_services.WanAddress, wire: Wire) -> str:
    wan, file = wire.hosts.wan(probe.wan), f"10-{probe.wan}.network"
    if not wire.spoke(wan.name):
        return hints.silent(wan.name)
    if isinstance(wan.ipv4, IspAssigned):
        return f"The gateway is there on {wan.name} but does not answer for {wan.assigned[0]}: did networkd take {file} (console.log)?"
    asked_for = wire.dhcp(wan.name, evidence.DISCOVER)
    if not asked_for:
        return f"The gateway is there on {wan.name} but never asks for a lease: is the DHCP client on in {file}?"
    if wire.dhcp(wan.name, evidence.ACK):
        return (
            f"The ISP gave a lease, but the gateway does not answer for its address: did networkd set it ({file}, console.log)?"
        )
    return f"The gateway asked the ISP for a lease {asked_for} times and got none: isp.log says why, for example a wrong MAC address."


def lease(probe: claim_dhcp.Lease, wire: Wire) -> str:
    lan, file = probe.lan, f"20-{probe.lan}.network"
    if wire.dhcp(lan, evidence.ACK):
        return f"A lease came, but not as the profile says: compare [DHCPServer] of {file} with lans.{lan}.dhcp."
    if not wire.spoke(lan):
        return hints.silent(lan)
    asked_for = wire.dhcp(lan, evidence.DISCOVER)
    if wire.dhcp(lan, evidence.OFFER):
        return (
            "The client was offered an address and did not get it acknowledged: the capture shows what it asked and was told."
        )
    return (
        f"The client asked {asked_for} times and was offered nothing, though the gateway is there on {lan}: is DHCPServer= on in "
        f"{file}, and does the firewall take UDP port 67 from {lan}?"
    )


def reservation(probe: claim_dhcp.ReservedLease, wire: Wire) -> str:
    offered = wire.dhcp(probe.lan, evidence.OFFER)
    if offered and offered == wire.dhcp(probe.lan, evidence.DISCOVER):
        return f"The server gave another address: look for {probe.mac} in [DHCPServerStaticLease] of 20-{probe.lan}.network."
    if offered:
        return (
            "The server answers this machine by one client identifier, not by another: does gwimage-reservations.service run?"
        )
    return "The server answers this client alone not at all: it may hold a lease from before its reservation was made."


def dhcp_options(probe: claim_dhcp.DhcpOptions, wire: Wire) -> str:
    return f"Compare what the capture shows (in Wireshark: dhcp) with [DHCPServer] of 20-{probe.lan}.network and lans.{probe.lan}.dhcp."


def dns(probe: claim_services.DnsQuery, wire: Wire) -> str:
    if not _answers(wire, probe.lan, 53):
        return _no_dns(probe.lan)
    if not wire.outside(53):
        return "The gateway answers, but asks nobody outside: has the WAN its address, and which servers does resolved ask (`dns`)?"
    return "The gateway asked the servers outside and had no use for what came back: the capture shows both."


def local_name(probe: claim_services.LocalName, wire: Wire) -> str:
    if not _answers(wire, probe.lan, 53):
        return _no_dns(probe.lan)
    wanted = " and ".join(map(str, probe.addresses))
    return f"resolved answers, but does not know {probe.name} as {wanted}: look for it in etc/hosts of the image."


def own_names(probe: claim_services.GatewayResolver, wire: Wire) -> str:
    return "Clients are answered? Then look for the rule that accepts what the gateway sends to itself (lo), else as for lans.NAME.dns."


def _no_dns(lan: str) -> str:
    return (
        f"Nothing answers on port 53 of the gateway's address on {lan}: {hints.explain(lan, 'gateway', 'udp', 53)} says whether the "
        "firewall would let it in; if so, resolved does not listen there (DNSStubListenerExtra=)."
    )


def ntp(probe: claim_services.NtpQuery, wire: Wire) -> str:
    if _answers(wire, probe.lan, 123):
        return "The time server answers, but has no time to give, or a wrong one: does it reach its own servers?"
    return f"Nothing answers on UDP port 123: {hints.explain(probe.lan, 'gateway', 'udp', 123)} says whether the firewall would let it in."


def _answers(wire: Wire, network: str, port: int) -> bool:
    return any(frame[12:14] == b"\x08\0" and frame[34:36] == port.to_bytes(2, "big") for frame in wire.on(network))


def ping(probe: claim_services.Ping, wire: Wire) -> str:
    if not wire.spoke(probe.lan):
        return hints.silent(probe.lan)
    if wire.hosts.lan(probe.lan).segments[1:]:
        return f"The gateway is there on {probe.lan}: are all its cards joined to the bridge (lans.{probe.lan}.nics, Bridge= in the image)?"
    return f"The gateway is there on {probe.lan} but does not answer a ping: does the firewall take ICMP from {probe.lan}?"


def inspection(probe: claim_services.SystemHealth, wire: Wire) -> str:
    return (
        "What is said above comes from the gateway's own journal; console.log shows what was before it. If it did not report at "
        "all, the boot did not come to its end."
    )


def beyond(probe: claim.NotTestable, wire: Wire) -> str:
    return ""
