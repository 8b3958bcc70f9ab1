"""The shape of the task table in a MySQL or MariaDB database, and what makes it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Unpack

import anyio
from pymysql.err import OperationalError

from asyncqueue.backends.base import Change, Extent, Server
from asyncqueue.backends.common import migration
from asyncqueue.backends.common.migration import Found, Schema, index, steps, together
from asyncqueue.backends.common.names import Names, quoted
from asyncqueue.backends.common.statements import Statement
from asyncqueue.backends.common.table import SIDE_TABLES, Table
from asyncqueue.backends.mysql.connection import MysqlConnection, Reply
from asyncqueue.errors import ConfigurationError, SchemaError, UnsupportedServer

_MARIADB_OLDEST = (10, 6, 0)  # SKIP LOCKED, JSON_TABLE
_MARIADB_UUID = (10, 7, 0)
_MYSQL_OLDEST = (8, 0, 11)  # SKIP LOCKED came with 8.0.1, JSON_TABLE with 8.0.4; this is the first release for use
_NAME_LIMIT = 64
_LOCK_WAIT_TIMEOUT = 1205
# Seconds that everybody else may have to wait behind a change that needs the table for itself, and until the next try
# where it was not to be had. An index needs it at its end, when much work would be lost.
_PATIENCE, _PATIENCE_FOR_INDEX = 1, 5
_PAUSE = 1.0
# Rows from which on a table is not written anew for its columns.
_MANY = 1000

_STEPS = steps(
    [index(0, "ready", "claims and rescues read their rows in order, without looking at any other")], together
)


def schema_of(names: Names) -> Schema:
    """What there is to make beside a table."""
    return Schema(names, _STEPS)


def names_of(table: str) -> Names:
    """The names for a table. Raises ConfigurationError for one that the driver's placeholders cannot stand beside."""
    if "%" in table:
        raise ConfigurationError(f"the table name {table!r} has a percent sign, which asyncqueue cannot use on MySQL")
    return Names.configured(table, limit=_NAME_LIMIT)


def slots(names: Names) -> dict[str, str]:
    """What fills the statements' slots, as far as it is known before the table is read."""
    types = {"id_type": "char(32)", "new_id_type": "char(32)", "version": str(migration.NEWEST)}
    known = {**types, **_slots_of(names)}
    return {**known, "status_index": known["ready_index"]}


def _slots_of(names: Names) -> dict[str, str]:
    tables = {"table": names.table, **{purpose: names.side(purpose) for purpose in SIDE_TABLES}}
    return {
        **{slot: names.quoted(name, "`") for slot, name in tables.items()},
        **{f"{purpose}_index": quoted(names.index(purpose), "`") for purpose in ("ready", "bucket", "due")},
    }


def _migration_lock(names: Names) -> str:
    """The name of the lock that one migration at a time holds, within the limit of 64 characters."""
    table = f"{names.fold(names.schema)}/{names.fold(names.table)}"
    return "asyncqueue " + hashlib.sha256(table.encode()).hexdigest()[:40]


def check_version(version: str, table: Table) -> Server:
    """What answered. Raises UnsupportedServer for one that cannot claim safely; notes the type of a new table's id."""
    mariadb = "mariadb" in version.lower()
    product, oldest = ("MariaDB", _MARIADB_OLDEST) if mariadb else ("MySQL", _MYSQL_OLDEST)
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    found = tuple(map(int, numbers.groups())) if numbers else (0, 0, 0)
    if "tidb" in version.lower():  # it calls itself MySQL 8.0.11
        raise UnsupportedServer(
            f"this is TiDB ({version}), which has no SKIP LOCKED: claims would wait for each other. asyncqueue needs "
            'MySQL or MariaDB with InnoDB (see docs/databases.md, "Servers that speak the same protocol")'
        )
    if found < oldest:
        raise UnsupportedServer(
            f"this is {product} {version}; asyncqueue needs MySQL {'.'.join(map(str, _MYSQL_OLDEST))} or later, "
            f"or MariaDB {_MARIADB_OLDEST[0]}.{_MARIADB_OLDEST[1]} or later"
        )
    table.slots["new_id_type"] = "uuid" if mariadb and found >= _MARIADB_UUID else "char(32)"
    return Server(product, version)


async def read(connection: MysqlConnection, table: Table) -> int:
    """Read the table's shape and return the length of its column `task`.

    Raises SchemaError for a table of another kind.
    """
    columns, indexes = await _catalog(connection, table)
    if not columns.rows:
        table.missing()
        return 0
    types = {row[0]: row[1] for row in columns.rows}
    lengths = {row[0]: row[2] for row in columns.rows}
    engine = columns.rows[0][5]
    if engine != "InnoDB":
        raise SchemaError(
            f"table {table.name!r} is of the engine {engine or 'view'}; asyncqueue needs row locks and transactions: "
            "ALTER TABLE ... ENGINE = InnoDB"
        )
    native_uuid = types.get("id") == "uuid"
    if not native_uuid and types.get("id", "char(32)") != "char(32)":
        raise SchemaError(
            f"table {table.name!r} is not one that Django makes on MySQL or MariaDB: its id is of type {types['id']}, "
            "not char(32) or uuid"
        )
    table.slots["id_type"] = next((_id_type(row[3], row[4]) for row in columns.rows if row[0] == "id"), "char(32)")
    found, made = await _found(connection, table, columns, indexes), schema_of(table.names)
    try:
        level = made.level(found)
    except SchemaError as error:
        table.missing(error)
        return 0
    # The index that begins with the status: of what is claimed, rescued and cleaned up.
    table.slots["status_index"] = table.slots["bucket_index" if level else "ready_index"]
    table.found(types, native_uuid=native_uuid, indexed=made.indexed(found, level), version=level)
    return lengths["task"] or 0


