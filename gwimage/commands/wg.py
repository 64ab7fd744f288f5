"""`gwimage wg`: WireGuard keys, and the configuration of a peer's device, as wg-quick(8) text or QR code.

A private key is never an argument, and printed only inside a requested configuration. Files are created with mode 0600,
and never overwritten.
"""

import io
import sys
from ipaddress import ip_network
from pathlib import Path

import click

from gwimage.compiler import output_file
from gwimage.compiler.loading import load
from gwimage.language import source as sources
from gwimage.problem import ProfileError
from gwimage.profile import Profile, subnets, zones
from gwimage.profile.vpn import Peer, Vpn
from gwimage.values import wireguard

# ::/0 although the tunnel carries no IPv6: without it the device's IPv6 would bypass the tunnel
EVERYTHING = ("0.0.0.0/0", "::/0")
WHITE_ON_BLACK, RESET = "\033[97;40m", "\033[0m"  # set both: the terminal's own colours may be inverted
PICTURES = (".svg", ".png")
READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def wg() -> None:
    """WireGuard: make keys, and the configuration of a phone or laptop that dials in."""


@wg.command()
@click.argument("file", type=WRITABLE)
def genkey(file: Path) -> None:
    """Write a new private key into FILE, and print the public key that belongs to it.

    The public key goes into the profile of the other side. A preshared key is made the same way; it has no public one.
    """
    private = wireguard.generate()
    _write(file, f"{private}\n".encode())
    click.echo(wireguard.public(private))


@wg.command()
@click.argument("profile", type=click.Path(dir_okay=False))
@click.argument("vpn")
@click.argument("peer")
@click.option("--endpoint", metavar="HOST[:PORT]", help="Where the device finds the gateway. Default port: that of VPN.")
@click.option("--private-key-file", type=READABLE, help="The device's private key, as `genkey` wrote it.")
@click.option("--generate", is_flag=True, help="Make the device a new key; its public key must then go into the profile.")
@click.option("--server-public-key", metavar="KEY", help="Needed if the profile names no private_key_file.")
@click.option("--allowed-ips", metavar="NET,...", help="What goes into the tunnel. Default: what the profile lets VPN reach.")
@click.option("--dns/--no-dns", default=True, help="Whether the device asks the gateway for names. Default: yes.")
@click.option("--qr/--no-qr", default=None, help="Whether to print a QR code. Default: on a terminal, if there is no -o.")
@click.option("-o", "--output", type=WRITABLE, help="File to write; .svg and .png hold the QR code, others the text.")
def client(profile, vpn, peer, endpoint, private_key_file, generate, server_public_key, allowed_ips, dns, qr, output) -> None:
    """Print the WireGuard configuration of PEER, which dials into VPN of PROFILE."""
    parsed, problems = load(sources.read(profile))
    if parsed is None:
        raise ProfileError(problems)
    network = _named("VPN", vpn, parsed.vpn)
    device = _named("peer", peer, network.peers)
    key = _private_key(device, private_key_file, generate)
    text = configuration(
        network,
        device,
        key,
        _server_key(network, server_public_key),
        _endpoint(network, endpoint),
        _networks(allowed_ips) if allowed_ips else reachable(parsed, network, device),
        dns,
    )
    picture = output is not None and output.suffix in PICTURES
    if key is None and (qr or picture):
        raise click.UsageError("a QR code needs the device's key: give --private-key-file or --generate")
    if output:
        _write(output, _picture(text, output.suffix[1:]) if picture else text.encode())
    else:
        click.echo(text, nl=False)
    on_terminal = sys.stdout.isatty()
    if qr or (qr is None and key and not output and on_terminal):
        click.echo(blocks(text, on_terminal), nl=False)
    if generate:
        path = f"vpn.{network.name}.peers.{device.name}.public_key"
        click.echo(f"put this into the profile, as {path}, and build again:\n{wireguard.public(key)}", err=True)


def configuration(
    vpn: Vpn, peer: Peer, private_key: str | None, server_key: str, endpoint: str | None, allowed: tuple[str, ...], dns: bool
) -> str:
    """Configuration of the device in wg-quick(8) syntax, which phone apps read too."""
    lines = [
        "[Interface]",
        f"PrivateKey = {private_key}" if private_key else f"# PrivateKey = the private key of {peer.name}",
        f"Address = {peer.address}/32",
    ]
    if peer.endpoint:
        lines.append(f"ListenPort = {wireguard.endpoint(peer.endpoint)[1]}")
    if dns:
        lines.append(f"DNS = {vpn.address.ip}")
    lines += [f"MTU = {vpn.mtu}", "", "[Peer]", f"PublicKey = {server_key}"]
    if peer.preshared_key:
        lines.append(f"PresharedKey = {peer.preshared_key}")
    lines.append(f"AllowedIPs = {', '.join(allowed)}")
    if endpoint:
        lines.append(f"Endpoint = {endpoint}")
    if peer.keepalive:
        lines.append(f"PersistentKeepalive = {peer.keepalive}")
    return "\n".join(lines) + "\n"


