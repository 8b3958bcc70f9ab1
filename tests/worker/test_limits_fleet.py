"""What limits promise of a whole fleet, with eight real workers, one of which is killed, and a witness."""

from __future__ import annotations

import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from asyncqueue import Queue, Status
from tests.servers.cases import cases, migrated
from tests.worker import limited_tasks
from tests.worker.process import WorkerProcess, lines, until

WORKERS = 8
MIGRATED = cases("database", migrated())
LIMIT = 3
KEYS = 5
RATE = 40
#: Seconds that a claim may take. A start is noted as the time at which the claim began, which may find a task that was
#: admitted while it ran; on SQLite nobody writes meanwhile.
A_CLAIM = 0.05
#: A release of an application, which says how many of its tasks may run at once.
RELEASE = """
from asyncqueue import task

@task(limit={limit})
async def job(): ...
"""


def most_at_once(witness: Path, killed: dict[int, int]) -> dict[str, int]:
    """How many tasks of each key ran at once at most. What a killed worker ran ended when it was killed."""
    events: list[tuple[int, int, str, str]] = []
    open_runs: dict[tuple[str, str, str], int] = {}
    for line in lines(witness):
        at, what, pid, key, number = line.split()
        if what == "free":
            continue
        events.append((int(at), 1 if what == "start" else -1, key, number))
        if what == "start":
            open_runs[pid, key, number] = open_runs.get((pid, key, number), 0) + 1
        else:
            open_runs[pid, key, number] -= 1
    for (pid, key, number), count in open_runs.items():
        if count:
            assert int(pid) in killed, f"{key} {number} began in {pid} and did not end"
            events.append((killed[int(pid)], -count, key, number))
    now: Counter[str] = Counter()
    most: dict[str, int] = {}
    for _, change, key, _ in sorted(events):
        now[key] += change
        most[key] = max(most.get(key, 0), now[key])
    return most


async def ended(queue: Queue, tasks: int) -> bool:
    return await queue.count(status=Status.COMPLETED) == tasks


@MIGRATED
@pytest.mark.timeout(240)
async def test_of_one_key_never_more_run_at_once_than_its_limit_whoever_is_killed(queue, database, tmp_path):
    witness, limited, free = tmp_path / "witness", 1500, 500
    args = {"witness": str(witness)}
    await queue.enqueue_many(
        [
            *((limited_tasks.watched, {**args, "key": f"k{n % KEYS}", "number": n}) for n in range(limited)),
            *((limited_tasks.unlimited, {**args, "number": n}) for n in range(free)),
        ]
    )
    killed: dict[int, int] = {}
    options = ("--lease", "4", "--heartbeat", "0.5", "--concurrency", "10")
    with ExitStack() as stack:
        workers = [stack.enter_context(WorkerProcess(database.url, tmp_path, *options)) for _ in range(WORKERS)]

        def runs_in(worker: WorkerProcess) -> bool:
            mine = [line.split()[1] for line in lines(witness) if f" {worker.pid} k" in line]
            return mine.count("start") > 20 and mine.count("start") > mine.count("end")

        victim: list[WorkerProcess] = []

        def found() -> bool:
            victim[:] = [worker for worker in workers if runs_in(worker)]
            return bool(victim)

        await until(found, what="a worker that runs limited tasks")
        victim[0].signal(signal.SIGKILL)
        await victim[0].wait()
        killed[victim[0].pid] = time.monotonic_ns()
        await until(lambda: ended(queue, limited + free), 150, "the end of all tasks")
        for worker in workers:
            if worker.alive:
                worker.signal(signal.SIGTERM)
                assert await worker.wait() == 0
    most = most_at_once(witness, killed)
    assert set(most) == {f"k{number}" for number in range(KEYS)}
    assert max(most.values()) <= LIMIT
    assert max(most.values()) == LIMIT, "the limit was never reached: the test shows nothing"
    done = Counter(line.split()[4] for line in lines(witness) if line.split()[1] == "end")
    assert len(done) == limited
    [state] = await queue.limits()
    assert state.held == 0