async def pending(connection: MysqlConnection, table: Table, **extent: Unpack[Extent]) -> list[Change]:
    """What the table lacks, or with `down` what is there. Raises as `Backend.migrate`."""
    columns, indexes = await _catalog(connection, table)
    if not columns.rows and (extent.get("indexes_only") or extent.get("down")):
        raise table.missing_error()
    found, made = await _found(connection, table, columns, indexes), schema_of(table.names)
    if extent.get("down") and (count := await _count(connection, table, "count_scheduled")):
        raise migration.still_scheduled(count, usable=made.works(found))
    stranded = not extent.get("down") and made.complete(found) and await _count(connection, table, "count_stranded") > 0
    if not extent.get("down"):
        found = replace(
            found, small=not columns.rows or await _count(connection, table, "count_up_to", limit=_MANY) < _MANY
        )
    changes = made.pending(found, table.sql, stranded=stranded, **extent)
    if not columns.rows:
        changes.insert(0, Change("table", "the task table, as Django makes it", table.sql("create_table")))
    return changes


async def change(connection: MysqlConnection, table: Table, what: Change, lock_wait: int) -> None:
    """Make one change, waiting for the table in short tries, as others wait behind it; then `lock_wait` holds again.

    Raises SchemaError where it must not be made as long as something is scheduled, and something is: since `pending`,
    others may have scheduled tasks.
    """
    limit = table.setup["lock_timeout"]
    patience = _PATIENCE if what.locks else _PATIENCE_FOR_INDEX
    try:
        while True:
            if what.unscheduled and (count := await _count(connection, table, "count_scheduled")):
                raise migration.still_scheduled(count, usable=False)
            try:
                await connection.run((limit, {"patience": patience}), (Statement(what.name, what.sql, ()), {}))
            except OperationalError as error:
                if error.args[0] != _LOCK_WAIT_TIMEOUT:
                    raise
                await anyio.sleep(_PAUSE)
            else:
                return
    finally:
        if connection.usable:
            await connection.run((limit, {"patience": lock_wait}))


@asynccontextmanager
async def migrating(connection: MysqlConnection, table: Table) -> AsyncIterator[None]:
    """Wait to become the one who migrates, and be that inside."""
    setup = table.setup
    key = {"key": _migration_lock(table.names)}
    waiting = False
    while not (await connection.run((setup["lock_migration"], key)))[0].rows[0][0]:
        if not waiting:
            migration.say_waiting()
        waiting = True
        await anyio.sleep(0.1)
    try:
        yield
    finally:
        if connection.usable:
            await connection.run((setup["unlock_migration"], key))


async def _found(connection: MysqlConnection, table: Table, columns: Reply, indexes: Reply) -> Found:
    names = table.names
    (objects,) = await connection.run((table.setup["objects"], {"schema": names.schema or None}))
    tables = {names.fold(row[1]) for row in objects.rows}
    version = 0
    if names.side("versions") in tables:
        (reply,) = await connection.run((table.setup["version"], {}))
        version = reply.rows[0][0] or 0
    return Found(
        columns={row[0] for row in columns.rows},
        indexes={names.fold(row[0]): True for row in indexes.rows},
        tables=tables,
        version=version,
    )


async def _count(connection: MysqlConnection, table: Table, which: str, **values: int) -> int:
    (reply,) = await connection.run((table.setup[which], values))
    count: int = reply.rows[0][0]
    return count


async def _catalog(connection: MysqlConnection, table: Table) -> tuple[Reply, Reply]:
    """The table's columns, and its indexes; notes in which database it is, and how the server compares names."""
    schema = {"schema": table.names.schema or None}
    values = {**schema, "table": table.names.table}
    setup = table.setup
    found, columns, indexes = await connection.run(
        (setup["database_of_table"], schema), (setup["columns"], values), (setup["indexes"], values)
    )
    database, folds = found.rows[0]
    names = table.names.within(database, folds=bool(folds))
    if names != table.names:
        table.resolve(names, _slots_of(names))
    return columns, indexes


def _id_type(charset: str | None, collation: str | None) -> str:
    """The type of ids unfolded from JSON: of the column's own collation, so that the primary key serves the join."""
    return f"char(32) CHARACTER SET {charset} COLLATE {collation}" if charset else "char(32)"
