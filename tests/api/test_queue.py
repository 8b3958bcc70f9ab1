"""The public queue, on every database."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest

from asyncqueue import Queue, Settings, Status
from asyncqueue.errors import (
    ConfigurationError,
    InvalidArguments,
    InvalidTask,
    PayloadTooLarge,
    ResultTimeout,
    TaskCancelled,
    TaskFailed,
    TaskNotFound,
)
from asyncqueue.model import Finish
from tests.worker import sample_tasks


@pytest.fixture
async def queue(database):
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        yield queue


async def run_one(queue: Queue, *, output: str | None = None, error: str | None = None) -> None:
    """End the oldest queued task as a worker would."""
    [claimed] = await queue.backend.claim(1, worker_pid=None)
    status = Status.FAILED if error else Status.COMPLETED
    await queue.backend.finish([Finish(claimed.id, claimed.token, status, output=output, error=error)])


async def test_enqueue_by_function_and_by_dotted_path_are_the_same(queue):
    by_function = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
    by_path = await queue.enqueue("tests.worker.sample_tasks.add", {"a": 1, "b": 2})
    first, second = await by_function.record(), await by_path.record()
    assert (first.task, first.args, first.status) == (second.task, second.args, second.status)
    assert first.task == "tests.worker.sample_tasks.add"
    assert first.args == '{"a": 1, "b": 2}'


async def test_enqueue_many_keeps_the_order_and_is_all_or_nothing(queue):
    handles = await queue.enqueue_many((sample_tasks.add, {"a": n, "b": 0}) for n in range(30))
    oldest_first = [record.id for record in reversed(await queue.list(limit=100))]
    assert oldest_first == [handle.id for handle in handles]
    with pytest.raises(InvalidArguments):
        await queue.enqueue_many([(sample_tasks.add, {"a": 1}), (sample_tasks.add, [1, 2])])
    assert await queue.count() == 30


async def test_concurrent_callers_each_get_their_own_committed_row(queue):
    handles = await asyncio.gather(*(queue.enqueue(sample_tasks.add, {"a": n, "b": 0}) for n in range(200)))
    assert len({handle.id for handle in handles}) == 200
    assert await queue.count(status=Status.QUEUED) == 200


async def test_list_and_count_filter_and_page(queue):
    await queue.enqueue_many([("x.one", {})] * 5 + [("x.two", {})] * 3)
    await run_one(queue, output="done")
    assert await queue.count() == 8
    assert await queue.count(task="x.two") == 3
    assert await queue.count(status=Status.COMPLETED) == 1
    assert await queue.count(status=[Status.QUEUED, Status.COMPLETED], task="x.one") == 5
    assert {record.task for record in await queue.list(task="x.two")} == {"x.two"}
    pages = [record.id for offset in (0, 3, 6) for record in await queue.list(limit=3, offset=offset)]
    assert len(set(pages)) == 8
    stats = {(count.task, count.status): count.count for count in await queue.stats()}
    assert stats == {
        ("x.one", Status.QUEUED): 4,
        ("x.one", Status.COMPLETED): 1,
        ("x.two", Status.QUEUED): 3,
    }


async def test_a_result_is_what_the_function_promises(queue):
    typed = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
    await run_one(queue, output="3")
    assert await typed.result(timeout=5) == 3
    assert await queue.handle(typed.id).result() == "3", "the text, where the function is not known"


async def test_a_result_waits_for_the_end(queue):
    handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
    with pytest.raises(ResultTimeout, match=r"had not ended after 0\.1 seconds"):
        await handle.result(timeout=0.1)
    waiting = asyncio.create_task(handle.result(timeout=10))
    await asyncio.sleep(0.1)
    await run_one(queue, output="3")
    assert await waiting == 3


async def test_other_ends_raise_what_they_mean(queue):
    failed = await queue.enqueue("x.y", {})
    await run_one(queue, error="ValueError('no')\n\nTraceback ...")
    with pytest.raises(TaskFailed, match=r"ValueError\('no'\)") as caught:
        await failed.result()
    assert caught.value.error == "ValueError('no')\n\nTraceback ..."
    cancelled = await queue.enqueue("x.y", {})
    assert await cancelled.cancel() is True
    assert await cancelled.cancel() is False
    with pytest.raises(TaskCancelled):
        await cancelled.result()
    with pytest.raises(TaskNotFound):
        await queue.handle(uuid.uuid4()).result()


async def test_requeue_and_cleanup(queue):
    handles = await queue.enqueue_many([("x.y", {})] * 4)
    for _ in range(2):
        await run_one(queue, output="done")
    await handles[3].cancel()
    assert await queue.requeue(*(handle.id for handle in handles)) == {handles[n].id for n in (0, 1, 3)}
    assert await queue.count(status=Status.QUEUED) == 4
    await run_one(queue, output="done")
    assert await queue.cleanup(older_than=timedelta(days=1)) == 0
    assert await queue.cleanup(older_than=timedelta(0)) == 1
    assert await queue.count() == 3
    with pytest.raises(ConfigurationError, match="ended tasks only"):
        await queue.cleanup(older_than=timedelta(0), statuses=[Status.QUEUED])


async def test_an_age_for_each_status(queue):
    handles = await queue.enqueue_many([("x.y", {})] * 3)
    await run_one(queue, output="done")
    await run_one(queue, error="no")
    await handles[2].cancel()
    none, day = timedelta(0), timedelta(days=1)
    assert await queue.cleanup(older_than={Status.COMPLETED: day, Status.FAILED: none}) == 1
    assert await queue.count(status=(Status.COMPLETED, Status.CANCELLED)) == 2
    assert await queue.cleanup(older_than={Status.CANCELLED: none}) == 1
    assert await queue.cleanup(older_than={}) == 0
    assert await queue.cleanup(older_than=none, statuses=[]) == 0
    assert await queue.count(status=Status.COMPLETED) == 1


@pytest.mark.parametrize(
    ("older_than", "statuses", "text"),
    [
        ({Status.RUNNING: timedelta(0)}, None, "ended tasks only .completed, failed, cancelled., not running"),
        ({Status.FAILED: timedelta(0)}, [Status.FAILED], "leave out statuses"),
        (timedelta(seconds=-1), None, "older_than must be from 0 to 100 years"),
        (timedelta(days=99_999), None, "older_than must be from 0 to 100 years"),
        (60, None, "older_than must be a timedelta, or one for each status, not 60"),
        ({Status.FAILED: 60}, None, "must be a timedelta"),
    ],
    ids=str,
)
async def test_ages_that_mean_nothing(queue, older_than, statuses, text):
    with pytest.raises(ConfigurationError, match=text):
        await queue.cleanup(older_than=older_than, statuses=statuses)


async def test_mistakes_are_refused_before_anything_is_written(queue):
    for wrong in ([1], "text", 3):
        with pytest.raises(TypeError):
            await queue.enqueue("x.y", wrong)
    with pytest.raises(InvalidArguments):
        await queue.enqueue("x.y", {"a": object()})
    with pytest.raises(PayloadTooLarge):
        await queue.enqueue("x.y", {"a": "x" * 2_000_000})
    with pytest.raises(InvalidTask):
        await queue.enqueue("x." + "y" * 130, {})
    with pytest.raises(InvalidTask):
        await queue.enqueue(lambda: None)
    assert await queue.count() == 0


async def test_a_caller_that_is_cancelled_harms_nobody(queue):
    calls = [asyncio.create_task(queue.enqueue("x.y", {"n": n})) for n in range(50)]
    await asyncio.sleep(0)
    for call in calls[::3]:
        call.cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)
    for number, result in enumerate(results):
        if number % 3:
            assert not isinstance(result, BaseException)
            assert await result.status() == Status.QUEUED
    await queue.enqueue("x.y", {})
