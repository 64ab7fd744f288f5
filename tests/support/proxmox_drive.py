"""The files of a cloud-init drive as Proxmox makes it (qemu-server, PVE/QemuServer/Cloudinit.pm, citype nocloud)."""

import hashlib

NETWORK = """\
version: 1
config:
    - type: physical
      name: eth0
      mac_address: 'bc:24:11:00:00:01'
      subnets:
      - type: static
        address: '192.0.2.77'
        netmask: '255.255.255.0'
        gateway: '192.0.2.1'
    - type: physical
      name: eth1
      mac_address: 'bc:24:11:00:00:02'
      subnets:
      - type: dhcp4
    - type: nameserver
      address:
      - '192.0.2.53'
      search:
      - 'example.net'
"""


def drive(
    name: str, *, user: str = "", password: str = "", keys: tuple[str, ...] = (), network: str = NETWORK
) -> dict[str, bytes]:
    """The drive's files. name: the VM's; password: its hash; upgrades are on, the default."""
    lines = ["#cloud-config", f"hostname: {name}", "manage_etc_hosts: true", f"fqdn: {name}.example.net"]
    lines += [f"user: {user}"] * bool(user) + [f"password: {password}"] * bool(password)
    lines += ["ssh_authorized_keys:", *(f"  - {key}" for key in keys)] if keys else []
    lines += (
        ["chpasswd:", "  expire: False"] + (["users:", "  - default"] if user != "root" else []) + ["package_upgrade: true"]
    )
    user_data = "".join(f"{line}\n" for line in lines)
    instance = hashlib.sha1((user_data + network).encode()).hexdigest()
    files = {"user-data": user_data, "network-config": network, "meta-data": f"instance-id: {instance}\n", "vendor-data": ""}
    return {name: text.encode() for name, text in files.items()}
