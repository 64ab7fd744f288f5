"""`services.ssh`: zones from which SSH to the gateway is open."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Services:
    """Services of the gateway; ssh_from: zones from which SSH is open."""

    ssh_from: tuple[str, ...] = ()


def parse(data: dict) -> Services:
    return Services(tuple(data.get("services", {}).get("ssh", {}).get("from", ())))
