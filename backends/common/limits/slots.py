"""Places under limits: what each says, with its task beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from asyncqueue.limits import Limit
from asyncqueue.model import Status

#: Tasks that are queued for one key by one transaction.
AT_ONCE = 500
#: Seconds by which a claim may be older than the place of a task that it has found: its time is read as it begins.
_SLACK = 5.0
#: Seconds by which two readings of one time may differ.
_SAME = 0.0001


class State(IntEnum):
    """What an entry stands for: a task that waits, a place that is taken, a start that counts in a rate."""

    HELD = 0
    ADMITTED = 1
    SPENT = 2


class Seen(NamedTuple):
    """A task that has a place or waits for one: how many seconds ago it was last claimed, and last renewed.

    `waits_under` is the limit under which it waits; None if it does not. `attempt` is how many have failed.
    """

    status: int
    started: float | None
    waits_under: str | None
    renewed: float | None = None
    attempt: int = 0


class Place(NamedTuple):
    """A place under a limit that is taken, or counts in its rate.

    `admitted` and `noted` are how many seconds ago it was given, and its task was seen to have started.
    """

    id: int
    limit_key: str
    task_id: UUID
    state: State
    admitted: float | None
    noted: float | None
    queue: str = "default"

    def waits(self, task: Seen) -> bool:
        """Whether the task waits for a place under the same limit (again)."""
        return task.waits_under == self.limit_key

    def has(self, task: Seen) -> bool:
        """Whether the task was claimed under this place: a claim well before it was given was another run."""
        return task.started is not None and task.started <= (self.admitted or 0.0) + _SLACK


@dataclass
class Survey:
    """What the places of one key say.

    Attributes:
        limit: of its function; None where nobody has declared it.
        taken: how many are.
        starts: of each start that counts in the rate, for how many more seconds it does, at least.
        noted: places whose tasks have started: the place, what becomes of it, and how many seconds ago.
        spent: places whose tasks have started before and start once more: the place, and how many seconds ago.
        again: places that are as if they were given now, because their tasks are to start once more.
        gone: places that are free and count no more.
        queued: places whose tasks nobody has claimed yet.
        stopping: tasks that were cancelled, and whose worker has not said that their run is over.
    """

    limit: Limit | None
    taken: int = 0
    starts: list[float] = field(default_factory=list)
    noted: list[tuple[int, State, float]] = field(default_factory=list)
    spent: list[tuple[int, float]] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    queued: list[Place] = field(default_factory=list)
    stopping: set[UUID] = field(default_factory=set)

    def add(self, place: Place, task: Seen | None, *, over: bool = False, lease: float | None = 0.0) -> None:
        """Take in a place and its task.

        `over` says that the task's worker has said that the run is. `lease` is for how many seconds after its last
        renewal a run may go on that was cancelled; None for ever.
        """
        if place.state == State.ADMITTED and task is not None:
            if task.status == Status.QUEUED:
                self._is_queued(place, task)
                return
            stopping = not over and _stopping(place, task, lease)
            if task.status == Status.RUNNING or stopping:
                self._runs(place, task)
                if stopping:
                    self.stopping.add(place.task_id)
                return
        began = _began(place, task)
        if began is not None and self._counts(began):
            if place.state == State.ADMITTED:
                self.noted.append((place.id, State.SPENT, began))
        else:
            self.gone.append(place.id)

    def leave(self, place: Place) -> None:
        """Its place was taken back from a task that was queued."""
        self.taken -= 1
        if self._period is not None:
            self.starts.remove(self._period)

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit (any more): then nobody needs a place."""
        return self.limit is not None and self.limit.capacity is None and self.limit.rate_count is None

    @property
    def forlorn(self) -> bool:
        """Whether nobody has declared the limit, and nobody is let through without one."""
        return self.limit is None and not self.taken

    @property
    def room(self) -> int:
        """How many more may be admitted."""
        if self.limit is None:
            return 0
        capacity, count = self.limit.capacity, self.limit.rate_count
        free = AT_ONCE if capacity is None else capacity - self.taken
        return max(0, min(AT_ONCE, free, AT_ONCE if count is None else count - len(self.starts)))

    def opens_in(self, admitted: int) -> float | None:
        """In how many seconds the rate lets another one in, after so many; None if it is not what stops them."""
        if self.limit is None or self.limit.rate_count is None or self.limit.rate_period is None:
            return None
        starts = sorted(self.starts) + [self.limit.rate_period] * admitted
        over = len(starts) - self.limit.rate_count
        return max(0.0, starts[over]) if over >= 0 else None

    @property
    def _period(self) -> float | None:
        return self.limit.rate_period if self.limit is not None else None

    def _counts(self, age: float) -> bool:
        """Count a start so many seconds ago, if it still counts."""
        period = self._period
        if period is None or age >= period:
            return False
        self.starts.append(period - age)
        return True

    def _is_queued(self, place: Place, task: Seen) -> None:
        """It starts now at the earliest. It may have started before, and was released or lost."""
        self.taken += 1
        self.queued.append(place)
        self._counts(0.0)
        began = place.noted
        if task.started is not None and task.started < (place.admitted or 0.0):
            began = task.started if began is None else min(began, task.started)
        if began is not None:
            self.again.append(place.id)
            if self._counts(began):
                self.spent.append((place.id, began))

    def _runs(self, place: Place, task: Seen) -> None:
        self.taken += 1
        began, noted = _began(place, task), place.noted
        # What is noted is the start of the claim that it was noted of.
        once_more = noted is not None and began is not None and began < noted - _SAME
        if noted is not None and once_more and self._counts(noted):
            self.spent.append((place.id, noted))
        if began is not None and (noted is None or once_more):
            self.noted.append((place.id, State.ADMITTED, began))
        self._counts(0.0 if began is None else began)


def _stopping(place: Place, task: Seen, lease: float | None) -> bool:
    """Whether the task was cancelled while it ran, as far as is known; and queued again, perhaps.

    A worker that ends an attempt says so, or counts it. One that was lost renews nothing.
    """
    cancelled = task.status == Status.CANCELLED or (task.status == Status.SCHEDULED and not task.attempt)
    if not cancelled or not place.has(task) or task.renewed is None:
        return False
    return lease is None or task.renewed < lease


def _began(place: Place, task: Seen | None) -> float | None:
    """How many seconds ago the task started under this place; None if it has not, as far as is known."""
    if place.state == State.SPENT or task is None:
        return place.noted
    known = [] if place.noted is None else [place.noted]
    if task.started is not None and (task.status == Status.RUNNING or place.has(task)):
        known.append(max(0.0, task.started))
    return min(known, default=None)
