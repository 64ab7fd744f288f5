"""`system`: host name, time zone, administrator."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Admin:
    """The administrator's account; password_hash None: no password."""

    name: str
    ssh_keys: tuple[str, ...] = ()
    password_hash: str | None = None


@dataclass(frozen=True)
class System:
    """System settings; admin None: no administrator configured."""

    hostname: str
    timezone: str = "UTC"
    admin: Admin | None = None


def parse(data: dict) -> System:
    system = data.get("system", {})
    admin = system.get("admin")
    if admin is not None:
        admin = Admin(admin.get("name", "admin"), tuple(admin.get("ssh_keys", ())), admin.get("password_hash"))
    return System(system.get("hostname", data["name"]), system.get("timezone", "UTC"), admin)
