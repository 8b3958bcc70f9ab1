"""G3 and G5: a row that was put back while it ran, and that the same worker claims again."""

from __future__ import annotations

import os

import pytest

from asyncqueue import Status
from tests.servers.cases import DIALECTS, cases, migrated, shaped
from tests.worker import again_tasks
from tests.worker.process import lines, until
from tests.worker.test_trouble import working

AT_EITHER_LEVEL = cases("database", [*shaped(DIALECTS, [10]), *migrated()])
#: No heartbeat looks at a row while a test goes on.
QUIET = {"heartbeat": 100.0, "lease": 900.0, "poll_max": 0.1, "grace": 300.0}
KINDS = [again_tasks.in_the_loop, again_tasks.in_a_thread, again_tasks.in_a_process]


async def cancelled_and_requeued(queue, _database, ids):
    await queue.cancel(*ids)
    await queue.requeue(*ids)


async def set_back_by_an_administrator(_queue, database, _ids):
    database.execute(f"UPDATE {database.table} SET status = 0")


HOW = pytest.mark.parametrize("put_back", [cancelled_and_requeued, set_back_by_an_administrator])


@HOW
@AT_EITHER_LEVEL
async def test_a_run_whose_row_this_worker_claims_again_is_stopped(queue, database, put_back, caplog, tmp_path):
    witness, let_go = tmp_path / "witness", tmp_path / "let-go"
    args = {"witness": str(witness), "let_go": str(let_go)}
    async with working(queue, concurrency=6, **QUIET) as worker:
        handles = await queue.enqueue_many([(kind, args) for kind in KINDS])
        await until(lambda: len(lines(witness)) == 3, what="three starts")
        await put_back(queue, database, [handle.id for handle in handles])
        await until(lambda: len(lines(witness)) == 7, what="three starts more, and that one was stopped")
        seen = lines(witness)
        assert [line for line in seen if line.endswith("loop")] == ["start loop", "stopped loop", "start loop"]
        assert seen.count("start thread") == 2
        first, _ = (int(line.split()[-1]) for line in seen if line.startswith("start process"))
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        for handle in handles:
            assert f"stopping task {handle.id} " in caplog.text
        assert worker.progress.running == 3
        assert worker.progress.abandoned_threads == 1
        let_go.touch()
        assert [await handle.result(timeout=30) for handle in handles] == ["loop", "thread", "process"]
        await until(lambda: worker.progress.completed == 3, what="the news of all ends")
        await until(lambda: worker.progress.abandoned_threads == 0, what="the end of the first thread")
        assert worker.progress.lost + worker.progress.cancelled == 3
    assert len(lines(witness)) == 7


@HOW
@AT_EITHER_LEVEL
async def test_the_next_run_begins_when_the_clean_up_of_the_earlier_one_is_over(queue, database, put_back, tmp_path):
    witness, let_go = tmp_path / "witness", tmp_path / "let-go"
    async with working(queue, concurrency=3, **QUIET) as worker:
        handle = await queue.enqueue(again_tasks.cleans_up_slowly, {"witness": str(witness), "let_go": str(let_go)})
        await until(lambda: lines(witness) == ["start"], what="the start")
        for _ in range(4):  # from the second time on a claim is put back that has not begun
            await put_back(queue, database, [handle.id])
            await until(lambda: running(handle), what="another claim")
        other = await queue.enqueue("tests.worker.sample_tasks.add", {"a": 1, "b": 1})
        assert await other.result(timeout=30) == "2", "it keeps no other waiting"
        assert lines(witness) == ["start", "cleans up"]
        assert worker.progress.running == 1
        let_go.touch()
        await handle.result(timeout=30)
    assert lines(witness) == ["start", "cleans up", "cleaned up", "start"]


@AT_EITHER_LEVEL
async def test_a_worker_that_stops_hands_back_what_waits_for_an_earlier_run(queue, database, tmp_path):
    witness, let_go = tmp_path / "witness", tmp_path / "let-go"
    async with working(queue, concurrency=3, **QUIET) as worker:
        handle = await queue.enqueue(again_tasks.cleans_up_slowly, {"witness": str(witness), "let_go": str(let_go)})
        await until(lambda: lines(witness) == ["start"], what="the start")
        await set_back_by_an_administrator(queue, database, [handle.id])
        await until(lambda: running(handle), what="the second claim")
        await until(lambda: worker.progress.buffered == 1, what="the wait for the first run")
        worker.stop()
        await until(lambda: queued(handle), what="the hand-back")
        let_go.touch()
    assert lines(witness) == ["start", "cleans up", "cleaned up"]
    assert await handle.status() == Status.QUEUED
    assert worker.progress.unwritten == 0


async def running(handle):
    return await handle.status() == Status.RUNNING


async def queued(handle):
    return await handle.status() == Status.QUEUED
