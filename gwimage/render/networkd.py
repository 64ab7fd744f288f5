"""systemd-networkd and udev files: .link, .netdev, .network and networkd.conf."""

from gwimage.plan import File, Plan, Setting, ini

GLOBAL = "networkd.conf"


def render(plan: Plan) -> dict[str, File]:
    by_file: dict[str, list[Setting]] = {}
    for setting in plan.network:
        by_file.setdefault(setting.file, []).append(setting)
    return {_path(name): ini(members) for name, members in by_file.items()}


def _path(name: str) -> str:
    return f"etc/systemd/{GLOBAL}.d/10-gwimage.conf" if name == GLOBAL else f"etc/systemd/network/{name}"