@MIGRATED
@pytest.mark.timeout(240)
async def test_no_more_start_in_any_window_than_the_rate_in_the_whole_fleet(queue, database, tmp_path):
    witness, tasks = tmp_path / "witness", 240
    args = {"witness": str(witness)}
    await queue.enqueue_many([(limited_tasks.counted, {**args, "number": number}) for number in range(tasks)])
    with ExitStack() as stack:
        workers = [
            stack.enter_context(WorkerProcess(database.url, tmp_path, "--concurrency", "10")) for _ in range(WORKERS)
        ]
        await until(lambda: ended(queue, tasks), 120, "the end of all tasks")
        for worker in workers:
            worker.signal(signal.SIGTERM)
        assert [await worker.wait() for worker in workers] == [0] * WORKERS
    assert Counter(line.split()[4] for line in lines(witness)) == Counter(str(number) for number in range(tasks))
    records = await queue.list(limit=tasks)
    at = sorted(record.started.timestamp() for record in records if record.started is not None)
    assert len(at) == tasks
    nearest = min(later - first for first, later in zip(at, at[RATE:], strict=False))
    assert nearest >= 1.0 - (0.0 if database.dialect == "sqlite" else A_CLAIM)
    assert at[-1] - at[0] < 60, "the rate is used"


@MIGRATED
@pytest.mark.parametrize("by", ["cancel", "django"])
async def test_a_cancelled_run_keeps_its_place_until_it_has_cleaned_up(queue, database, tmp_path, by):
    witness = tmp_path / "witness"
    args = {"witness": str(witness)}
    stuck = await queue.enqueue(limited_tasks.lingering, {**args, "number": 0, "seconds": 3600})
    with ExitStack() as stack:
        workers = [stack.enter_context(WorkerProcess(database.url, tmp_path, "--heartbeat", "0.5")) for _ in range(2)]
        await until(lambda: len(lines(witness)) == 1, what="the start of the first task")
        await queue.enqueue(limited_tasks.lingering, {**args, "number": 1, "seconds": 0})
        if by == "cancel":
            await queue.cancel(stuck.id)
        else:
            database.execute(f"UPDATE {database.table} SET status = 4, worker_pid = NULL WHERE status = 1")
        # Whoever sets this one aside looks whether there is a slot.
        await queue.enqueue(limited_tasks.lingering, {**args, "number": 2, "seconds": 0})
        await until(lambda: ended(queue, 2), what="the end of the others")
        for worker in workers:
            worker.signal(signal.SIGTERM)
        assert [await worker.wait() for worker in workers] == [0, 0]
    assert most_at_once(witness, {}) == {"lingering": 1}
    assert len(lines(witness)) == 6


@MIGRATED
async def test_while_releases_are_mixed_the_newest_one_says_what_the_limit_is(queue, database, tmp_path):
    def release(name: str, limit: int) -> WorkerProcess:
        (tmp_path / name).mkdir()
        (tmp_path / name / "released.py").write_text(RELEASE.format(limit=limit))
        return WorkerProcess(database.url, tmp_path, "--queue", name, PYTHONPATH=str(tmp_path / name))

    async def run_in(name: str) -> int | None:
        await (await queue.enqueue("released.job", queue=name)).result()
        [state] = await queue.limits()
        capacity: int | None = state.limit.capacity
        return capacity

    with ExitStack() as stack:
        older = stack.enter_context(release("older", 1))
        old = stack.enter_context(release("old", 1))
        await old.wait_for_log("worker ")
        await older.wait_for_log("worker ")
        assert await run_in("old") == 1
        new = stack.enter_context(release("new", 5))
        assert await run_in("new") == 5
        assert await run_in("older") == 5, "its first task of the function"
        assert await run_in("old") == 5
        for worker in (older, old, new):
            worker.signal(signal.SIGTERM)
            assert await worker.wait() == 0
