"""A queue says in which state it is: not open, closed, or open in another event loop; and it takes ids as texts."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from asyncqueue import Queue, Settings, Status
from asyncqueue.errors import ConfigurationError, TaskNotFound
from asyncqueue.model import Finish
from tests.servers.cases import cases, migrated

SOME_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
#: Every call that goes to the database.
CALLS: list[Callable[[Queue], Awaitable[Any]]] = [
    lambda queue: queue.enqueue("x.y"),
    lambda queue: queue.enqueue("x.y", unique_key="k"),
    lambda queue: queue.enqueue_many([("x.y", {})]),
    lambda queue: queue.get(SOME_ID),
    lambda queue: queue.handle(SOME_ID).record(),
    lambda queue: queue.handle(SOME_ID).result(),
    lambda queue: anext(aiter(queue.handle(SOME_ID).stream())),
    lambda queue: anext(aiter(queue.watch([SOME_ID]))),
    lambda queue: queue.list(),
    lambda queue: queue.count(),
    lambda queue: queue.stats(),
    lambda queue: queue.attempts(SOME_ID),
    lambda queue: _await(lambda: queue.predecessors(SOME_ID)),
    lambda queue: queue.queues(),
    lambda queue: queue.limits(),
    lambda queue: queue.workers(),
    lambda queue: queue.periodic(),
    lambda queue: queue.cancel(SOME_ID),
    lambda queue: queue.requeue(SOME_ID),
    lambda queue: queue.pause("mail"),
    lambda queue: queue.resume("mail"),
    lambda queue: queue.pending(),
    lambda queue: queue.migrate(),
]


async def _await(call: Callable[[], Awaitable[Any]]) -> Any:
    return await call()


async def refused(queue: Queue, text: str) -> None:
    """Every call raises this at once."""
    for call in CALLS:
        with pytest.raises(ConfigurationError, match=text):
            await asyncio.wait_for(call(queue), 5)


@cases("database", migrated())
async def test_a_queue_that_is_not_open_says_so(database):
    queue = Queue(settings=Settings(database_url=database.url))
    await refused(queue, "the queue is not open: use `async with queue`")
    async with queue:
        handle = await queue.enqueue("x.y")
        assert await handle.status() == Status.QUEUED
    await refused(queue, "the queue was closed: open it again")
    await queue.close()
    async with queue:
        assert await queue.count() == 1


@cases("database", migrated())
async def test_another_event_loop_is_refused_and_does_no_harm(database):
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        errors: list[BaseException] = []

        def elsewhere() -> None:
            try:
                asyncio.run(refused(queue, "open in another event loop"))
                asyncio.run(_refuse_open_and_close(queue))
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=elsewhere) for _ in range(2)]
        for thread in threads:
            thread.start()
        handles = [await queue.enqueue("x.y") for _ in range(20)]
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert errors == []
        handles += await asyncio.gather(*(queue.enqueue("x.y") for _ in range(20)))
        assert await queue.count() == len(handles) == 40


async def _refuse_open_and_close(queue: Queue) -> None:
    for call in (queue.open, queue.close):
        with pytest.raises(ConfigurationError, match="open in another event loop"):
            await call()


def test_a_queue_whose_loop_has_ended_can_be_opened_in_the_next(tmp_path):
    queue = Queue(f"sqlite:///{tmp_path}/q.sqlite3")

    async def once() -> int:
        with pytest.raises(ConfigurationError, match=r"not open|was closed"):
            await queue.count()
        await queue.open()
        await queue.enqueue("x.y")
        return await queue.count()

    assert [asyncio.run(once()) for _ in range(2)] == [1, 2]
    asyncio.run(queue.close())


def test_without_an_event_loop_of_asyncio_it_says_what_it_needs(tmp_path):
    queue = Queue(f"sqlite:///{tmp_path}/q.sqlite3")
    for call in (queue.open(), queue.count()):
        with pytest.raises(ConfigurationError, match="needs the event loop of asyncio"):
            call.send(None)


@cases("database", migrated())
async def test_the_text_of_an_id_is_taken_wherever_an_id_is(database):
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        first = await queue.enqueue("x.y")
        for text in (str(first.id), first.id.hex, str(first.id).upper()):
            assert (await queue.get(text)).id == first.id
            assert queue.handle(text).id == first.id
            assert await queue.attempts(text) == []
            assert await queue.predecessors(text) == []
        second = await queue.enqueue("x.y", after=str(first.id))
        assert [each.id for each in await queue.predecessors(str(second.id))] == [first.id]
        assert await queue.cancel(str(second.id)) == {second.id}
        [claimed] = await queue.backend.claim(1, worker_pid=None)
        await queue.backend.finish([Finish(claimed.id, claimed.token, Status.COMPLETED, output="done")])
        assert await queue.handle(str(first.id)).result(timeout=5) == "done"
        assert {record.id async for record in queue.watch([str(first.id), second])} == {first.id, second.id}
        assert [text async for text in queue.handle(first.id.hex).stream()] == ["done"]
        assert await queue.requeue(str(first.id)) == {first.id}
        with pytest.raises(TaskNotFound):
            await queue.get(str(uuid.uuid4()))


async def test_a_text_that_is_no_id_is_named():
    async with Queue("sqlite://") as queue:
        for call in (
            lambda: queue.get("12"),
            lambda: queue.attempts("12"),
            lambda: queue.cancel("12"),
            lambda: queue.requeue("12"),
            lambda: anext(aiter(queue.watch(["12"]))),
            lambda: _await(lambda: queue.predecessors("12")),
            lambda: _await(lambda: queue.handle("12").record()),
        ):
            with pytest.raises(ConfigurationError, match="'12' is not a task's id: that is a UUID, such as"):
                await call()
        with pytest.raises(ConfigurationError, match=r"after= takes handles, ids of tasks.*not '12'"):
            await queue.enqueue("x.y", after="12")
        with pytest.raises(ConfigurationError, match="a UUID or its text, not int"):
            await queue.get(12)  # type: ignore[arg-type]
