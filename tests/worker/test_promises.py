"""What is promised of a whole fleet, with eight real workers and a witness outside the database."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from asyncqueue import Queue, Status, TaskRequest
from asyncqueue.model import Declaration
from tests.servers.cases import cases, migrated
from tests.servers.database import Database
from tests.worker import chain_tasks, sample_tasks
from tests.worker.process import WorkerProcess, lines, until
from tests.worker.test_fleet import LEASE
from tests.worker.test_periodic import proved

WORKERS = 8
KILLED = 4
PATH = "tests.worker.sample_tasks.record_id"
MIGRATED = cases("database", migrated())


@MIGRATED
@pytest.mark.timeout(240)
async def test_of_one_unique_key_never_two_tasks_run_at_once(queue, database, tmp_path):
    witness = tmp_path / "witness"
    keys = [f"key {number}" for number in range(5)]
    spawners = 4 * WORKERS
    args = {"url": database.url, "witness": str(witness), "keys": keys, "times": 8}
    await queue.enqueue_many([(sample_tasks.spawn, args) for _ in range(spawners)])
    with ExitStack() as stack:
        workers = [
            stack.enter_context(WorkerProcess(database.url, tmp_path, "--concurrency", "10", "--burst"))
            for _ in range(WORKERS)
        ]
        assert [await worker.wait(150) for worker in workers] == [0] * WORKERS
    with WorkerProcess(database.url, tmp_path, "--burst") as last:
        assert await last.wait() == 0
    seen = Counter(lines(witness))
    for key in keys:
        events = [line.split()[0] for line in lines(witness) if line.endswith(key) and not line.startswith("created")]
        assert events == ["start", "end"] * (len(events) // 2), key
        assert seen[f"created {key}"] == seen[f"start {key}"] == seen[f"end {key}"] > 1
    assert await queue.count(status=Status.COMPLETED) == spawners + sum(seen[f"end {key}"] for key in keys)


@MIGRATED
@pytest.mark.timeout(180)
async def test_of_each_tick_one_task_runs_whichever_workers_are_killed(queue, database, tmp_path):
    witness = tmp_path / "witness"
    entry = {"task": PATH, "cron": "* * * * * *", "args": {"witness": str(witness)}}
    since = (await queue.backend.periodic.declare([Declaration(PATH, PATH, "* * * * * *", "UTC")])).now
    with ExitStack() as stack:
        workers = [
            stack.enter_context(WorkerProcess(database.url, tmp_path, *LEASE, ASYNCQUEUE_PERIODIC=json.dumps([entry])))
            for _ in range(WORKERS)
        ]
        await until(lambda: all("worker" in each.text() for each in workers), what="eight workers")
        for worker in workers[:KILLED]:
            await until(partial(_seen, witness, len(lines(witness)) + 2), what="two ticks")
            worker.signal(signal.SIGKILL)
            await worker.wait()
        await until(partial(_seen, witness, len(lines(witness)) + 3), what="three ticks of those that are left")
        await until(lambda: _nothing_runs(queue), what="a rescue of what the killed ones held")
        for worker in workers[KILLED:]:
            worker.signal(signal.SIGTERM)
        assert [await worker.wait() for worker in workers[KILLED:]] == [0] * (WORKERS - KILLED)
    ticks = await proved(queue, since, PATH)
    with WorkerProcess(database.url, tmp_path, "--burst") as last:
        assert await last.wait() == 0
    seen = Counter(lines(witness))
    assert seen.keys() == {str(record.id) for record in await queue.list(status=Status.COMPLETED, limit=1000)}
    assert len(seen) == ticks
    again = [key for key, times in seen.items() if times > 1]
    attempts = [await queue.backend.attempts(UUID(key)) for key in again]
    assert all(each and each[0].outcome == "lost" for each in attempts), "a second run is that of a lost worker's task"


def _seen(witness: Path, least: int) -> bool:
    return len(lines(witness)) >= least


async def _nothing_runs(queue: Queue) -> bool:
    return not await queue.count(status=Status.RUNNING)


@MIGRATED
@pytest.mark.timeout(240)
async def test_no_task_begins_before_all_that_it_comes_after_have_ended(queue, database, tmp_path):
    """Four layers in one transaction and two enqueued meanwhile, one worker killed in the middle. Some steps fail."""
    witness, chance = tmp_path / "witness", random.Random(5)
    fails: set[str] = set()
    anyway: set[str] = set()
    layers: list[list[TaskRequest]] = [[]]
    before: dict[str, list[str]] = {}

    def request(key: str, after: list[Any]) -> TaskRequest:
        if chance.random() < 0.06:
            fails.add(key)
        if after and chance.random() < 0.5:
            anyway.add(key)
        args = {"witness": str(witness), "key": key, "fails": key in fails}
        return TaskRequest(
            chain_tasks.step,
            args,
            after=after or None,
            on_failure=("run" if key in anyway else "cancel") if after else None,
        )

    for depth in range(4):
        earlier = [each for layer in layers for each in layer]
        layers.append([])
        for number in range(60):
            after = chance.sample(earlier, chance.randint(1, 6)) if depth else []
            key = f"{depth}-{number}"
            layers[-1].append(request(key, after))
            before[key] = keys_of(after)
    requests = [each for layer in layers for each in layer]
    chance.shuffle(requests)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(WorkerProcess(database.url, tmp_path, *LEASE, "--concurrency", "5"))
            for _ in range(WORKERS)
        ]
        await until(lambda: all("worker" in each.text() for each in workers), what="eight workers")
        handles = dict(zip(keys_of(requests), await queue.enqueue_many(requests), strict=True))
        for number in range(80):
            key, names = f"later-{number}", chance.sample(sorted(handles), chance.randint(1, 6))
            before[key] = names
            after = [handles[name] for name in names]
            task, args, *_ = wanted = request(key, list(after))
            handles[key] = await queue.enqueue(task, args, after=after, on_failure=wanted.on_failure)
            if number == 40:
                await until(lambda: len(lines(witness)) > 100, what="the middle")
                workers[0].signal(signal.SIGKILL)

        async def over() -> bool:
            return not await queue.count(status=(Status.SCHEDULED, Status.QUEUED, Status.RUNNING))

        await until(over, 120, "the end of all")
        for worker in workers[1:]:
            worker.signal(signal.SIGTERM)
        assert [await worker.wait() for worker in workers[1:]] == [0] * (WORKERS - 1)
    expected = ends_of(before, fails, anyway)
    found = {record.id: record.status for record in await queue.list(limit=1000)}
    assert {key: found[handles[key].id] for key in before} == expected
    events = lines(witness)
    first_start = {line: place for place, line in reversed(list(enumerate(events)))}
    last = {line: place for place, line in enumerate(events)}
    early = [
        (name, key)
        for key, names in before.items()
        for name in names
        if expected[key] != Status.CANCELLED and expected[name] != Status.CANCELLED
        if max(last[f"start {name}"], first_start[f"end {name}"]) > first_start[f"start {key}"]
    ]
    assert early == []
    seen = Counter(events)
    begun = {key for key in before if seen[f"start {key}"]}
    assert begun == {key for key, status in expected.items() if status != Status.CANCELLED}
    again = {key for key in before if seen[f"start {key}"] > 1}
    lost = {str(handles[key].id) for key in again}
    attempts = {key: await queue.backend.attempts(handles[key].id) for key in again}
    assert all(each[0].outcome == "lost" for each in attempts.values()), lost
    assert len({each[0].worker for each in attempts.values()}) <= 1, "only what the killed one held"


def ends_of(before: dict[str, list[str]], fails: set[str], anyway: set[str]) -> dict[str, Status]:
    """How each is to end, by what it comes after, in an order in which that comes first."""
    ends: dict[str, Status] = {}
    for key, names in before.items():
        stopped = key not in anyway and any(ends[name] != Status.COMPLETED for name in names)
        ends[key] = Status.CANCELLED if stopped else Status.FAILED if key in fails else Status.COMPLETED
    assert set(ends.values()) == {Status.CANCELLED, Status.FAILED, Status.COMPLETED}
    return ends


def keys_of(requests: list[TaskRequest]) -> list[str]:
    """The keys of these."""
    return [each.args["key"] for each in requests if each.args is not None]


def end_long_ago(database: Database) -> None:
    """Let every task have ended long ago.

    An id says when its task was enqueued, and a clean-up of PostgreSQL passes over ids that are younger than the age.
    """
    ids = ", id = md5(id::text)::uuid" if database.dialect == "postgresql" else ""
    database.execute(f"UPDATE {database.table} SET status = 2, modified = '2020-01-01 00:00:00'{ids}")


@MIGRATED
@pytest.mark.timeout(180)
async def test_a_clean_up_goes_on_when_the_worker_that_does_it_is_killed(queue, database, tmp_path):
    rows = 40_000
    await queue.enqueue_many([("x.y", {})] * rows)
    end_long_ago(database)
    kept = await queue.enqueue_many([("x.z", {})] * 3, delay=3600)
    options = ("--keep-completed", "1d", "--cleanup-interval", "2s")

    async def begun() -> bool:
        return bool(await queue.count(status=Status.COMPLETED) < rows)

    async def over() -> bool:
        return bool(await queue.count(status=Status.COMPLETED) == 0)

    with WorkerProcess(database.url, tmp_path, *options) as one:
        await until(begun, what="the first deletion")
        one.signal(signal.SIGKILL)
        await one.wait()
        assert not await over(), "the worker was killed too late: the test shows nothing"
        with ExitStack() as stack:
            for _ in range(WORKERS - 1):
                stack.enter_context(WorkerProcess(database.url, tmp_path, *options))
            await until(over, 90, "the end of the clean-up")
    assert {record.id for record in await queue.list()} == {handle.id for handle in kept}


@MIGRATED
@pytest.mark.timeout(180)
async def test_of_all_workers_one_at_a_time_cleans_up(queue, database, tmp_path):
    witness = tmp_path / "witness"
    options = ("--keep-completed", "1d", "--cleanup-interval", "5s", "--import", "tests.worker.witness_cleaning")
    await queue.enqueue_many([("x.y", {})] * 20_000)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                WorkerProcess(database.url, tmp_path, *options, "--queue", "none", WITNESS=str(witness))
            )
            for _ in range(WORKERS)
        ]
        await until(lambda: all("worker" in each.text() for each in workers), what="eight workers")
        end_long_ago(database)
        begun = len(lines(witness))

        async def over() -> bool:
            return len(lines(witness)) >= begun + 6 and not await queue.count()

        await until(over, 120, "three turns and the end of the clean-up")
        for worker in workers:
            worker.signal(signal.SIGTERM)
        assert [await worker.wait() for worker in workers] == [0] * WORKERS
    events = [line.split() for line in lines(witness)]
    assert [what for what, _ in events] == ["start", "end"] * (len(events) // 2)
    assert [pid for _, pid in events[::2]] == [pid for _, pid in events[1::2]]
