"""What a task can be given beside its arguments, by way of the public queue, on every database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from asyncqueue import Queue, QueueState, Settings, Status, TaskRequest, Worker
from asyncqueue.errors import ConfigurationError, DuplicateTask, InvalidTask, MigrationRequired, SchemaError
from asyncqueue.model import TaskRecord
from tests.servers.cases import cases, migrated, shaped
from tests.worker import sample_tasks
from tests.worker.process import lines

MIGRATED = cases("database", migrated())
LEVEL_0 = cases("database", shaped())
SUM = {"a": 1, "b": 2}


@pytest.fixture
async def queue(database):
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        yield queue


def placed(record: TaskRecord) -> tuple[Any, ...]:
    return record.queue, record.priority, record.status, record.max_attempts


@MIGRATED
async def test_one_task(queue):
    handle = await queue.enqueue(sample_tasks.add, SUM, queue="mail", priority=7, max_attempts=3)
    record = await handle.record()
    assert placed(record) == ("mail", 7, Status.QUEUED, 3)
    assert (record.run_after, record.attempt, record.claimed_by, record.started) == (None, 0, None, None)
    [listed] = await queue.list()
    assert listed == record


@MIGRATED
@pytest.mark.parametrize("delay", [3600, timedelta(hours=1)], ids=["seconds", "timedelta"])
async def test_a_delay_counts_from_now(queue, delay):
    record = await (await queue.enqueue("x.y", delay=delay)).record()
    assert record.status == Status.SCHEDULED
    assert record.run_after is not None
    assert abs(record.run_after - record.created - timedelta(hours=1)) < timedelta(seconds=1)


@MIGRATED
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
async def test_an_instant_is_the_same_in_every_zone(database, zone):
    at = datetime.now(UTC) + timedelta(hours=5)
    async with Queue(settings=Settings(database_url=database.url, time_zone=zone)) as queue:
        handle = await queue.enqueue("x.y", run_at=at)
        assert (await handle.record()).run_after == at
        past = await queue.enqueue("x.y", run_at=at - timedelta(days=1))
        assert (await past.record()).status == Status.QUEUED
        [claimed] = await queue.backend.claim(1, worker_pid=None, worker="me")
        record = await past.record()
        assert claimed.id == record.id
        assert record.claimed_by == "me"
        assert record.started is not None
        assert abs(record.started - datetime.now(UTC)) < timedelta(minutes=1)


@MIGRATED
@pytest.mark.parametrize("count", [2, 700], ids=["few", "many"])
async def test_many_with_options_of_the_call_and_of_their_own(queue, count):
    pairs = [("x.y", {"n": n}) for n in range(count)]
    handles = await queue.enqueue_many([*pairs, TaskRequest("x.z", SUM, priority=9)], queue="mail", priority=-1)
    first, last = await handles[0].record(), await handles[-1].record()
    assert placed(first) == ("mail", -1, Status.QUEUED, None)
    assert placed(last) == ("default", 9, Status.QUEUED, None), "a request stands for itself"
    assert (last.task, last.args) == ("x.z", '{"a": 1, "b": 2}')
    requests = [TaskRequest("x.w", queue="slow", delay=60, max_attempts=2), ("x.v", None)]
    handles = await queue.enqueue_many(requests)
    assert [placed(await handle.record()) for handle in handles] == [
        ("slow", 0, Status.SCHEDULED, 2),
        ("default", 0, Status.QUEUED, None),
    ]


@MIGRATED
async def test_mistakes_among_many_are_refused_before_anything_is_written(queue):
    mistakes: list[Any] = ["text", ("x.y",), ("x.y", {}, "mail"), 3]
    for wrong in mistakes:
        with pytest.raises(InvalidTask):
            await queue.enqueue_many([("x.y", {}), wrong])
    with pytest.raises(ConfigurationError, match="priority must be"):
        await queue.enqueue_many([("x.y", {}), TaskRequest("x.y", priority=1000)])
    with pytest.raises(ConfigurationError, match="run_at must be an aware"):
        await queue.enqueue("x.y", run_at=datetime(2030, 1, 1))
    assert await queue.count() == 0


@MIGRATED
async def test_a_paused_queue_and_what_the_queues_hold(queue):
    await queue.enqueue("x.y", queue="mail")
    await queue.enqueue("x.y", delay=60)
    await queue.pause("mail")
    assert await queue.queues() == [QueueState("default", scheduled=1), QueueState("mail", paused=True, queued=1)]
    await queue.resume("mail")
    assert await queue.queues() == [QueueState("default", scheduled=1), QueueState("mail", queued=1)]
    with pytest.raises(ConfigurationError, match="has a space"):
        await queue.pause("no such")


@MIGRATED
async def test_a_worker_serves_its_queues_in_their_order(queue, tmp_path):
    witness = tmp_path / "witness"
    for name in ("default", "other", "mail"):
        args = [{"witness": str(witness), "key": f"{name} {number}"} for number in range(3)]
        await queue.enqueue_many([(sample_tasks.record, each) for each in args], queue=name)
    await work(queue, queues=("mail", "default"))
    served = [f"{name} {number}" for name in ("mail", "default") for number in range(3)]
    assert lines(witness) == served
    assert await queue.count(status=Status.QUEUED) == 3
    await work(queue, queues=("other=2", "mail=1"))
    assert len(lines(witness)) == 9


@MIGRATED
async def test_a_task_is_not_run_before_it_is_due(queue, tmp_path):
    handle = await queue.enqueue(sample_tasks.add, SUM, delay=1)
    worker = Worker(queue, settings=queue.settings)
    running = asyncio.create_task(worker.run())
    assert await handle.result(timeout=20) == 3
    worker.stop()
    await running
    record = await handle.record()
    assert record.started is not None
    assert 1 <= (record.started - record.created).total_seconds() < 5


@LEVEL_0
async def test_a_table_that_is_not_migrated_refuses_and_nobody_else_suffers(queue):
    calls = [queue.enqueue("x.y", {"n": n}, priority=n % 2) for n in range(10)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    for number, result in enumerate(results):
        assert isinstance(result, MigrationRequired) is bool(number % 2), result
    assert await queue.count() == 5
    for call in (queue.pause("mail"), queue.queues(), queue.enqueue_many([("x.y", {})], delay=1)):
        with pytest.raises(MigrationRequired, match="run `asyncqueue migrate`"):
            await call
    assert await queue.attempts((await queue.list())[0].id) == []


@LEVEL_0
async def test_a_worker_that_chooses_queues_needs_them(queue):
    with pytest.raises(MigrationRequired, match=r"a choice of queues needs columns .* run `asyncqueue migrate`"):
        await work(queue, queues=("mail",))


@cases("fresh_database", shaped())
async def test_migrating_there_and_back(fresh_database):
    async with Queue(fresh_database.url) as queue:
        assert await queue.pending()
        await queue.migrate(notify=False)
        assert await queue.pending(notify=False) == []
        handle = await queue.enqueue("x.y", delay=60)
        with pytest.raises(SchemaError, match="1 task is scheduled"):
            await queue.migrate(down=True)
        await handle.cancel()
        planned = await queue.pending(down=True)
        assert await queue.migrate(down=True) == planned
        assert [change.name for change in planned if "columns" in change.name or "column " in change.name]
        with pytest.raises(MigrationRequired):
            await queue.enqueue("x.y", delay=60)


async def work(queue: Queue, **settings: Any) -> None:
    """A worker, until nothing is left to claim; it runs one task at a time."""
    chosen = queue.settings.model_copy(update={"concurrency": 1, "prefetch": 0, **settings})
    await asyncio.wait_for(Worker(queue, settings=chosen).run(burst=True), 20)


@MIGRATED
async def test_a_unique_key(queue):
    first = await queue.enqueue(sample_tasks.add, SUM, unique_key="k", unique_for=timedelta(hours=1))
    second = await queue.enqueue(sample_tasks.add, SUM, unique_key="k")
    assert (second.id, first.created, second.created) == (first.id, True, False)
    with pytest.raises(DuplicateTask):
        await queue.enqueue(sample_tasks.add, SUM, unique_key="k", on_conflict="raise")
    requests = [TaskRequest("x.y", unique_key="k"), ("x.z", None), TaskRequest("x.w", unique_key="m", priority=-1)]
    handles = await queue.enqueue_many(requests)
    assert [handle.created for handle in handles] == [False, True, True]
    assert handles[0].id == first.id
    await queue.cancel(*(handle.id for handle in handles[1:]))
    await asyncio.wait_for(Worker(queue).run(burst=True), 20)
    assert await second.result(timeout=5) == 3, "the handle knows the type of the function's result"
    assert not (await queue.enqueue(sample_tasks.add, SUM, unique_key="k")).created


@MIGRATED
async def test_what_a_task_comes_after(queue):
    first = await queue.enqueue("x.y")
    record = await first.record()
    handles = await queue.enqueue_many([("x.y", {}), TaskRequest("x.z")], after=[first, first.id, record])
    assert [each.id for each in await queue.predecessors(handles[0].id)] == [first.id]
    assert [await handle.status() for handle in handles] == [Status.SCHEDULED, Status.QUEUED]
    alone = await queue.enqueue("x.y", after=[])
    assert await alone.status() == Status.QUEUED
    for options, text in (
        ({"after": TaskRequest("x.y")}, "not among those of this call"),
        ({"after": first, "delay": 1}, "after, or delay or run_at"),
        ({"after": first, "on_failure": "retry"}, "must be one of"),
        ({"on_failure": "run"}, "says what follows"),
        ({"after": "x.y"}, "takes handles, ids"),
    ):
        with pytest.raises(ConfigurationError, match=text):
            await queue.enqueue("x.y", **options)
    assert await queue.count() == 4


@LEVEL_0
async def test_a_task_after_others_needs_a_migrated_table(queue):
    first = await queue.enqueue("x.y")
    with pytest.raises(MigrationRequired, match="a task after others needs"):
        await queue.enqueue("x.y", after=first)
    assert await first.cancel()
    assert await queue.predecessors(first.id) == []
