"""Eager mode."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

import asyncqueue
from asyncqueue import Hooks, Settings, Status, TaskRequest, default_queue, enqueue
from asyncqueue.errors import ConfigurationError, InvalidArguments, TaskFailed, TaskNotAllowed, TaskNotImportable
from asyncqueue.running.application import Application
from asyncqueue.testing import QueueNotEmpty, assert_enqueued, eager, enqueued
from tests.testing import app


@pytest.fixture
async def queue():
    async with eager() as queue:
        yield queue


async def test_enqueue_runs_the_task_and_its_result_is_there(queue, done):
    assert await default_queue() is queue
    handle = await app.sign_up("a")
    assert done == ["send a"]
    assert await handle.result(timeout=0.5) == "sent to a"
    assert await enqueued(queue) == []
    await assert_enqueued(queue, app.send, {"to": "a"}, status=Status.COMPLETED)


async def test_arguments_and_results_go_through_json_and_are_validated(queue):
    handle = await enqueue(app.send, {"to": "a", "on": "2030-05-01"})
    assert (await handle.record()).args == '{"to": "a", "on": "2030-05-01"}'
    with pytest.raises(InvalidArguments, match="to"):
        await enqueue(app.send, {"to": [1]})
    with pytest.raises(TaskNotAllowed):
        await enqueue(app.plain)
    with pytest.raises(TaskNotImportable):
        await enqueue("tests.testing.app.nothing")
    assert await (await enqueue(app.flaky, {"good": 1})).result(timeout=1) == 1
    assert await (await enqueue(app.numbers, {"count": 2})).result(timeout=1) == "0\n1\n"


async def test_what_the_task_raises_is_raised(queue):
    with pytest.raises(ValueError, match=r"^broken$") as caught:
        await enqueue(app.fail, {"text": "broken"})
    assert caught.traceback[-1].name == "fail"
    [record] = await enqueued(queue, app.fail, status=Status.FAILED)
    assert record.log == "about to fail\nWARNING app: a warning\n"


async def test_a_failure_may_be_left_to_the_handle(done):
    async with eager(raise_on_failure=False):
        handle = await enqueue(app.fail, {"text": "broken"})
        with pytest.raises(TaskFailed, match="broken"):
            await handle.result(timeout=1)


async def test_what_would_end_the_test_is_raised_as_a_failure(queue):
    with pytest.raises(TaskFailed, match="SystemExit"):
        await enqueue(app.leaves)


async def test_a_process_of_its_own(queue):
    assert await (await enqueue(app.isolated, {"good": True})).result(timeout=1) == 7
    with pytest.raises(TaskFailed, match="in the child"):
        await enqueue(app.isolated, {"good": False})


async def test_it_runs_in_the_event_loop_of_the_caller(queue, monkeypatch):
    seen = []

    async def before(info):
        seen.append((asyncio.get_running_loop(), threading.current_thread()))

    async with eager(application=Application(hooks=Hooks(before_job=(before,)))):
        await enqueue(app.send, {"to": "a"})
    assert seen == [(asyncio.get_running_loop(), threading.current_thread())]


async def test_delays_are_ignored_but_checked(queue, done):
    await enqueue(app.send, {"to": "a"}, delay=86_400)
    await queue.enqueue(app.send, {"to": "b"}, delay=7, queue="mail", priority=3)
    assert done == ["send a", "send b"]
    with pytest.raises(ConfigurationError, match="delay must be"):
        await enqueue(app.send, {"to": "c"}, delay=float("nan"))
    with pytest.raises(ConfigurationError, match="max_attempts must be"):
        await enqueue(app.send, {"to": "c"}, max_attempts=0)
    assert len(done) == 2


async def test_the_first_failure_is_final(queue, done):
    with pytest.raises(OSError, match="not yet 1"):
        await enqueue(app.flaky)
    with pytest.raises(OSError, match="not yet 1"):
        await enqueue(app.flaky, max_attempts=7)
    with pytest.raises(OSError, match="not yet 1"):
        await queue.enqueue_many([TaskRequest(app.flaky, max_attempts=7)])
    with pytest.raises(OSError, match="not yet 1"):
        await queue.enqueue_many([(app.flaky, {})], max_attempts=7)
    assert done == ["attempt 1"] * 4


async def test_further_attempts_where_they_are_wanted(done):
    async with eager(retries=True) as queue:
        assert await (await enqueue(app.flaky)).result(timeout=1) == 3
        assert done == ["attempt 1", "attempt 2", "attempt 3"]
        with pytest.raises(OSError, match="not yet 2"):
            await enqueue(app.flaky, max_attempts=2)
        handles = await queue.enqueue_many([TaskRequest(app.flaky, {"good": 4}, max_attempts=4), (app.flaky, {})])
        assert [await handle.result(timeout=1) for handle in handles] == [4, 3]


async def test_tasks_that_enqueue_others(queue, done):
    handle = await enqueue(app.nested)
    assert await handle.result(timeout=1) == "got: sent to nested"
    await enqueue(app.chain, {"left": 60})  # each waits for the next one
    assert done[-1] == "chain 0"
    with pytest.raises(ConfigurationError, match="a task that enqueues itself for later never ends"):
        await enqueue(app.endless)


async def test_of_tasks_that_wait_for_each_other_only_the_innermost_is_looked_at(queue, monkeypatch):
    looks = 0
    get = queue.backend.get

    async def counted(ids):
        nonlocal looks
        looks += 1
        return await get(ids)

    monkeypatch.setattr(queue.backend, "get", counted)
    await enqueue(app.chain, {"left": 60})
    assert looks < 600, "some 260; where each one looks while it waits it is 2,000 and more"


async def test_many_callers_and_many_tasks(queue, done):
    handles = await queue.enqueue_many([(app.send, {"to": str(number)}) for number in range(50)])
    assert [await handle.result(timeout=1) for handle in handles] == [f"sent to {number}" for number in range(50)]
    some = await asyncio.gather(*(app.sign_up(str(number)) for number in range(50)))
    assert [await handle.result(timeout=1) for handle in some] == [f"sent to {number}" for number in range(50)]
    assert len(done) == 100
    failure, handle = await asyncio.gather(enqueue(app.fail), app.sign_up("x"), return_exceptions=True)
    assert isinstance(failure, ValueError)
    assert not isinstance(handle, BaseException)
    assert await handle.result(timeout=1) == "sent to x"
    with pytest.raises(ValueError, match="first"):
        await queue.enqueue_many(
            [(app.send, {"to": "a"}), (app.fail, {"text": "first"}), (app.fail, {"text": "second"})]
        )
    assert await queue.enqueue_many([]) == []


async def test_tasks_after_others(queue, done):
    handles = await queue.enqueue_many(
        asyncqueue.group([(app.send, {"to": "a"}), TaskRequest(app.send, {"to": "b"})], then=(app.gather, {}))
    )
    assert done == ["send a", "send b"]
    assert await handles[-1].result(timeout=1) == "sent to a, sent to b"
    later = await enqueue(app.gather, after=handles[:1])
    assert await later.result(timeout=1) == "sent to a"
    with pytest.raises(ValueError, match="no"):
        await queue.enqueue_many(asyncqueue.chain((app.fail, {}), (app.gather, {})))
    [cancelled] = await enqueued(queue, app.gather, status=Status.CANCELLED)
    assert "has failed" in (cancelled.error or "")
    with pytest.raises(OSError, match="not yet 1"):
        await queue.enqueue_many(asyncqueue.chain(TaskRequest(app.flaky), (app.gather, {})))
    with pytest.raises(ConfigurationError, match="test that with memory_queue"):
        await enqueue(app.after_itself)


async def test_a_task_that_never_ends_is_named(done):
    async with eager(timeout=0.3) as queue:
        with pytest.raises(
            QueueNotEmpty, match=r"0\.3 seconds; what has not:\n  tests.testing.app.forever {} \(running\)"
        ):
            await enqueue(app.forever)
        assert done == ["stopped"]
        assert await enqueued(queue) == []
        await app.sign_up("a")
        assert done == ["stopped", "send a"]


async def test_a_caller_that_is_cancelled_stops_its_task(queue, done):
    with anyio.move_on_after(0.3):
        await enqueue(app.forever)
    assert done == ["stopped"]
    assert await enqueued(queue) == []
    assert [task.get_name() for task in asyncio.all_tasks() if "asyncqueue" in task.get_name()] == []


async def test_a_transaction_of_the_caller_is_refused(queue):
    with pytest.raises(ConfigurationError, match="the caller's own transaction"):
        await enqueue(app.send, {"to": "a"}, connection=object())
    with pytest.raises(ConfigurationError, match="the caller's own transaction"):
        await queue.enqueue_many([(app.send, {"to": "a"})], connection=object())


async def test_settings_and_what_is_wrong_with_them():
    async with eager(settings=Settings(allow=("tests.testing.app.plain",), hooks="tests.testing.hooks")):
        await enqueue(app.plain)
    with pytest.raises(ConfigurationError, match="timeout must be a number"):
        async with eager(timeout=0):
            raise AssertionError("unreachable")


async def test_after_the_end_it_is_closed():
    async with eager() as queue:
        pass
    with pytest.raises(ConfigurationError, match="the queue was closed"):
        await queue.enqueue(app.send, {"to": "a"})
