"""What `asyncqueue migrate` makes, in which order, and what of it a database lacks.

Level 0 is the table as Django makes it, with the indexes that claims want. Level 1 adds columns, indexes and side
tables; a later version of it adds more. A migration looks at what is there, so one that was interrupted goes on where
it stopped; the table of versions says what was complete once, so that what somebody else took away is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from asyncqueue.backends.base import Change
from asyncqueue.backends.common.names import Names
from asyncqueue.errors import SchemaError
from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.migration")

#: The newest version of the schema. A later one is this number and steps that carry it.
NEWEST = 1
#: The columns that are added to Django's.
COLUMNS = (
    "queue",
    "priority",
    "run_after",
    "attempt",
    "max_attempts",
    "losses",
    "claimed_by",
    "started",
    "renewed",
    "links",
    "limit_key",
    "written",
)


class Step(NamedTuple):
    """One thing to make, or to take away.

    Args:
        version: that it belongs to; 0 for the indexes of level 0.
        kind: `columns`, `index`, `table` or `trigger`.
        names: of the columns; what the index, table or trigger is for.
        purpose: what it is good for, in a sentence that a person reads.
        statements: that make it, or take it away.
        gone: it is to be taken away.
        locks: making or taking it away needs a table for itself, for a moment.
    """

    version: int
    kind: str
    names: tuple[str, ...]
    purpose: str
    statements: tuple[str, ...]
    gone: bool = False
    locks: bool = False

    def without(self) -> Step:
        """The step that takes away what this one makes."""
        if self.kind == "table":
            return self._replace(statements=("drop_table",), gone=True, locks=True)
        statements = tuple(f"drop_{name.partition('_')[2]}" for name in reversed(self.statements))
        return self._replace(statements=statements, gone=True)

    def changes(self, render: Callable[..., str], found: Found) -> list[Change]:
        """It as changes: `render` gives a statement's SQL, for what there is."""
        # A line for each column that is lacking, or there. Columns that are not ours are none of its business.
        ours = {*COLUMNS, *self.names}
        features = ours & set(self.names) if self.gone else ours - set(self.names)
        if found.small:
            features.add("small")
        return [
            Change(
                self.title,
                self.purpose,
                render(name, features=features, side=self.names[0] if self.kind == "table" else None),
                locks=self.locks,
                gone=self.gone,
                unscheduled=self.gone and "run_after" in self.names,
            )
            for name in self.statements
        ]

    @property
    def title(self) -> str:
        """Its name, for people."""
        if self.kind == "columns":
            return f"column{'s' * (len(self.names) > 1)} {', '.join(self.names)}"
        return f"{self.names[0]} {self.kind}"


@dataclass(frozen=True)
class Found:
    """What there is. Names are without schema, as `Names.fold` gives them; an index that is not valid is False."""

    columns: Collection[str] = ()
    indexes: Mapping[str, bool] = field(default_factory=dict)
    tables: Collection[str] = ()
    triggers: Collection[str] = ()
    #: The newest version that was complete once.
    version: int = 0
    #: Whether the task table can be written anew in a moment; looked at where it matters, before a migration.
    small: bool = False


