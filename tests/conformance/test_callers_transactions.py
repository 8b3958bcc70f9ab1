"""`connection=` means a transaction of the caller's: where there is none, nothing is written."""

from __future__ import annotations

import uuid

import pytest

from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import ConfigurationError
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
