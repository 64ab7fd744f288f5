"""What systemd does that a gateway would suffer from, and how gwimage avoids or refuses it.

docs/defects.md is `python -m gwimage.render.defects`; tests/compiler/test_defects.py holds the evidence for every entry.
"""

from gwimage.render.defects import networkd, resolved
from gwimage.render.defects.defect import Defect

HEAD = """\
# Known defects

What systemd does, or did, that a gateway would suffer from, and how gwimage avoids or refuses it, or that it does not. Most are
silent: the files are accepted, and the gateway serves nothing, or the wrong thing. The versions are those with which it was tried
(257 is Debian 13's), not all that may have it. Made by `python -m gwimage.render.defects`; a test shows for every entry that its
answer holds.
"""
ALL = (*networkd.DEFECTS, *resolved.DEFECTS)


def page() -> str:
    """The whole page as Markdown."""
    return HEAD + _chapter("systemd-networkd", networkd.DEFECTS) + _chapter("systemd-resolved", resolved.DEFECTS)


def _chapter(title: str, defects: tuple[Defect, ...]) -> str:
    return f"\n## {title}\n" + "".join(map(_entry, defects))


def _entry(defect: Defect) -> str:
    links = ", ".join(
        f"[{address.split('/', 3)[3].replace('/issues/', '#').replace('/pull/', '#')}]({address})" for address in defect.issues
    )
    versions = f"systemd: {defect.affected}" + (
        f"; fixed {'in ' if defect.fixed[0].isdigit() else ''}{defect.fixed}" if defect.fixed else ""
    )
    where = f"{versions}; {links}" if links else versions
    return f"\n### `{defect.id}`: {defect.title}\n\n{where}\n\n{defect.happens}\n\n**Here:** {defect.answer}\n"
