"""Runs probes concurrently; probes that share a host address, scan or counter take a lock.

A single scan saturates an emulated gateway, so there only probes that mostly wait run concurrently.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Condition

from gwimage.claims.claim import Claim
from gwimage.verify import probes
from gwimage.verify.probes.sharing import Needs
from gwimage.verify.probes.view import Answer

_MOST = 128  # threads, including those that wait for a lock


def ask_all(claims: Sequence[Claim], ask: Callable[[Claim], Answer], concurrent: bool) -> dict[str, Answer | None]:
    """Probes each claim whose prerequisites passed; None for the others.

    concurrent: whether the gateway can take many probes at once.
    """
    answers: dict[str, Answer | None] = {}
    left = sorted(claims, key=_place)
    while ready := [c for c in left if all(answers.get(n) and answers[n].good for n in c.needs)]:
        awaited = [claim for claim in ready if any(claim.id in other.needs for other in left)]
        batch = _together(awaited or ready) if concurrent else _one_by_one(awaited, ready)
        needed = {claim.id: probes.of(claim.probe).shares(claim.probe) for claim in batch}
        with ThreadPoolExecutor(min(len(batch), _MOST)) as pool:
            answers |= zip(needed, pool.map(_with_locks(ask, needed), batch), strict=True)
        left = [claim for claim in left if claim.id not in answers]
    return answers | {claim.id: None for claim in left}


def _with_locks(ask: Callable[[Claim], Answer], needed: Mapping[str, Needs]) -> Callable[[Claim], Answer]:
    """Wraps `ask` to hold the claim's locks, taken in sorted order to avoid deadlock; needed: locks by claim id."""
    things = {name: _SharedResource() for needs in needed.values() for name in needs}

    def ask_in_turn(claim: Claim) -> Answer:
        with ExitStack() as held:
            for name, state in sorted(needed[claim.id].items(), key=lambda need: need[0]):
                held.enter_context(things[name].held(state))
            return ask(claim)

    return ask_in_turn


class _SharedResource:
    """Lock with a state: holders of the same state share it, others wait."""

    def __init__(self) -> None:
        self._change, self._users, self._state = Condition(), 0, None

    @contextmanager
    def held(self, state: object) -> Iterator[None]:
        with self._change:
            self._change.wait_for(lambda: not self._users or state == self._state)
            self._users, self._state = self._users + 1, state
        try:
            yield
        finally:
            with self._change:
                self._users -= 1
                self._change.notify_all()


def _place(claim: Claim) -> int:
    return probes.of(claim.probe).late


def _together(claims: Sequence[Claim]) -> Sequence[Claim]:
    return [claim for claim in claims if not _alone(claim)] or claims[:1]


def _alone(claim: Claim) -> bool:
    record = probes.of(claim.probe)
    return record.late > 0 or record.alone(claim.probe)


def _one_by_one(awaited: Sequence[Claim], ready: Sequence[Claim]) -> Sequence[Claim]:
    return awaited[:1] or [claim for claim in ready if probes.of(claim.probe).waits] or ready[:1]
