"""G7 and G8: a row that another session has locked delays its own result, and nobody else's."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from asyncqueue import Status, Worker
from asyncqueue.worker import worker as workers
from tests.conformance.transactions import holding
from tests.servers.cases import SERVER_DIALECTS, cases, migrated, shaped
from tests.worker import sample_tasks, talking_tasks
from tests.worker.process import lines, until
from tests.worker.test_live_logs import log_of, says, talking
from tests.worker.test_trouble import slow, working

AT_EITHER_LEVEL = cases("database", [*shaped(SERVER_DIALECTS, [10]), *migrated(SERVER_DIALECTS)])
MIGRATED = cases("database", migrated(SERVER_DIALECTS))
#: With a lease as short the server gives up soon where a statement waits for a lock.
SHORT = {"lease": 6.0, "heartbeat": 1.0, "poll_max": 0.1}


@AT_EITHER_LEVEL
async def test_an_ended_row_that_another_session_has_locked_delays_no_other(queue, database, caplog, tmp_path):
    witness = tmp_path / "witness"
    async with working(queue, concurrency=5, **SHORT) as worker:
        locked = await queue.enqueue(*slow(witness, "locked", 0.5))
        await until(lambda: lines(witness) == ["start locked"], what="the start")
        async with holding(database, locked.id):
            await until(lambda: "end locked" in lines(witness), what="the end")
            others = await queue.enqueue_many([(sample_tasks.add, {"a": n, "b": 1}) for n in range(50)])
            for n, other in enumerate(others):
                assert await other.result(timeout=30) == n + 1
            assert await locked.status() == Status.RUNNING
            assert "because other sessions have locked their rows" in caplog.text
        assert await locked.result(timeout=30) == "locked"
        await until(lambda: worker.progress.completed == 51, what="the news of all ends")
        assert worker.progress.lost == 0
    assert lines(witness) == ["start locked", "end locked"]


@asynccontextmanager
async def locked(database, handles):
    """Lock these rows, each by itself: of several InnoDB would scan the table, and wait for those that others hold."""
    async with AsyncExitStack() as stack:
        for handle in handles:
            await stack.enter_async_context(holding(database, handle.id))
        yield


@MIGRATED
async def test_no_more_results_than_the_concurrency_wait_for_locked_rows(queue, database, caplog, tmp_path):
    """Else their number would grow with every task that somebody locks: then nothing is claimed."""
    witness = tmp_path / "witness"
    go = [tmp_path / "first", tmp_path / "second"]
    async with working(queue, concurrency=2, prefetch=0, **SHORT):
        waiting = [(sample_tasks.waits_for, {"witness": str(witness), "path": str(path)}) for path in go]
        first = await queue.enqueue_many([waiting[0]] * 2)
        await until(lambda: lines(witness).count("start") == 2, what="two starts")
        async with locked(database, first):
            go[0].touch()
            await until(lambda: "because other sessions have locked their rows" in caplog.text, what="two set aside")
            second = await queue.enqueue_many([waiting[1]] * 2)
            await until(lambda: lines(witness).count("start") == 4, what="two more starts")
            async with locked(database, second):
                go[1].touch()
                await until(lambda: "cannot write" in caplog.text, what="the end of writing")
                other = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
                await anyio.sleep(1)
                assert await other.status() == Status.QUEUED
            assert await other.result(timeout=30) == 2
            assert [await handle.status() for handle in first] == [Status.RUNNING] * 2
        for handle in (*first, *second):
            await handle.result(timeout=30)


@MIGRATED
async def test_a_worker_that_stops_writes_all_but_the_locked_row(queue, database, monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(workers, "_LAST_WRITE", 5.0)
    witness = tmp_path / "witness"
    settings = queue.settings.model_copy(update={"concurrency": 6, "grace": 30.0, **SHORT})
    worker = Worker(queue, settings=settings)
    async with anyio.create_task_group() as group:
        group.start_soon(worker.run)
        handles = await queue.enqueue_many([slow(witness, key, 1.0 + key / 10) for key in range(6)])
        await until(lambda: len(lines(witness)) == 6, what="six starts")
        async with holding(database, handles[0].id):
            worker.stop()
            await until(lambda: worker.progress.unwritten > 0, what="the end of the worker")
    assert [await handle.status() for handle in handles] == [Status.RUNNING] + [Status.COMPLETED] * 5
    assert "1 results could not be written: other sessions have locked their rows" in caplog.text
    assert "the database is away" not in caplog.text


@MIGRATED
async def test_a_stream_whose_row_is_locked_delays_no_other(queue, database):
    async with working(queue, concurrency=5, **SHORT):
        locked = await queue.enqueue(sample_tasks.tick, {"number": 600, "pause": 0.1})
        await until(lambda: _streams(queue, locked), what="the first output")
        async with holding(database, locked.id):
            other = await queue.enqueue(sample_tasks.tick, {"number": 5, "pause": 0.3})
            await other.result(timeout=30)
            before = await queue.backend.read_output(locked.id, 0, 10_000)
        await until(lambda: _streams(queue, locked, len(before.text)), 30, "more output")


@AT_EITHER_LEVEL
async def test_a_log_whose_row_is_locked_delays_no_other(queue, database, tmp_path):
    for name in ("locked", "other"):
        (tmp_path / name).mkdir()
    locked, other = await queue.enqueue_many(
        [(talking_tasks.talks, {"folder": str(tmp_path / name)}) for name in ("locked", "other")]
    )
    async with talking(queue, concurrency=5, **SHORT):
        for handle in (locked, other):
            await says(queue, handle, "one ä\n")
        async with holding(database, locked.id):
            for name in ("locked", "other"):
                (tmp_path / name / "go").touch()
            await says(queue, other, "one ä\nWARNING app.talk: two\n")
            assert await log_of(queue, locked) == "one ä\n"
        await says(queue, locked, "one ä\nWARNING app.talk: two\n")
        for name in ("locked", "other"):
            (tmp_path / name / "end").touch()
        assert [await handle.result(timeout=30) for handle in (locked, other)] == ["done", "done"]


@AT_EITHER_LEVEL
async def test_the_last_log_of_a_cancelled_task_whose_row_is_locked_delays_no_other(queue, database, tmp_path):
    for name in ("locked", "other"):
        (tmp_path / name).mkdir()
    locked, other = await queue.enqueue_many(
        [(talking_tasks.cleans_up, {"folder": str(tmp_path / name)}) for name in ("locked", "other")]
    )
    async with talking(queue, concurrency=5, **SHORT):
        for name in ("locked", "other"):
            await until((tmp_path / name / "begun").exists)
        for handle in (locked, other):
            await handle.cancel()
        async with holding(database, locked.id):
            (tmp_path / "locked" / "end").touch()
            (tmp_path / "other" / "end").touch()
            await says(queue, other, "began\ncleaning\ncleaned up\n")
            assert await log_of(queue, locked) != "began\ncleaning\ncleaned up\n"
        await says(queue, locked, "began\ncleaning\ncleaned up\n")


async def _streams(queue, handle, beyond: int = 0) -> bool:
    part = await queue.backend.read_output(handle.id, 0, 10_000)
    return part is not None and len(part.text or "") > beyond
