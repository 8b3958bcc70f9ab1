"""A transaction of ours is undone whatever is raised inside, and its connection serves on: PostgreSQL and SQLite.

MySQL and MariaDB: test_transactions_mysql.py.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import anyio
import pytest

from asyncqueue.backends.postgresql.transaction import transaction
from asyncqueue.errors import DatabaseUnavailable, DataRejected
from asyncqueue.model import Status
from tests.conformance.helpers import queued, row
from tests.servers.cases import cases, shaped


@cases("database", shaped(["postgresql"], [10]))
@pytest.mark.parametrize(
    ("error", "told"),
    [(None, DataRejected), (ValueError("ours"), ValueError), (asyncio.CancelledError(), DatabaseUnavailable)],
    ids=repr,
)
async def test_whatever_is_raised_inside_a_transaction_undoes_it(database, backend, error, told):
    """After an error of the server's own the connection serves on; after any other it is not to be trusted."""
    [task_id] = await queued(backend)

    async def fail(connection) -> None:
        async with transaction(connection, backend._table):
            await connection.execute(f"UPDATE {database.table} SET status = 4")
            assert not _free(database)
            await connection.execute("SELECT 1 / 0") if error is None else _throw(error)

    before = await _session(backend)
    with pytest.raises(told):
        await backend._control.run(fail, translate=backend._translate)
    assert _free(database) or error is not None
    assert (await _session(backend) == before) == (error is None)
    with anyio.fail_after(8):
        while not _free(database):  # the server undoes what a dropped connection has left
            await asyncio.sleep(0.01)
    assert (await row(backend, task_id)).status == Status.QUEUED


async def _session(backend) -> int:
    asked = "SELECT pg_backend_pid()"
    return int(await backend._control.run(lambda raw: raw.fetchval(asked), translate=backend._translate))


def _throw(error: BaseException) -> None:
    raise error


def _free(database) -> bool:
    """Whether nobody has locked the row."""
    return bool(database.execute(f"SELECT id FROM {database.table} FOR UPDATE SKIP LOCKED"))


@cases("database", shaped(["sqlite"], [10]))
@pytest.mark.parametrize("error", [ValueError("ours"), DataRejected("too large")])
async def test_whatever_is_raised_inside_a_transaction_on_a_file_undoes_it(database, backend, error):
    [task_id] = await queued(backend)

    def fail(raw: sqlite3.Connection) -> None:
        raw.execute(f"UPDATE {database.table} SET status = 4")
        raise error

    with pytest.raises(type(error)):
        await backend._write(fail)
    with closing(sqlite3.connect(urlsplit(database.url).path[1:], isolation_level=None, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    await queued(backend)
    assert (await row(backend, task_id)).status == Status.QUEUED