class Schema:
    """The schema of one task table on one dialect.

    Args:
        names: of the table and what is beside it.
        steps: in the order in which they are made.
        cascades: an index goes with its columns, so the one by which scheduled tasks are counted serves until then.
    """

    def __init__(self, names: Names, steps: Sequence[Step], *, cascades: bool = False) -> None:
        self._names = names
        self._steps = steps
        self._cascades = cascades

    def level(self, found: Found) -> int:
        """The version that can be used: all of it but its indexes is there. Raises SchemaError if it was, once."""
        usable, lost = self._usable(found)
        if lost is not None:
            raise SchemaError(
                f"table {self._names.table!r} was migrated and lacks {lost.title} now: something has made it anew "
                "(on SQLite, Django's migrations do). Run `asyncqueue migrate` and start the workers again"
            )
        return usable

    def works(self, found: Found) -> bool:
        """Whether it is at level 1, and has no defect."""
        usable, lost = self._usable(found)
        return usable > 0 and lost is None

    def complete(self, found: Found) -> bool:
        """Whether all columns and side tables are there."""
        return self._usable(found)[0] == NEWEST

    def indexed(self, found: Found, level: int) -> bool:
        """Whether everything that claims and rescues live on is there."""
        return all(self._there(step, found) for step in self._indexes(level))

    def pending(
        self,
        found: Found,
        render: Callable[..., str],
        *,
        stranded: bool,
        indexes_only: bool = False,
        down: bool = False,
        notify: bool | None = None,
    ) -> list[Change]:
        """What is to be made, in order.

        `render` gives a statement's SQL; `stranded` says that there are scheduled tasks which nobody would find; the
        rest is as `Extent` has it. Raises SchemaError as `Backend.migrate` does.
        """
        if down:
            return self._removal(found, render)
        changes: list[Change] = []
        for step in self._indexes(self.level(found)) if indexes_only else self._wanted(found, notify):
            if not step.gone and self._invalid(step, found):
                drop = render(f"drop_{step.names[0]}_index")
                changes.append(Change(step.title, "what an interrupted attempt left", drop, gone=True))
            if self._there(step, found) == step.gone:
                changes += _only(step, found, there=False).changes(render, found)
        if indexes_only:
            return changes
        if stranded or self._usable(found)[1] is not None:
            due = render("free_stranded")
            changes.append(Change("time of scheduled tasks", "who has lost the time when it was due is due now", due))
        for version in range(found.version + 1, NEWEST + 1):
            record = render("record_version", version=str(version))
            changes.append(Change(f"version {version}", "notes that all of it is there", record))
        return changes

    def _removal(self, found: Found, render: Callable[..., str]) -> list[Change]:
        """What takes everything of ours away.

        First the note that there was anything, so that nothing is missed where this is interrupted or watched by a
        worker; the columns last, because what reads them goes first.
        """
        changes: list[Change] = []
        made = [step for step in self._steps if not step.gone]
        for step in sorted(made, key=self._turn):
            left = _only(step, found, there=True)
            if left.names and (
                self._there(left, found) or found.indexes.get(self._names.index(left.names[0])) is False
            ):
                changes += left.without()._replace(purpose="made by asyncqueue").changes(render, found)
        return changes

    def _turn(self, step: Step) -> tuple[bool, bool, bool]:
        """When it is taken away, as a key to sort by."""
        return self._cascades and step.names == ("due",), step.kind == "columns", step.names != ("versions",)

    def _usable(self, found: Found) -> tuple[int, Step | None]:
        """The version that can be used, and what of the next one is lacking although that was complete once."""
        usable = 0
        for version in range(1, NEWEST + 1):
            steps = [step for step in self._steps if step.version == version and step.kind in ("columns", "table")]
            lacking = [step for step in steps if not self._there(step, found)]
            if lacking:
                return usable, _only(lacking[0], found, there=False) if found.version >= version else None
            usable = version
        return usable, None

    def _indexes(self, level: int) -> list[Step]:
        """Those of a table of this version."""
        steps = [step for step in self._steps if step.kind == "index" and step.version <= level]
        gone = {step.names for step in steps if step.gone}
        return [step for step in steps if step.names not in gone]

    def _wanted(self, found: Found, notify: bool | None) -> list[Step]:
        """All steps; what a later one takes away again is not made first."""
        if notify is None:
            # Whoever has done without it once is not to be asked again.
            there = any(self._there(step, found) for step in self._steps if step.kind == "trigger")
            notify = there or not found.version or self._usable(found)[1] is not None
        gone = {step.names for step in self._steps if step.gone}
        wanted = [step for step in self._steps if step.gone or step.names not in gone]
        return [step if notify or step.kind != "trigger" else step.without() for step in wanted]

    def _invalid(self, step: Step, found: Found) -> bool:
        """Whether an interrupted attempt has left an index that the server does not use."""
        return step.kind == "index" and found.indexes.get(self._names.index(step.names[0])) is False

    def _there(self, step: Step, found: Found) -> bool:
        if step.kind == "columns":
            return all(name in found.columns for name in step.names)
        if step.kind == "index":
            return bool(found.indexes.get(self._names.index(step.names[0])))
        if step.kind == "trigger":
            return self._names.side(step.names[0]) in found.triggers
        return self._names.side(step.names[0]) in found.tables


