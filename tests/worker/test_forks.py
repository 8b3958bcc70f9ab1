"""Processes that tasks fork: they have no part in the worker's signals, and do not outlive it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from asyncqueue.errors import TaskFailed
from tests.servers.cases import cases, shaped
from tests.worker import forking_tasks, sample_tasks
from tests.worker.process import WorkerProcess, lines, until

pytestmark = cases("database", shaped(["sqlite"], [10]))


def gone(pid: int) -> bool:
    """Whether a process has ended, also where nobody has asked for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def test_a_task_that_forks_and_terminates_does_not_stop_the_worker(database, queue, tmp_path):
    with WorkerProcess(database.url, tmp_path) as worker:
        for task in (forking_tasks.terminate, forking_tasks.terminate_in_loop):
            ended = await (await queue.enqueue(task, {"number": 15})).result(timeout=60)
            assert ended == [-signal.SIGTERM] * 15
        assert await (await queue.enqueue(forking_tasks.pool, {"number": 3})).result(timeout=60) == 135
        assert await (await queue.enqueue(forking_tasks.interrupt)).result(timeout=60) == 42
        assert await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=20) == 2
        assert worker.alive
        assert "stopping" not in worker.text()
        worker.signal(signal.SIGTERM)
        assert await worker.wait(20) == 0, "its own signals are still heard"
        assert "SIGTERM: stopping" in worker.text()


@pytest.mark.parametrize(
    "task",
    [
        forking_tasks.return_twice,
        forking_tasks.return_twice_in_loop,
        forking_tasks.isolated_return_twice,
        forking_tasks.isolated_return_twice_async,
    ],
)
async def test_a_forked_process_ends_where_it_returns_from_the_task(database, queue, tmp_path, task):
    witness = tmp_path / "witness"
    with WorkerProcess(database.url, tmp_path):
        child = await (await queue.enqueue(task, {"witness": str(witness)})).result(timeout=20)
        await until(lambda: f"returns {child}" in lines(witness), 20, "the child")
        await until(lambda: gone(child), 20, "its end")
        assert await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=20) == 2


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_a_forked_process_does_not_outlive_its_worker(database, queue, tmp_path, end):
    witness = tmp_path / "witness"
    with WorkerProcess(database.url, tmp_path) as worker:
        children = [
            await (await queue.enqueue(forking_tasks.leave_behind, {"witness": str(witness)})).result(timeout=20),
            await (await queue.enqueue(forking_tasks.leave_process_behind)).result(timeout=20),
        ]
        await until(lambda: len(lines(witness)) == 1, 20, "the child's own child")
        daemon = int(lines(witness)[0].split()[1])
        try:
            assert not any(map(gone, children))
            worker.signal(end)
            assert await worker.wait(30) == (0 if end == signal.SIGTERM else -signal.SIGKILL)
            await until(lambda: all(map(gone, children)), 20, "the ends of its children")
            assert not gone(daemon), "what its children have forked is theirs"
        finally:
            with suppress(ProcessLookupError):
                os.kill(daemon, signal.SIGKILL)


KINDS = ["program", "forked", "grandchild", "task"]


async def left_behind(witness):
    """The PIDs of the processes of an isolated task, by their kind, when all of them are there."""
    await until(lambda: len(lines(witness)) == len(KINDS), 20, "its processes")
    pids = {kind: int(pid) for kind, pid in (line.split() for line in lines(witness))}
    assert sorted(pids) == sorted(KINDS)
    assert not any(map(gone, pids.values()))
    return pids


@pytest.fixture
def witness(tmp_path):
    """A file of PIDs, none of which outlives the test."""
    yield tmp_path / "witness"
    for line in lines(tmp_path / "witness"):
        with suppress(ProcessLookupError):
            os.kill(int(line.split()[1]), signal.SIGKILL)


ISOLATED = [forking_tasks.isolated_leave, forking_tasks.isolated_leave_async]


