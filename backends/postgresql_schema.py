"""The shape of the task table in a PostgreSQL database, and what makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import asyncpg

from asyncqueue.backends import migration, versions
from asyncqueue.backends.base import Change, Server
from asyncqueue.backends.migration import Found, Schema, Step, index, steps, together
from asyncqueue.backends.table import Table
from asyncqueue.backends.values import identifiers
from asyncqueue.errors import SchemaError, UnsupportedServer

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]

_OLDEST = (12, 120000)
_NAME_LIMIT = 63
# How long everybody else may have to wait behind a change that needs the table for itself, and how long until the next
# try where it was not to be had.
_PATIENCE = "500ms"
_PAUSE = 1.0

_STEPS = steps(
    [index(0, "ready", migration.READY), index(0, "running", migration.RUNNING)],
    together,
    trigger=[
        Step(
            versions.LEVEL_1,
            "trigger",
            ("notify",),
            "rows that Django inserts wake idle workers",
            ("create_notify_function", "create_notify_trigger"),
            locks=True,
        )
    ],
)


def schema_of(table: str) -> Schema:
    """What there is to make for a table of this name."""
    return Schema(table, _STEPS, _NAME_LIMIT)


def slots(table: str, channel: str) -> dict[str, str]:
    """What fills the statements' slots."""
    made = schema_of(table)
    schema = table.rpartition(".")[0]
    filled = {
        "table": identifiers(table, '"'),
        "version": str(versions.NEWEST),
        "channel": f"'{channel.replace(chr(39), chr(39) * 2)}'",
    }
    for purpose in ("ready", "running", "band", "due"):
        name = made.index(purpose)
        filled[f"{purpose}_index"] = identifiers(name, '"')
        filled[f"{purpose}_index_qualified"] = identifiers(f"{schema}.{name}" if schema else name, '"')
    filled |= {purpose: identifiers(name, '"') for purpose, name in made.side_names.items()}
    filled["notify_function"] = identifiers(made.side("notify"), '"')
    filled["notify_trigger"] = identifiers(made.side("notify", qualified=False), '"')
    return filled


async def server(connection: AsyncpgConnection, table: Table) -> Server:
    """What answered. Raises UnsupportedServer for one that is too old."""
    version, number = await connection.fetchrow(table.sql("server")) or ("", 0)
    if number < _OLDEST[1]:
        raise UnsupportedServer(f"this is PostgreSQL {version}; asyncqueue needs {_OLDEST[0]} or later")
    return Server("PostgreSQL", version)


async def read(connection: AsyncpgConnection, table: Table, *, notify: bool) -> None:
    """Read the table's shape. Raises SchemaError for a table of another kind."""
    columns = await _pairs(connection, table, "columns")
    if not columns:
        table.missing()
        return
    if columns.get("id", "uuid") != "uuid":
        raise SchemaError(
            f"table {table.name!r} is not one that Django makes on PostgreSQL: its id is of type "
            f"{columns['id']}, not uuid"
        )
    found, made = await _found(connection, table, columns), schema_of(table.name)
    try:
        level = made.level(found)
    except SchemaError as error:
        table.missing(error)
        return
    indexed = made.indexed(found, level)
    table.found(columns, native_uuid=True, indexed=indexed, version=level, features=["notify"] if notify else [])


async def pending(connection: AsyncpgConnection, table: Table, **how: bool) -> list[Change]:
    """What the table lacks, or with `down` what is there. Raises as `Backend.migrate`."""
    columns = await _pairs(connection, table, "columns")
    if not columns and (how["indexes_only"] or how["down"]):
        raise table.missing_error()
    found = await _found(connection, table, columns)
    if how["down"] and "run_after" in columns and (count := await connection.fetchval(table.sql("count_scheduled"))):
        raise migration.still_scheduled(count)
    changes = schema_of(table.name).pending(found, table.sql, **how)
    if not columns:
        changes.insert(0, Change("table", "the task table, as Django makes it", table.sql("create_table")))
    return changes


async def change(connection: AsyncpgConnection, table: Table, what: Change, timeout: float) -> None:
    """Make one change. One that needs the table for itself waits for it in short tries, as others wait behind it."""
    if not what.locks:
        await connection.execute(what.sql, timeout=timeout)
        return
    patience = table.setup["lock_timeout"].text
    while True:
        try:
            await connection.fetchval(patience, _PATIENCE)
            await connection.execute(what.sql, timeout=timeout)
        except asyncpg.LockNotAvailableError:
            await anyio.sleep(_PAUSE)
        else:
            return
        finally:
            await connection.fetchval(patience, "0")


async def _found(connection: AsyncpgConnection, table: Table, columns: dict[str, Any]) -> Found:
    made = schema_of(table.name)
    names = {identifiers(name, '"'): made.side(purpose, qualified=False) for purpose, name in made.side_names.items()}
    objects = table.statement("objects")
    rows = await connection.fetch(objects.text, *objects.values({"table": table.slots["table"], "names": list(names)}))
    tables = {names[name] for kind, name in rows if kind == "table"}
    version = await connection.fetchval(table.sql("version")) if made.side("versions", qualified=False) in tables else 0
    return Found(
        columns=columns,
        indexes=await _pairs(connection, table, "indexes"),
        tables=tables,
        triggers={name for kind, name in rows if kind == "trigger"},
        version=version or 0,
    )


async def _pairs(connection: AsyncpgConnection, table: Table, what: str) -> dict[str, Any]:
    """The table's columns with their types, or its indexes with their validity."""
    rows = await connection.fetch(table.sql(what), table.slots["table"])
    return {row[0]: row[1] for row in rows}
