"""`connection=` means a transaction of the caller's: where there is none, nothing is written."""

from __future__ import annotations

import uuid

import aiosqlite
import asyncpg
import pytest

from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import ConfigurationError, DatabaseReadOnly
from asyncqueue.model import After, Link, NewTask, Unique
from tests.conformance.helpers import new
from tests.conformance.transactions import no_transaction, transaction
from tests.servers.cases import cases, migrated


def linked() -> list[NewTask]:
    [first, second] = new(2)
    return [first, second._replace(after=After((first.id,), "cancel"), links=int(Link.WAITING))]


def unique() -> list[NewTask]:
    return [each._replace(unique=Unique(uuid.uuid4().hex, 0.0, "return")) for each in new(2)]


async def test_a_connection_without_a_transaction_is_refused(backend, database):
    async with no_transaction(database) as own:
        for rows in (new(1), new(2)):
            with pytest.raises(ConfigurationError, match=r"connection= is in no transaction.*Begin a transaction"):
                await backend.enqueue(rows, connection=own.raw)
        await own.execute("BEGIN")
        await backend.enqueue(new(1), connection=own.raw)
        await own.rollback()
        assert await backend.count(TaskFilter()) == 0
        await own.execute("BEGIN")
        await backend.enqueue(new(2), connection=own.raw)
        await own.commit()
    assert await backend.count(TaskFilter()) == 2


@cases("database", migrated())
async def test_keys_and_links_need_a_transaction_as_well(backend, database):
    async with no_transaction(database) as own:
        for write, rows in ((backend.enqueue, linked()), (backend.enqueue_unique, unique())):
            with pytest.raises(ConfigurationError, match="connection= is in no transaction"):
                await write(rows, connection=own.raw)
            await own.execute("BEGIN")
            await write(rows, connection=own.raw)
            await own.rollback()
    assert await backend.count(TaskFilter()) == 0


@cases("database", migrated(["mysql", "mariadb", "sqlite"]))
async def test_the_first_statement_of_a_driver_that_begins_by_itself_is_the_tasks(backend, database):
    """aiomysql without autocommit and aiosqlite as it comes: the task's INSERT begins the caller's transaction."""
    for write, rows in ((backend.enqueue, new(1)), (backend.enqueue, linked()), (backend.enqueue_unique, unique())):
        async with transaction(database) as own:
            await own.rollback()
            await write(rows, connection=own.raw)
            await own.rollback()
            assert await backend.count(TaskFilter()) == 0


NOT_OPEN = r"connection= is not open.*Nothing was enqueued.*open another one"


async def test_a_connection_that_is_closed_is_called_so(backend, database):
    async with no_transaction(database) as own:
        await own.execute("BEGIN")
        if database.dialect in ("mysql", "mariadb"):
            own.raw.close()
        else:
            await own.raw.close()
        with pytest.raises(ConfigurationError, match=NOT_OPEN):
            await backend.enqueue(new(1), connection=own.raw)


@cases("database", migrated(["postgresql", "sqlite"]))
async def test_a_connection_that_a_pool_has_back_or_that_was_never_opened_is_called_so(backend, database):
    if database.dialect == "sqlite":
        with pytest.raises(ConfigurationError, match=NOT_OPEN):
            await backend.enqueue(new(1), connection=aiosqlite.connect(":memory:"))
        return
    async with asyncpg.create_pool(database.url, min_size=1, max_size=1) as pool:
        async with pool.acquire() as raw, raw.transaction():
            pass
        with pytest.raises(ConfigurationError, match=NOT_OPEN):
            await backend.enqueue(new(1), connection=raw)


READ_ONLY = {
    "postgresql": ["BEGIN READ ONLY"],
    "mysql": ["START TRANSACTION READ ONLY"],
    "mariadb": ["START TRANSACTION READ ONLY"],
    "sqlite": ["PRAGMA query_only = ON", "BEGIN"],
}


@cases("database", migrated())
async def test_a_transaction_that_may_not_write_is_called_so(backend, database):
    """The server's own words are about another primary: here the caller's transaction is meant."""
    for write, rows in ((backend.enqueue, new(1)), (backend.enqueue, linked()), (backend.enqueue_unique, unique())):
        async with no_transaction(database) as own:
            for statement in READ_ONLY[database.dialect]:
                await own.execute(statement)
            with pytest.raises(DatabaseReadOnly, match=r"connection= may not write.*Begin a transaction that"):
                await write(rows, connection=own.raw)
            await own.rollback()
    assert await backend.count(TaskFilter()) == 0
