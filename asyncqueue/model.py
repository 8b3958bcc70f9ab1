"""The values that travel between the layers: a task's status, its row, and what a worker holds of it.

Those that are made for every task are named tuples: a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, IntFlag
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

#: A claim's mark, and every other raw value of the `modified` column: exactly what the driver hands out and
#: takes back (an instant on PostgreSQL, a naive datetime on MySQL and MariaDB, text on SQLite). Compare and
#: return it, never compute with it.
Stamp: TypeAlias = datetime | str


#: The queue of every task that names none, those of Django among them.
DEFAULT_QUEUE = "default"


class Status(IntEnum):
    """The `status` column, with the numbers of Django Simple Queue."""

    QUEUED = 0
    RUNNING = 1  # Django's admin shows "In progress"
    COMPLETED = 2
    FAILED = 3
    CANCELLED = 4
    SCHEDULED = 5  # of asyncqueue alone, on a migrated table: not due yet, or waiting for its next attempt

    @property
    def ended(self) -> bool:
        """Whether a task in this status will not run any further by itself."""
        return self in ENDED


ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


class Link(IntFlag):
    """The `links` column: what a task has to do with others and its past. 0 for most, which cost nothing by it.

    See also `KEPT_FROM`.
    """

    LIMITED = 1  # it needs a slot under a limit before it may be queued
    WAITING = 2  # it waits for others to end
    FOLLOWED = 4  # others wait for its end
    RECORDED = 8  # something is kept of its earlier attempts, so the next is kept, too
    PUT_OFF = 16  # a worker did not find its function; the column `written` says when that was first


#: From this bit on `links` has the whole minutes for which a completed task holds its unique key, so that no clean-up
#: deletes its row before.
KEPT_FROM = 5

#: Those by which a task is not queued when it is due, but set aside: status 5 without a time.
ASIDE = Link.LIMITED | Link.WAITING


#: What becomes of a task whose unique key another one holds.
OnConflict: TypeAlias = Literal["return", "raise", "replace"]


class Unique(NamedTuple):
    """A key that at most one task holds: until it has ended, and `held_for` seconds longer if it has completed.

    A second task with it is not enqueued: the first one's id is returned ("return"), DuplicateTask is raised ("raise"),
    or the first one, if it is scheduled, becomes what the second would have been ("replace").
    """

    key: str
    held_for: float = 0.0
    on_conflict: OnConflict = "return"


#: What becomes of a task if one that it was to run after has not completed.
OnFailure: TypeAlias = Literal["cancel", "run"]


class After(NamedTuple):
    """What a task is to run after, in the order given, and what becomes of it if one of these does not complete."""

    predecessors: tuple[UUID, ...]
    on_failure: OnFailure = "cancel"


class NewTask(NamedTuple):
    """A row to insert: `args` is the JSON text of an object, or None. Everything after it needs a migrated table.

    It is scheduled where `run_at` is to come, or `delay` (seconds by the database's clock) is more than 0.
    `max_attempts` None leaves that to the function's declaration. With LIMITED in `links` it is scheduled in any case,
    and set aside when it is due, until there is a place for it under the limit of its `limit_key`. With WAITING it is
    set aside at once, or where it has a time, then; what it waits for is `after`.
    """

    id: UUID
    task: str
    args: str | None
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    delay: float | None = None
    run_at: datetime | None = None
    max_attempts: int | None = None
    unique: Unique | None = None
    links: int = 0
    limit_key: str | None = None
    after: After | None = None

    @property
    def plain(self) -> bool:
        """Whether a table that is not migrated can hold it."""
        return self[3:] == _PLAIN


_PLAIN = (DEFAULT_QUEUE, 0, None, None, None, None, 0, None, None)


class ClaimedTask(NamedTuple):
    """A row this worker has claimed.

    `token` is the row's `modified` as the claim wrote it: every later write is fenced by it.
    `queued_at` is what `modified` was before, so that a release puts the row back in its old place.
    `attempt` is how many attempts have failed before this one; `max_attempts` None leaves it to the function.
    """

    id: UUID
    task: str
    args: str | None
    token: Stamp
    queued_at: Stamp
    attempt: int = 0
    max_attempts: int | None = None
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    links: int = 0


class Claimant(NamedTuple):
    """Who claims, and of what.

    Args:
        pid: for the column worker_pid; None leaves it empty.
        name: for the column claimed_by, on a migrated table.
        queues: to claim from, in this order; None for all, by priority and else in turn. On a migrated table only.
    """

    pid: int | None = None
    name: str | None = None
    queues: tuple[str, ...] | None = None

    @classmethod
    def of(cls, pid: int | None, name: str | None, queues: Sequence[str] | None) -> Claimant:
        """From the arguments of `Backend.claim`."""
        return cls(pid, name, None if queues is None else tuple(queues))


class Claim(NamedTuple):
    """The part of a claimed row that fences a write."""

    id: UUID
    token: Stamp


class Release(NamedTuple):
    """A claimed row to hand back unstarted, or interrupted by shutdown."""

    id: UUID
    token: Stamp
    queued_at: Stamp


class Finish(NamedTuple):
    """The end of a run, to be written: `status` is COMPLETED or FAILED.

    With `keep_output` the row's output stays (a generator streamed it already) and `output` is ignored.
    Where the table has no error column, the backend puts `error` behind the output, as that Django release does.
    """

    id: UUID
    token: Stamp
    status: Status
    output: str | None = None
    error: str | None = None
    log: str | None = None
    keep_output: bool = False


class AttemptEnd(NamedTuple):
    """The end of an attempt that is recorded, because others have gone before it or will follow; on a migrated table.

    `status` is what becomes of the row: COMPLETED, FAILED, QUEUED again, or SCHEDULED in `delay` seconds. `attempt` is
    how many attempts have failed by now. With `lost` its worker was, which counts as a loss and no failed attempt.
    `started` is the claim's first token, by which a repetition knows its own record; None where that may be another's.
    The rest is as in `Finish`.
    """

    id: UUID
    token: Stamp
    status: Status
    output: str | None
    error: str | None
    log: str | None
    keep_output: bool
    delay: float | None
    attempt: int
    started: Stamp | None
    lost: bool = False


class OutputChunk(NamedTuple):
    """Streamed text to write behind the first `offset` characters of a running task's output.

    The offset makes a repetition harmless, and offset 0 drops what an earlier run left.
    """

    id: UUID
    token: Stamp
    offset: int
    text: str


class LogChunk(NamedTuple):
    """What a task has printed and logged, to write behind the first `offset` characters of its log, as an OutputChunk.

    `token` is the claim's; where the task was cancelled it is the `modified` that this has written. `started` is the
    claim's first token.
    """

    id: UUID
    token: Stamp
    started: Stamp
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What the database says of some claims: its clock, and status and stamp of every row that still exists."""

    now: Stamp
    rows: dict[UUID, tuple[int, Stamp]]


@dataclass(frozen=True, slots=True)
class OutputPart:
    """A part of what stands in a task's output, and how many characters that is in all; None where it is nothing.

    `run` is the time of the claim under which it was written, None where no run is known to have written it: by none
    since the task was queued again by hand, or on a table that is not migrated.
    """

    status: int
    run: Stamp | None
    length: int | None
    text: str | None


@dataclass(frozen=True, slots=True)
class LostTask:
    """A row whose worker stopped renewing it: just rescued, or on a migrated table found and still to be rescued.

    There `token` fences what becomes of it, and `ours` says that asyncqueue ran it, after `attempt` failed attempts and
    `losses` of its workers; the last was `claimed_by`, and has not renewed it for `silent` seconds.
    """

    id: UUID
    task: str
    worker_pid: int | None
    token: Stamp | None = None
    ours: bool = False
    attempt: int = 0
    losses: int = 0
    claimed_by: str | None = None
    started: Stamp | None = None
    silent: float = 0.0
    queue: str = DEFAULT_QUEUE


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is kept of an attempt. `outcome` is completed, failed or lost; times are aware and in UTC."""

    number: int
    outcome: str
    error: str | None
    log: str | None
    worker: str | None
    started: datetime | None
    ended: datetime


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker as it is listed. `lease` is in seconds, None if nothing of it is ever taken for lost."""

    name: str
    host: str
    pid: int
    version: str
    queues: str | None
    concurrency: int
    lease: float | None


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A listed worker, and how it is: when it began and was last heard of (UTC), and how many tasks it holds."""

    info: WorkerInfo
    started: datetime
    beat: datetime
    silent: float
    running: int

    @property
    def lost(self) -> bool:
        """Whether it has been silent for longer than its lease."""
        return self.info.lease is not None and self.silent > self.info.lease


class Declaration(NamedTuple):
    """A periodic task as workers declare it to the table. `name` is what all of them know it by."""

    name: str
    task: str
    cron: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A periodic task in the table: everything up to `last` has been seen to. Times are aware and in UTC.

    `last_task` is the task of the last tick; None if there was none since the entry is what it is now.
    """

    declaration: Declaration
    last: datetime
    last_task: UUID | None
    declared: datetime


@dataclass(frozen=True, slots=True)
class TickTable:
    """The periodic tasks in the table by name, and the database's clock as they were read (UTC)."""

    now: datetime
    entries: dict[str, Tick]


@dataclass(frozen=True, slots=True)
class PeriodicState:
    """A periodic task: when it is enqueued next, and when it was last, as what. Times are aware and in UTC.

    `next` is None where this version cannot read the expression, `last_tick` and `last_task` before the first tick, and
    `status` where that task has been deleted.
    """

    name: str
    task: str
    cron: str
    timezone: str
    next: datetime | None
    last_tick: datetime | None
    last_task: UUID | None
    status: Status | int | None
    declared: datetime


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue: whether it is paused, and how many tasks it holds that have not ended."""

    name: str
    paused: bool = False
    queued: int = 0
    scheduled: int = 0
    running: int = 0


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A whole row, read. Times are aware and in UTC.

    `error`, `log` and `worker_pid` are None where the table lacks them; a status asyncqueue has no name for is a
    plain number. What comes after those is as it is here on a table that is not migrated. `run_after` is when a
    scheduled task is due, None for one that was set aside until others have ended or there is a place for it, `attempt`
    how many attempts have failed, `claimed_by` and `started` tell which worker claimed it last, and when.
    """

    id: UUID
    created: datetime
    modified: datetime
    task: str
    args: str | None
    status: Status | int
    output: str | None
    error: str | None
    log: str | None
    worker_pid: int | None
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    run_after: datetime | None = None
    attempt: int = 0
    max_attempts: int | None = None
    claimed_by: str | None = None
    started: datetime | None = None
    links: int = 0
    limit_key: str | None = None


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed rows of one task with the same error: its first line, how many, and when the latest failed (UTC)."""

    task: str
    error: str
    count: int
    latest: datetime


@dataclass(frozen=True, slots=True)
class TaskCount:
    """How many rows of one task are in one status, and the oldest change (UTC) among them.

    Of running ones on a migrated table `oldest` is when the first of them was claimed.
    """

    task: str
    status: Status | int
    count: int
    oldest: datetime
