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
#: Seconds by which a claim may be older than the slot of a task that it has found: its time is read as it begins.
_SLACK = 5.0
#: Seconds by which two readings of one time may differ.
_SAME = 0.0001


class SlotState(IntEnum):
    """What an entry stands for: a task that waits, a slot that is taken, a start that counts in a rate."""

    WAITING = 0
    ACTIVE = 1
    COUNTED = 2


class Seen(NamedTuple):
    """A task that has a slot or waits for one: how many seconds ago it was last claimed, and last renewed.

    `waits_under` is the limit under which it waits; None if it does not. `attempt` is how many have failed.
    """

    status: int
    started: float | None
    waits_under: str | None
    renewed: float | None = None
    attempt: int = 0


class Slot(NamedTuple):
    """A slot under a limit that is taken, or counts in its rate.

    `admitted` and `noted` are how many seconds ago it was given, and its task was seen to have started.
    """

    id: int
    limit_key: str
    task_id: UUID
    state: SlotState
    admitted: float | None
    noted: float | None
    queue: str = "default"

    def waits(self, task: Seen) -> bool:
        """Whether the task waits for a slot under the same limit (again)."""
        return task.waits_under == self.limit_key

    def has(self, task: Seen) -> bool:
        """Whether the task was claimed under this slot: a claim well before it was given was another run."""
        return task.started is not None and task.started <= (self.admitted or 0.0) + _SLACK


@dataclass
class Survey:
    """What the slots of one key say.

    Attributes:
        limit: of its function; None where nobody has declared it.
        taken: how many are.
        starts: of each start that counts in the rate, for how many more seconds it does, at least.
        noted: slots whose tasks have started: the slot, what becomes of it, and how many seconds ago.
        spent: slots whose tasks have started before and start once more: the slot, and how many seconds ago.
        again: slots that are as if they were given now, because their tasks are to start once more.
        gone: slots that are free and count no more.
        queued: slots whose tasks nobody has claimed yet.
        stopping: tasks that were cancelled, and whose worker has not said that their run is over.
    """

    limit: Limit | None
    taken: int = 0
    starts: list[float] = field(default_factory=list)
    noted: list[tuple[int, SlotState, float]] = field(default_factory=list)
    spent: list[tuple[int, float]] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    queued: list[Slot] = field(default_factory=list)
    stopping: set[UUID] = field(default_factory=set)

    def add(self, slot: Slot, task: Seen | None, *, over: bool = False, lease: float | None = 0.0) -> None:
        """Take in a slot and its task.

        `over` says that the task's worker has said that the run is. `lease` is for how many seconds after its last
        renewal a run may go on that was cancelled; None for ever.
        """
        if slot.state == SlotState.ACTIVE and task is not None:
            if task.status == Status.QUEUED:
                self._is_queued(slot, task)
                return
            stopping = not over and _stopping(slot, task, lease)
            if task.status == Status.RUNNING or stopping:
                self._runs(slot, task)
                if stopping:
                    self.stopping.add(slot.task_id)
                return
        began = _began(slot, task)
        if began is not None and self._counts(began):
            if slot.state == SlotState.ACTIVE:
                self.noted.append((slot.id, SlotState.COUNTED, began))
        else:
            self.gone.append(slot.id)

    def leave(self, slot: Slot) -> None:
        """Its slot was taken back from a task that was queued."""
        self.taken -= 1
        if self._period is not None:
            self.starts.remove(self._period)

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit (any more): then nobody needs a slot."""
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

    def _is_queued(self, slot: Slot, task: Seen) -> None:
        """It starts now at the earliest. It may have started before, and was released or lost."""
        self.taken += 1
        self.queued.append(slot)
        self._counts(0.0)
        began = slot.noted
        if task.started is not None and task.started < (slot.admitted or 0.0):
            began = task.started if began is None else min(began, task.started)
        if began is not None:
            self.again.append(slot.id)
            if self._counts(began):
                self.spent.append((slot.id, began))

    def _runs(self, slot: Slot, task: Seen) -> None:
        self.taken += 1
        began, noted = _began(slot, task), slot.noted
        # What is noted is the start of the claim that it was noted of.
        once_more = noted is not None and began is not None and began < noted - _SAME
        if noted is not None and once_more and self._counts(noted):
            self.spent.append((slot.id, noted))
        if began is not None and (noted is None or once_more):
            self.noted.append((slot.id, SlotState.ACTIVE, began))
        self._counts(0.0 if began is None else began)


def _stopping(slot: Slot, task: Seen, lease: float | None) -> bool:
    """Whether the task was cancelled while it ran, as far as is known; and queued again, perhaps.

    A worker that ends an attempt says so, or counts it. One that was lost renews nothing.
    """
    cancelled = task.status == Status.CANCELLED or (task.status == Status.SCHEDULED and not task.attempt)
    if not cancelled or not slot.has(task) or task.renewed is None:
        return False
    return lease is None or task.renewed < lease


def _began(slot: Slot, task: Seen | None) -> float | None:
    """How many seconds ago the task started under this slot; None if it has not, as far as is known."""
    if slot.state == SlotState.COUNTED or task is None:
        return slot.noted
    known = [] if slot.noted is None else [slot.noted]
    if task.started is not None and (task.status == Status.RUNNING or slot.has(task)):
        known.append(max(0.0, task.started))
    return min(known, default=None)
