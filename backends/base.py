"""The seam between asyncqueue and a database: verbs, not SQL.

A backend is free to take one statement or three for a verb. Whatever it takes, these hold for every one of them:

- a verb is atomic, and is safe to repeat after `DatabaseUnavailable`, whether or not the lost attempt took effect
  (`claim` and `requeue` are exceptions: rows of a claim whose reply was lost stay in progress until their lease ends,
  and a requeue whose reply was lost raises `OutcomeUnknown`: what it queued may have run since, and would run again);
- it ends within `Options.statement_timeout` seconds (plus `connect_timeout` where it had to connect first) with a
  result or a `DatabaseError`;
- cancelling the caller never leaves a transaction open or a connection in doubt: what was begun goes on to its end in
  an asyncio task of its own, which the deadline bounds, and until then nobody else gets that connection. Where asyncio
  cancels the caller (`asyncio.timeout`, `wait_for`, `Task.cancel`) it leaves at once, and what it has asked for may
  take effect. Where an anyio cancel scope does, it stays to the end and gets the result. `claim` and `exchange` stay
  to the end in both cases and return what was claimed; the cancellation comes at the caller's next await;
- the database's clock decides: no instant of the worker's host is written or compared (SQLite's clock is the host's).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol, TypedDict, Unpack
from uuid import UUID

from asyncqueue.backends.promotions import Promotions
from asyncqueue.backends.services import Dependencies, Limits, Maintenance, Periodic, Retention, Scheduled
from asyncqueue.errors import SchemaError
from asyncqueue.model import (
    Attempt,
    AttemptEnd,
    Claim,
    ClaimedTask,
    FailureGroup,
    Finish,
    LogChunk,
    LostTask,
    NewTask,
    Observation,
    OutputChunk,
    OutputPart,
    QueueState,
    Release,
    Stamp,
    TaskCount,
    TaskRecord,
    WorkerInfo,
    WorkerState,
)

DEFAULT_TABLE = "django_simple_queue_task"
REMEDY = "create it with `asyncqueue migrate`"


@dataclass(frozen=True, slots=True)
class Options:
    """What a backend needs to know beside its URL. Times are in seconds."""

    table: str = DEFAULT_TABLE
    #: The zone of naive datetimes in the table (MySQL, MariaDB, SQLite): UTC, or a Django project's TIME_ZONE
    #: where it has USE_TZ=False. PostgreSQL stores instants and ignores it.
    time_zone: tzinfo = UTC
    connect_timeout: float = 10.0
    statement_timeout: float = 30.0
    #: How a table that is not there is made.
    remedy: str = REMEDY
    #: Whether enqueue notifies and an idle worker listens, where the database can (Capabilities.notifications).
    notify: bool = True


def within(options: Options, seconds: float | None) -> float:
    """The deadline in seconds of a worker's statements, as `Backend.hurry` has it."""
    return options.statement_timeout if seconds is None else min(options.statement_timeout, seconds)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """How databases differ where the layers above must know."""

    #: wait_for_work can wake before its timeout.
    wakes: bool
    #: The table is made on first use, without asking.
    embedded: bool
    #: How many exchanges gain from being under way at once.
    exchanges: int
    #: A write to one row can wait while those to others go on: for a lock, or for what a trigger does.
    row_locks: bool


@dataclass(frozen=True, slots=True)
class Server:
    """What answered at the URL."""

    product: str
    version: str


@dataclass(frozen=True, slots=True)
class TableShape:
    """What the task table was found to be."""

    #: error, log and worker_pid exist (the 10-column table).
    errors: bool
    #: id is of a native uuid type, not char(32).
    native_uuid: bool
    #: The index claims and rescues live on exists and is valid.
    indexed: bool
    #: The version of the schema: 0 is the table as Django makes it, from 1 on it has level 1's columns and side tables.
    version: int = 0

    @property
    def migrated(self) -> bool:
        """Whether it has level 1's columns and side tables."""
        return self.version > 0


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a migration: what it is for, and its SQL, complete and rendered."""

    name: str
    purpose: str
    sql: str
    #: It needs the table for itself, for a moment.
    locks: bool = False
    #: It takes something away.
    gone: bool = False
    #: It would leave scheduled tasks without their time: it is made only where there are none.
    unscheduled: bool = False


class Extent(TypedDict, total=False):
    """How much `migrate` does: all that is lacking, where nothing is said.

    Attributes:
        indexes_only: nothing but the indexes that a table of its version wants.
        down: take everything of asyncqueue's away.
        notify: with the trigger by which rows that Django inserts wake workers, where the database has one; None: as it
            was left by the last migration, and with it where there was none.
    """

    indexes_only: bool
    down: bool
    notify: bool | None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which rows to read or count: those for which all that is given is true; all rows by default.

    Attributes:
        statuses: one of these.
        task: its dotted path; a `*` stands for any characters.
        queue: the name of its queue. It needs a migrated table, and so does `worker`.
        worker: the name of the worker that claimed it last; a `*` stands for any characters.
        since: it was last changed at this instant or later.
        until: it was last changed before this instant.
        error: its error contains this text, in small letters or capitals. On the 7-column table its output.
    """

    statuses: Collection[int] = field(default=())
    task: str | None = None
    queue: str | None = None
    worker: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    error: str | None = None


