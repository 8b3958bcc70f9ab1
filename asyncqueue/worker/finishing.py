"""Writes the ends of runs, all that have ended since the last write at once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Set
from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DataRejected
from asyncqueue.limits import HandBack
from asyncqueue.model import AttemptEnd, Claimant, ClaimedTask, Finish, Link, Release, Status
from asyncqueue.running.runner import RunResult
from asyncqueue.worker.ledger import Held, Ledger
from asyncqueue.worker.signal import Signal

logger = logging.getLogger("asyncqueue.worker")

#: A number, because that of an IntFlag is slow.
_RECORDED = int(Link.RECORDED)
#: Rows in one statement.
_BATCH = 500


class Finisher:
    """The ends of runs on their way into the table.

    There is no timer: while one write is under way what ends meanwhile gathers, and is the next batch. Through an
    outage of the database everything is kept and tried again. That cannot grow: nothing is claimed meanwhile, because
    what waits to be written goes with the next claim or before it.

    Args:
        backend: where the ends go.
        ledger: the claims; an end that was written leaves it.
        news: wakes the exchange loop.
        on_written: called with each claim whose end stands in the table.
        on_lost: called with each whose claim belonged to somebody else.
    """

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        news: Signal,
        *,
        on_written: Callable[[Held], None],
        on_lost: Callable[[Held], None],
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._news = news
        self._on_written = on_written
        self._on_lost = on_lost
        self._waiting: deque[Held] = deque()
        self._idle = Signal()
        self._said = False
        #: How many ends are not in the table yet.
        self.unwritten = 0

    @property
    def waiting(self) -> int:
        """How many ends nobody is writing."""
        return len(self._waiting)

    def holds(self, held: Held) -> bool:
        """Whether the end of this claim waits to be written."""
        return held in self._waiting

    def put(self, held: Held) -> None:
        """Hand over a claim whose run is over: to be finished with its result, or to be released if it has none."""
        held.over, held.missed = True, False
        self.unwritten += 1
        self._waiting.append(held)
        self._news.set()

    async def wait_written(self) -> None:
        """Return when everything handed over so far has been written."""
        while self.unwritten:
            await self._idle.wait()

    def gather(self) -> list[Held]:
        """The next batch, oldest first: to be written, and given back if it was not."""
        if len(self._waiting) <= _BATCH:
            batch = list(self._waiting)
            self._waiting.clear()
            return batch
        return [self._waiting.popleft() for _ in range(_BATCH)]

    def take_back(self, batch: list[Held]) -> None:
        """Keep what of a batch is left; what was written has been taken out of it."""
        self._waiting.extendleft(reversed(batch))

    async def write(self, batch: list[Held], *, claim: int, claimant: Claimant) -> list[ClaimedTask] | None:
        """Write a batch, and empty it; in the same go claim up to `claim` tasks.

        Returns what was claimed, None where nothing could be because the batch had to be written row by row. Where
        the database is away the batch stays as it is: call this again. Ends of which it is not known whether they were
        written stay in the batch as well, and so do rows whose token a renewal has changed meanwhile.
        """
        await self._ledger.settle(batch)
        since = self._ledger.renewals
        releases, finishes, attempts = self._sorted(batch)
        if releases:
            await self._backend.release([Release(held.id, held.token, held.claimed.queued_at) for held in releases])
        written = await self._end_attempts(attempts, since) if attempts else set()
        claimed: list[ClaimedTask] | None = None
        unsettled: Set[Held] = frozenset()
        if finishes:
            ended, claimed = await self._end(finishes, claim, claimant)
            if ended is None:
                unsettled = set(finishes)
            else:
                written |= ended
        elif attempts and claim:
            # A claim also learns when what was scheduled just now is due.
            claimed = await self._backend.claim(
                claim, worker_pid=claimant.pid, worker=claimant.name, queues=claimant.queues
            )
        again = [held for held in batch if not self._take_note(held, written, unsettled, since)]
        self.unwritten -= len(batch) - len(again)
        batch[:] = again
        self._backend.announce_ends()
        if not self.unwritten:
            self._idle.set()
        return claimed

    def _take_note(self, held: Held, written: Set[UUID], unsettled: Set[Held], since: int) -> bool:
        """Say what became of a claim. Returns False where its end is to be written again."""
        if held.claimed.id in written:
            told = self._on_written
        elif held in unsettled:
            return False
        elif self._ledger.moved(held, since):
            # A renewal was quicker, and has changed the token. The new one may be known only in a moment.
            held.missed = True
            return False
        else:
            told = self._on_lost if held.result is not None else self._on_written  # a release says nothing of rows
        self._ledger.remove(held)
        told(held)
        return True

    def _sorted(self, batch: list[Held]) -> tuple[list[Held], list[Held], list[Held]]:
        """What is to be released, what ends in one attempt as most do, and the attempts that are to be recorded."""
        shape = self._backend.shape
        migrated = shape is not None and shape.migrated
        releases: list[Held] = []
        finishes: list[Held] = []
        attempts: list[Held] = []
        for held in batch:
            result = held.result
            if result is None:
                releases.append(held)
            elif result.retry_in is None and not held.claimed.attempt and not held.claimed.links & _RECORDED:
                finishes.append(held)
            elif migrated:
                attempts.append(held)
            elif result.status == Status.SCHEDULED:
                held.result = None  # there are no limits here any more
                releases.append(held)
            else:
                if result.retry_in is not None:
                    held.result = result._replace(retry_in=None)
                    self._say_no_retries(held)
                finishes.append(held)
        return releases, finishes, attempts

    def _say_no_retries(self, held: Held) -> None:
        if not self._said:
            self._said = True
            logger.warning(
                "task %s wants to be tried again, which needs columns that this table lacks: it fails at once until "
                "`asyncqueue migrate` has run",
                held.claimed.task,
                extra=held.about,
            )

    async def _end(
        self, finishes: list[Held], claim: int, claimant: Claimant
    ) -> tuple[set[UUID] | None, list[ClaimedTask] | None]:
        """Returns whose ends are written, None where that is not known yet, and what was claimed."""
        ends = list(map(_finish, finishes))
        try:
            if not claim:
                return await self._backend.finish(ends), None
            return await self._backend.exchange(
                ends, claim, worker_pid=claimant.pid, worker=claimant.name, queues=claimant.queues
            )
        except DataRejected:
            # Some row of the batch cannot be stored; its neighbours can.
            return await self._one_by_one(finishes, self._finish), None

    async def _end_attempts(self, attempts: list[Held], since: int) -> set[UUID]:
        back = [held for held in attempts if held.result is not None and held.result.status == Status.SCHEDULED]
        if not back:
            return await self._record(attempts)
        await self._backend.limits.hand_back(
            [HandBack(held.id, held.token, held.result.limit_key) for held in back if held.result is not None]
        )
        rest = [held for held in attempts if held not in back]
        # Like a release it does not say what it has changed: see `write`.
        sure = {held.id for held in back if not self._ledger.moved(held, since)}
        return sure | (await self._record(rest) if rest else set())

    async def _record(self, attempts: list[Held]) -> set[UUID]:
        try:
            return await self._backend.end_attempts(list(map(_attempt_end, attempts)))
        except DataRejected:
            return await self._one_by_one(attempts, self._end_attempt)

    async def _finish(self, held: Held) -> set[UUID]:
        return await self._backend.finish([_finish(held)])

    async def _end_attempt(self, held: Held) -> set[UUID]:
        return await self._backend.end_attempts([_attempt_end(held)])

    async def _one_by_one(self, some: list[Held], write: Callable[[Held], Awaitable[set[UUID]]]) -> set[UUID]:
        written: set[UUID] = set()
        for held in some:
            written |= await self._write_one(held, write)
        return written

    async def _write_one(self, held: Held, write: Callable[[Held], Awaitable[set[UUID]]]) -> set[UUID]:
        try:
            return await write(held)
        except DataRejected as error:
            text = f"The task ended, but the database refused to store what it left: {error}"
            logger.error("task %s (%s): %s", held.id, held.claimed.task, text, extra=held.about)
            held.result = _refused(held, text.encode("ascii", "backslashreplace").decode())
            return await write(held)


def _finish(held: Held) -> Finish:
    result = held.result
    assert result is not None  # noqa: S101 - releases were sorted out before
    return Finish(held.claimed.id, held.token, *result[:5])


def _attempt_end(held: Held) -> AttemptEnd:
    result, claimed = held.result, held.claimed
    assert result is not None  # noqa: S101 - likewise
    return AttemptEnd(
        claimed.id,
        held.token,
        result.status if result.retry_in is None else Status.SCHEDULED,
        *result[1:6],
        claimed.attempt if result.status == Status.COMPLETED else result.attempt,
        claimed.token,
    )


def _refused(held: Held, text: str) -> RunResult:
    """What is written instead of a result that the database refused: a failure, followed by what was to follow."""
    result = held.result
    assert result is not None  # noqa: S101 - likewise
    if result.status == Status.COMPLETED:
        return RunResult(Status.FAILED, error=text, attempt=held.claimed.attempt + 1)
    return RunResult(Status.FAILED, error=text, retry_in=result.retry_in, attempt=result.attempt)
