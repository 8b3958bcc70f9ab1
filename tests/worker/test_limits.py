"""Limits as workers keep them, in this process."""

from __future__ import annotations

import asyncio
import logging

import anyio
import pytest

from asyncqueue.errors import ConfigurationError, InvalidArguments, MigrationRequired
from asyncqueue.limits import Limit
from asyncqueue.model import Link, Status
from asyncqueue.queue import Queue
from asyncqueue.requests import TaskRequest
from asyncqueue.running.application import Application
from asyncqueue.running.resolve import AllowRule
from asyncqueue.settings import Settings
from asyncqueue.worker import Worker
from tests.conformance.transactions import transaction
from tests.servers.cases import DIALECTS, cases, migrated, shaped
from tests.worker import limited_tasks as tasks

MIGRATED = cases("database", migrated())
HERE = "tests.worker.limited_tasks"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    tasks.running.clear()
    tasks.most.clear()
    tasks.starts.clear()


def settings(database, **more) -> Settings:
    return Settings(database_url=database.url, concurrency=20, poll_max=0.1, **more)


async def burst(queue: Queue, **more) -> None:
    with anyio.fail_after(30):
        await Worker(queue, settings=queue.settings.model_copy(update=more)).run(burst=True)


async def ended(queue: Queue) -> int:
    return await queue.count(status=[Status.COMPLETED, Status.FAILED])


@MIGRATED
async def test_no_more_run_at_once_than_the_function_says(database):
    async with Queue(settings=settings(database)) as queue:
        await queue.enqueue_many([(tasks.two, {"beside": 2})] * 20 + [(tasks.free, None)] * 5)
        await burst(queue)
        assert await ended(queue) == 25
        assert tasks.most == {"two": 2}
        [state] = await queue.limits()
        assert (state.limit, state.held) == (Limit(f"{HERE}.two", 2), 0)


@MIGRATED
async def test_each_key_has_a_limit_of_its_own(database):
    async with Queue(settings=settings(database)) as queue:
        await queue.enqueue_many([(tasks.one_each, {"customer": name}) for name in "ababab"])
        await queue.enqueue_many([(tasks.by_letter, {"customer": name}) for name in ("xa", "xb", "yb")])
        await queue.enqueue(tasks.one_each)
        await queue.enqueue(tasks.one_each, {"customer": "c"}, limit_key="customer-a")
        await queue.enqueue_many([TaskRequest(f"{HERE}.one_each", {"customer": "d"}, limit_key="customer-a")])
        keys = {record.limit_key for record in await queue.list()}
        assert keys == {"customer-a", "customer-b", "customer-nobody", "x", "y"}
        await burst(queue)
        assert await ended(queue) == 12
        assert set(tasks.most.values()) == {1}


@MIGRATED
async def test_no_more_start_in_any_window_than_the_rate_says_and_attempts_count(database):
    async with Queue(settings=settings(database)) as queue:
        await queue.enqueue_many([(tasks.paced, {"fail": number == 0}) for number in range(5)])
        worker = Worker(queue)
        async with anyio.create_task_group() as group:
            group.start_soon(worker.run)
            with anyio.fail_after(30):
                while await ended(queue) < 5:
                    await anyio.sleep(0.05)
            worker.stop()
        assert len(tasks.starts) == 7
        at = sorted(tasks.starts)
        assert min(later - first for first, later in zip(at, at[3:], strict=False)) > 0.45


@MIGRATED
async def test_a_burst_does_not_wait_for_a_window(database):
    async with Queue(settings=settings(database)) as queue:
        await queue.enqueue_many([(tasks.paced, None) for _ in range(4)])
        await burst(queue)
        assert len(tasks.starts) == 3
        assert await queue.count(status=Status.SCHEDULED) == 1


@MIGRATED
async def test_rows_of_those_who_do_not_know_the_limit_go_the_same_way(database):
    """Django's create_task, an enqueuer of an earlier release, a path as text."""
    async with Queue(settings=settings(database)) as queue:
        for number in range(6):
            await queue.enqueue(f"{HERE}.one_each", {"customer": "ab"[number % 2]})
        await queue.enqueue(f"{HERE}.two", {"seconds": "long"})
        assert {record.status for record in await queue.list()} == {Status.QUEUED}
        await burst(queue)
        assert set(tasks.most.values()) == {1}
        records = await queue.list()
        assert {record.links for record in records} == {Link.LIMITED}
        assert [record.status for record in records].count(Status.COMPLETED) == 6
        assert {record.attempt for record in records} == {0}