class Backend(Protocol):
    """A database that holds the task table."""

    options: Options
    capabilities: Capabilities
    periodic: Periodic
    #: Hears of what `claim` has set aside.
    promotions: Promotions

    @property
    def scheduled(self) -> Scheduled:
        """What is scheduled."""

    @property
    def dependencies(self) -> Dependencies:
        """Tasks that wait for others."""

    @property
    def maintenance(self) -> Maintenance:
        """What one worker of all does for the others."""

    @property
    def limits(self) -> Limits:
        """How many tasks of a function run at once."""

    @property
    def retention(self) -> Retention:
        """What is deleted when it is old, or belongs to nobody."""

    @property
    def server(self) -> Server:
        """What answered; known after `open`."""

    @property
    def shape(self) -> TableShape | None:
        """The table as found by `open` or the last `migrate`, None where there is none, or one with a defect."""

    @property
    def defect(self) -> SchemaError | None:
        """Why a table that is there cannot be used: it has lost what `migrate` had made. `migrate` heals it."""

    async def open(self) -> None:
        """Connect, check the server and read the table's shape.

        Raises UnsupportedServer, DatabaseUnavailable, or SchemaError where a table of that name exists and is not
        the Django task table. Neither a missing table nor a `defect` is an error here: every verb that needs the
        table raises TableMissing, or that.
        """

    async def refresh(self) -> None:
        """Read the table's shape anew: somebody may have migrated it meanwhile. Raises as `open` does."""

    def hurry(self, seconds: float | None) -> None:
        """A worker uses this: its statements end within `seconds`, or `Options.statement_timeout` if that is less.

        This bounds claims, ends, what a limit admits, and heartbeats. None: `statement_timeout` alone counts.
        """

    async def close(self) -> None:
        """Close every connection, whatever state it is in. Safe to call twice, and after a failed `open`."""

    # -- enqueueing

    async def enqueue(self, tasks: Sequence[NewTask], *, connection: Any = None) -> None:
        """Insert rows as queued or scheduled, committed on return, `modified` ascending in the order given.

        A row whose id exists already is left alone, so a repetition is harmless. With `connection`, an open
        connection of this backend's driver, the rows become part of the caller's transaction instead.
        Raises DataRejected, ConfigurationError for a connection of another driver, MigrationRequired for what the table
        cannot hold as it is.
        """

    async def enqueue_unique(self, tasks: Sequence[NewTask], *, connection: Any = None) -> list[UUID]:
        """`enqueue` for tasks with unique keys: returns the id of each, or that of the task which holds its key.

        Some of them may have none. All in one transaction, which waits for others that want the same keys. Raises
        what `enqueue` raises, and DuplicateTask with nothing written.
        """

    # -- a worker's path of a task

    async def claim(
        self,
        limit: int,
        *,
        worker_pid: int | None,
        worker: str | None = None,
        queues: Sequence[str] | None = None,
    ) -> list[ClaimedTask]:
        """Take up to `limit` queued rows, oldest first: status 1, `modified` now. No row ever goes to two callers.

        On a migrated table only those of `queues`, in this order and each by priority, or without it those of all
        queues, by priority and else in turn; none of a paused queue. `worker` stands in `claimed_by` then. What was
        scheduled and is due is queued first; where its links forbid that it is set aside, scheduled without a time, and
        `arrivals` hears of it.
        """

    async def finish(self, finishes: Sequence[Finish]) -> set[UUID]:
        """Write ends of runs, each fenced by status 1 and its token; `worker_pid` becomes NULL.

        Returns the ids whose end stands in the table: written now, or found there already word for word (the reply
        to an earlier attempt was lost). The others belong to somebody else by now. Raises DataRejected for the batch
        as a whole, nothing written, if the database refuses any row of it.
        """

    async def exchange(
        self,
        finishes: Sequence[Finish],
        limit: int,
        *,
        worker_pid: int | None,
        worker: str | None = None,
        queues: Sequence[str] | None = None,
    ) -> tuple[set[UUID] | None, list[ClaimedTask]]:
        """`finish` and `claim` in one transaction, for the price of one: what a busy worker does all the time.

        Returns what both return, and instead of the ids None where both took effect, but the question which ends were
        written failed: what is claimed reaches the caller all the same, and `finish` tells it the ids. Safe to repeat
        as `finish` is, while rows of a claim whose reply was lost are like those of `claim`. Raises DataRejected like
        `finish`, and then nothing is claimed either.
        """

    async def end_attempts(self, ends: Sequence[AttemptEnd]) -> set[UUID]:
        """Write ends of attempts that are recorded, fenced and safe to repeat as `finish` is. Migrated tables only.

        Returns the ids whose end stands in the table. Raises DataRejected for the batch as a whole.
        """

    async def attempts(self, task_id: UUID) -> list[Attempt]:
        """What is kept of a task's attempts, the first one first. Empty on a table that is not migrated."""

    async def append_output(self, chunks: Sequence[OutputChunk]) -> set[UUID]:
        """Write streamed text, fenced likewise, at most one chunk per task. Returns the ids written; does not renew.

        Raises DataRejected like `finish`.
        """

    async def append_log(self, chunks: Sequence[LogChunk]) -> set[UUID]:
        """Write what tasks have printed and logged so far, fenced likewise, at most one chunk per task.

        The end of a run writes the whole log again. Rows that other sessions have locked are left out, and nothing
        waits for them. Returns ids of running tasks whose text was written, and whichever it knows of cancelled ones;
        none on the 7-column table, which has no log. Raises DataRejected like `finish`.
        """

    async def observe(self, ids: Collection[UUID], *, beating: bool = False) -> Observation:
        """Read the database's clock, and status and `modified` of these rows.

        With `beating` it uses the heartbeat's own connection, as `renew` and `beat` do: no other verb delays it there.
        """

    async def renew(self, claims: Sequence[Claim], *, now: Stamp, worker_pid: int | None) -> set[UUID]:
        """Set `modified` to `now` (from `observe`) on each claim still held, and `worker_pid` to the value given.

        Rows that another session has locked are left out, without waiting for them. Returns the ids that were renewed.
        The caller knows the new token before the statement is sent, so a lost reply leaves two candidates, not none.
        """

    async def locked(self, ids: Collection[UUID]) -> set[UUID]:
        """Which of these rows other sessions have locked, so that a write to them would wait. It waits for none itself.

        Empty on SQLite, which has no locks on rows.
        """

    async def release(self, releases: Sequence[Release]) -> None:
        """Put claimed rows back as queued in their old place, fenced by their token; `worker_pid` becomes NULL."""

    async def release_strays(self, worker: str, *, held: Collection[UUID], lease: float) -> set[UUID]:
        """Queue rows again that were claimed in this worker's name and are not among `held`, on a migrated table.

        These are claims whose reply was lost: they have not begun. Only rows that were not renewed for `lease` seconds
        are taken, so that no claim is among them whose reply is still to come. Returns their ids. Rows that others have
        locked are left out.
        """

    async def rescue(
        self, *, lease: float, error: str | None, limit: int = 1000, held: Collection[UUID] = ()
    ) -> list[LostTask]:
        """Take up to `limit` in-progress rows away from workers that did not renew them for `lease` seconds.

        With `error` they become failed with that text, else queued again. Each row goes to exactly one rescuer. The
        rows that the rescuer itself holds are left out, and so are those that another session has locked. It waits for
        no lock on the whole table or file, where that can be said, but raises DatabaseBusy.
        """

    async def fail_unreadable(self) -> None:
        """Fail the rows that asyncqueue cannot read and that neither a claim nor a rescue finds; an ERROR names them.

        What those find they fail themselves. A worker calls this once a while.
        """

    async def overdue(
        self, *, lease: float, foreign_lease: float | None, unknown: Collection[str] = (), limit: int = 1000
    ) -> list[LostTask]:
        """Find in-progress rows that nobody renewed in time, on a migrated table: `end_lost` rescues them.

        `lease` seconds are for rows that asyncqueue holds, `foreign_lease` for those of a Django worker; None: never.
        Those that asyncqueue holds of the `unknown` functions are found after both, and so are those of a worker that
        still beats, by the lease that it has listed.
        """

    async def end_lost(self, ends: Sequence[AttemptEnd], *, lease: float, foreign_lease: float | None) -> set[UUID]:
        """Write ends of attempts that `overdue` has found lost, with the same leases, as `end_attempts` does.

        In the same transaction it looks once more: a row is left alone that was renewed, that another session has
        locked, or whose worker beats again. Like `rescue` it waits for no lock. Returns the ids written.
        """

    async def foreign_pids(self, own: int) -> set[int]:
        """The PIDs other than `own` that in-progress rows carry. Always empty on the 7-column table."""

    async def beat(self, worker: WorkerInfo) -> None:
        """Say that this worker is running. Nothing on a table that is not migrated."""

    async def leave(self, name: str) -> None:
        """Take a worker off the list, and those that were lost a day ago."""

    async def workers(self) -> list[WorkerState]:
        """The listed workers, the oldest first. Raises MigrationRequired."""

    async def wait_for_cancellation(self, timeout: float) -> bool:
        """Return after `timeout` seconds, or sooner and True when tasks were cancelled, where that can be heard.

        A hint only: it never raises DatabaseError.
        """

    async def wait_for_work(self, timeout: float) -> None:
        """Return after `timeout` seconds, or sooner when there may be something to claim.

        A hint only: it never raises DatabaseError.
        """

    def announce_ends(self) -> None:
        """Tell those who wait for tasks to end, wherever they are, that some have: where they can be told."""

    async def wait_for_ends(self, timeout: float) -> None:
        """Return after `timeout` seconds, or sooner when tasks may have ended or written some output.

        A hint only: it never raises DatabaseError.
        """

    # -- looking and steering

    async def get(self, ids: Collection[UUID]) -> list[TaskRecord]:
        """Read rows by id, in no particular order; missing ones are left out."""

    async def read_output(self, task_id: UUID, offset: int, limit: int) -> OutputPart | None:
        """Read up to `limit` characters of a task's output behind the first `offset`; None where it does not exist."""

    async def find(self, where: TaskFilter, *, limit: int, offset: int = 0) -> list[TaskRecord]:
        """Read rows, the latest `modified` first."""

    async def count(self, where: TaskFilter) -> int:
        """Count rows."""

    async def counts(self) -> list[TaskCount]:
        """Count rows by task and status, in one pass over the table."""

    async def failures(self, where: TaskFilter, *, limit: int) -> list[FailureGroup]:
        """Count failed rows by task and first line of the error, the most frequent first; `statuses` do not matter."""

    async def cancel(self, ids: Collection[UUID]) -> set[UUID]:
        """Set status 4 on rows that are queued, scheduled or in progress. Returns the ids changed.

        Where it had to be repeated because a reply was lost, those are among them that it found cancelled.
        """

    async def requeue(self, ids: Collection[UUID]) -> set[UUID]:
        """Set status 0 and `modified` now on rows that have ended or are scheduled.

        Like Django's admin it clears no output or error; on a migrated table attempts and losses count from 0 again.
        What needs a slot under a limit becomes scheduled instead, due now; nobody is waited for any more. Returns the
        ids changed. Rows in progress are left alone: their worker holds them. Raises OutcomeUnknown.
        """

    async def pause(self, queue: str, *, paused: bool) -> None:
        """Keep every worker from claiming of this queue, from its next claim on, or let them again.

        Raises MigrationRequired.
        """

    async def queues(self) -> list[QueueState]:
        """The queues that hold tasks or are paused, by name. Raises MigrationRequired."""

    # -- schema

    async def pending(self, **extent: Unpack[Extent]) -> list[Change]:
        """The changes `migrate` would make now, in order. Raises what it raises."""

    async def migrate(self, **extent: Unpack[Extent]) -> list[Change]:
        """Bring the table to level 1 and read its shape anew. Safe to run by two at once and again after a crash.

        Tasks that were scheduled when the table lost the columns for that are due when they are there again.

        Raises TableMissing with `indexes_only` or `down` where there is no table; SchemaError with `down` while tasks
        are scheduled, because without the columns they would lose their time, and with `indexes_only` for a `defect`.
        """
