"""What a backend does beside the path of a task: facets of it, each a few verbs for one purpose.

What `base.py` says of every verb holds for these, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from asyncqueue.limits import Admission, HandBack, Limit, LimitState, PutOff, Terms
from asyncqueue.model import Declaration, NewTask, Status, TickTable


class Scheduled(Protocol):
    """What is scheduled, as tests of an application see it."""

    async def until_due(self) -> float | None:
        """Seconds until the next scheduled task is due, 0 or less if it is; None where none is scheduled."""

    async def advance(self, microseconds: int) -> None:
        """Bring all that is scheduled forward, as if so much time had passed for it. Raises MigrationRequired."""


class Periodic(Protocol):
    """The periodic tasks beside the task table. Every verb raises MigrationRequired where the table is not migrated."""

    async def declare(self, entries: Sequence[Declaration], *, expiry: float | None = None) -> TickTable:
        """Say that there are these, and read the table.

        A new one begins now, and so does one whose expression or zone is another by now: nothing of the past runs.
        With `expiry`, those that nobody has declared for so many seconds are removed.
        """

    async def read(self) -> TickTable:
        """All of them, and the database's clock."""

    async def tick(self, name: str, at: datetime, task: NewTask) -> bool:
        """Enqueue `task`, now, for the tick at `at`, unless that one or a later one was enqueued by somebody else.

        Returns whether it was this task. The tick and its task are one transaction, and a repetition changes nothing.
        Raises DataRejected.
        """


class Maintenance(Protocol):
    """What one worker of all does for the others now and then: a facet of a backend.

    Every verb of it raises MigrationRequired on a table that is not migrated.
    """

    async def take(self, name: str, every: float) -> bool:
        """Whether it is the caller's turn: nobody has had one for `every` seconds. Of many who ask exactly one has it.

        Whoever dies in the middle loses that turn only: `every` seconds later somebody has the next one. A repetition
        after a lost reply may cost a turn, too.
        """

    async def extend(self, name: str, every: float, *, resume_from: str | None = None) -> None:
        """Keep the turn: no other worker has one for `every` seconds. `resume_from` is where the next one goes on."""

    async def resume_from(self, name: str) -> str | None:
        """What `extend` noted last; None where that was the beginning."""


class Batch(NamedTuple):
    """What one batch of a clean-up did: how much was deleted and looked at, and where the next batch goes on.

    `resume_from` None says that this one came to the end.
    """

    deleted: int
    seen: int
    resume_from: str | None