@cases("database", migrated(["sqlite", "postgresql"]))
async def test_a_row_without_a_key_fails_alone(database):
    async with Queue(settings=settings(database)) as queue:
        bad = await queue.enqueue(f"{HERE}.by_letter", {"other": "x"})
        await queue.enqueue(f"{HERE}.by_letter", {"customer": "x"})
        await burst(queue)
        record = await bad.record()
        assert record.status == Status.FAILED
        assert record.error is not None
        assert "there is no limit_key for these arguments: it lacks 'customer'" in record.error
        assert await queue.count(status=Status.COMPLETED) == 1
        with pytest.raises(InvalidArguments, match="no limit_key for these arguments"):
            await queue.enqueue(tasks.by_letter, {"customer": 7})


@MIGRATED
async def test_a_changed_declaration_counts_from_the_next_worker_on(database):
    async with Queue(settings=settings(database)) as queue:
        await queue.backend.limits.declare([Limit(f"{HERE}.two", 7)], began=None)
        await queue.enqueue_many([(tasks.two, None)] * 3)
        assert (await queue.limits())[0].limit.capacity == 7
        await burst(queue)
        assert (await queue.limits())[0].limit.capacity == 2


@MIGRATED
async def test_a_limit_that_nobody_has_declared_is_found_out(database, caplog):
    async with Queue(settings=settings(database)) as queue:
        known = await queue.enqueue(f"{HERE}.one_each", limit_key="a")
        strange = await queue.enqueue("tests.worker.nowhere.nothing", limit_key="a")
        assert await queue.limits() == []
        with caplog.at_level(logging.WARNING, "asyncqueue.worker"):
            await burst(queue)
        assert (await known.record()).status == Status.COMPLETED
        assert (await strange.record()).status == Status.SCHEDULED, "it waits for a worker that has its code"
        assert [state.limit.capacity for state in await queue.limits()] == [1], "nobody says there is no limit"
        assert "tasks of tests.worker.nowhere.nothing wait until a worker that has its code" in caplog.text


@MIGRATED
async def test_what_no_worker_knows_fails_after_a_while_one_by_one(database):
    async with Queue(settings=settings(database, unknown_tasks=0)) as queue:
        some = [await queue.enqueue("tests.worker.nowhere.nothing", limit_key="a") for _ in range(3)]
        await burst(queue)
        assert await ended(queue) == 0
        database.execute("UPDATE asyncqueue_limited SET held_at = '2020-01-01 00:00:00.000000'")
        await burst(queue)
        for handle in some:
            record = await handle.record()
            assert record.status == Status.FAILED
            assert record.error is not None
            assert "has no attribute 'nowhere'" in record.error
        assert await queue.limits() == []


@MIGRATED
async def test_a_worker_that_lacks_the_code_leaves_the_limit_to_those_that_have_it(database):
    """It claims from another queue, but sets aside, looks and admits for all of them."""
    async with Queue(settings=settings(database, heartbeat=0.1, lease=1)) as queue:
        lacking, having = (
            Worker(
                queue,
                settings=queue.settings.model_copy(update={"queues": [name]}),
                application=Application(allow=AllowRule(only=only)),
            )
            for name, only in (("theirs", []), ("ours", None))
        )
        async with anyio.create_task_group() as group, asyncio.timeout(60):
            group.start_soon(lacking.run)
            group.start_soon(having.run)
            await asyncio.sleep(0.3)
            both = {"beside": 2}
            some = [await queue.enqueue(f"{HERE}.two", both, limit_key="a", queue="ours") for _ in range(6)]
            for handle in some:
                assert await handle.result() == "two"
            lacking.stop()
            having.stop()
        assert [state.limit.capacity for state in await queue.limits()] == [2]
        assert tasks.most == {"two": 2}


@cases("database", migrated(["sqlite"]))
async def test_a_limit_key_is_of_a_function_that_has_limits(database):
    async with Queue(settings=settings(database)) as queue:
        with pytest.raises(ConfigurationError, match=r"free declares none: give its @task limit or rate"):
            await queue.enqueue(tasks.free, limit_key="a")


