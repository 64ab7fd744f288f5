"""SSH access to the gateway: by key only, from the zones in the profile."""

from gwimage.plan import Element, File, Plan
from gwimage.problem import Problem
from gwimage.profile import Profile, zones

PATH = ("services", "ssh", "from")
KEYS = "/etc/ssh/authorized_keys.d/%u"
SSHD = """\
# SSH by key only
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AuthorizedKeysFile {keys}
HostKey /state/ssh/ssh_host_ed25519_key
"""


def check(profile: Profile) -> list[Problem]:
    known = zones.of(profile)
    admin, problems = profile.system.admin, []
    for index, zone in enumerate(profile.services.ssh_from):
        if zone not in known.names:
            problems.append(zones.unknown((*PATH, index), zone, known.names))
        elif zone in known.wans:
            hint = "prefer a LAN if you can"
            problems.append(Problem((*PATH, index), f"SSH is open to everyone on {zone}", hint, "warning"))
    if profile.services.ssh_from and not (admin and admin.ssh_keys):
        problems.append(_no_key(profile.image.seed))
    return problems


def _no_key(seed: str) -> Problem:
    hint = "add your public key to system.admin.ssh_keys"
    if seed == "none":
        return Problem(PATH, "SSH is open, but nobody has a key to log in with", hint, on_key=True)
    return Problem(
        PATH, "SSH is open, but nobody has a key to log in with until a seed brings one", hint, "warning", on_key=True
    )


def plan(profile: Profile) -> Plan:
    if not profile.services.ssh_from:
        return Plan()
    # where cloud-init writes keys: it ignores files that sshd_config includes
    keys = f"{KEYS} .ssh/authorized_keys" if profile.image.seed == "cloud-init" else KEYS
    return Plan(
        elements=tuple(Element("gateway_open", f'"{zone}" . tcp . 22', ".".join(PATH)) for zone in profile.services.ssh_from),
        files=(("etc/ssh/sshd_config.d/10-gwimage.conf", File(SSHD.format(keys=keys))),),
        packages=("openssh-server",),
        units=(("ssh.service", "multi-user.target"),),
    )
