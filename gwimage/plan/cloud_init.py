"""cloud-init in the image: what it may do there, and what is kept from it.

It is started only where a volume was found, after the network and all that serves (gwimage-cloud-init.service); the initrd has put
the volume's user-data, meta-data and vendor-data where cloud-init looks first, and has left the network's configuration out.
/var/lib/cloud is not kept, so each boot is an instance's first one, as all of /etc is new at each boot.
"""

from __future__ import annotations

import yaml

from gwimage.plan import File, Plan
from gwimage.profile.system import Admin

UNIT = "gwimage-cloud-init.service"
PACKAGES = ("cloud-init", "udhcpc")  # it wants a DHCP client, and udhcpc is the smallest
# What is not named here does not run: upgrades of packages (Proxmox's drive asks for them unless told not to), /etc/hosts
# (manage_etc_hosts), growpart and mounts (the partitions are what they are), locales, apt, and agents of others.
_MODULES = {
    "cloud_init_modules": ["bootcmd", "write_files", "set_hostname", "ca_certs", "users_groups", "ssh"],
    "cloud_config_modules": ["set_passwords", "runcmd"],
    "cloud_final_modules": ["write_files_deferred", "scripts_vendor", "scripts_user", "phone_home", "final_message"],
}
_HEAD = "# of gwimage; cloud-init's own would do more than a gateway can bear\n"


def plan(admin: Admin | None) -> Plan:
    settings = {
        "datasource_list": ["NoCloud"],
        "datasource": {"NoCloud": {"fs_label": None}},  # the initrd has read the volume
        "network": {"config": "disabled"},
        "users": ["default"],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": False,  # the host key is on the state volume
        "ssh_genkeytypes": [],
        "preserve_hostname": False,
        "apt": {"preserve_sources_list": True},
        **_MODULES,
        "system_info": {
            "distro": "debian",
            "default_user": administrator(admin),
            "paths": {"cloud_dir": "/var/lib/cloud", "templates_dir": "/etc/cloud/templates"},
            "ssh_svcname": "ssh",
        },
    }
    config = File(_HEAD + yaml.safe_dump(settings, sort_keys=False))
    return Plan(packages=PACKAGES, files=(("etc/cloud/cloud.cfg", config),), units=((UNIT, "multi-user.target"),))


def administrator(admin: Admin | None) -> dict:
    """Who may log in and become root, as cloud-init's `users` describes it; without password and keys."""
    return {
        "name": admin.name if admin else "admin",
        "gecos": "Administrator",
        "groups": ["sudo"],
        "shell": "/bin/bash",
        "sudo": ["ALL=(ALL:ALL) NOPASSWD: ALL"],
        "lock_passwd": not (admin and admin.password_hash),
    }
