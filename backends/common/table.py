"""What a backend knows of its task table: the statements rendered for it, and the shape it was found to have."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from asyncqueue.backends.base import REMEDY, TableShape, TaskFilter
from asyncqueue.backends.common.names import Names
from asyncqueue.backends.common.statements import Rendered, Statement, load, render
from asyncqueue.errors import DatabaseError, DataRejected, MigrationRequired, SchemaChanged, SchemaError, TableMissing
from asyncqueue.model import DEFAULT_QUEUE, Link, NewTask

#: Level 1's tables beside the task table, by the slots that their names fill.
SIDE_TABLES = ("queues", "attempts", "workers", "versions", "keys", "ticks", "chores", "limits", "limited", "edges")
_SEVEN = ("id", "created", "modified", "task", "args", "status", "output")
_TEN = ("error", "log", "worker_pid")


class Table:
    """The task table of one database.

    Args:
        dialects: where its statements are: see `statements.load`.
        style: writes a placeholder for the driver (see `statements.render`).
        name: the table's name as configured.
        names: the same, and those of what is beside it; `resolve` replaces them.
        slots: what fills the statements' slots; a backend may change it before `found`.
        remedy: how one that is not there is made.
    """

    def __init__(
        self,
        dialects: Sequence[str],
        style: Callable[[str, int], str],
        name: str,
        names: Names,
        slots: dict[str, str],
        *,
        remedy: str = REMEDY,
    ) -> None:
        self.name = name
        self.names = names
        self._remedy = remedy
        self.slots = slots
        self.shape: TableShape | None = None
        self._defect: SchemaError | None = None
        self._dialects = dialects
        self._style = style
        self._statements: Mapping[str, Statement] = {}
        #: What they were rendered for.
        self._rendered: tuple[object, ...] | None = None
        self._columns: frozenset[str] = frozenset()

    @property
    def setup(self) -> Mapping[str, Statement]:
        """The statements that ask nothing of the table's shape: those that look at it and those that make it."""
        return Rendered(self._dialects, self._style, self.slots)

    @property
    def defect(self) -> SchemaError | None:
        """Why a table that is there cannot be used."""
        return self._defect

    def statement(
        self, name: str, *, features: Collection[str] = (), side: str | None = None, **slots: str
    ) -> Statement:
        """One statement, rendered anew.

        Args:
            name: of the statement.
            features: what the table has: columns, by their names.
            side: which of the side tables fills the slot `side_table`.
            slots: further ones.
        """
        filled = {**self.slots, **slots}
        if side is not None:
            filled["side_table"] = self.slots[side]
        return render(load(*self._dialects)[name], self._style, filled, frozenset(features))

    def sql(self, name: str, *, features: Collection[str] = (), side: str | None = None, **slots: str) -> str:
        """Its text."""
        return self.statement(name, features=features, side=side, **slots).text

    def resolve(self, names: Names, slots: Mapping[str, str]) -> None:
        """Take the names of what the server has found, with the slots that they fill."""
        self.names = names
        self.slots.update(slots)

    def missing(self, defect: SchemaError | None = None) -> None:
        """Note that there is no such table, or that it cannot be used as it is."""
        self.shape = None
        self._defect = defect
        self._statements, self._rendered = {}, None

    def found(
        self,
        columns: Collection[str],
        *,
        native_uuid: bool,
        indexed: bool,
        version: int = 0,
        features: Collection[str] = (),
    ) -> None:
        """Note the table's columns and render its statements. Raises SchemaError for a table of another kind."""
        self._defect = None
        self._columns = frozenset(columns)
        lacking = [column for column in _SEVEN if column not in columns]
        if lacking:
            raise SchemaError(
                f"table {self.name!r} is not a Django Simple Queue task table: it has no column {', '.join(lacking)}. "
                "Name the right table with --table or ASYNCQUEUE_TABLE."
            )
        errors = all(column in columns for column in _TEN)
        self.shape = TableShape(errors=errors, native_uuid=native_uuid, indexed=indexed, version=version)
        kept = {*features} | {
            name
            for name, there in (
                ("errors", errors),
                ("indexed", indexed),
                ("migrated", version > 0),
            )
            if there
        }
        rendered = (frozenset(kept), tuple(self.slots.items()))
        if rendered != self._rendered:
            self._statements = Rendered(self._dialects, self._style, self.slots, frozenset(kept))
        self._rendered = rendered

    def __getitem__(self, name: str) -> Statement:
        """A statement by name. Raises TableMissing where there is no table to run it on, SchemaError for a defect."""
        if self.shape is None:
            raise self._defect or self.missing_error()
        return self._statements[name]

    @property
    def migrated(self) -> bool:
        """Whether it is known to have level 1's columns and side tables."""
        return self.shape is not None and self.shape.migrated

    @property
    def logged(self) -> bool:
        """Whether it has a column for the logs of tasks, as far as is known."""
        return self.shape is None or self.shape.errors

    def require_migrated(self, what: str, version: int = 1) -> None:
        """Raise MigrationRequired where the table has not been brought to this version of the schema."""
        if self.shape is None:
            raise self._defect or self.missing_error()
        if self.shape.version < version:
            raise MigrationRequired(f"{what} needs columns that table {self.name!r} lacks: run `asyncqueue migrate`")

    def check_filter(self, where: TaskFilter) -> None:
        """Raise MigrationRequired for a filter by what a table that is not migrated lacks."""
        if where.queue is not None or where.worker is not None:
            self.require_migrated("a filter by queue or worker")

    def check(self, tasks: Iterable[NewTask]) -> bool:
        """Whether all of these are plain; raise MigrationRequired for one that the table cannot hold as it is."""
        for task in tasks:
            if not task.plain:
                self.require_migrated(_what_of(task))
                return False
        return True

    def not_there(self, text: str) -> DatabaseError:
        """What the server means by a table that is not there: this one, one beside it, or one of somebody else's."""
        if self.shape is not None and self.names_side_table(text):
            return self.changed(text)
        if not _names(text, self.name.rpartition(".")[2]):
            return DataRejected(f"the database lacks a table that somebody's trigger on {self.name!r} uses: {text}")
        return self.missing_error()

    def changed(self, text: str) -> SchemaChanged:
        """What the server means by a column that is not there. It says as what the table was known."""
        error = SchemaChanged(f"table {self.name!r} has changed since it was looked at: {text}")
        error.known, error.said = (self._rendered, self._columns), text
        return error

    def is_about_us(self, text: str) -> bool:
        """Whether a message of the server names the task table, or one beside it."""
        return _names(text, self.name.rpartition(".")[2]) or self.names_side_table(text)

    def names_side_table(self, text: str) -> bool:
        """Whether a message of the server names a table beside the task table."""
        return any(_names(text, self.names.side(purpose)) for purpose in SIDE_TABLES)

    def missing_error(self) -> TableMissing:
        """The error that says what to type."""
        return TableMissing(f"there is no table {self.name!r} in this database: {self._remedy}")


def _names(text: str, name: str) -> bool:
    """Whether a text contains this name as a whole: not as a part of a longer one."""
    return re.search(rf"(?<![\w$-]){re.escape(name)}(?![\w$-]|\.\w)", text, re.IGNORECASE) is not None


def _what_of(task: NewTask) -> str:
    """The first thing about a task that needs a migrated table."""
    if task.unique is not None:
        return "a unique key"
    if task.links:
        return "a limit" if task.links & Link.LIMITED else "a task after others"
    if task.delay is not None or task.run_at is not None:
        return "a delay"
    if task.queue != DEFAULT_QUEUE:
        return "a queue of another name"
    return "a priority" if task.priority else "max_attempts"
