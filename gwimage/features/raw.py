"""Raw nft rules of the user, copied verbatim; text that could break out of its line is refused, nft checks the rest.

`build` runs nft (gwimage/build/nft_check.py), since `check` has no tools.
"""

import re

from gwimage.plan import Plan, Rule
from gwimage.problem import Path, Problem
from gwimage.profile import Profile, zones
from gwimage.profile.raw import USE
from gwimage.values.address_lists import set_name

PATH = ("firewall", "raw")
SETS = ("wans", "lans", "vpns", "inside", "inside6", "own", "gateway_open", "forward_open")  # sets that are always defined
QUOTED = re.compile(r'"[^"]*"')
PAIRS = {"}": "{", ")": "(", "]": "["}
# words that begin a statement other than a rule, or leave the chain
REFUSED = {
    "comment": "each rule gets the comment that names its place in the profile",
    "jump": "there are no chains to jump to",
    "goto": "there are no chains to go to",
    "include": "the rules of an image stand in its profile",
    "define": "write the value where it is needed",
    "redefine": "write the value where it is needed",
    "undefine": "write the value where it is needed",
    "policy": "end the list with a rule that is just accept or drop",
    "hook": "the chains are given",
    "flush": "one rule for each text, nothing else",
    "delete": "one rule for each text, nothing else",
    "destroy": "one rule for each text, nothing else",
    "table": "one rule for each text, nothing else",
    "chain": "one rule for each text, nothing else",
}


def check(profile: Profile) -> list[Problem]:
    problems = []
    for chain, texts in profile.raw.rules.items():
        for index, text in enumerate(texts):
            problems += _check_one((*PATH, chain, index), text, profile)
    if profile.raw.rules and not problems:
        message = "check and verify do not know what these rules do; explain counts those that it understands"
        hint = "prefer firewall.allow and firewall.forwards where they suffice"
        problems.append(Problem(PATH, message, hint, "note", on_key=True))
    return problems


def _check_one(path: Path, text: str, profile: Profile) -> list[Problem]:
    if not all(" " <= character <= "~" for character in text):
        return [Problem(path, "a rule is one line of plain ASCII", "write one rule in each text, without | or >")]
    bare = QUOTED.sub(" ", text)
    if '"' in bare:
        return [Problem(path, "a quotation mark is missing", "they come in pairs")]
    if found := re.search(r"[;#\\$]", bare):
        return [Problem(path, f"{found[0]!r} cannot stand in a rule", "one rule for each text, without comment or variable")]
    if not _balanced(bare):
        return [Problem(path, "the brackets do not match", "each one that opens must close in the same rule")]
    words = re.findall(r"[\w@-]+", bare)
    if refused := [word for word in words if word in REFUSED]:
        return [Problem(path, f"{refused[0]!r} cannot stand in a rule here", REFUSED[refused[0]])]
    if not words:
        return [Problem(path, "this is no rule", "such as: ip saddr 10.0.0.9 counter drop")]
    known = {*SETS, *(set_name(family, name) for name, members in profile.sets.items() for family in members.families)}
    return [zones.unknown(path, name, sorted(known), "set") for name in USE.findall(bare) if name not in known]


def _balanced(text: str) -> bool:
    opened = []
    for character in text:
        if character in PAIRS.values():
            opened.append(character)
        elif character in PAIRS and (not opened or opened.pop() != PAIRS[character]):
            return False
    return not opened


def plan(profile: Profile) -> Plan:
    return Plan(
        rules=tuple(
            Rule(f"{chain}.raw", text, f"firewall.raw.{chain}.{index}")
            for chain, texts in profile.raw.rules.items()
            for index, text in enumerate(texts)
        )
    )
