"""`firewall.raw`: the user's own nft rules."""

import re
from dataclasses import dataclass, field

from gwimage.values.address_lists import set_name

USE = re.compile(r"@([\w-]+)")


@dataclass(frozen=True)
class Raw:
    """Raw nft rules by chain; sets: names of the profile's sets that they use."""

    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sets: tuple[str, ...] = ()


def parse(data: dict) -> Raw:
    section = data.get("firewall", {})
    rules = {chain: tuple(texts) for chain, texts in section.get("raw", {}).items()}
    used = {name for texts in rules.values() for text in texts for name in USE.findall(text)}
    names = [name for name in section.get("sets", {}) if used & {set_name(4, name), set_name(6, name)}]
    return Raw(rules, tuple(names))
