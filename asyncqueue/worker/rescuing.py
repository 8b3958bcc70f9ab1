"""Takes tasks away from workers that stopped renewing them."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Literal
from uuid import UUID

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseBusy, DatabaseUnavailable, DataRejected
from asyncqueue.loggers import get_logger
from asyncqueue.logs import about
from asyncqueue.model import AttemptEnd, LostTask, Status
from asyncqueue.worker.heartbeat import Heartbeat
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.ledger import Ledger
from asyncqueue.worker.losses import decide
from asyncqueue.worker.narrowing import narrowed
from asyncqueue.worker.strays import Strays

logger = get_logger("asyncqueue.worker")

_LIMIT = 1000
#: Seconds after which it is asked again whether a function is known here.
_ASK_AGAIN = 60.0
#: Seconds from one look for rows that cannot be read to the next.
_UNREADABLE = 10.0
#: Leases after which a lost task fails for good.
_FINAL = 3


class Rescuer:
    """The rescue loop.

    A claim that nobody renews may belong to a worker that is alive and cannot reach the row: the database was away, or
    another session holds a lock. So this loop rescues only while this worker's own heartbeats end in time, and asks
    again before it writes. It takes no row that is locked, none that this worker holds itself, and on a migrated table
    none whose worker still beats.

    On a migrated table a task that would fail for good has three leases: nothing is gained by failing it sooner, and
    its worker may only have been blocked for a while. A plain function that runs in a thread goes on meanwhile.

    Args:
        heart: tells how long renewals have gone well.
        ledger: what this worker holds.
        strays: what it holds without knowing it.
        leases: how long a claim stands without renewal.
        on_lost: whether lost tasks become failed, as Django has it, or are queued again.
        max_losses: how many workers a task may lose until it is failed in any case, on a migrated table.
        declared: whether the function of a dotted path is declared with `@task`: on a migrated table it runs again.
            None where this worker does not know it: another service's, whose workers rescue it if there are any.
        on_rescued: called with each task rescued, and whether it failed by that.
    """

    def __init__(
        self,
        backend: Backend,
        heartbeat: Heartbeat,
        leases: Leases,
        *,
        ledger: Ledger,
        strays: Strays,
        on_lost: Literal["fail", "requeue"],
        max_losses: int,
        declared: Callable[[str], Awaitable[bool | None]],
        on_rescued: Callable[[LostTask, bool], None],
    ) -> None:
        self._backend = backend
        self._heartbeat = heartbeat
        self._leases = leases
        self._ledger = ledger
        self._strays = strays
        self._on_lost = on_lost
        self._max_losses = max_losses
        self._declared = declared
        self._on_rescued = on_rescued
        # The functions that are not known here, and until when that is believed.
        self._unknown: set[str] = set()
        self._believed_until = 0.0
        # What could not be rescued, because the database refuses it.
        self._left: set[UUID] = set()
        self._unreadable_at = 0.0

    async def run(self) -> None:
        """Look for lost tasks for ever."""
        while True:
            await anyio.sleep(self._leases.interval * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            try:
                await self._strays.look()
                await self._fail_unreadable()
                while self._leases.own is not None and self._heartbeat.can_rescue and await self._look():
                    pass
            except DatabaseBusy as error:
                self._heartbeat.doubt()
                logger.debug("cannot look for lost tasks: %s", error)
            except DatabaseUnavailable:
                self._heartbeat.doubt()
                raise

    async def _fail_unreadable(self) -> None:
        """See to rows that neither a claim nor a rescue can read. Where the database refuses that, they are left."""
        if time.monotonic() < self._unreadable_at:
            return
        self._unreadable_at = time.monotonic() + _UNREADABLE
        try:
            await self._backend.fail_unreadable()
        except DataRejected as error:
            logger.error("rows that cannot be read are left, because the database refuses their end: %s", error)

    async def _look(self) -> bool:
        """Rescue what is lost, up to a limit. Returns whether there may be more."""
        assert self._leases.own is not None  # noqa: S101 - `run` has asked
        if self._backend.shape is not None and self._backend.shape.migrated:
            return await self._look_and_judge(self._leases.own)
        error = (
            f"Task failed: its worker did not renew the claim for {self._leases.own:g} seconds "
            "(it was lost, or could not reach the database)"
            if self._on_lost == "fail"
            else None
        )
        lost = await self._backend.rescue(lease=self._leases.own, error=error, limit=_LIMIT, held=self._ledger.ids)
        for task in lost:
            self._tell(task, failed=error is not None)
        return len(lost) == _LIMIT

    async def _look_and_judge(self, lease: float) -> bool:
        """Each lost task by what it is. Of several rescuers one wins: the others find another token.

        What is not known here is left out of the next look, where it would lie before others, until a Django worker's
        lease has passed, too: if there is a worker that knows it, that has taken it by then.
        """
        if time.monotonic() > self._believed_until:
            self._unknown.clear()
            self._believed_until = time.monotonic() + _ASK_AGAIN
        unknown = frozenset(self._unknown)
        lost = await self._backend.overdue(
            lease=lease, foreign_lease=self._leases.foreign, unknown=unknown, limit=_LIMIT
        )
        mine = set(self._ledger.ids)
        ends = {
            end.id: end
            for task in lost
            if task.id not in mine and (end := await self._judge(task, lease, foreign=task.task in unknown))
        }
        written: set[UUID] = set()
        if self._heartbeat.can_rescue:  # looked again: a beat may be late since
            write = partial(self._backend.end_lost, lease=lease, foreign_lease=self._leases.foreign)
            found = {task.id: task for task in lost}
            refused, waits = partial(self._refused, found), partial(self._waits, found)
            written = await narrowed(list(ends.values()), write, refused, stuck=waits)
        for task in lost:
            if task.id in written:
                self._tell(task, failed=ends[task.id].status == Status.FAILED)
        return (bool(written) and len(lost) == _LIMIT) or len(self._unknown) > len(unknown)

    async def _judge(self, task: LostTask, lease: float, *, foreign: bool) -> AttemptEnd | None:
        """What becomes of a lost task; None where it is left alone for now."""
        foreign = foreign or not task.ours
        again = False if foreign else await self._declared(task.task)
        if again is None:
            self._leave(task.task)
            return None
        end = self._end(task, again=again, lease=lease, foreign=foreign)
        return end if foreign or end.status != Status.FAILED or task.silent > _FINAL * lease else None

    async def _refused(self, found: Mapping[UUID, LostTask], end: AttemptEnd, error: DataRejected) -> set[UUID]:
        """Leave a lost task whose end the database lets nobody write, and say so once."""
        if end.id not in self._left:
            self._left.add(end.id)
            task = found[end.id]
            logger.error(
                "task %s (%s) was lost by its worker, and the database refuses its end: %s",
                *(task.id, task.task, error),
                extra=_about(task),
            )
        return set()

    async def _waits(self, found: Mapping[UUID, LostTask], end: AttemptEnd, error: DatabaseBusy) -> set[UUID]:
        """Leave a lost task whose end waits in vain, for a trigger perhaps, until the next look."""
        task = found[end.id]
        logger.debug("the end of lost task %s (%s) waits: %s", task.id, task.task, error, extra=_about(task))
        return set()

    def _end(self, task: LostTask, *, again: bool, lease: float, foreign: bool) -> AttemptEnd:
        if foreign and self._leases.foreign is not None:
            lease = max(lease, self._leases.foreign) if task.ours else self._leases.foreign
        return decide(task, again=again, on_lost=self._on_lost, lease=lease, max_losses=self._max_losses)

    def _leave(self, path: str) -> None:
        if path not in self._unknown:
            self._unknown.add(path)
            lease = self._leases.foreign
            until = "for ever" if lease is None else f"until nobody has renewed them for {lease:g} seconds"
            logger.info("%s cannot run here: its lost tasks are left to workers that know it, %s", path, until)

    def _tell(self, task: LostTask, *, failed: bool) -> None:
        worker = task.claimed_by or (f"PID {task.worker_pid}" if task.worker_pid is not None else None)
        logger.warning(
            "task %s (%s) was lost by its worker%s: %s",
            task.id,
            task.task,
            f" ({worker})" if worker else "",
            "failed" if failed else "queued again",
            extra=_about(task),
        )
        self._on_rescued(task, failed)


def _about(task: LostTask) -> dict[str, str | int]:
    return about(task.id, task.task, task.attempt + 1, task.queue)