def reachable(profile: Profile, vpn: Vpn, peer: Peer) -> tuple[str, ...]:
    """AllowedIPs of the device: everything if the VPN may reach a WAN, else the inside subnets that it may reach.

    Also the subnets that may reach the VPN, since WireGuard drops packets from sources outside AllowedIPs. Hence a server
    behind a port forward gets everything: any address outside may connect to it.
    """
    known, to, calling = zones.of(profile), set(), set()
    for entry in profile.allow:
        to |= {*entry.to_zones} if vpn.name in entry.from_zones else set()
        calling |= {*entry.from_zones} if vpn.name in entry.to_zones else set()
    served = any(forward.to in net for forward in profile.forwards for net in (ip_network(peer.address), *peer.networks))
    if served or to & {*known.wans}:
        return EVERYTHING
    nets = [net for zone, behind in known.subnets.items() if zone in to | calling for net in behind]
    return tuple(str(net) for net in subnets.collapse((vpn.address.network, *nets)) if net not in peer.networks)


def blocks(text: str, on_terminal: bool) -> str:
    """QR code as half-block characters; coloured white on black on a terminal."""
    lines = io.StringIO()
    _code(text).terminal(lines, compact=True)
    shown = lines.getvalue().splitlines()
    return "".join(f"{WHITE_ON_BLACK}{line}{RESET}\n" if on_terminal else f"{line}\n" for line in shown)


def _picture(text: str, kind: str) -> bytes:
    out = io.BytesIO()
    _code(text).save(out, kind=kind, scale=6)
    return out.getvalue()


def _code(text: str):
    import segno

    # lowest error correction: larger modules, easier to scan
    return segno.make(text, error="l", micro=False, boost_error=False)


def _named(kind: str, name: str, all_of_them):
    for one in all_of_them:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in all_of_them) or "none"
    raise click.UsageError(f"no {kind} is called {name!r}; {kind}s here: {known}")


def _private_key(peer: Peer, file: Path | None, generate: bool) -> str | None:
    if file and generate:
        raise click.UsageError("give --private-key-file or --generate, not both")
    if generate:
        return wireguard.generate()
    if file is None:
        return None
    key = file.read_text(errors="replace").strip()
    if not wireguard.is_key(key):
        raise click.UsageError(f"{file} holds no WireGuard key")
    if (public := wireguard.public(key)) != peer.public_key:
        raise click.UsageError(f"{file} is not the key of {peer.name}: its public key is {public}, not the profile's")
    return key


def _server_key(vpn: Vpn, given: str | None) -> str:
    derived = wireguard.public(vpn.private_key) if vpn.private_key else None
    if given is not None and not wireguard.is_key(given):
        raise click.UsageError("--server-public-key is no WireGuard key")
    if given and derived and given != derived:
        raise click.UsageError(f"--server-public-key is not that of vpn.{vpn.name}.private_key_file, which is {derived}")
    if not (given or derived):
        raise click.UsageError(f"vpn.{vpn.name} has no private_key_file: give the gateway's --server-public-key")
    return given or derived


def _endpoint(vpn: Vpn, given: str | None) -> str | None:
    if vpn.port is None:
        if given:
            raise click.UsageError(f"{vpn.name} only dials out: without vpn.{vpn.name}.port nobody can call it")
        return None
    host, port = wireguard.endpoint(given or "")
    if not host:
        raise click.UsageError("give --endpoint: the gateway's name or address outside, HOST or HOST:PORT ([...] around IPv6)")
    return f"[{host}]:{port or vpn.port}" if ":" in str(host) else f"{host}:{port or vpn.port}"


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(part.strip())) for part in text.split(","))
    except ValueError as error:
        raise click.UsageError(f"--allowed-ips: {error}") from None


def _write(path: Path, content: bytes) -> None:
    """Creates the file with mode 0600. Raises UsageError if it exists."""
    try:
        output_file.create(path, content)
    except FileExistsError:
        raise click.UsageError(f"{path} is there already: remove it, or give another name") from None
