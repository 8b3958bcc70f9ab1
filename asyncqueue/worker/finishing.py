"""Writes the ends of runs, all that have ended since the last write at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import suppress
from functools import partial
from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseBusy, DataRejected, SchemaChanged
from asyncqueue.limits import HandBack
from asyncqueue.loggers import get_logger
from asyncqueue.model import AttemptEnd, Claimant, ClaimedTask, Finish, Link, Release, Status
from asyncqueue.worker.ledger import HeldClaim, Ledger
from asyncqueue.worker.narrowing import narrowed, written
from asyncqueue.worker.refusals import escapes, failures
from asyncqueue.worker.signal import Signal
from asyncqueue.worker.unfound import Unfound

logger = get_logger("asyncqueue.worker")

#: Whose end is recorded, and by that forgets that it was put off. A number, because that of an IntFlag is slow.
_RECORDED = int(Link.RECORDED | Link.PUT_OFF)
#: Rows in one statement.
_BATCH = 500
#: Ends that wait in vain one after the other until it is believed that this is no matter of rows.
_FEW = 3


class Finisher:
    """The ends of runs on their way into the table.

    There is no timer: while one write is under way what ends meanwhile gathers, and is the next batch. Through an
    outage of the database everything is kept and tried again. That cannot grow: nothing is claimed meanwhile, because
    what waits to be written goes with the next claim or before it.

    Args:
        backend: where the ends go.
        ledger: the claims; an end that was written leaves it.
        unfound: decides about tasks whose function was not found.
        news: wakes the exchange loop.
        on_written: called with each claim whose end stands in the table.
        on_lost: called with each whose claim belonged to somebody else.
        on_left: called with each that the database lets nobody write.
        most_aside: how many ends may wait for rows that other sessions have locked, while others are written.
    """

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        news: Signal,
        *,
        unfound: Unfound,
        on_written: Callable[[HeldClaim], None],
        on_lost: Callable[[HeldClaim], None],
        on_left: Callable[[HeldClaim], None],
        most_aside: int = 1,
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._news = news
        self._unfound = unfound
        self._on_written = on_written
        self._on_lost = on_lost
        self._on_left = on_left
        self._most_aside = most_aside
        self._left: set[UUID] = set()
        self._aside: dict[HeldClaim, None] = {}
        #: Those of them that wait for something else than a lock on their rows.
        self._stuck: set[HeldClaim] = set()
        self._waiting: deque[HeldClaim] = deque()
        self._idle = Signal()
        self._said = False
        #: How many ends are not in the table yet.
        self.unwritten = 0

    @property
    def waiting(self) -> int:
        """How many ends nobody is writing."""
        return len(self._waiting)

    @property
    def aside(self) -> int:
        """How many ends wait until other sessions let go of their rows."""
        return len(self._aside)

    def holds(self, held: HeldClaim) -> bool:
        """Whether the end of this claim waits to be written."""
        return held in self._waiting or held in self._aside

    def put(self, held: HeldClaim) -> None:
        """Hand over a claim whose run is over: to be finished with its result, or to be released if it has none."""
        held.over, held.missed = True, False
        self.unwritten += 1
        self._waiting.append(held)
        self._news.set()

    async def wait_written(self) -> None:
        """Return when everything handed over so far has been written."""
        while self.unwritten:
            await self._idle.wait()

    def gather(self) -> list[HeldClaim]:
        """The next batch, oldest first: to be written, and given back if it was not."""
        if len(self._waiting) <= _BATCH:
            batch = list(self._waiting)
            self._waiting.clear()
            return batch
        return [self._waiting.popleft() for _ in range(_BATCH)]

    def take_back(self, batch: list[HeldClaim]) -> None:
        """Keep what of a batch is left; what was written has been taken out of it."""
        self._waiting.extendleft(reversed(batch))

    async def set_aside(self, batch: list[HeldClaim]) -> bool:
        """Take those out of a batch whose rows other sessions have locked: the others need not wait for them.

        Returns whether there were any. There is none where too many would be aside then.
        """
        locked = await self._backend.locked([held.id for held in batch])
        if not locked or len(self._aside) + len(locked) > self._most_aside:
            return False
        if not self._aside:
            logger.warning(
                "%d results cannot be written yet, because other sessions have locked their rows: look for a "
                "transaction that was left open",
                len(locked),
            )
        self._aside.update(dict.fromkeys(held for held in batch if held.id in locked))
        batch[:] = [held for held in batch if held.id not in locked]
        return True

    async def single_out(self, batch: list[HeldClaim]) -> bool:
        """Write the ends of a batch one by one, and set those aside that wait in vain although their rows are free.

        A trigger of the user's may wait for something of its own, or lose every deadlock. Returns whether that was of
        use. Where the first few wait in vain, it is no matter of rows: then nothing is set aside, and others come first
        next time.
        """
        stuck: dict[HeldClaim, DatabaseBusy] = {}
        some = list(batch) if self._backend.capabilities.row_locks else []
        for held in some:
            if len(self._aside) + len(stuck) >= self._most_aside:
                break
            try:
                await self._write_alone(held, batch)
            except DatabaseBusy as error:
                stuck[held] = error
                if len(stuck) == _FEW and len(batch) == len(some):
                    batch[:] = [*batch[_FEW:], *batch[:_FEW]]
                    return False
        for held, why in stuck.items():
            logger.warning(
                "the result of task %s (%s) cannot be written yet, though no other session has locked its row: a "
                "trigger on the table may wait for something. The others are written meanwhile: %s",
                *(held.id, held.claimed.task, why),
                extra=held.about,
            )
        self._stuck.update(stuck)
        self._aside.update(dict.fromkeys(stuck))
        batch[:] = [held for held in batch if held not in stuck]
        return len(batch) < len(some)

    async def _write_alone(self, held: HeldClaim, batch: list[HeldClaim]) -> None:
        """Write one end, and take it out of its batch, unless it is to be written again."""
        alone = [held]
        await self.write(alone, claim=0, claimant=Claimant())
        if not alone:
            batch.remove(held)

    async def try_aside(self) -> None:
        """Let those ends be written whose rows nobody has locked any more."""
        some = list(self._aside)
        locked = await self._backend.locked([held.id for held in some])
        free = [held for held in some if held.id not in locked and held not in self._stuck]
        for held in free:
            del self._aside[held]
        if free:
            self._waiting.extend(free)
            self._news.set()
        await self._try_stuck([held for held in some if held.id not in locked and held in self._stuck])

    async def _try_stuck(self, some: list[HeldClaim]) -> None:
        """Write these one by one, beside the others; where the first few wait in vain, the rest come first next."""
        vain = 0
        for held in some:
            alone = [held]
            try:
                await self.write(alone, claim=0, claimant=Claimant())
            except DatabaseBusy:
                self._aside[held] = self._aside.pop(held)  # behind the others
                vain += 1
                if vain == _FEW:
                    return
            else:
                self._stuck.discard(held)
                del self._aside[held]
                self._waiting.extend(alone)
                self._news.set()

    async def write(self, batch: list[HeldClaim], *, claim: int, claimant: Claimant) -> list[ClaimedTask] | None:
        """Write a batch, and empty it; in the same go claim up to `claim` tasks.

        Returns what was claimed, None where nothing could be because the batch had to be written row by row. Where
        the database is away the batch stays as it is: call this again. Ends of which it is not known whether they were
        written stay in the batch as well, and so do rows whose token a renewal has changed meanwhile.
        """
        await self._ledger.settle(batch)
        since = self._ledger.renewals
        releases, finishes, attempts, unfound = self._sorted(batch)
        if unfound:
            self._take_out(batch, await self._unfound.settle(unfound), since)
            claim = self._unfound.room(claim)
            releases, finishes, attempts, _ = self._sorted(batch)
        await narrowed(releases, self._release, self._leave)
        written = await self._end_attempts(attempts, since) if attempts else set()
        claimed: list[ClaimedTask] | None = None
        unsettled: Set[HeldClaim] = frozenset()
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
        again: list[HeldClaim] = []
        plain = not self._left
        for held in batch:
            if plain and held.claimed.id in written:  # as most are
                self._ledger.remove(held)
                self._on_written(held)
            elif not self._take_note(held, written, unsettled, since):
                again.append(held)
        self.unwritten -= len(batch) - len(again)
        batch[:] = again
        self._backend.announce_ends()
        if not self.unwritten:
            self._idle.set()
        return claimed

    def _take_note(self, held: HeldClaim, written: Set[UUID], unsettled: Set[HeldClaim], since: int) -> bool:
        """Say what became of a claim. Returns False where its end is to be written again."""
        if held.claimed.id in self._left:
            self._left.discard(held.claimed.id)
            self._ledger.leave(held)
            told = self._on_left
        elif held.claimed.id in written:
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

    def _take_out(self, batch: list[HeldClaim], put_off: list[HeldClaim], since: int) -> None:
        """Take what was put off out of a batch, but for rows whose token a renewal may have changed meanwhile."""
        for held in put_off:
            if not self._ledger.moved(held, since):
                batch.remove(held)
                self.unwritten -= 1
                self._ledger.remove(held)
                self._on_written(held)

    def _sorted(
        self, batch: list[HeldClaim]
    ) -> tuple[list[HeldClaim], list[HeldClaim], list[HeldClaim], list[HeldClaim]]:
        """What to release, what ends in one attempt as most do, attempts to record, and those without a function."""
        shape = self._backend.shape
        migrated = shape is not None and shape.migrated
        releases: list[HeldClaim] = []
        finishes: list[HeldClaim] = []
        attempts: list[HeldClaim] = []
        unfound: list[HeldClaim] = []
        for held in batch:
            result = held.result
            if result is None:
                releases.append(held)
            elif result.unfound:
                unfound.append(held)
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
        return releases, finishes, attempts, unfound

    def _say_no_retries(self, held: HeldClaim) -> None:
        if not self._said:
            self._said = True
            logger.warning(
                "task %s wants to be tried again, which needs columns that this table lacks: it fails at once until "
                "`asyncqueue migrate` has run",
                held.claimed.task,
                extra=held.about,
            )

    async def _end(
        self, finishes: list[HeldClaim], claim: int, claimant: Claimant
    ) -> tuple[set[UUID] | None, list[ClaimedTask] | None]:
        """Returns whose ends are written, None where that is not known yet, and what was claimed."""
        if not claim:
            return await self._narrowed(finishes, self._finish), None
        ends = list(map(_finish, finishes))
        try:
            return await self._backend.exchange(
                ends, claim, worker_pid=claimant.pid, worker=claimant.name, queues=claimant.queues
            )
        except (DataRejected, SchemaChanged):
            # Some row of the batch cannot be stored; its neighbours can. Or the table is another one by now.
            return await self._narrowed(finishes, self._finish), None

    async def _end_attempts(self, attempts: list[HeldClaim], since: int) -> set[UUID]:
        back = [held for held in attempts if held.result is not None and held.result.status == Status.SCHEDULED]
        rest = [held for held in attempts if held not in back] if back else attempts
        gone = await narrowed(back, self._hand_back, self._leave)
        # Like a release it does not say what it has changed: see `write`.
        sure = {held.id for held in back if held.id in gone and not self._ledger.moved(held, since)}
        return sure | await self._narrowed(rest, self._record)

    async def _narrowed(
        self, some: list[HeldClaim], write: Callable[[Sequence[HeldClaim]], Awaitable[set[UUID]]]
    ) -> set[UUID]:
        return await narrowed(some, write, partial(self._store_something, write))

    async def _finish(self, some: Sequence[HeldClaim]) -> set[UUID]:
        return await self._backend.finish(list(map(_finish, some)))

    async def _record(self, some: Sequence[HeldClaim]) -> set[UUID]:
        return await self._backend.end_attempts(list(map(_attempt_end, some)))

    async def _hand_back(self, some: Sequence[HeldClaim]) -> set[UUID]:
        await self._backend.limits.hand_back(
            [HandBack(held.id, held.token, held.result.limit_key) for held in some if held.result is not None]
        )
        return {held.id for held in some}

    async def _release(self, some: Sequence[HeldClaim]) -> set[UUID]:
        await self._backend.release([Release(held.id, held.token, held.place) for held in some])
        return {held.id for held in some}

    async def _store_something(
        self, write: Callable[[Sequence[HeldClaim]], Awaitable[set[UUID]]], held: HeldClaim, error: DataRejected
    ) -> set[UUID]:
        """Write of a result that the database refuses what it does take, or that it failed."""
        result = held.result
        assert result is not None  # noqa: S101 - releases are none of these
        for same in escapes(result):
            held.result = same
            with suppress(DataRejected):
                return await written([held], write)
        for failure in failures(result, held.claimed.attempt, error):
            held.result = failure
            with suppress(DataRejected):
                there = await written([held], write)
                logger.error(
                    "task %s (%s) ended, but the database refused to store what it left: %s",
                    *(held.id, held.claimed.task, error),
                    extra=held.about,
                )
                return there
        held.result = result
        return await self._leave(held, error)

    async def _leave(self, held: HeldClaim, error: DataRejected) -> set[UUID]:
        """Give up a row that the database lets nobody write."""
        logger.error(
            "task %s (%s): the database refuses to write its end, and to write that it failed: %s. Its row stays in "
            "progress until it counts as lost; a trigger or a constraint on the table may be what refuses it",
            *(held.id, held.claimed.task, error),
            extra=held.about,
        )
        self._left.add(held.id)
        return set()


def _finish(held: HeldClaim) -> Finish:
    result = held.result
    assert result is not None  # noqa: S101 - releases were sorted out before
    return Finish(held.claimed.id, held.token, *result[:5])


def _attempt_end(held: HeldClaim) -> AttemptEnd:
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