@cases("database", shaped(DIALECTS, [10]))
async def test_without_the_columns_tasks_run_without_limits_with_one_warning(database, caplog):
    async with Queue(settings=settings(database)) as queue:
        await queue.enqueue_many([(tasks.two, None)] * 4)
        with pytest.raises(MigrationRequired, match="a limit"):
            await queue.enqueue(tasks.two, limit_key="a")
        with caplog.at_level(logging.WARNING, "asyncqueue.worker"):
            await burst(queue)
        assert await ended(queue) == 4
        said = [record for record in caplog.records if "comes under a limit" in record.message]
        assert len(said) == 1


@MIGRATED
async def test_what_is_enqueued_in_a_transaction_of_the_callers_is_limited_too(database):
    async with Queue(settings=settings(database)) as queue:
        async with transaction(database) as theirs:
            for _ in range(5):
                await queue.enqueue(tasks.two, {"beside": 2}, connection=theirs.raw)
            await theirs.commit()
        await burst(queue)
        assert await ended(queue) == 5
        assert tasks.most == {"two": 2}


@MIGRATED
async def test_what_waits_is_found_by_a_worker_that_nobody_told(database):
    async with Queue(settings=settings(database)) as queue:
        await queue.enqueue_many([(tasks.two, None)] * 5)
        await queue.backend.claim(0, worker_pid=None)  # set aside by one that is gone
        await burst(queue)
        assert await ended(queue) == 5


@MIGRATED
async def test_a_place_of_a_cancelled_task_is_free_soon(database):
    async with Queue(settings=settings(database, heartbeat=0.1, lease=2)) as queue:
        stuck = await queue.enqueue_many([(tasks.two, {"seconds": 3600})] * 2)
        after = await queue.enqueue(tasks.two)
        worker = Worker(queue)
        async with anyio.create_task_group() as group:
            group.start_soon(worker.run)
            with anyio.fail_after(20):
                while tasks.running.get("two", 0) < 2:
                    await asyncio.sleep(0.01)
                await queue.cancel(*(handle.id for handle in stuck))
                await after.result()
            worker.stop()


@cases("database", migrated(["sqlite", "postgresql"]))
async def test_a_limit_that_was_taken_out_of_the_code_ends_with_the_first_task(database):
    async with Queue(settings=settings(database)) as queue:
        await queue.backend.limits.declare([Limit(f"{HERE}.free", 1)], began=None)
        for _ in range(30):
            await queue.enqueue(f"{HERE}.free", limit_key="a")
        await burst(queue, heartbeat=0.1, lease=1)
        assert [state.limit for state in await queue.limits()] == [Limit(f"{HERE}.free")]
        assert await ended(queue) == 30
        assert int(database.execute("SELECT count(*) FROM asyncqueue_limited")[0][0]) == 0


async def test_in_a_test_limits_hold_too_and_nobody_waits_for_a_window():
    from asyncqueue.testing import memory_queue, run_until_empty

    async with memory_queue() as queue:
        await queue.enqueue_many([(tasks.two, {"beside": 2})] * 5 + [(tasks.paced, None)] * 5)
        done = await run_until_empty(queue, concurrency=10)
        assert len(done) == 8
        assert tasks.most == {"two": 2}
        assert [record.task for record in await queue.list(status=Status.SCHEDULED)] == [f"{HERE}.paced"] * 2


@MIGRATED
async def test_a_paused_queue_keeps_no_place_from_others(database):
    async with Queue(settings=settings(database, heartbeat=0.1, lease=1)) as queue:
        await queue.pause("later")
        await queue.enqueue_many([TaskRequest(tasks.one_each, queue="later", priority=9)] * 3)
        await queue.enqueue_many([TaskRequest(tasks.one_each)] * 3)
        await burst(queue)
        assert await ended(queue) == 3
        await queue.resume("later")
        await burst(queue)
        assert await ended(queue) == 6
        assert tasks.most == {"nobody": 1}


@MIGRATED
async def test_a_queue_that_no_worker_serves_keeps_no_place_from_others(database):
    async with Queue(settings=settings(database, heartbeat=0.1, lease=1)) as queue:
        await queue.enqueue_many([TaskRequest(tasks.one_each, queue="later", priority=9)] * 3)
        await queue.enqueue_many([TaskRequest(tasks.one_each, queue="ours")] * 3)
        await burst(queue, queues=["ours=2"])
        assert await ended(queue) == 3
        await burst(queue, queues=["later"])
        assert await ended(queue) == 6
