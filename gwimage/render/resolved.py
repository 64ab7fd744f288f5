"""systemd-resolved settings, as one drop-in file."""

from gwimage.plan import File, Plan, ini


def render(plan: Plan) -> dict[str, File]:
    return {"etc/systemd/resolved.conf.d/10-gwimage.conf": ini(plan.resolved)}
