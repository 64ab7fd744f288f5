"""The result of a claim: its status, what was seen, and the evidence."""

from dataclasses import dataclass

from gwimage.lab.machine.guest import Findings
from gwimage.verify.probes.view import Port

PASS, FAIL, NOT_ASKED = "pass", "fail", "not asked"
UNTESTABLE = "unaskable"  # for a reason outside the gateway


@dataclass(frozen=True)
class Result:
    """A claim and its outcome.

    control: what the control boot showed, if it ran; ports: the full list; question: how it is probed, one line for people.
    started: seconds since the epoch, 0 if it was not probed; seconds: the duration.
    If it failed, advice: what to look at first; capture: the file with its packets; packets: the first of them as text.
    """

    id: str
    path: str
    text: str
    status: str
    seen: str = ""
    control: str = ""
    started: float = 0
    seconds: float = 0
    question: str = ""
    needs: tuple[str, ...] = ()
    advice: str = ""
    capture: str = ""
    packets: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """Results in the order of the claims; times in seconds since power-on unless named otherwise."""

    results: tuple[Result, ...]
    times: dict[str, float]
    environment: dict[str, str]
    findings: Findings | None
