"""What must hold for a fleet of real worker processes, on every database."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from asyncqueue import Status
from tests.servers.cases import cases, shaped
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, ended, lines, until

#: At level 1 functions declared with @task run again: see test_losses.py.
LEVEL_0 = cases("database", shaped())
LEASE = ("--lease", "3", "--heartbeat", "0.5", "--timeout", "60")


@pytest.mark.timeout(180)
async def test_four_processes_execute_every_one_of_ten_thousand_tasks_exactly_once(queue, database, tmp_path):
    witness = tmp_path / "witness"
    keys = [str(number) for number in range(10_000)]
    await queue.enqueue_many([(sample_tasks.record, {"witness": str(witness), "key": key}) for key in keys])
    workers = [WorkerProcess(database.url, tmp_path, "--concurrency", "50", "--burst") for _ in range(4)]
    try:
        assert [await worker.wait(150) for worker in workers] == [0, 0, 0, 0]
    finally:
        for worker in workers:
            worker.__exit__(None, None, None)
    assert Counter(lines(witness)) == Counter(keys)
    assert await queue.count(status=Status.COMPLETED) == len(keys)


async def test_sigterm_in_the_middle_of_a_batch_loses_nothing_and_runs_nothing_twice(queue, database, tmp_path):
    witness = tmp_path / "witness"
    keys = [str(number) for number in range(200)]
    await queue.enqueue_many([(sample_tasks.slow, _slow(witness, key, 0.4)) for key in keys])
    before = {record.id: record.modified for record in await queue.list(limit=200)}
    with WorkerProcess(database.url, tmp_path, "--concurrency", "20", "--prefetch", "20", "--grace", "10") as worker:
        await until(lambda: len(lines(witness)) >= 20, what="tasks that run")
        worker.signal(signal.SIGTERM)
        assert await worker.wait(15) == 0
    seen = Counter(line.split()[0] for line in lines(witness))
    assert seen["start"] == seen["end"] < len(keys), "what had begun was allowed to end, within the grace time"
    assert await queue.count(status=Status.COMPLETED) == seen["end"]
    waiting = await queue.list(status=Status.QUEUED, limit=200)
    assert len(waiting) == len(keys) - seen["end"], "what had not started is queued again"
    assert all(record.modified == before[record.id] for record in waiting), "in its old place"
    assert all(record.worker_pid is None for record in waiting)
    with WorkerProcess(database.url, tmp_path, "--burst") as worker:
        assert await worker.wait() == 0
    assert Counter(lines(witness)) == Counter([f"start {key}" for key in keys] + [f"end {key}" for key in keys])


async def test_a_task_that_outlasts_the_grace_time_is_stopped_and_queued_again(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 60))
    with WorkerProcess(database.url, tmp_path, "--grace", "0.5") as worker:
        await until(lambda: lines(witness) == ["start a"], what="the start")
        worker.signal(signal.SIGTERM)
        assert await worker.wait(10) == 0
    assert lines(witness) == ["start a", "stopped a"]
    assert await handle.status() == Status.QUEUED


async def test_a_second_signal_ends_the_grace_time(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 60))
    with WorkerProcess(database.url, tmp_path, "--grace", "60") as worker:
        await until(lambda: lines(witness) == ["start a"], what="the start")
        worker.signal(signal.SIGINT)
        await worker.wait_for_log("waiting up to 60 s for 1 running task")
        worker.signal(signal.SIGINT)
        await worker.wait(10)
    assert lines(witness) == ["start a", "stopped a"]
    assert await handle.status() == Status.QUEUED


@LEVEL_0
async def test_tasks_of_a_killed_worker_fail_with_a_clear_text_after_the_lease(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handles = [await queue.enqueue(sample_tasks.slow, _slow(witness, key, 60)) for key in "abc"]
    with WorkerProcess(database.url, tmp_path, *LEASE) as killed:
        await until(lambda: len(lines(witness)) == 3, what="three starts")
        killed.signal(signal.SIGKILL)
        await killed.wait()
    with WorkerProcess(database.url, tmp_path, *LEASE):
        await until(lambda: ended(queue), what="the rescue")
    for handle in handles:
        record = await handle.record()
        text = record.error if database.shape == 10 else record.output
        assert record.status == Status.FAILED
        assert text is not None
        assert "did not renew the claim for 3 seconds" in text
        assert record.worker_pid is None
    assert len(lines(witness)) == 3, "never silently run again"


async def test_tasks_of_a_killed_worker_run_again_where_that_is_asked_for(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 5))
    with WorkerProcess(database.url, tmp_path, *LEASE) as killed:
        await until(lambda: lines(witness) == ["start a"], what="the start")
        killed.signal(signal.SIGKILL)
        await killed.wait()
    with WorkerProcess(database.url, tmp_path, *LEASE, "--on-lost", "requeue"):
        await until(lambda: ended(queue), what="the second run")
    assert await handle.status() == Status.COMPLETED
    assert lines(witness) == ["start a", "start a", "end a"]


@LEVEL_0
async def test_a_worker_that_was_paused_past_its_lease_cannot_overwrite_the_newer_state(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 2))
    with WorkerProcess(database.url, tmp_path, *LEASE) as paused:
        await until(lambda: lines(witness) == ["start a"], what="the start")
        await paused.pause(database)
        with WorkerProcess(database.url, tmp_path, *LEASE):
            await until(lambda: ended(queue), what="the rescue")
        rescued = await handle.record()
        paused.signal(signal.SIGCONT)
        # Whether it first notices that its time is over, or that its claim is.
        await until(lambda: any(text in paused.text() for text in ("not ours any more", "was taken away")))
        await paused.wait_for_log("this process did not run for")
    assert rescued.status == Status.FAILED
    assert await handle.record() == rescued


async def test_a_long_task_keeps_its_lease(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 6))
    with WorkerProcess(database.url, tmp_path, *LEASE), WorkerProcess(database.url, tmp_path, *LEASE):
        await until(lambda: ended(queue), what="the end")
    assert await handle.status() == Status.COMPLETED
    assert lines(witness) == ["start a", "end a"]


async def test_a_draining_worker_keeps_its_leases(queue, database, tmp_path):
    """The grace time may be longer than the lease: heartbeats go on until the last task has ended."""
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 5))
    with WorkerProcess(database.url, tmp_path, *LEASE, "--grace", "30") as draining:
        await until(lambda: lines(witness) == ["start a"], what="the start")
        draining.signal(signal.SIGTERM)
        with WorkerProcess(database.url, tmp_path, *LEASE):
            assert await draining.wait(15) == 0
    assert await handle.status() == Status.COMPLETED
    assert lines(witness) == ["start a", "end a"]


async def test_cancelling_stops_a_running_task_within_a_heartbeat(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 60))
    with WorkerProcess(database.url, tmp_path, *LEASE):
        await until(lambda: lines(witness) == ["start a"], what="the start")
        # A person does this in Django's admin: a save of the whole row.
        database.django.save_status(str(handle.id), int(Status.CANCELLED))
        await until(lambda: "stopped a" in lines(witness), 5, "the stop")
    assert await handle.status() == Status.CANCELLED


async def test_a_cancelled_task_has_the_grace_time_to_clean_up(queue, database, tmp_path):
    """Longer than the five seconds that a task has which is out of time."""
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow_to_stop, _slow(witness, "a", 5.5))
    with WorkerProcess(database.url, tmp_path, *LEASE, "--grace", "20"):
        await until(lambda: lines(witness) == ["start a"], what="the start")
        await handle.cancel()
        await until(lambda: "cleaned up a" in lines(witness), 10, "the clean-up")
    assert await handle.status() == Status.CANCELLED


async def test_an_idle_worker_picks_up_new_tasks_and_ends_on_sigterm(queue, database, tmp_path):
    with WorkerProcess(database.url, tmp_path) as worker:
        for number in range(3):
            handle = await queue.enqueue(sample_tasks.add, {"a": number, "b": 1})
            assert await handle.result(timeout=10) == number + 1
            await asyncio.sleep(0.3)
        worker.signal(signal.SIGTERM)
        assert await worker.wait(10) == 0


def _slow(witness: Path, key: str, seconds: float) -> dict[str, object]:
    return {"witness": str(witness), "key": key, "seconds": seconds}
