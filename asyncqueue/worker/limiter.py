"""Admits tasks that come under limits: queues them when there is a slot for them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import UUID

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.backends.common.limits.admission import function_of
from asyncqueue.backends.common.limits.slots import AT_ONCE
from asyncqueue.backends.promotions import SetAside
from asyncqueue.errors import DatabaseError, InvalidArguments, InvalidTask, MigrationRequired
from asyncqueue.limits import Limit, LimitPolicy, Terms
from asyncqueue.loggers import get_logger
from asyncqueue.model import ClaimedTask, Link, Status
from asyncqueue.running.boundary import Raised, call, is_a
from asyncqueue.running.runner import RunResult
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.signal import Signal

logger = get_logger("asyncqueue.worker")

#: The chore of looking everywhere, which one worker of all does.
SWEEP = "limits"
#: Limit keys of one transaction, and ends.
_KEYS, _ENDED = 100, 500
#: Since when this process has its code, as far as it matters which of two releases is the newer one.
_BEGAN = time.monotonic()
#: Seconds after which a function that could not be found is looked for again: who asks for it does not know.
_LOOK_AGAIN = 60.0
#: Seconds that nobody has declared a limit, where a Django worker's task may take for ever.
_FOR_LONG = 3600.0
#: Seconds within which every worker that has the code of a function has said its limit: each looks far more often.
_SAID_BY_ALL = 60.0
#: Seconds after a window of a rate has opened until somebody looks: by clocks that do not run alike.
_AFTER = 0.001


def _key_of(policy: LimitPolicy, args: dict[str, Any]) -> str | None:
    """As `LimitPolicy.key_of`, which calls a function of the application."""
    try:
        return call(policy.key_of, args)
    except Raised as raised:
        if is_a(raised.error, InvalidArguments):
            raise InvalidArguments(str(raised.error)) from raised.error
        raise InvalidArguments(f"there is no limit_key for these arguments: {raised}") from raised.error


class Limiter:
    """The loop that admits tasks.

    It is told by whom it concerns: a task that was set aside waits for a slot, one that has ended leaves one, a rate
    lets in the next one after a time that was known. What nobody was told, because a worker was lost or somebody
    cancelled a task, is found by a look at everything that waits: when this worker begins, and when it is told to
    (`MissedEventPoller`), then by one worker of all. So nothing depends on this process.

    Args:
        leases: how long a run goes on whose worker says nothing, and how often one of all workers looks.
        limit_of: what the function at a path declares. Raises InvalidTask where it cannot run here.
        queues: from which this worker claims; None for all.
        puts_off: whether a claimed task is put off whose function is not found here.
        on_admitted: called when there is something to claim.
    """

    def __init__(
        self,
        backend: Backend,
        leases: Leases,
        *,
        limit_of: Callable[[str], Awaitable[Limit]],
        queues: Collection[str] | None,
        puts_off: Callable[[], bool],
        on_admitted: Callable[[], None],
    ) -> None:
        self._backend = backend
        self._leases = leases
        self._limit_of = limit_of
        self._queues = queues
        self._puts_off = puts_off
        self._on_admitted = on_admitted
        self._news = Signal()
        self._keys: dict[str, None] = {}
        self._ended: dict[UUID, None] = {}
        #: When the windows of rates open.
        self._windows: dict[str, float] = {}
        self._declared: set[Limit] = set()
        #: Functions of which it is known that somebody has declared their limits, and when to look again for those
        #: that are not to be found here.
        self._noted: set[str] = set()
        self._strange: dict[str, float] = {}
        self._working = False
        self._warned = False
        self._sweep_at = 0.0
        self._swept = False

    @property
    def busy(self) -> bool:
        """Whether it may queue tasks in a moment. A window that is still to open is like a time that is to come."""
        return self._can and bool(self._keys or self._ended or self._working or not self._swept)

    def ended(self, task_id: UUID) -> None:
        """A task that had a slot does not run any more."""
        self._ended[task_id] = None
        self._news.set()

    def look(self) -> None:
        """Places may have become free, nobody knows whose: look at everything."""
        self._sweep_at = 0.0
        self._news.set()

    async def check(self, path: str, policy: LimitPolicy | None, claimed: ClaimedTask) -> RunResult | None:
        """What becomes of a claimed row that has links, or whose function declares limits: None if it may run.

        Whoever enqueued it may not know them. Then it is handed back, and goes the way of those that come under limits.
        Raises InvalidArguments where there is no key for it.
        """
        if not self._can:
            self._say_no_limits(path)
            return None
        limited = bool(claimed.links & Link.LIMITED)
        if policy is not None or limited:
            limit = Limit(path) if policy is None else policy.declared(path)
            if limit not in self._declared:
                await self._declare(limit)
        if policy is None or limited:
            return None
        try:
            args = json.loads(claimed.args or "{}")
        except (ValueError, RecursionError):
            return None  # it cannot run, and says so by itself
        key = _key_of(policy, args) if isinstance(args, dict) else None
        return RunResult(Status.SCHEDULED, retry_in=0.0, attempt=claimed.attempt, limit_key=key)

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Within this it is told of tasks that a claim has set aside, also while `run` waits after an error."""
        promotions = self._backend.promotions
        before, promotions.limited = promotions.limited, self._arrived
        try:
            yield
        finally:
            if promotions.limited == self._arrived:  # else another worker of this queue hears of them now
                promotions.limited = before

    async def run(self) -> None:
        """Admit for ever."""
        while True:
            try:
                if self._can:
                    await self._turn()
            except MigrationRequired:
                pass  # taken away just now
            with anyio.move_on_after(self._pause()):
                await self._news.wait()

    def _pause(self) -> float:
        """Seconds until there is something to do that nobody tells."""
        if self._can and (self._keys or self._ended):
            return 0.0
        until = min([self._sweep_at, *self._windows.values()])
        return max(0.0, until - time.monotonic()) if self._can else self._leases.interval

    @property
    def _can(self) -> bool:
        shape = self._backend.shape
        return shape is not None and shape.migrated

    def _arrived(self, promotions: Sequence[SetAside]) -> None:
        self._keys |= dict.fromkeys(arrival.limit_key for arrival in promotions if arrival.limit_key is not None)
        self._news.set()

    async def _turn(self) -> None:
        now = time.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = math.inf
            try:
                await self._sweep()
            except BaseException:
                self._sweep_at = 0.0
                raise
        for key in [key for key, at in self._windows.items() if at <= now]:
            del self._windows[key]
            self._keys[key] = None
        while self._keys or self._ended:
            self._working = True
            try:
                await self._admit(list(islice(self._keys, _KEYS)), list(islice(self._ended, _ENDED)))
            finally:
                self._working = False

    async def _admit(self, keys: Collection[str], ended: Collection[UUID]) -> None:
        for key in keys:
            del self._keys[key]
        for task_id in ended:
            del self._ended[task_id]
        try:
            terms = Terms(self._leases.own, self._unknown_for, self._queues)
            admission = await self._backend.limits.admit(keys, ended=ended, terms=terms)
            if admission.admitted:
                self._on_admitted()
            opens = {key: time.monotonic() + seconds + _AFTER for key, seconds in admission.opens_in.items()}
            self._windows |= opens
            if admission.undeclared:
                found = await self._find_out(admission.undeclared)
                self._keys |= dict.fromkeys(key for key in keys if function_of(key) in found)
        except BaseException:
            # What could not be done is done later, or by others.
            self._keys |= dict.fromkeys(keys)
            self._ended |= dict.fromkeys(ended)
            raise

    @property
    def _unknown_for(self) -> float:
        """For how many seconds a task waits for a worker that has its code, and says the limit.

        Where a claim that finds no function puts its task off, that gives other workers time enough.
        """
        foreign = self._leases.foreign
        for_long = _FOR_LONG if foreign is None else foreign
        return min(for_long, max(_SAID_BY_ALL, self._leases.own or 0.0)) if self._puts_off() else for_long

    async def _find_out(self, names: Collection[str]) -> set[str]:
        """Say what functions declare of which nobody has said it. Returns those that could be found here.

        The tasks of others wait for a worker that has their code.
        """
        now, found = time.monotonic(), set()
        for name in sorted(names):
            if self._strange.get(name, now) > now:
                continue
            try:
                await self._backend.limits.declare([await self._limit_of(name)], began=_BEGAN)
            except InvalidTask as error:
                if name not in self._strange:
                    logger.warning(
                        "tasks of %s wait until a worker that has its code says their limit: %s", name, error
                    )
                self._strange[name] = now + _LOOK_AGAIN
            else:
                self._strange.pop(name, None)
                found.add(name)
        self._noted |= found
        return found

    async def _declare(self, limit: Limit) -> None:
        """Say what a function declares, once: what an earlier release of it has said counts no longer."""
        self._declared.add(limit)
        try:
            await self._backend.limits.declare([limit], began=_BEGAN)
        except DatabaseError as error:
            self._declared.discard(limit)
            logger.warning("cannot say which limits %s has: %s", limit.name, error)

    def _say_no_limits(self, path: str) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "task %s comes under a limit, which needs columns that this table lacks: it runs without one until "
                "`asyncqueue migrate` has run",
                path,
                extra={"task": path},
            )

    async def _sweep(self) -> None:
        """Find all keys under which tasks wait: at once where this worker has just begun, else in its turn."""
        interval = self._leases.interval
        found = await self._backend.limits.held(limit=AT_ONCE)  # where nothing waits, that is all
        if found and (not self._swept or await self._backend.maintenance.take(SWEEP, interval / 2)):
            self._keys |= dict.fromkeys(found)
            while len(found) == AT_ONCE:
                found = await self._backend.limits.held(found[-1], limit=AT_ONCE)
                self._keys |= dict.fromkeys(found)
        elif found:
            await self._tell(found)
        self._swept = True

    async def _tell(self, keys: Collection[str]) -> None:
        """Say what limits functions have that whoever has the turn may not know, because it lacks their code."""
        names = {function_of(key) for key in keys} - self._noted
        if names:
            noted = await self._backend.limits.declared(names)
            self._noted |= noted
            found = await self._find_out(names - noted)
            self._keys |= dict.fromkeys(key for key in keys if function_of(key) in found)
