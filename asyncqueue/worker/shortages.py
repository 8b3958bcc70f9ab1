"""What becomes of tasks that this worker cannot begin: its process has no descriptors, threads or memory left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from asyncqueue.backoff import Backoff
from asyncqueue.loggers import get_logger
from asyncqueue.model import Status
from asyncqueue.running.shortage import is_over
from asyncqueue.worker.ledger import HeldClaim

logger = get_logger("asyncqueue.worker")

#: Seconds until it claims again, at first and at most, while the shortage lasts.
_FIRST, _LAST = 0.5, 10.0
#: Seconds where the shortage was over at once.
_MOMENT = 0.5
#: How often a path is tried in vain although the process lacks nothing when it looks.
_OFTEN = 5
#: Seconds after which that is forgotten.
_FORGET = 60.0
#: Rows that are remembered, and such as more is claimed for.
_ROWS, _MORE = 1_000, 100
#: Errors that the log names at most.
_NAMED = 3


class Shortages:
    """Hands back what could not be begun, and claims less until that can be.

    Such a task has not begun and says nothing of itself, so no attempt counts. The worker claims nothing for a while,
    and for longer the longer it lasts; then one task at a time until it has again what it takes to begin any.

    A row keeps its place the first time. Where that happens to it again, it goes behind those that wait at its
    priority, and the worker claims one task more for it: so it cannot keep others from running, of a lower priority
    neither, however often it comes back.

    A module may need more than there is each time that it is imported. Then the process lacks nothing as soon as that
    import has failed. Its tasks are handed back a few times and fail then.

    Args:
        pause: called with the seconds for which nothing is claimed, and whether a burst is over by that.
        begun: whether the function of a path is being called just now.
    """

    def __init__(self, *, pause: Callable[[float, bool], None], begun: Callable[[str], bool]) -> None:
        self._pause = pause
        self._begun = begun
        self._delays = Backoff(_FIRST, _LAST, jitter=0.1)
        self._until = 0.0
        self._short = False
        #: How often each path was tried in vain, and when last.
        self._in_vain: dict[str, tuple[int, float]] = {}
        #: The rows that were handed back, and when last; those to which that has happened again.
        self._once: dict[UUID, float] = {}
        self._again: dict[UUID, float] = {}

    def room(self, room: int) -> int:
        """How many tasks to claim, where there is room for so many."""
        if not self._short:
            return room
        if time.monotonic() < self._until:
            return 0
        more = len(self._again) if room > 0 else 0
        if not is_over():
            return min(room, 1) + more
        self._short = False
        self._delays.reset()
        logger.info("this process can begin tasks again: claiming again")
        return room + more

    def settle(self, some: Sequence[HeldClaim]) -> Sequence[HeldClaim]:
        """Give what could not be begun no result, or its failure. Returns the others."""
        lacking = [held for held in some if held.result is not None and held.result.lacking]
        if not lacking:
            return some
        errors = list(dict.fromkeys(held.result.error or "" for held in lacking if held.result is not None))
        over = is_over()
        hopeless = self._hopeless({held.claimed.task for held in lacking}) if over else set()
        for held in lacking:
            assert held.result is not None  # noqa: S101 - that is why it is here
            if held.claimed.task not in hopeless:
                held.result, held.behind = None, self._noted(held.id)
                continue
            error = (
                f"It could not be begun, in {_OFTEN} attempts of this worker, although its process had descriptors, "
                f"threads and memory left after each: {held.result.error}"
            )
            held.result = held.result._replace(status=Status.FAILED, error=error, unfound=False, lacking=False)
        if any(held.result is None for held in lacking):
            self._stop_for_a_while(len(lacking), errors, over=over)
        return [held for held in some if held not in lacking]

    def _hopeless(self, paths: set[str]) -> set[str]:
        """Count these paths as tried in vain. Returns those that were often enough."""
        now = time.monotonic()
        self._in_vain = {path: seen for path, seen in self._in_vain.items() if now - seen[1] < _FORGET}
        for path in paths:
            if not self._begun(path):
                self._in_vain[path] = self._in_vain.get(path, (0, now))[0] + 1, now
        return {path for path in paths if self._in_vain.get(path, (0, now))[0] >= _OFTEN}

    def _noted(self, row: UUID) -> bool:
        """Note that a row is handed back. Returns whether that has happened to it before."""
        now = time.monotonic()
        before = self._once.pop(row, None) is not None
        for rows, most in ((self._once, _ROWS), (self._again, _MORE)):
            if before or rows is self._once:
                rows.pop(row, None)
                rows[row] = now
            while rows and (len(rows) > most or now - next(iter(rows.values())) > _FORGET):
                del rows[next(iter(rows))]
        return before

    def _stop_for_a_while(self, number: int, errors: Sequence[str], *, over: bool) -> None:
        now = time.monotonic()
        if self._short and now < self._until:  # said already
            return
        delay = _MOMENT if over else self._delays.next()
        self._short, self._until = True, now + delay
        logger.error(
            "%d tasks could not be begun and are queued again: %s. This process lacks file descriptors, threads or "
            "memory: raise its limits (ulimit -n, -u, -v; those of its container), or lower the concurrency. Not "
            "claiming for %.1f s",
            *(number, "; ".join(errors[:_NAMED]), delay),
        )
        self._pause(delay, False)