def _only(step: Step, found: Found, *, there: bool) -> Step:
    """Of a step for columns, those that are there, or those that are not."""
    if step.kind != "columns":
        return step
    return step._replace(names=tuple(name for name in step.names if (name in found.columns) == there))


def index(version: int, purpose: str, reason: str) -> Step:
    """A step that makes an index."""
    return Step(version, "index", (purpose,), reason, (f"create_{purpose}_index",))


def without_index(version: int, purpose: str, reason: str) -> Step:
    """A step that takes an index away."""
    return Step(version, "index", (purpose,), reason, (f"drop_{purpose}_index",), gone=True)


def side_table(version: int, purpose: str, reason: str) -> Step:
    """A step that makes a side table."""
    return Step(version, "table", (purpose,), reason, (f"create_{purpose}",))


def together(version: int, names: tuple[str, ...], reason: str, statement: str) -> list[Step]:
    """Columns that one statement adds, which needs the table for itself for a moment."""
    return [Step(version, "columns", names, reason, (statement,), locks=True)]


def one_by_one(version: int, names: tuple[str, ...], reason: str, statement: str) -> list[Step]:
    """Columns that are added by a statement each: that one's line of the file."""
    return [Step(version, "columns", (name,), reason, (statement,)) for name in names]


def steps(
    indexes: Sequence[Step],
    columns: Callable[[int, tuple[str, ...], str, str], Sequence[Step]],
    *,
    trigger: Sequence[Step] = (),
) -> tuple[Step, ...]:
    """All that there is to make, in order.

    Args:
        indexes: those of the table as Django makes it.
        columns: how this dialect adds columns.
        trigger: makes what wakes workers, where there is such a thing.
    """
    return (
        *indexes,
        *columns(1, COLUMNS, "delays, retries, priorities, queues, rescue in seconds, limits, chains", "add_columns"),
        index(1, "bucket", "claims read the oldest queued rows of each queue and priority"),
        index(1, "due", "scheduled tasks are found when they are due"),
        side_table(1, "queues", "holds which queues are paused"),
        side_table(1, "attempts", "keeps the attempts of tasks that were tried again"),
        side_table(1, "workers", "lists the workers that are running"),
        side_table(1, "keys", "holds unique keys"),
        side_table(1, "ticks", "holds when periodic tasks were last enqueued"),
        side_table(1, "chores", "lets one worker of all do what is to be done once"),
        side_table(1, "limits", "holds how many tasks of a function may run at once, and start in a while"),
        side_table(1, "limited", "holds which tasks have a slot under a limit, and which wait for one"),
        side_table(1, "edges", "holds which task waits for which"),
        side_table(1, "versions", "says which versions of the schema were completed"),
        *trigger,
        without_index(1, "ready", "claims read by queue and priority now"),
    )


def say_waiting() -> None:
    """Tell who waits here that it is for somebody else."""
    logger.warning("another migration of this table is running: waiting until it has ended")


def still_scheduled(count: int, *, usable: bool) -> SchemaError:
    """The error that keeps `migrate --down` from making tasks run at once, or never.

    Args:
        count: how many.
        usable: whether the table is at level 1 still, where they can be seen to.
    """
    first = "" if usable else "run `asyncqueue migrate`, since a part of what they need is gone; then "
    again = "" if usable else ", and repeat `asyncqueue migrate --down`"
    return SchemaError(
        f"{count} task{'s are' if count != 1 else ' is'} scheduled and would lose the time when they are due: {first}"
        "wait for them, `asyncqueue cancel` them, or run them now with `asyncqueue requeue --status scheduled` (which "
        f"does not help those that a limit holds back){again}"
    )


READY = "claims read the oldest queued rows without looking at any other"
RUNNING = "rescues find expired leases without looking at any other row"
