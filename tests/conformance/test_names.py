"""Every object beside a task table has a name of its own, written in full."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomysql
import asyncpg
import pytest

from asyncqueue import Queue, Settings
from asyncqueue.backends.common.names import Names
from asyncqueue.backends.mysql.address import address_of
from asyncqueue.model import Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import new
from tests.servers import client
from tests.servers.cases import Case, cases, shaped
from tests.servers.mariadb import MariaDB
from tests.servers.pool import Servers

LONG = "the_table_of_a_tenant_with_a_long_name_indeed_number_one_"
POSTGRESQL = cases("empty_database", [Case("postgresql")])


@asynccontextmanager
async def on(url: str, table: str) -> AsyncIterator[Queue]:
    """A queue on a table of this name, migrated."""
    async with Queue(settings=Settings(database_url=url, table=table)) as queue:
        await queue.migrate()
        yield queue


async def _keeps_to_itself(one: Queue, other: Queue) -> None:
    """Check that two queues share no unique key, no pause and no `migrate --down`."""
    first = await one.enqueue("app.task", unique_key="same", queue="mail")
    second = await other.enqueue("app.task", unique_key="same", queue="mail")
    assert (first.created, second.created) == (True, True)
    await one.pause("mail")
    assert [state.paused for state in await other.queues()] == [False]
    assert [claim.id for claim in await other.backend.claim(5, worker_pid=None)] == [second.id]
    await one.migrate(down=True)
    assert await other.pending() == []
    assert (await other.enqueue("app.task", unique_key="another")).created
    assert [each.id for each in await one.list()] == [first.id]


# -- shortened names


@pytest.mark.parametrize(
    ("table", "in_bytes", "kept"),
    [
        ("t", True, True),
        ("t" * 40, True, True),
        ("t" * 60, True, False),
        (LONG + "a", False, False),
        ("задачи_арендатора_номер_один", False, True),
        ("задачи_арендатора_номер_один", True, False),
        ("任务" * 10, False, True),
        ("任务" * 10, True, False),
    ],
)
def test_a_name_is_shortened_only_where_it_is_longer_than_the_limit(table: str, in_bytes: bool, kept: bool):
    names = Names(table, limit=63, in_bytes=in_bytes)
    for name in (names.index("running"), names.side("versions"), names.within("s").channel):
        assert (len(name.encode()) if in_bytes else len(name)) <= 63
    assert (table in names.index("running")) == (table in names.side("versions")) == kept


def test_shortened_names_of_different_tables_differ():
    one, other = Names(LONG + "a"), Names(LONG + "b")
    assert one.side("keys") != other.side("keys")
    assert one.index("bucket") != other.index("bucket")
    assert Names(LONG, "one").channel != Names(LONG, "two").channel


async def test_tables_with_a_long_common_beginning_share_nothing(empty_database):
    async with on(empty_database.url, LONG + "a") as one, on(empty_database.url, LONG + "b") as other:
        assert await one.pending() == []
        await _keeps_to_itself(one, other)


@pytest.mark.parametrize(
    "empty_database",
    [Case("postgresql"), Case("mysql"), Case("mariadb"), Case("sqlite")],
    indirect=True,
    ids=str,
)
async def test_a_name_in_another_script_is_shortened_as_the_database_counts(empty_database):
    table = "任务" * (10 if empty_database.dialect == "postgresql" else 15)
    async with on(empty_database.url, table) as queue:
        assert await queue.pending() == []
        handle = await queue.enqueue("app.task", queue="mail")
        assert [claim.id for claim in await queue.backend.claim(1, worker_pid=None)] == [handle.id]


# -- schemas and databases


@POSTGRESQL
async def test_objects_are_made_in_the_schema_of_the_task_table(empty_database):
    empty_database.execute("CREATE SCHEMA tenant")
    tenant = f"{empty_database.url}?search_path=tenant,public"
    async with Queue(empty_database.url) as public:
        table = (await public.pending())[0].sql
        assert '"public"' in table
        empty_database.execute(table.replace('"public"', '"tenant"'))
        await public.migrate()
        async with Queue(tenant) as queue:
            await queue.migrate()
            assert await queue.pending() == []
            await _keeps_to_itself(queue, public)


@POSTGRESQL
async def test_a_table_that_was_found_keeps_its_schema(empty_database):
    empty_database.execute("CREATE SCHEMA tenant")
    async with Queue(f"{empty_database.url}?search_path=tenant,public") as queue:
        await queue.migrate()
        assert _schemas(empty_database) == {"tenant"}
    async with (
        Queue(empty_database.url) as public,
        Queue(f"{empty_database.url}?search_path=later,public") as queue,
    ):
        await public.migrate()
        await queue.backend.refresh()
        handle = await queue.enqueue("app.task")
        empty_database.execute("CREATE SCHEMA later")
        empty_database.execute("CREATE TABLE later.django_simple_queue_task (LIKE public.django_simple_queue_task)")
        await queue.backend.refresh()
        assert (await queue.get(handle.id)).status == Status.QUEUED


@POSTGRESQL
async def test_a_callers_search_path_does_not_move_what_it_enqueues(empty_database):
    empty_database.execute("CREATE SCHEMA tenant")
    async with Queue(empty_database.url) as public, Queue(f"{empty_database.url}?search_path=tenant") as tenant:
        await public.migrate()
        await tenant.migrate()
        connection = await asyncpg.connect(empty_database.url)
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL search_path = tenant")
                handle = await public.enqueue("app.task", unique_key="key", connection=connection)
        finally:
            await connection.close()
        assert [record.id for record in await public.list()] == [handle.id]
        assert await tenant.count() == 0
        assert (await tenant.enqueue("app.task", unique_key="key")).created


@POSTGRESQL
async def test_workers_hear_only_of_the_table_in_their_own_schema(empty_database):
    empty_database.execute("CREATE SCHEMA tenant")
    async with (
        opened(empty_database.url) as public,
        opened(f"{empty_database.url}?search_path=tenant") as tenant,
        opened(empty_database.url, table="tenant.django_simple_queue_task") as named,
    ):
        await public.migrate()
        await tenant.migrate()
        for backend in (public, tenant, named):
            await backend.refresh()
        waiting = {
            name: asyncio.create_task(backend.wait_for_work(30))
            for name, backend in (("public", public), ("tenant", tenant))
        }
        for _ in range(2):  # a first wait ends at once, because a notification may have been missed before it
            await asyncio.wait(waiting.values(), timeout=2)
            for name, backend in (("public", public), ("tenant", tenant)):
                if waiting[name].done():
                    waiting[name] = asyncio.create_task(backend.wait_for_work(30))
        await named.enqueue(new(1))
        await asyncio.wait_for(waiting["tenant"], 10)
        assert not waiting["public"].done()
        waiting["public"].cancel()


@cases("empty_database", [Case("mysql"), Case("mariadb")])
async def test_a_callers_database_does_not_move_what_it_enqueues(empty_database):
    async with Queue(empty_database.url) as queue:
        await queue.migrate()
        address: dict[str, Any] = address_of(empty_database.url).arguments()
        connection = await aiomysql.connect(**{**address, "db": "information_schema"})
        try:
            await connection.begin()
            handle = await queue.enqueue("app.task", unique_key="key", connection=connection)
            await connection.commit()
        finally:
            connection.close()
        assert [record.id for record in await queue.list()] == [handle.id]
        assert not (await queue.enqueue("app.task", unique_key="key")).created


# -- names that differ only in case


@cases("empty_database", [Case("sqlite")])
async def test_sqlite_takes_a_table_name_in_other_letters_for_the_same_table(empty_database):
    async with on(empty_database.url, "MyTasks") as one, on(empty_database.url, "mytasks") as other:
        assert await one.pending() == await other.pending() == []
        assert (await one.enqueue("app.task", unique_key="key")).created
        assert not (await other.enqueue("app.task", unique_key="key")).created


async def test_a_server_that_stores_names_in_lower_case_reaches_level_1(servers: Servers):
    class LowerCase(MariaDB):
        def command(self) -> list[str]:
            return [*super().command(), "--lower-case-table-names=1"]

    servers.get("mariadb")  # which fetches it, or says what is missing
    server = LowerCase("mariadb", LowerCase.install("mariadb"))
    try:
        client.execute(server.url, "CREATE DATABASE Shop")
        url = f"{server.url}Shop"
        for table, same in (("MyTasks", "mytasks"), ("Shop.MyOthers", "shop.myothers")):
            async with on(url, table) as one, on(url, same) as other:
                assert await one.pending() == await other.pending() == []
                assert (await one.enqueue("app.task", unique_key="key")).created
                assert not (await other.enqueue("app.task", unique_key="key")).created
                await one.backend.claim(5, worker_pid=None)
                await one.migrate(down=True)
                assert client.execute(url, "SHOW TABLES LIKE 'asyncqueue%%'") == []
    finally:
        server.close()


# -- the trigger

_TYPES = {
    "status": "bigint",
    "task": "varchar(255)",
    "args": "varchar",
    "output": "varchar",
    "worker_pid": "bigint",
    "modified": "timestamptz(3)",
    "created": "timestamptz(3)",
    "id": "text",
}


@cases("fresh_database", shaped(["postgresql"], [10]))
async def test_a_later_migration_may_alter_every_column_of_djangos_table(fresh_database):
    async with Queue(fresh_database.url) as queue:
        await queue.migrate()
    for column, kind in _TYPES.items():
        fresh_database.execute(f"ALTER TABLE {fresh_database.table} ALTER COLUMN {column} TYPE {kind}")
    # The trigger still works: an id is a text now.
    fresh_database.execute(
        f"INSERT INTO {fresh_database.table} (id, created, modified, task, status) "
        "VALUES ('0b2a5d34-9d0f-4c4e-8f7a-1f6f0c1d2e3f', now(), now(), 'app.task', 0)"
    )


def _schemas(database: Any) -> set[str]:
    rows = database.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'asyncqueue%%'")
    return {name for (name,) in rows}
