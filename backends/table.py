"""What a backend knows of its task table: the statements rendered for it, and the shape it was found to have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from asyncqueue.backends.base import TableShape
from asyncqueue.backends.statements import Statement, render_all
from asyncqueue.errors import SchemaError, TableMissing

_SEVEN = ("id", "created", "modified", "task", "args", "status", "output")
_TEN = ("error", "log", "worker_pid")


class Table:
    """The task table of one database.

    Args:
        dialect: the folder of statements.
        style: writes a placeholder for the driver (see `statements.render`).
        name: the table's name as configured.
        slots: what fills the statements' slots; a backend may change it before `found`.
    """

    def __init__(self, dialect: str, style: Callable[[str, int], str], name: str, slots: dict[str, str]) -> None:
        self.name = name
        self.slots = slots
        self.shape: TableShape | None = None
        self._dialect = dialect
        self._style = style
        self._statements: Mapping[str, Statement] = {}

    @property
    def setup(self) -> Mapping[str, Statement]:
        """The statements that ask nothing of the table's shape: those that look at it and those that make it."""
        return render_all(self._dialect, self._style, self.slots, frozenset())

    def missing(self) -> None:
        """Note that there is no such table."""
        self.shape = None
        self._statements = {}

    def found(
        self, columns: Collection[str], *, native_uuid: bool, indexed: bool, features: Collection[str] = ()
    ) -> None:
        """Note the table's columns and render its statements. Raises SchemaError for a table of another kind."""
        lacking = [column for column in _SEVEN if column not in columns]
        if lacking:
            raise SchemaError(
                f"table {self.name!r} is not a Django Simple Queue task table: it has no column {', '.join(lacking)}. "
                "Name the right table with --table or ASYNCQUEUE_TABLE."
            )
        errors = all(column in columns for column in _TEN)
        self.shape = TableShape(errors=errors, native_uuid=native_uuid, indexed=indexed)
        kept = {*features, *(["errors"] if errors else []), *(["indexed"] if indexed else [])}
        self._statements = render_all(self._dialect, self._style, self.slots, frozenset(kept))

    def __getitem__(self, name: str) -> Statement:
        """A statement by name. Raises TableMissing where there is no table to run it on."""
        if self.shape is None:
            raise self.missing_error()
        return self._statements[name]

    def missing_error(self) -> TableMissing:
        """The error that says what to type."""
        return TableMissing(f"there is no table {self.name!r} in this database: create it with `asyncqueue migrate`")
