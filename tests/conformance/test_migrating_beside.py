"""Migrations beside others: who holds locks, who migrates too, who schedules tasks meanwhile."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

import pytest

from asyncqueue.backends.base import Change
from asyncqueue.errors import DatabaseError, SchemaError
from tests.conformance.conftest import opened
from tests.conformance.helpers import queued, row
from tests.conformance.test_migrating import everything, tables
from tests.conformance.transactions import transaction
from tests.servers.cases import SERVER_DIALECTS, cases, shaped
from tests.worker.process import until

SERVERS = cases("fresh_database", shaped(SERVER_DIALECTS, [10]))
POSTGRESQL = cases("fresh_database", shaped(["postgresql"], [10]))
BUILDING = "FROM pg_stat_activity WHERE starts_with(query, 'CREATE INDEX CONC') AND state = 'active'"


def counts(database, what: str) -> int:
    return int(database.execute(f"SELECT count(*) {what}")[0][0])


async def over(work: asyncio.Task[list[Change]]) -> list[Change]:
    """What it returns, within a minute: what was begun goes on behind a shield, so that a deadline would not end it."""
    finished, _ = await asyncio.wait({work}, timeout=60)
    assert finished, "it waits still"
    return await work


@SERVERS
async def test_what_is_scheduled_while_everything_is_taken_away_keeps_the_columns(fresh_database):
    before = everything(fresh_database)
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        [key] = await queued(backend, 1)
        async with transaction(fresh_database) as reader:
            await reader.execute("SELECT count(*) FROM asyncqueue_edges")
            going = asyncio.create_task(backend.migrate(down=True))
            await until(lambda: "asyncqueue_versions" not in tables(fresh_database), what="the beginning")
            fresh_database.execute(f"UPDATE {fresh_database.table} SET status = 5, run_after = '2100-01-01'")
        with pytest.raises(SchemaError, match=r"1 task is scheduled .*: run `asyncqueue migrate`.* and repeat"):
            await over(going)
        await backend.migrate()
        due = (await row(backend, key)).run_after
        assert due is not None
        assert due.year in (2099, 2100)
        assert await backend.requeue([key]) == {key}
        await backend.migrate(down=True)
        assert everything(fresh_database) == before


@SERVERS
async def test_who_waits_for_another_migration_says_so(fresh_database, caplog):
    async with opened(fresh_database.url) as first, opened(fresh_database.url) as second:
        async with transaction(fresh_database) as reader:
            await reader.execute(f"SELECT count(*) FROM {fresh_database.table}")
            with caplog.at_level(logging.WARNING, "asyncqueue.migration"):
                going = [asyncio.create_task(each.migrate()) for each in (first, second)]
                await until(lambda: "another migration of this table is running" in caplog.text, what="the line")
        made = [await over(each) for each in going]
        assert min(map(len, made)) == 0
        assert len(caplog.records) == 1
        assert await second.pending() == []


@SERVERS
async def test_a_migration_that_failed_leaves_no_lock(fresh_database):
    """Although whoever tried it stays connected."""
    wrong = f"CREATE VIEW asyncqueue_versions AS SELECT 1 AS version FROM {fresh_database.table}"
    async with opened(fresh_database.url) as first, opened(fresh_database.url) as second:
        fresh_database.execute(wrong)
        with pytest.raises(DatabaseError):
            await first.migrate()
        fresh_database.execute("DROP VIEW asyncqueue_versions")
        assert await over(asyncio.create_task(second.migrate())) != []
        assert await first.migrate() == []


@POSTGRESQL
async def test_time_limits_of_the_server_do_not_end_a_migration(fresh_database):
    name = urlsplit(fresh_database.url).path.removeprefix("/")
    for limit in "statement_timeout", "lock_timeout":
        fresh_database.administer(f"ALTER DATABASE {name} SET {limit} = '300ms'")
    async with opened(fresh_database.url) as backend:
        async with transaction(fresh_database) as writer:
            await writer.execute(f"LOCK TABLE {fresh_database.table} IN ROW EXCLUSIVE MODE")
            going = asyncio.create_task(backend.migrate(indexes_only=True))
            long = f"{BUILDING} AND now() - query_start > interval '2 seconds'"
            await until(lambda: counts(fresh_database, long) == 1, what="an index that takes its time")
        assert len(await over(going)) == 2
        assert backend.shape is not None
        assert backend.shape.indexed


@POSTGRESQL
async def test_a_migration_that_somebody_ends_is_not_begun_anew(fresh_database):
    async with opened(fresh_database.url) as backend:
        async with transaction(fresh_database) as writer:
            await writer.execute(f"LOCK TABLE {fresh_database.table} IN ROW EXCLUSIVE MODE")
            going = asyncio.create_task(backend.migrate())
            await until(lambda: counts(fresh_database, BUILDING) == 1, what="the index")
            fresh_database.execute(f"SELECT pg_cancel_backend(pid) {BUILDING}")
            with pytest.raises(DatabaseError, match=r"given up .* index: .* user request.*: run `asyncqueue mig"):
                await over(going)
        await backend.migrate()
        assert await backend.pending() == []


@POSTGRESQL
async def test_nobody_queues_behind_a_table_that_is_to_go(fresh_database):
    async with opened(fresh_database.url) as backend, opened(fresh_database.url, statement_timeout=10.0) as worker:
        await backend.migrate()
        await worker.refresh()
        ids = await queued(worker, 3)
        async with transaction(fresh_database) as reader:
            await reader.execute("SELECT count(*) FROM asyncqueue_queues")
            going = asyncio.create_task(backend.migrate(down=True))
            for key in ids:
                await until(lambda: counts(fresh_database, "FROM pg_locks WHERE NOT granted") > 0, what="the wait")
                assert [claim.id for claim in await worker.claim(1, worker_pid=None)] == [key]
        await over(going)


@pytest.mark.parametrize("mode", ["transaction", "session"])
@POSTGRESQL
async def test_migrations_behind_a_pgbouncer_are_one(fresh_database, pooled, mode):
    """In transaction mode two statements of one migration may run on two connections of the server."""
    before = everything(fresh_database)
    with pooled(fresh_database.url, mode) as url:
        url += "?statement_cache_size=0" if mode == "transaction" else ""
        async with opened(url, notify=False) as first, opened(url, notify=False) as second:
            for _ in range(3):
                going = [asyncio.create_task(each.migrate()) for each in (first, second)]
                made = [await over(each) for each in going]
                assert min(map(len, made)) == 0
                assert await second.pending() == []
                await first.migrate(down=True)
                assert everything(fresh_database) == before
