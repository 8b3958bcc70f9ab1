"""The queue in memory."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from asyncqueue import Settings, default_queue, enqueue, testing
from asyncqueue.errors import ConfigurationError
from asyncqueue.testing import TasksFailed, enqueued, memory_queue, run_until_empty
from tests.testing import app


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes to the configured database fails."""
    monkeypatch.setenv("ASYNCQUEUE_DATABASE_URL", "sqlite:////nowhere/x.sqlite3")


async def test_it_is_the_default_queue_and_migrated():
    async with memory_queue() as queue:
        assert await default_queue() is queue
        assert queue.backend.shape is not None
        assert queue.backend.shape.migrated
        handle = await app.sign_up("a")
        await queue.enqueue(app.send, {"to": "b"}, priority=5)
        await run_until_empty(queue)
        assert await handle.result(timeout=1) == "sent to a"


async def test_each_is_empty_and_the_innermost_counts():
    async with memory_queue() as outer:
        await enqueue(app.send, {"to": "outer"})
        async with memory_queue() as inner:
            assert await default_queue() is inner
            assert await enqueued(inner) == []
            await enqueue(app.send, {"to": "inner"})
        assert await default_queue() is outer
        assert [record.args for record in await enqueued(outer)] == ['{"to": "outer"}']


async def test_afterwards_the_configured_queue_is_the_default_one_again():
    with pytest.raises(ZeroDivisionError):
        async with memory_queue():
            raise ZeroDivisionError
    with pytest.raises(ConfigurationError, match="nowhere"):
        await app.sign_up("a")


async def test_one_that_ends_before_an_inner_one_leaves_that_alone():
    first, second = memory_queue(), memory_queue()
    await first.__aenter__()
    queue = await second.__aenter__()
    await first.__aexit__(None, None, None)
    assert await default_queue() is queue
    await second.__aexit__(None, None, None)


async def test_the_settings_are_those_given():
    async with memory_queue(settings=Settings(database_url="postgresql://elsewhere/x", max_args_size=10)) as queue:
        assert queue.settings.database_url == "sqlite://"
        assert queue.settings.max_args_size == 10


async def test_another_event_loop_gets_no_default_queue():
    async with memory_queue() as queue:
        with pytest.raises(ConfigurationError, match=r"belongs to another event loop.*sync_queue"):
            await asyncio.to_thread(asyncio.run, app.sign_up("a"))
        await enqueue(app.in_a_loop_of_its_own)
        with pytest.raises(TasksFailed, match="belongs to another event loop"):
            await run_until_empty(queue)


async def test_a_thread_that_calls_back_gets_it():
    async with memory_queue() as queue:
        await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(app.sign_up, "a"))
        assert len(await enqueued(queue)) == 1


def test_one_after_the_other_in_event_loops_of_their_own():
    async def once() -> int:
        async with memory_queue() as queue:
            await app.sign_up("a")
            return len(await run_until_empty(queue))

    assert [asyncio.run(once()) for _ in range(3)] == [1, 1, 1]


def test_without_an_event_loop_of_asyncio():
    async def use() -> None:
        async with memory_queue():
            raise AssertionError("unreachable")

    with pytest.raises(ConfigurationError, match="does not run on trio"):
        use().send(None)


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_is_documented(name):
    assert name == "WAITING" or getattr(testing, name).__doc__
