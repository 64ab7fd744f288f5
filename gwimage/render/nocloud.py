"""NoCloud seed files: the gateway's identity for cloud-init. Renders from the profile, not from the plan."""

import hashlib

import yaml

from gwimage.plan import File
from gwimage.plan.cloud_init import administrator
from gwimage.profile import Profile

HEAD = """\
#cloud-config
# Identity only: host name, administrator, keys. An image of gwimage has the same in its own files or in those of the seed.
"""


def render(profile: Profile, config: dict[str, File]) -> dict[str, File]:
    """meta-data and user-data; config: files of the configuration layer, whose digest is part of the instance-id."""
    user_data = HEAD + _dump(_user_data(profile))
    digest = hashlib.sha256()
    for path, file in sorted(config.items()):
        digest.update(f"{path}\0{file.mode:o}\0{file.link}\0{file.text}\0".encode())
    digest.update(user_data.encode())
    meta_data = _dump({"instance-id": f"{profile.name}-{digest.hexdigest()[:16]}", "local-hostname": profile.system.hostname})
    # user-data may hold a password's hash
    return {"seed/meta-data": File(meta_data), "seed/user-data": File(user_data, mode=0o600)}


def _user_data(profile: Profile) -> dict:
    admin = profile.system.admin
    return {
        "hostname": profile.system.hostname,
        # an explicit empty list, else cloud-init creates the distribution's default user
        "users": [_user(admin)] if admin else [],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": False,
        "package_update": False,
        "package_upgrade": False,
    }


def _user(admin) -> dict:
    user = administrator(admin)
    if admin.password_hash:
        user["hashed_passwd"] = admin.password_hash
    if admin.ssh_keys:
        user["ssh_authorized_keys"] = list(admin.ssh_keys)
    return user


def _dump(data: dict) -> str:
    # unlimited width, so that an SSH key stays on one line
    return yaml.safe_dump(data, sort_keys=False, width=float("inf"))
