"""The values that travel between the layers: a task's status, its row, and what a worker holds of it.

Those that are made for every task are named tuples: a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple, TypeAlias
from uuid import UUID

#: A claim's mark, and every other raw value of the `modified` column: exactly what the driver hands out and
#: takes back (an instant on PostgreSQL, a naive datetime on MySQL and MariaDB, text on SQLite). Compare and
#: return it, never compute with it.
Stamp: TypeAlias = datetime | str


class Status(IntEnum):
    """The `status` column, with the numbers of Django Simple Queue."""

    QUEUED = 0
    RUNNING = 1  # Django's admin shows "In progress"
    COMPLETED = 2
    FAILED = 3
    CANCELLED = 4

    @property
    def ended(self) -> bool:
        """Whether a task in this status will not run any further by itself."""
        return self in ENDED


ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


class NewTask(NamedTuple):
    """A row to insert: `args` is the JSON text of an object, or None."""

    id: UUID
    task: str
    args: str | None


class ClaimedTask(NamedTuple):
    """A row this worker has claimed.

    `token` is the row's `modified` as the claim wrote it: every later write is fenced by it.
    `queued_at` is what `modified` was before, so that a release puts the row back in its old place.
    `attempt` is how many attempts have failed before; `max_attempts` how many it has, None for what its function
    declares.
    """

    id: UUID
    task: str
    args: str | None
    token: Stamp
    queued_at: Stamp
    attempt: int = 0
    max_attempts: int | None = None


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


class OutputChunk(NamedTuple):
    """Streamed text to write behind the first `offset` characters of a running task's output.

    The offset makes a repetition harmless, and offset 0 drops what an earlier run left.
    """

    id: UUID
    token: Stamp
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What the database says of some claims: its clock, and status and stamp of every row that still exists."""

    now: Stamp
    rows: dict[UUID, tuple[int, Stamp]]


@dataclass(frozen=True, slots=True)
class LostTask:
    """A row whose worker stopped renewing it, just rescued."""

    id: UUID
    task: str
    worker_pid: int | None


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A whole row, read. Times are aware and in UTC.

    `error`, `log` and `worker_pid` are None where the table lacks them; a status asyncqueue has no name for is a
    plain number.
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


@dataclass(frozen=True, slots=True)
class TaskCount:
    """How many rows of one task are in one status, and the oldest `modified` (UTC) among them."""

    task: str
    status: Status | int
    count: int
    oldest: datetime
