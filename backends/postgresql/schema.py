"""The shape of the task table in a PostgreSQL database, and what makes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Unpack

import anyio
import asyncpg

from asyncqueue.backends.base import Change, Extent, Server
from asyncqueue.backends.common import migration
from asyncqueue.backends.common.migration import Found, Schema, Step, index, steps, together
from asyncqueue.backends.common.names import Names, quoted
from asyncqueue.backends.common.table import SIDE_TABLES, Table
from asyncqueue.backends.postgresql.transaction import transaction
from asyncqueue.errors import DatabaseError, SchemaError, UnsupportedServer

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
            1,
            "trigger",
            ("notify",),
            "rows that Django inserts wake idle workers",
            ("create_notify_function", "create_notify_trigger"),
            locks=True,
        )
    ],
)


def schema_of(names: Names) -> Schema:
    """What there is to make beside a table."""
    return Schema(names, _STEPS, cascades=True)


def names_of(table: str) -> Names:
    """The names for a table, before the server has said in which schema it is."""
    return Names.configured(table, limit=_NAME_LIMIT, in_bytes=True)


def slots(names: Names) -> dict[str, str]:
    """What fills the statements' slots."""
    channel = names.channel.replace("'", "''")
    filled = {"table": names.quoted(names.table, '"'), "version": str(migration.NEWEST), "channel": f"'{channel}'"}
    for purpose in ("ready", "running", "bucket", "due"):
        name = names.index(purpose)
        filled[f"{purpose}_index"] = quoted(name, '"')
        filled[f"{purpose}_index_qualified"] = names.quoted(name, '"')
    filled |= {purpose: names.quoted(names.side(purpose), '"') for purpose in SIDE_TABLES}
    filled["notify_function"] = names.quoted(names.side("notify"), '"')
    filled["notify_trigger"] = quoted(names.side("notify"), '"')
    return filled


async def server(connection: AsyncpgConnection, table: Table) -> Server:
    """What answered. Raises UnsupportedServer for one that is too old, or a database whose texts may be anything."""
    version, number, encoding = await connection.fetchrow(table.sql("server")) or ("", 0, "")
    if number < _OLDEST[1]:
        raise UnsupportedServer(f"this is PostgreSQL {version}; asyncqueue needs {_OLDEST[0]} or later")
    if encoding == "SQL_ASCII":
        # The server neither checks nor converts texts there. One row with another encoding's would stop every claim.
        raise UnsupportedServer(
            "this PostgreSQL database has the encoding SQL_ASCII, in which a text may be any bytes; asyncqueue needs "
            "one whose texts are checked: move the data to a database that is made with ENCODING 'UTF8'"
        )
    return Server("PostgreSQL", version)


async def read(connection: AsyncpgConnection, table: Table, *, notify: bool) -> None:
    """Read the table's shape. Raises SchemaError for a table of another kind."""
    await _resolve(connection, table)
    columns = await _pairs(connection, table, "columns")
    if not columns:
        table.missing()
        return
    if columns.get("id", "uuid") != "uuid":
        raise SchemaError(
            f"table {table.name!r} is not one that Django makes on PostgreSQL: its id is of type "
            f"{columns['id']}, not uuid"
        )
    found, made = await _found(connection, table, columns), schema_of(table.names)
    try:
        level = made.level(found)
    except SchemaError as error:
        table.missing(error)
        return
    indexed = made.indexed(found, level)
    table.found(columns, native_uuid=True, indexed=indexed, version=level, features=["notify"] if notify else [])