@pytest.mark.parametrize("task", [*ISOLATED, forking_tasks.isolated_hold_the_interpreter])
async def test_what_an_isolated_task_has_started_ends_with_a_worker_that_is_killed(
    database, queue, tmp_path, task, witness
):
    with WorkerProcess(database.url, tmp_path) as worker:
        await queue.enqueue(task, {"witness": str(witness)})
        pids = await left_behind(witness)
        # Another task's process, and one that this has forked, do not stand for the worker.
        await (await queue.enqueue(forking_tasks.leave_behind, {"witness": str(tmp_path / "other")})).result(timeout=20)
        await until(lambda: len(lines(tmp_path / "other")) == 1, 20, "the other one")
        try:
            worker.signal(signal.SIGKILL)
            await until(lambda: all(map(gone, pids.values())), 20, "the ends of all")
        finally:
            os.kill(int(lines(tmp_path / "other")[0].split()[1]), signal.SIGKILL)


@pytest.mark.parametrize("task", ISOLATED)
async def test_what_an_isolated_task_has_started_ends_with_a_worker_that_stops(
    database, queue, tmp_path, task, witness
):
    with WorkerProcess(database.url, tmp_path, "--grace", "0.1") as worker:
        await queue.enqueue(task, {"witness": str(witness)})
        pids = await left_behind(witness)
        worker.signal(signal.SIGTERM)
        assert await worker.wait(30) == 0
        await until(lambda: all(map(gone, pids.values())), 5, "the ends of all")


@pytest.mark.parametrize("task", ISOLATED)
async def test_what_an_isolated_task_has_started_ends_with_its_process(database, queue, tmp_path, task, witness):
    with WorkerProcess(database.url, tmp_path) as worker:
        handle = await queue.enqueue(task, {"witness": str(witness)})
        pids = await left_behind(witness)
        os.kill(pids["task"], signal.SIGKILL)
        with pytest.raises(TaskFailed, match="exited with code -9"):
            await handle.result(timeout=20)
        await until(lambda: all(map(gone, pids.values())), 20, "the ends of all")
        assert worker.alive


async def test_what_an_isolated_task_has_started_ends_where_it_is_killed_with_its_worker(
    database, queue, tmp_path, witness
):
    with WorkerProcess(database.url, tmp_path) as worker:
        await queue.enqueue(forking_tasks.isolated_leave, {"witness": str(witness)})
        pids = await left_behind(witness)
        worker.signal(signal.SIGSTOP)  # it is not there to see it
        os.kill(pids["task"], signal.SIGKILL)
        worker.signal(signal.SIGKILL)
        await until(lambda: all(map(gone, pids.values())), 20, "the ends of all")


async def test_of_an_isolated_task_that_ends_in_order_programs_go_on(database, queue, tmp_path, witness):
    with WorkerProcess(database.url, tmp_path) as worker:
        await (await queue.enqueue(forking_tasks.isolated_complete, {"witness": str(witness)})).result(timeout=20)
        pids = {kind: int(pid) for kind, pid in (line.split() for line in lines(witness))}
        await until(lambda: gone(pids["task"]) and gone(pids["forked"]), 20, "the ends of those")
        worker.signal(signal.SIGKILL)
        await worker.wait(20)
    assert not gone(pids["program"]), "as one that a plain function has started in a thread"


async def test_sighup_drains(database, queue, tmp_path):
    """As SIGTERM does: a terminal that is closed hands tasks back too."""
    witness = tmp_path / "witness"
    with WorkerProcess(database.url, tmp_path, "--grace", "20") as worker:
        handle = await queue.enqueue(sample_tasks.slow, {"witness": str(witness), "key": "a", "seconds": 1})
        await until(lambda: lines(witness) == ["start a"], what="the start")
        worker.signal(signal.SIGHUP)
        assert await worker.wait(30) == 0
    assert await handle.result(timeout=1) == "a"
