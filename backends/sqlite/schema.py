"""The shape of the task table in a SQLite database, and what makes it."""

from __future__ import annotations

import sqlite3
from typing import Any, Unpack

from asyncqueue.backends.base import Change, Extent
from asyncqueue.backends.common import migration
from asyncqueue.backends.common.migration import Found, Schema, index, one_by_one, steps
from asyncqueue.backends.common.names import Names
from asyncqueue.backends.common.table import SIDE_TABLES, Table
from asyncqueue.errors import ConfigurationError, SchemaError, UnsupportedServer

_OLDEST = (3, 35)
_NAME_LIMIT = 63

_STEPS = steps([index(0, "ready", migration.READY), index(0, "running", migration.RUNNING)], one_by_one)


def schema_of(names: Names) -> Schema:
    """What there is to make beside a table."""
    return Schema(names, _STEPS)


def names_of(table: str) -> Names:
    """The names for a table. Raises ConfigurationError for a name with a schema."""
    if "." in table:
        raise ConfigurationError(f"the table name {table!r} has a dot, but a SQLite database has no schemas")
    return Names.configured(table, limit=_NAME_LIMIT, folds=True)


def slots(names: Names) -> dict[str, str]:
    """What fills the statements' slots."""
    indexes = {f"{purpose}_index": names.index(purpose) for purpose in ("ready", "running", "bucket", "due")}
    filled = {"table": names.table, **indexes, **{purpose: names.side(purpose) for purpose in SIDE_TABLES}}
    return {"version": str(migration.NEWEST), **{slot: names.quoted(name, '"') for slot, name in filled.items()}}


def version(raw: sqlite3.Connection, table: Table) -> str:
    """SQLite's version. Raises UnsupportedServer for one without RETURNING."""
    found: str = raw.execute(table.setup["server"].text).fetchone()[0]
    if tuple(map(int, found.split(".")[:2])) < _OLDEST:
        raise UnsupportedServer(f"this is SQLite {found}; asyncqueue needs {_OLDEST[0]}.{_OLDEST[1]} or later")
    return found


def read(raw: sqlite3.Connection, table: Table) -> None:
    """Read the table's shape. Raises SchemaError for a table of another kind."""
    columns = _catalog(raw, table, "columns")
    if not columns:
        table.missing()
        return
    found, made = _found(raw, table, columns), schema_of(table.names)
    try:
        level = made.level(found)
    except SchemaError as error:
        table.missing(error)
        return
    table.found(columns, native_uuid=False, indexed=made.indexed(found, level), version=level)


def require(raw: sqlite3.Connection, table: Table) -> None:
    """Raise TableMissing where there is no table; what is known of the one that was there before stays known."""
    if not _catalog(raw, table, "columns"):
        raise table.missing_error()


def pending(raw: sqlite3.Connection, table: Table, **extent: Unpack[Extent]) -> list[Change]:
    """What the table lacks, or with `down` what is there. Raises as `Backend.migrate`."""
    columns = _catalog(raw, table, "columns")
    if not columns and (extent.get("indexes_only") or extent.get("down")):
        raise table.missing_error()
    found, made = _found(raw, table, columns), schema_of(table.names)
    if extent.get("down") and (count := _count(raw, table, "count_scheduled")):
        raise migration.still_scheduled(count, usable=made.works(found))
    stranded = not extent.get("down") and made.complete(found) and _count(raw, table, "count_stranded") > 0
    changes = made.pending(found, table.sql, stranded=stranded, **extent)
    if not columns:
        changes.insert(0, Change("table", "the task table, as Django makes it", table.sql("create_table")))
    return changes


def _found(raw: sqlite3.Connection, table: Table, columns: dict[str, Any]) -> Found:
    tables = {table.names.fold(name) for _, name in raw.execute(table.sql("objects"))}
    noted = table.names.side("versions") in tables
    version = raw.execute(table.sql("version")).fetchone()[0] if noted else 0
    indexes = {table.names.fold(name): valid for name, valid in _catalog(raw, table, "indexes").items()}
    return Found(columns=columns, indexes=indexes, tables=tables, version=version or 0)


def _catalog(raw: sqlite3.Connection, table: Table, what: str) -> dict[str, Any]:
    """The table's columns with their types, or its indexes."""
    return dict(raw.execute(table.sql(what), {"table": table.name}).fetchall())


def _count(raw: sqlite3.Connection, table: Table, which: str) -> int:
    count: int = raw.execute(table.sql(which)).fetchone()[0]
    return count
