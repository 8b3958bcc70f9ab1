"""Level 1: made step by step, taken away again, and never noticed by Django."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from functools import partial

import anyio
import pytest

from asyncqueue.errors import DatabaseUnavailable, SchemaError, TableMissing
from asyncqueue.model import Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import claimed, done, new, queued, row
from tests.conformance.test_buckets import put
from tests.conformance.test_schema import columns
from tests.servers.cases import DIALECTS, Case, cases, shaped

TEN = cases("fresh_database", shaped(DIALECTS, [10]))


def tables(database) -> list[str]:
    query = {
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    }.get(database.dialect, "SELECT table_name FROM information_schema.tables WHERE table_schema = database()")
    return sorted(name for (name,) in database.execute(query) if name.startswith("asyncqueue_"))


def triggers(database) -> list[str]:
    if database.dialect != "postgresql":
        return []
    return sorted(name for (name,) in database.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"))


def everything(database) -> tuple[object, ...]:
    return sorted(map(str, columns(database))), database.indexes(), tables(database), triggers(database)


async def test_the_table_of_either_release_is_brought_to_level_1_and_back(fresh_database):
    before = everything(fresh_database)
    async with opened(fresh_database.url) as backend:
        ids = await queued(backend, 3)
        planned = await backend.pending()
        assert await backend.migrate() == planned
        assert backend.shape is not None
        assert backend.shape.migrated
        assert backend.shape.indexed
        assert await backend.pending() == await backend.migrate() == []
        assert [claim.id for claim in await backend.claim(2, worker_pid=1)] == ids[:2]
        assert await backend.migrate(down=True) != []
        assert everything(fresh_database) == before
        assert not backend.shape.migrated
        assert [claim.id for claim in await backend.claim(2, worker_pid=1)] == ids[2:]


async def test_a_fresh_table_is_what_a_table_of_django_becomes(empty_database, databases, tmp_path):
    async with opened(empty_database.url) as backend:
        await backend.migrate()
    with_django = databases.fresh(Case(empty_database.dialect, 10), tmp_path)
    try:
        async with opened(with_django.url) as backend:
            await backend.migrate(indexes_only=True)
            await backend.migrate()
        assert everything(with_django) == everything(empty_database)
    finally:
        databases.discard(with_django)


@TEN
async def test_a_migration_that_stopped_anywhere_goes_on_there(fresh_database):
    async with opened(fresh_database.url) as backend:
        steps = await backend.pending()
        await backend.migrate()
        whole = everything(fresh_database)
        for done_before in range(1, len(steps) + 1):
            await backend.migrate(down=True)
            for step in steps[:done_before]:
                fresh_database.execute(step.sql.replace("%", "%%"))
            async with opened(fresh_database.url) as other:
                # A trigger and its function are one step of two statements.
                assert len(await other.pending()) <= len(steps) - done_before + 1
                await claimed(other, 2)  # at whatever level it is now, it works
                await other.migrate()
            assert everything(fresh_database) == whole


@TEN
async def test_two_migrations_at_once_make_one(fresh_database):
    async with opened(fresh_database.url) as first, opened(fresh_database.url) as second:
        made = await asyncio.gather(first.migrate(), second.migrate())
        assert min(map(len, made)) == 0
        assert await second.pending() == []


@TEN
@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
async def test_a_worker_goes_on_while_its_table_is_migrated(fresh_database, down):
    """It looks at the table again where it must: nothing is lost, and nothing runs twice."""
    async with opened(fresh_database.url) as backend, opened(fresh_database.url) as other:
        await backend.migrate(indexes_only=not down)
        await other.open()
        await queued(backend, 2000)
        ended: set[uuid.UUID] = set()

        async def work():
            while len(ended) < 2000:
                try:
                    claims = await other.claim(20, worker_pid=None)
                    ended.update(await other.finish([done(claim) for claim in claims]))
                except DatabaseUnavailable:  # as a worker takes it: tried again
                    await asyncio.sleep(0.01)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as both:
                both.start_soon(work)
                both.start_soon(partial(backend.migrate, down=down))
        assert len(ended) == 2000


@TEN
async def test_a_second_look_sees_the_migration(fresh_database):
    async with opened(fresh_database.url) as backend, opened(fresh_database.url) as other:
        await other.refresh()
        assert other.shape is not None
        assert not other.shape.migrated
        await backend.migrate()
        await other.refresh()
        assert other.shape.migrated
        await put(other, 1, queue="mail", priority=3)
        assert [claim.queue for claim in await other.claim(1, worker_pid=None)] == ["mail"]
        await backend.migrate(down=True)
        await other.refresh()
        assert not other.shape.migrated


@TEN
async def test_django_does_not_notice(fresh_database):
    django = fresh_database.django
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        [key] = django.create([{"task": "app.task", "args": {"a": 1}}])
        [claim] = await backend.claim(5, worker_pid=7)
        assert str(claim.id) == key
        assert await backend.finish([done(claim, output="42")]) == {claim.id}
        assert django.read([key])[0]["output"] == "42"
        django.save_status(key, Status.QUEUED)  # the whole row, as the admin does it
        assert [str(again.id) for again in await backend.claim(5, worker_pid=7)] == [key]
        [mine] = await queued(backend, 1)
        assert django.read([str(mine)])[0]["status"] == Status.QUEUED


@TEN
async def test_what_something_else_has_taken_away_is_missed(fresh_database):
    async with opened(fresh_database.url) as worker:
        await worker.migrate()
        if fresh_database.dialect == "sqlite":  # what reads a column keeps it from being dropped there
            for name in fresh_database.indexes():
                fresh_database.execute(f"DROP INDEX {name}")
        fresh_database.execute(f"ALTER TABLE {fresh_database.table} DROP COLUMN run_after")
        async with opened(fresh_database.url) as backend:
            for attempt in (backend.enqueue(new(1)), backend.claim(1, worker_pid=None)):
                with pytest.raises(SchemaError, match=r"lacks .*run_after.*`asyncqueue migrate`"):
                    await attempt
        # A worker that runs is told to try again, because the table was looked at anew, and learns it then.
        for _ in range(2):
            with suppress(DatabaseUnavailable, SchemaError):
                await worker.claim(1, worker_pid=None)
        with pytest.raises(SchemaError, match=r"lacks .*run_after.*`asyncqueue migrate`"):
            await worker.claim(1, worker_pid=None)


@cases("empty_database", [Case(dialect) for dialect in DIALECTS])
async def test_down_needs_a_table(empty_database):
    async with opened(empty_database.url) as backend:
        with pytest.raises(TableMissing):
            await backend.migrate(down=True)


@TEN
async def test_down_does_not_forget_when_tasks_are_due(fresh_database):
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        [key] = await queued(backend, 1)
        fresh_database.execute(f"UPDATE {fresh_database.table} SET status = 5")
        with pytest.raises(SchemaError, match="1 task is scheduled"):
            await backend.migrate(down=True)
        assert (await row(backend, key)).status == 5


@cases("fresh_database", [Case("postgresql", 10)])
async def test_without_notifications(fresh_database):
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        assert len(triggers(fresh_database)) == 1
        assert len(await backend.migrate(notify=False)) == 2
        assert triggers(fresh_database) == []
        assert await backend.pending(notify=False) == []
        call = "BEFORE UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        fresh_database.execute(f"CREATE TRIGGER another {call.format(fresh_database.table)}")
        assert await backend.pending() == [], "who has done without is not asked again"
        fresh_database.execute(f"DROP TRIGGER another ON {fresh_database.table}")
        assert await backend.pending(notify=True) != []
        await backend.migrate(down=True)
        await backend.migrate()
        assert len(triggers(fresh_database)) == 1
