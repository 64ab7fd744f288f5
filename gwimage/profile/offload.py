"""`firewall.offload`: flowtable fast path for established connections."""


def parse(data: dict) -> bool:
    """Whether established connections take the software flowtable."""
    return data.get("firewall", {}).get("offload", "none") == "software"
