"""Waiting for tasks and watching them, by way of the public queue."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from asyncqueue import Queue, Settings, Status, TaskHandle, Worker
from asyncqueue.backoff import Backoff
from asyncqueue.errors import (
    DatabaseUnavailable,
    ResultTimeout,
    TaskCancelled,
    TaskFailed,
    TaskNotFound,
)
from asyncqueue.model import AttemptEnd, OutputChunk, Release
from asyncqueue.output import OutputReader
from tests.conformance.helpers import done, failed
from tests.servers.cases import DIALECTS, Case, cases, migrated, shaped
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess

TEN = cases("database", shaped(DIALECTS, [10]))
SUM = {"a": 1, "b": 2}


@pytest.fixture
async def queue(database):
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        yield queue


async def claim(queue: Queue, count: int = 1):
    claims = await queue.backend.claim(count, worker_pid=None)
    assert len(claims) == count
    return claims


async def until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not ready():
            await asyncio.sleep(0.02)


async def read_all(handle: TaskHandle, pieces: list[str]) -> None:
    async for piece in handle.stream(timeout=30):
        pieces.append(piece)


@TEN
async def test_a_thousand_who_wait_share_one_look(queue, monkeypatch):
    looks: list[int] = []
    observe = queue.backend.observe

    async def counted(ids):
        looks.append(len(ids))
        return await observe(ids)

    monkeypatch.setattr(queue.backend, "observe", counted)
    handles = await queue.enqueue_many([("x.y", {})] * 1001)
    waiting = [asyncio.create_task(handle.result(timeout=60)) for handle in handles]
    await asyncio.sleep(1)
    assert 0 < len(looks) < 60
    assert max(looks) == 1000, "no statement becomes too large"
    claims = await claim(queue, 1001)
    await queue.backend.finish([done(each, output="yes") for each in claims[:1000]])
    assert [await task for task in waiting[:1000]] == ["yes"] * 1000
    assert not waiting[1000].done()
    await queue.backend.finish([failed(claims[1000])])
    with pytest.raises(TaskFailed):
        await waiting[1000]
    await asyncio.sleep(0.1)
    before = len(looks)
    await asyncio.sleep(0.2)
    assert len(looks) == before, "nobody waits any more"


@TEN
async def test_a_task_that_somebody_cancels_names_no_reason(queue):
    """Neither where an earlier attempt has left an error."""
    handle = await queue.enqueue("x.y", {})
    [claimed] = await claim(queue)
    await queue.backend.finish([failed(claimed, error="an earlier one")])
    await queue.requeue(handle.id)
    await queue.cancel(handle.id)
    with pytest.raises(TaskCancelled) as cancelled:
        await handle.result(timeout=20)
    assert (str(cancelled.value), cancelled.value.error) == (f"task {handle.id} was cancelled", None)


@TEN
async def test_whoever_comes_late_is_answered_at_once(queue):
    queue.waiting._delays = Backoff(600, 600)
    first, second = await queue.enqueue_many([("x.y", {})] * 2)
    waiting = asyncio.create_task(first.result())
    await asyncio.sleep(0.2)
    claims = await claim(queue, 2)
    await queue.backend.finish([done(each) for each in claims if each.id == second.id])
    assert await second.result(timeout=20) == "done"
    waiting.cancel()


@cases("database", [Case("postgresql", 10), Case("sqlite", 10)])
async def test_an_end_wakes_whoever_waits(queue, database, tmp_path, monkeypatch):
    # Workers forget after five seconds that somebody waits, unless they are told again.
    queue.waiting._delays = Backoff(4, 4, jitter=0)
    wait, woken = queue.backend.wait_for_ends, []

    async def noting(timeout):
        began = time.monotonic()
        await wait(timeout)
        woken.append(time.monotonic() - began < 3)

    monkeypatch.setattr(queue.backend, "wait_for_ends", noting)
    with WorkerProcess(database.url, tmp_path):
        assert await (await queue.enqueue(sample_tasks.add, SUM)).result(timeout=30) == 3
        for _ in range(3):
            woken.clear()
            handle = await queue.enqueue(sample_tasks.slow, {"witness": str(tmp_path / "w"), "key": "k", "seconds": 1})
            waiting = asyncio.create_task(handle.result(timeout=30))
            other = await queue.enqueue(sample_tasks.add, SUM)
            assert await waiting == "k"
            assert any(woken)
            assert (await handle.record()).status == Status.COMPLETED
            assert await other.result(timeout=30) == 3


@TEN
async def test_one_that_is_cancelled_harms_no_other(queue):
    handle = await queue.enqueue("x.y", {})
    one, two = (asyncio.create_task(handle.result()) for _ in range(2))
    await asyncio.sleep(0.1)
    one.cancel()
    [claimed] = await claim(queue)
    await queue.backend.finish([done(claimed)])
    assert await two == "done"
    with pytest.raises(asyncio.CancelledError):
        await one


@TEN
async def test_closing_the_queue_ends_every_wait(queue):
    handle = await queue.enqueue("x.y", {})
    waiting = asyncio.create_task(handle.result())
    await asyncio.sleep(0.1)
    await queue.close()
    with pytest.raises(DatabaseUnavailable, match="the queue was closed"):
        await waiting


@TEN
async def test_watching_yields_each_as_it_ends(queue):
    handles = await queue.enqueue_many([("x.y", {"n": n}) for n in range(4)])
    claims = await claim(queue, 4)
    seen: list[tuple[uuid.UUID, int]] = []

    async def watch():
        async for record in queue.watch([*handles, handles[0].id], timeout=20):
            seen.append((record.id, record.status))

    watching = asyncio.create_task(watch())
    await queue.backend.finish([done(claims[2])])
    await until(lambda: bool(seen))
    assert seen == [(handles[2].id, Status.COMPLETED)]
    await queue.backend.finish([failed(claims[0])])
    await queue.cancel(handles[1].id)
    await queue.backend.finish([done(claims[3])])
    await asyncio.wait_for(watching, 5)
    assert {task_id for task_id, _ in seen} == {handle.id for handle in handles}
    assert len(seen) == 4
    assert (handles[1].id, Status.CANCELLED) in seen
    assert [record async for record in queue.watch([])] == []


@TEN
async def test_watching_says_what_it_cannot_see(queue):
    handle = await queue.enqueue("x.y", {})
    with pytest.raises(ResultTimeout, match=r"no task has ended for 0\.2 seconds"):
        [record async for record in queue.watch([handle], timeout=0.2)]
    with pytest.raises(TaskNotFound):
        [record async for record in queue.watch([handle, uuid.uuid4()], timeout=5)]


@TEN
async def test_what_has_ended_is_yielded_before_it_is_said_that_another_is_missing(queue):
    handles = await queue.enqueue_many([("x.y", {})] * 3)
    await queue.backend.finish([done(each) for each in await claim(queue, 2)])
    seen = set()

    async def watch():
        async for record in queue.watch([uuid.uuid4(), *handles], timeout=20):
            seen.add(record.id)

    with pytest.raises(TaskNotFound):
        await watch()
    assert seen == {handle.id for handle in handles[:2]}


@cases("database", [Case("sqlite", 10)])
async def test_whatever_goes_wrong_with_a_look_is_told(queue, monkeypatch):
    async def broken(*_):
        raise ValueError("on purpose")

    handle = await queue.enqueue("x.y", {})
    for verb, wait in (("observe", lambda: handle.result(timeout=20)), ("read_output", lambda: read_all(handle, []))):
        with monkeypatch.context() as patch:
            patch.setattr(queue.backend, verb, broken)
            with pytest.raises(ValueError, match="on purpose"):
                await wait()
    waiting = asyncio.create_task(handle.result(timeout=20))
    await asyncio.sleep(0.1)
    await queue.backend.finish([done(each) for each in await claim(queue)])
    assert await waiting == "done", "the next one who waits is not harmed"


@TEN
async def test_streams_are_read_at_one_pace_however_often_there_is_news(queue, monkeypatch):
    """Looking may take a tenth of the time, also with twenty streams and a database that always has news."""
    reads, spent = 0, 0.0
    read_output = queue.backend.read_output

    async def counted(*args):
        nonlocal reads, spent
        began = time.monotonic()
        try:
            return await read_output(*args)
        finally:
            reads += 1
            spent += time.monotonic() - began

    async def news(_timeout):
        await asyncio.sleep(0)

    monkeypatch.setattr(queue.backend, "read_output", counted)
    monkeypatch.setattr(queue.backend, "wait_for_ends", news)
    handles = await queue.enqueue_many([("x.y", {})] * 20)
    claims = {each.id: each for each in await claim(queue, 20)}
    pieces: list[list[str]] = [[] for _ in handles]
    began = time.monotonic()
    reading = [asyncio.create_task(read_all(*each)) for each in zip(handles, pieces, strict=True)]
    await until(lambda: reads >= 200)
    assert spent < (time.monotonic() - began) / 4
    chunks = [OutputChunk(each.id, each.token, 0, str(each.id)) for each in claims.values()]
    await queue.backend.append_output(chunks)
    await until(lambda: all(pieces))
    await queue.backend.finish([done(each, keep_output=True) for each in claims.values()])
    await asyncio.wait_for(asyncio.gather(*reading), 20)
    assert pieces == [[str(handle.id)] for handle in handles]


@TEN
async def test_a_stream_follows_the_output(queue):
    handle = await queue.enqueue("x.y", {})
    pieces: list[str] = []
    reading = asyncio.create_task(read_all(handle, pieces))
    [claimed] = await claim(queue)
    written = ""
    for text in ("one, ", "two, ", "ünd 𝄞, "):
        await queue.backend.append_output([OutputChunk(claimed.id, claimed.token, len(written), text)])
        written += text
        await until(lambda: "".join(pieces) == written)  # noqa: B023 - it is called before the next one
    await queue.backend.finish([done(claimed, output=None, keep_output=True)])
    await asyncio.wait_for(reading, 5)
    assert "".join(pieces) == written
    assert "".join([piece async for piece in handle.stream()]) == written


@TEN
async def test_a_stream_ends_as_its_task_does(queue):
    plain, broken, cancelled, endless = await queue.enqueue_many([("x.y", {})] * 4)
    claims = {each.id: each for each in await claim(queue, 4)}
    large = "ä" * 600_000
    await queue.backend.finish([done(claims[plain.id], output=large), failed(claims[broken.id], output="so far")])
    await queue.cancel(cancelled.id)
    pieces = [piece async for piece in plain.stream()]
    assert "".join(pieces) == large
    assert len(pieces) == 3
    for handle, error, text in ((broken, TaskFailed, "so far"), (cancelled, TaskCancelled, "")):
        seen: list[str] = []
        with pytest.raises(error):
            await read_all(handle, seen)
        assert "".join(seen) == text
    with pytest.raises(ResultTimeout):
        [piece async for piece in endless.stream(timeout=0.3)]
    with pytest.raises(TaskNotFound):
        [piece async for piece in queue.handle(uuid.uuid4()).stream()]


@cases("database", migrated())
async def test_a_stream_goes_on_with_the_next_attempt(queue):
    handle = await queue.enqueue("x.y", {}, max_attempts=2)
    pieces: list[str] = []
    reading = asyncio.create_task(read_all(handle, pieces))
    [one] = await claim(queue)
    await queue.backend.append_output([OutputChunk(one.id, one.token, 0, "first ")])
    await until(lambda: pieces == ["first "])
    retried = AttemptEnd(one.id, one.token, Status.SCHEDULED, None, "no", None, True, 0.1, 1, one.token)
    await queue.backend.end_attempts([retried])
    await asyncio.sleep(0.3)
    [two] = await claim(queue)
    await asyncio.sleep(0.4)
    assert pieces == ["first "]
    await queue.backend.append_output([OutputChunk(two.id, two.token, 0, "second attempt")])
    await until(lambda: len(pieces) > 1)
    end = AttemptEnd(two.id, two.token, Status.COMPLETED, None, None, None, True, None, 1, two.token)
    await queue.backend.end_attempts([end])
    await asyncio.wait_for(reading, 5)
    assert "".join(pieces) == "first second attempt"


async def text_of(reader: OutputReader, queue: Queue) -> str:
    """What it has to read now."""
    pieces = []
    while piece := await reader.read(queue.backend):
        pieces.append(piece)
    return "".join(pieces)


async def run_once(queue: Queue, text: str, **fields: Any) -> None:
    """Let it write this in one attempt, which ends so that another one follows at once."""
    [claimed] = await claim(queue)
    await queue.backend.append_output([OutputChunk(claimed.id, claimed.token, 0, text)])
    values = {"status": Status.QUEUED, "error": "no", "keep_output": True, "delay": None, "attempt": 1, **fields}
    end = AttemptEnd(claimed.id, claimed.token, output=None, log=None, started=claimed.token, **values)
    assert await queue.backend.end_attempts([end]) == {claimed.id}


@cases("database", migrated())
@pytest.mark.parametrize("lost", [False, True])
async def test_what_an_attempt_wrote_since_the_last_look_is_read_until_another_one_writes(queue, lost):
    handle = await queue.enqueue("x.y", {}, max_attempts=3)
    before, late = OutputReader(handle.id), OutputReader(handle.id)
    assert await text_of(before, queue) == ""
    await run_once(queue, "first ", lost=lost)
    assert await text_of(before, queue) == "first "
    assert await text_of(late, queue) == "first ", "it began between two attempts"
    await run_once(queue, "second ", lost=lost)
    [third] = await claim(queue)
    during = OutputReader(handle.id)
    for reader in (before, late, during):
        assert await text_of(reader, queue) == "second ", "nothing of the third yet"
        assert await text_of(reader, queue) == ""
    await queue.backend.append_output([OutputChunk(third.id, third.token, 0, "third, longer than those before")])
    end = done(third, output=None, keep_output=True)
    assert await queue.backend.finish([end]) == {handle.id}
    for reader in (before, late, during):
        assert await text_of(reader, queue) == "third, longer than those before"
        assert reader.ended


@cases("database", migrated())
async def test_a_stream_goes_on_after_a_release(queue):
    handle = await queue.enqueue("x.y", {})
    reader = OutputReader(handle.id)
    for text in ("one", "another"):
        [claimed] = await claim(queue)
        assert await text_of(reader, queue) == ""
        await queue.backend.append_output([OutputChunk(claimed.id, claimed.token, 0, text)])
        await queue.backend.release([Release(claimed.id, claimed.token, claimed.queued_at)])
        assert await text_of(reader, queue) == text
    [claimed] = await claim(queue)
    assert await text_of(reader, queue) == ""
    await queue.backend.finish([done(claimed, output="plain")])
    assert await text_of(reader, queue) == "plain"


@cases("database", migrated())
@pytest.mark.parametrize("when", ["queued", "begun", "written"])
async def test_what_was_queued_again_is_streamed_from_its_new_beginning(queue, when):
    handle = await queue.enqueue("x.y", {})
    [old] = await claim(queue)
    await queue.backend.append_output([OutputChunk(old.id, old.token, 0, "old! ")])
    await queue.backend.finish([failed(old, keep_output=True)])
    assert await queue.requeue(handle.id) == {handle.id}
    readers = [OutputReader(handle.id)] if when == "queued" else []
    assert [await text_of(reader, queue) for reader in readers] == [""] * len(readers)
    [claimed] = await claim(queue)
    readers += [OutputReader(handle.id)] if when == "begun" else []
    assert [await text_of(reader, queue) for reader in readers] == [""] * len(readers)
    await queue.backend.append_output([OutputChunk(claimed.id, claimed.token, 0, "0 1 2 ")])
    [reader] = readers or [OutputReader(handle.id)]
    assert await text_of(reader, queue) == "0 1 2 "
    await queue.backend.append_output([OutputChunk(claimed.id, claimed.token, 6, "3 4 ")])
    await queue.backend.finish([done(claimed, output=None, keep_output=True)])
    assert await text_of(reader, queue) == "3 4 "
    assert (await handle.record()).output == "0 1 2 3 4 "


@cases("database", migrated())
async def test_an_attempt_is_not_lost_by_queueing_the_next_one_now(queue):
    handle = await queue.enqueue("x.y", {}, max_attempts=2)
    reader = OutputReader(handle.id)
    await run_once(queue, "first ", status=Status.SCHEDULED, delay=3600.0)
    await queue.requeue(handle.id)
    assert await text_of(reader, queue) == "first "
    await queue.cancel(handle.id)
    assert await text_of(reader, queue) == ""
    assert reader.ended


@cases("database", [*shaped(DIALECTS, [7, 10])])
async def test_a_table_that_is_not_migrated_streams_what_comes_after_a_requeue(queue):
    handle = await queue.enqueue("x.y", {})
    [old] = await claim(queue)
    await queue.backend.append_output([OutputChunk(old.id, old.token, 0, "old! ")])
    await queue.backend.finish([done(old, output=None, keep_output=True)])
    await queue.requeue(handle.id)
    reader = OutputReader(handle.id)
    assert await text_of(reader, queue) == ""
    [claimed] = await claim(queue)
    assert await text_of(reader, queue) == ""
    await queue.backend.append_output([OutputChunk(claimed.id, claimed.token, 0, "0 1 2 ")])
    assert await text_of(reader, queue) == "0 1 2 "
    await queue.backend.finish([done(claimed, output=None, keep_output=True)])
    assert await text_of(reader, queue) == ""
    assert reader.ended


@cases("database", migrated())
async def test_a_worker_runs_again_what_is_streamed(queue):
    """A generator whose first run has left something, from before its second one begins."""
    handle = await queue.enqueue(sample_tasks.tick, {"number": 5, "pause": 0.2})
    [old] = await claim(queue)
    await queue.backend.append_output([OutputChunk(old.id, old.token, 0, "old! ")])
    await queue.backend.finish([failed(old, keep_output=True)])
    await queue.requeue(handle.id)
    pieces: list[str] = []
    reading = asyncio.create_task(read_all(handle, pieces))
    await asyncio.sleep(0.3)
    await Worker(queue).run(burst=True)
    await asyncio.wait_for(reading, 20)
    assert "".join(pieces) == (await handle.record()).output


async def test_the_seven_columns_do_not_stream_an_error(queue, database):
    handle = await queue.enqueue("x.y", {})
    [claimed] = await claim(queue)
    await queue.backend.finish([failed(claimed, error="broken")])
    with pytest.raises(TaskFailed, match="broken"):
        assert [piece async for piece in handle.stream()] == []


@TEN
async def test_a_worker_in_the_same_loop(queue):
    handle = await queue.enqueue(sample_tasks.add, SUM)
    worker = Worker(queue)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        assert await handle.result(timeout=10) == 3
        assert [record.id async for record in queue.watch([handle])] == [handle.id]
        worker.stop()
