"""System settings: host name, time zone, and the one admin account."""

import base64
import binascii

from gwimage.claims.claim import Claim
from gwimage.claims.claim_services import SystemHealth
from gwimage.plan import File, Plan
from gwimage.problem import Path, Problem
from gwimage.profile import Profile
from gwimage.profile.system import Admin

UID = 1000  # fixed, so that files on the state volume keep their owner
LONGEST = 8192  # characters of a key; RSA of 16384 bits has 2800
KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
# users and groups of Debian's packages: a duplicate name would break user creation at boot
TAKEN = frozenset(
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc nobody nogroup"
    " adm tty disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video"
    " sasl plugdev staff users input sgx clock kvm render crontab netdev messagebus polkitd sshd ssh tss".split()
)


def check(profile: Profile) -> list[Problem]:
    problems, name = [], profile.system.hostname
    if name == "localhost" or name.isdigit():
        hint = "choose a name with a letter, such as gw"
        place = ("system", "hostname") if name != profile.name else ("name",)
        problems.append(Problem(place, f"{name!r} cannot be a host name", hint))
    admin, path = profile.system.admin, ("system", "admin")
    if not admin:
        return problems
    if admin.name in TAKEN or admin.name.startswith("systemd-"):
        hint = "choose another, such as admin; root is reached with sudo"
        problems.append(Problem((*path, "name"), f"the name {admin.name!r} is the system's own", hint))
    if not admin.ssh_keys and admin.password_hash is None:
        hint = "give ssh_keys or password_hash, or leave admin out"
        problems.append(Problem(path, "this admin can log in nowhere", hint, on_key=True))
    if admin.ssh_keys and not profile.services.ssh_from:
        hint = "open it, for instance with services: {ssh: {from: [" + profile.lans[0].name + "]}}"
        message = "no network may reach SSH: these keys open nothing"
        problems.append(Problem((*path, "ssh_keys"), message, hint, "warning", on_key=True))
    for index, key in enumerate(admin.ssh_keys):
        problems += check_key((*path, "ssh_keys", index), key)
    return problems


def check_key(path: Path, key: str) -> list[Problem]:
    """Checks one line of a .pub file; messages never contain the key, which may be a private one."""
    kind, _, rest = key.partition(" ")
    blob = rest.split(" ")[0]
    if "PRIVATE KEY" in key or key.startswith("b3BlbnNzaC1rZXktdjE"):  # "openssh-key-v1"
        hint = "give the .pub file; treat this private key as lost if others can read the profile"
        return [Problem(path, "this is a private key", hint)]
    if "\n" in key or "\r" in key or "\t" in key:
        return [Problem(path, "a public key is one line", "write it as a plain value: no tabs, no | or >")]
    if kind not in KEY_TYPES:
        message = f"a public key begins with its type: {', '.join(KEY_TYPES[:2])} ..."
        return [Problem(path, message, "copy the line from a .pub file; options before the type are not supported")]
    fields = _fields(blob)
    if not fields:
        return [Problem(path, "this public key is damaged or cut off", "copy the whole line from the .pub file")]
    if fields[0] != kind.encode():
        message = f"this key says {kind}, but holds another type"
        return [Problem(path, message, "copy the whole line from the .pub file")]
    return []


def _fields(blob: str) -> list[bytes]:
    """Length-prefixed fields of an SSH public key (RFC 4253 6.6); empty if malformed or too long."""
    if len(blob) > LONGEST:
        return []
    try:
        raw = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return []
    fields = []
    while raw:
        size = int.from_bytes(raw[:4], "big")
        if len(raw) < 4 + size:
            return []
        fields.append(raw[4 : 4 + size])
        raw = raw[4 + size :]
    return fields if _complete(fields) else []


def _complete(fields: list[bytes]) -> bool:
    """Whether field count and sizes fit the key type (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4)."""
    sizes = [len(field) for field in fields]
    if fields[:1] == [b"ssh-rsa"]:
        return len(sizes) == 3 and sizes[2] >= 128  # sshd rejects a modulus below 1024 bits
    if fields[:1] == [b"ssh-ed25519"]:
        return sizes == [11, 32]
    return len(sizes) >= 3 and sizes[-1] > 0


def plan(profile: Profile) -> Plan:
    system, text = profile.system, "no unit failed and the journal holds no complaint"
    files = (
        ("etc/hostname", File(f"{system.hostname}\n")),
        ("etc/localtime", File(link=f"../usr/share/zoneinfo/{system.timezone}")),
        ("etc/gwimage/os-release", File(f"IMAGE_ID={profile.name}\nIMAGE_VERSION={profile.release}\n")),
    )
    return Plan(files=files, claims=(Claim("system.inspection", "system", text, SystemHealth()),)) + _admin(system.admin)


def _admin(admin: Admin | None) -> Plan:
    if not admin:
        return Plan()
    name, home = admin.name, f"/home/{admin.name}"
    # not u!, which would lock the account for SSH too; without a hash the password is locked anyway
    user = f'u {name} {UID} "Administrator" {home} /bin/bash\nm {name} sudo\n'
    files = [
        ("etc/sysusers.d/gwimage-admin.conf", File(user)),
        ("etc/tmpfiles.d/gwimage-admin.conf", File(f"d {home} 0700 {name} {name} -\n")),
        ("etc/sudoers.d/admin", File(f"{name} ALL=(ALL:ALL) NOPASSWD: ALL\n", mode=0o440)),
    ]
    if admin.ssh_keys:
        files.append((f"etc/ssh/authorized_keys.d/{name}", File("".join(f"{key}\n" for key in admin.ssh_keys))))
    if admin.password_hash:
        # no newline: it would become part of the hash
        files.append((f"etc/credstore/passwd.hashed-password.{name}", File(admin.password_hash, mode=0o600)))
    return Plan(files=tuple(files), packages=("sudo",))
