"""The shape of the task table in a SQLite database, and what makes it."""

from __future__ import annotations

import sqlite3
from typing import Any

from asyncqueue.backends.base import Change
from asyncqueue.backends.table import Table
from asyncqueue.backends.values import identifiers, index_name
from asyncqueue.errors import ConfigurationError, UnsupportedServer

_OLDEST = (3, 35)
_INDEXES = {
    "ready": "claims read the oldest queued rows without looking at any other",
    "running": "rescues find expired leases without looking at any other row",
}


def slots(table: str) -> dict[str, str]:
    """What fills the statements' slots. Raises ConfigurationError for a name with a schema."""
    if "." in table:
        raise ConfigurationError(f"the table name {table!r} has a dot, but a SQLite database has no schemas")
    indexes = {f"{purpose}_index": identifiers(index_name(table, purpose), '"') for purpose in _INDEXES}
    return {"table": identifiers(table, '"'), **indexes}


def version(raw: sqlite3.Connection, table: Table) -> str:
    """SQLite's version. Raises UnsupportedServer for one without RETURNING."""
    found: str = raw.execute(table.setup["server"].text).fetchone()[0]
    if tuple(map(int, found.split(".")[:2])) < _OLDEST:
        raise UnsupportedServer(f"this is SQLite {found}; asyncqueue needs {_OLDEST[0]}.{_OLDEST[1]} or later")
    return found


def read(raw: sqlite3.Connection, table: Table) -> None:
    """Read the table's shape. Raises SchemaError for a table of another kind."""
    columns = _look(raw, table, "columns")
    if not columns:
        table.missing()
        return
    indexes = _look(raw, table, "indexes")
    indexed = all(index_name(table.name, purpose) in indexes for purpose in _INDEXES)
    table.found(columns, native_uuid=False, indexed=indexed)


def pending(raw: sqlite3.Connection, table: Table, indexes_only: bool) -> list[Change]:
    """What the table lacks. Raises TableMissing where only its indexes are asked for and there is no table."""
    changes = []
    if not _look(raw, table, "columns"):
        if indexes_only:
            raise table.missing_error()
        changes.append(Change("table", "the task table, as Django makes it", table.setup["create_table"].text))
    indexes = _look(raw, table, "indexes")
    for purpose, reason in _INDEXES.items():
        if index_name(table.name, purpose) not in indexes:
            changes.append(Change(f"{purpose} index", reason, table.setup[f"create_{purpose}_index"].text))
    return changes


def _look(raw: sqlite3.Connection, table: Table, what: str) -> dict[str, Any]:
    """The table's columns with their types, or its indexes."""
    return dict(raw.execute(table.setup[what].text, {"table": table.name}).fetchall())
