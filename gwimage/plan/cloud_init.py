"""Configuration of cloud-init in the image: enabled modules, and everything else turned off.

It starts only if a NoCloud volume was found, after the network and all services (gwimage-cloud-init.service). The initrd has
copied the volume's user-data, meta-data and vendor-data to where cloud-init looks first, without the network configuration.
/var/lib/cloud is not persistent, so each boot is an instance's first boot, as all of /etc is new at each boot.
"""

import yaml

from gwimage.plan import File, Plan
from gwimage.profile.system import Admin

UNIT = "gwimage-cloud-init.service"
PACKAGES = ("cloud-init", "udhcpc")  # it depends on a DHCP client; udhcpc is the smallest
# Modules not listed do not run: package upgrades (Proxmox's drive requests them unless told not to), /etc/hosts
# (manage_etc_hosts), growpart and mounts (the partitions are fixed), locales, apt, and third-party agents.
_MODULES = {
    "cloud_init_modules": ["bootcmd", "write_files", "set_hostname", "ca_certs", "users_groups", "ssh"],
    "cloud_config_modules": ["set_passwords", "runcmd"],
    "cloud_final_modules": ["write_files_deferred", "scripts_vendor", "scripts_user", "phone_home", "final_message"],
}
_HEAD = "# of gwimage; cloud-init's own would do more than a gateway can bear\n"


def plan(admin: Admin | None) -> Plan:
    """Package, configuration and unit of cloud-init; admin: becomes its default user."""
    settings = {
        "datasource_list": ["NoCloud"],
        "datasource": {"NoCloud": {"fs_label": None}},  # the initrd has read the volume already
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
    # `cloud-init status` calls it an error, while it runs, if the unit of this name is not enabled
    alias = File(link=f"/usr/lib/systemd/system/{UNIT}")
    files = (("etc/cloud/cloud.cfg", config), ("etc/systemd/system/cloud-final.service", alias))
    return Plan(packages=PACKAGES, files=files, units=((UNIT, "multi-user.target"),))


def administrator(admin: Admin | None) -> dict:
    """The administrator as an entry of cloud-init's `users`, with sudo but without password and keys."""
    return {
        "name": admin.name if admin else "admin",
        "gecos": "Administrator",
        "groups": ["sudo"],
        "shell": "/bin/bash",
        "sudo": ["ALL=(ALL:ALL) NOPASSWD: ALL"],
        "lock_passwd": not (admin and admin.password_hash),
    }