class Retention(Protocol):
    """What is deleted when it is old, or belongs to nobody: a facet of a backend.

    Every verb of it is one batch, in short transactions that wait for no row and make no claim wait for long.
    `resume_from` is what the batch before returned; None is the beginning.
    """

    @property
    def batch(self) -> int:
        """As `limit`, so many rows that a claim, or whoever writes to a SQLite file, waits for milliseconds only."""

    async def cleanup(self, ages: Mapping[Status, float], *, limit: int, resume_from: str | None = None) -> Batch:
        """Look at up to `limit` rows, and delete those that ended long ago, with what is kept of their attempts.

        `ages` says how many seconds ago, by status: since then a row must not have changed. Rows in other statuses are
        kept, and those that have not ended in any case; on a migrated table also a completed one that holds its unique
        key.
        """

    async def sweep_attempts(self, *, limit: int, resume_from: str | None = None) -> Batch:
        """Delete what is kept of the attempts of tasks that are not there: somebody else deleted them.

        Up to `limit` tasks are looked at; `deleted` counts tasks too. Raises MigrationRequired.
        """

    async def sweep_keys(self, *, limit: int, resume_from: str | None = None) -> Batch:
        """Delete unique keys that are free: their holder is not there, or ended longer ago than it holds them.

        Up to `limit` keys are looked at. Raises MigrationRequired.
        """

    async def sweep_edges(self, *, limit: int, resume_from: str | None = None) -> Batch:
        """Delete what tasks have waited for that are not there: somebody else deleted them.

        Up to `limit` tasks are looked at; `deleted` counts tasks too. Raises MigrationRequired.
        """


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of tasks that waited for others.

    Attributes:
        released: that are queued now, or where a limit holds them, due; nothing is left that they wait for.
        cancelled: because what they waited for has failed, was cancelled or is gone. Others may wait for these.
        running: predecessors that run, and whose worker may not know that others wait for them: to be resolved again
            until they do not run any more.
        again: tasks to settle again in a moment, because somebody was writing to what they wait for.
        unfinished: tasks for which more others wait than were looked at: to be resolved once more, now.
    """

    released: frozenset[UUID] = frozenset()
    cancelled: frozenset[UUID] = frozenset()
    running: frozenset[UUID] = frozenset()
    again: frozenset[UUID] = frozenset()
    unfinished: frozenset[UUID] = frozenset()

    def __or__(self, other: Settled) -> Settled:
        return Settled(
            self.released | other.released,
            self.cancelled | other.cancelled,
            self.running | other.running,
            self.again | other.again,
            self.unfinished | other.unfinished,
        )


class Outcome(NamedTuple):
    """How a task is that another one runs after: in which position from 1, and whether that is still waited for.

    The rest is None if it is not there (any more), and `error` where the table has no such column.
    """

    id: UUID
    position: int
    awaited: bool
    task: str | None
    status: int | None
    output: str | None
    error: str | None


class Dependencies(Protocol):
    """Tasks that wait for others to end: a facet of a backend.

    Every verb raises MigrationRequired where the table is not migrated, except for `preceding`. Each is a row of short
    transactions, and may be repeated, and called by many at once, for the same tasks.
    """

    async def settle(self, ids: Collection[UUID]) -> Settled:
        """Find out what has become of that for which these tasks wait, and tell the rest that somebody waits for it."""

    async def resolve(self, ids: Collection[UUID]) -> Settled:
        """Do what follows for others from the end of these tasks: those of them that have ended, or are gone.

        Not all of it, where that are many: so a task need not wait until the last one of ten thousand is queued. What
        follows from a cancellation by that is for the next call, too.
        """

    async def unresolved(self, *, limit: int, resume_from: str | None = None) -> tuple[list[UUID], str | None]:
        """Tasks that have ended, or are gone, although others still wait for them: to be resolved.

        Looks at up to `limit` tasks for which others wait, and returns where to go on, None after the end.
        """

    async def preceding(self, task_id: UUID, *, after: int = 0, limit: int) -> list[Outcome]:
        """What a task waits for or has waited for, in the order in which it was given, behind the position `after`."""


class Waiting(NamedTuple):
    """Whether tasks wait for a slot under a limit (see `Limits.held`), and whether tasks wait for other tasks."""

    held: bool
    awaited: bool


class Limits(Protocol):
    """How many tasks of a function run at once, and start in a while: a facet of a backend.

    A limit key is the function's path, with a colon and the task's own key behind it where it has one. Every verb
    raises MigrationRequired on a table that is not migrated.
    """

    async def declare(self, limits: Collection[Limit], *, began: float | None) -> set[str]:
        """Note what functions declare. Returns those of which nobody had noted anything.

        `began` says when the process began whose code declares it, by `time.monotonic()`: what is noted already becomes
        what is given here, unless a younger process has noted it. With None it stays.
        """

    async def declared(self, names: Collection[str]) -> set[str]:
        """Those of these functions of which somebody has noted what they declare."""

    async def admit(self, keys: Collection[str] = (), *, ended: Collection[UUID] = (), terms: Terms = ...) -> Admission:
        """Queue as many of the tasks that wait under these keys as there are slots for, those of priority first.

        And of those under which these tasks had slots, whose runs are over. A slot is taken back from a task that is
        still queued where nobody claims it. A repetition is harmless.
        """

    async def waiting(self) -> Waiting:
        """Whether anything waits at all: one cheap statement, for a worker that looks every few seconds."""

    async def held(self, after: str = "", *, limit: int = 500) -> list[str]:
        """The limit keys under which tasks wait, the next ones in their order."""

    async def hand_back(self, claims: Sequence[HandBack]) -> None:
        """Make claimed rows scheduled, due now and LIMITED, each fenced by status 1 and its token."""

    async def put_off(self, claims: Sequence[PutOff], *, delay: float, patience: float) -> set[UUID]:
        """Make claimed rows scheduled, due in `delay` seconds, each fenced by status 1 and its token.

        A row is due sooner where `patience` seconds after it was put off for the first time come sooner; one of which
        these are over stays as it is: returns the ids of those that are still claimed. No attempt is charged, and a
        slot under a limit is given back as if the task had never started. A repetition is harmless.
        """

    async def sweep(self, *, limit: int, resume_from: str | None = None) -> Batch:
        """Forget what is noted of tasks that are gone, and starts that count in no rate any more.

        The first batch also finds tasks of which nobody notes that they wait for a slot, and lets them wait anew.
        Up to `limit` entries are looked at; `resume_from` is what the batch before returned.
        """

    async def states(self) -> list[LimitState]:
        """The limits that functions have declared, by name."""
