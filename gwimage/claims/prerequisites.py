"""Ids of claims (WAN address, lease) that any probe on these zones requires."""

from gwimage.profile import Profile


def of(profile: Profile, *names: str) -> tuple[str, ...]:
    """Ids of claims that must pass before any probe on these zones."""
    wans = [wan.name for wan in profile.wans]
    ids = [f"wans.{name}.address" for name in names if name in wans]
    return (*ids, *(f"lans.{name}.dhcp.lease" for name in names if name in profile.dhcp))