async def pending(connection: AsyncpgConnection, table: Table, **extent: Unpack[Extent]) -> list[Change]:
    """What the table lacks, or with `down` what is there. Raises as `Backend.migrate`."""
    await _resolve(connection, table)
    columns = await _pairs(connection, table, "columns")
    if not columns and (extent.get("indexes_only") or extent.get("down")):
        raise table.missing_error()
    found, made = await _found(connection, table, columns), schema_of(table.names)
    if extent.get("down") and (count := await connection.fetchval(table.sql("count_scheduled"))):
        raise migration.still_scheduled(count, usable=made.works(found))
    wanted = not extent.get("down") and made.complete(found)
    stranded = wanted and await connection.fetchval(table.sql("count_stranded")) > 0
    changes = made.pending(found, table.sql, stranded=stranded, **extent)
    if not columns:
        changes.insert(0, Change("table", "the task table, as Django makes it", table.sql("create_table")))
    return changes


@asynccontextmanager
async def migrating(connection: AsyncpgConnection, table: Table, key: str) -> AsyncIterator[None]:
    """Wait to become the one who migrates, and be that inside, in a transaction of a connection for nothing else."""
    lock = table.statement("lock_migration")
    waiting = False
    while True:
        # At a higher level of isolation it would keep a snapshot, for which CREATE INDEX CONCURRENTLY waits.
        await connection.execute(table.sql("begin"))
        if await connection.fetchval(lock.text, key):
            break
        await connection.execute("ROLLBACK")
        if not waiting:
            migration.say_waiting()
        waiting = True
        await anyio.sleep(0.1)
    try:
        await connection.execute(table.sql("keep_migration"))
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")


async def change(connection: AsyncpgConnection, table: Table, what: Change) -> None:
    """Make one change. One that needs a table for itself waits for it in short tries, as others wait behind it.

    Raises SchemaError where it must not be made as long as something is scheduled, and something is: since `pending`,
    others may have scheduled tasks. Raises DatabaseError where the server has given it up.
    """
    try:
        if not what.locks:
            await connection.execute(what.sql)
            return
        while not await _made_alone(connection, table, what):  # noqa: ASYNC110 - another session's lock
            await anyio.sleep(_PAUSE)
    except asyncpg.QueryCanceledError as error:
        raise DatabaseError(
            f"PostgreSQL has given up {what.name}: {error}. What was done before that is kept: run `asyncqueue "
            "migrate` again (not by way of a PgBouncer if it was a statement_timeout, which can be switched off only "
            "without one)"
        ) from error


async def _made_alone(connection: AsyncpgConnection, table: Table, what: Change) -> bool:
    """Make a change that needs a table for itself. Returns False where that was not to be had in time."""
    try:
        async with transaction(connection, table):
            await connection.fetchval(table.sql("lock_timeout"), _PATIENCE)
            if what.unscheduled:
                await connection.execute(table.sql("lock_table"))
                if count := await connection.fetchval(table.sql("count_scheduled")):
                    raise migration.still_scheduled(count, usable=False)
            await connection.execute(what.sql)
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def _resolve(connection: AsyncpgConnection, table: Table) -> None:
    """Note in which schema the table is, so that every name is written in full from now on.

    A table that was found keeps its schema: another of the same name, that appears earlier on the search path, is not
    taken for it. One that is not there belongs to the schema in which the server would make it.
    """
    where = table.statement("schema_of_table")
    row = await connection.fetchrow(where.text, table.slots["table"])
    if row is None and table.shape is None:
        configured = names_of(table.name)
        row = await connection.fetchrow(where.text, slots(configured)["table"])
        table.resolve(configured, slots(configured))
    if row is not None:
        schema = row[0]
    elif table.names.schema:
        return
    else:
        schema = await connection.fetchval(table.sql("creation_schema"))
    names = table.names.within(schema)
    if names != table.names:
        table.resolve(names, slots(names))


async def _found(connection: AsyncpgConnection, table: Table, columns: dict[str, Any]) -> Found:
    names = table.names
    sides = {names.quoted(names.side(purpose), '"'): names.side(purpose) for purpose in SIDE_TABLES}
    objects = table.statement("objects")
    rows = await connection.fetch(objects.text, *objects.values({"table": table.slots["table"], "names": list(sides)}))
    tables = {sides[name] for kind, name in rows if kind == "table"}
    version = await connection.fetchval(table.sql("version")) if names.side("versions") in tables else 0
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
