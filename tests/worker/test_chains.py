"""Tasks after others, as workers run them."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from asyncqueue import Queue, Settings, Status, TaskHandle, TaskRequest, Worker, chain
from asyncqueue.errors import TaskCancelled
from asyncqueue.model import Finish
from asyncqueue.worker import dependencies as resolver
from tests.servers.cases import cases, migrated
from tests.worker import chain_tasks, flaky_tasks, sample_tasks
from tests.worker.process import lines, until
from tests.worker.test_trouble import working

MIGRATED = cases("database", migrated())
SUM = (sample_tasks.add, {"a": 1, "b": 2})


@pytest.fixture
async def queue(database):
    async with Queue(settings=Settings(database_url=database.url, poll_max=0.1)) as queue:
        yield queue


def step(witness: Path, key: str, **fields: Any) -> TaskRequest:
    args = {
        "witness": str(witness),
        "key": key,
        "fails": fields.pop("fails", False),
        "seconds": fields.pop("seconds", 0),
    }
    return TaskRequest(chain_tasks.step, args, **fields)


async def burst(queue: Queue, **settings: Any) -> Worker:
    worker = Worker(queue, settings=queue.settings.model_copy(update=settings))
    await asyncio.wait_for(worker.run(burst=True), 30)
    return worker


async def statuses(handles: list[TaskHandle]) -> list[Any]:
    return [await handle.status() for handle in handles]


@MIGRATED
async def test_a_chain_runs_in_its_order_and_a_burst_does_all_of_it(queue, tmp_path):
    witness = tmp_path / "witness"
    keys = [str(number) for number in range(10)]
    handles = await queue.enqueue_many(chain(*[step(witness, key) for key in keys]))
    assert await queue.count(status=Status.SCHEDULED) == 9
    worker = await burst(queue)
    assert lines(witness) == [f"{what} {key}" for key in keys for what in ("start", "end")]
    assert await statuses(handles) == [Status.COMPLETED] * 10
    assert worker.progress.completed == 10


@MIGRATED
async def test_a_group_and_what_follows_read_its_results(queue, tmp_path):
    witness = tmp_path / "witness"
    parts = [SUM, step(witness, "bad", fails=True), step(witness, "a")]
    last = [TaskRequest(each, on_failure="run") for each in (chain_tasks.collect, chain_tasks.collect_in_a_thread)]
    *_, collected, threaded = await queue.enqueue_many(chain(parts, last))
    await burst(queue)
    assert await collected.result(timeout=5) == (
        "add <Status.COMPLETED: 2> 3 None\n"
        "step <Status.FAILED: 3> None ValueError('bad on purpose')\n"
        "step <Status.COMPLETED: 2> a None"
    )
    assert await threaded.result(timeout=5) == ["3", None, "a"]
    found = [each.result_as(int) async for each in queue.predecessors(threaded.id)]
    assert found == [3, None, "a"]
    assert await queue.predecessors(uuid.uuid4()) == []


@cases("database", migrated(["sqlite"]))
async def test_where_predecessors_cannot_be_read(queue):
    requests = chain(SUM, (chain_tasks.collect_in_a_process, {}))
    _, isolated, wrong, alone = await queue.enqueue_many(
        [*requests, (chain_tasks.wrong, {}), (chain_tasks.collect, {})]
    )
    await burst(queue)
    assert "in a process of its own" in (await isolated.record()).error
    assert "use `async for`" in (await wrong.record()).error
    assert await alone.result(timeout=1) == ""


@MIGRATED
async def test_a_failure_cancels_what_comes_after_and_names_the_one_that_failed(queue, tmp_path):
    witness = tmp_path / "witness"
    bad = step(witness, "bad", fails=True)
    second = TaskRequest(*SUM, after=bad)
    third = TaskRequest(*SUM, after=[second])
    anyway = step(witness, "anyway", after=[bad, third], on_failure="run")
    handles = await queue.enqueue_many([bad, second, third, anyway])
    await burst(queue)
    assert await statuses(handles) == [Status.FAILED, Status.CANCELLED, Status.CANCELLED, Status.COMPLETED]
    errors = [(await handle.record()).error for handle in handles]
    path = "tests.worker.chain_tasks.step"
    assert errors[1] == f"Task cancelled: task {handles[0].id} ({path}), which it was to run after, has failed"
    assert f"task {handles[1].id} (tests.worker.sample_tasks.add)" in errors[2]
    with pytest.raises(TaskCancelled, match=f"was cancelled: task {handles[0].id} .*has failed") as cancelled:
        await handles[1].result(timeout=20)
    assert cancelled.value.error == errors[1]


@MIGRATED
async def test_a_task_that_is_tried_again_has_not_ended(queue, tmp_path):
    witness = tmp_path / "witness"
    tried = TaskRequest(flaky_tasks.third_time, {"witness": str(witness)})
    async with working(queue, poll_max=0.1):
        *_, behind = await queue.enqueue_many(chain(tried, step(witness, "behind")))
        assert await behind.result(timeout=20) == "behind"
    assert lines(witness) == ["attempt 1", "attempt 2", "attempt 3", "start behind", "end behind"]


@MIGRATED
async def test_after_tasks_that_are_there(queue, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(*SUM)
    behind = await queue.enqueue(*step(witness, "behind")[:2], after=handle)
    await burst(queue)
    assert await statuses([handle, behind]) == [Status.COMPLETED] * 2
    later = await queue.enqueue(*step(witness, "later")[:2], after=[handle.id, behind])
    gone = await queue.enqueue(*step(witness, "gone")[:2], after=[handle, uuid.uuid4()])
    assert await statuses([later, gone]) == [Status.SCHEDULED] * 2
    await burst(queue)
    assert await statuses([later, gone]) == [Status.COMPLETED, Status.CANCELLED]
    assert "is not there" in ((await gone.record()).error or "")
    assert [line for line in lines(witness) if line.startswith("end")] == ["end behind", "end later"]


@MIGRATED
async def test_after_one_that_runs_here_already(queue, tmp_path):
    witness = tmp_path / "witness"
    [long] = await queue.enqueue_many([step(witness, "long", seconds=1)])
    async with working(queue, poll_max=0.1):
        await until(lambda: lines(witness) == ["start long"], 10, "the start")
        [behind] = await queue.enqueue_many([step(witness, "behind", after=long)])
        await behind.result(timeout=20)
    assert lines(witness) == ["start long", "end long", "start behind", "end behind"]


@MIGRATED
async def test_tasks_enqueue_others_after_themselves(queue, database, tmp_path):
    witness = tmp_path / "witness"
    args = {"url": database.url, "witness": str(witness), "count": 5}
    handle = await queue.enqueue(chain_tasks.fan_out, args)
    await burst(queue, concurrency=1)
    assert await handle.status() == Status.COMPLETED
    assert await queue.count(status=Status.COMPLETED) == 7
    assert lines(witness)[-2:] == ["start last", "end last"]
    assert "end fan_out" in lines(witness)


@MIGRATED
async def test_cancelling_cancels_what_comes_after(queue, tmp_path):
    handles = await queue.enqueue_many(chain(SUM, SUM, TaskRequest(*SUM, on_failure="run")))
    assert await queue.cancel(handles[0].id) == {handles[0].id}
    assert await statuses(handles) == [Status.CANCELLED, Status.CANCELLED, Status.QUEUED]
    await burst(queue)
    assert await handles[2].status() == Status.COMPLETED


@MIGRATED
async def test_a_worker_that_starts_finds_what_another_one_left(queue):
    """The end was written, and then the worker died; a row was deleted; Django's worker ended one."""
    handles = await queue.enqueue_many([*chain(SUM, SUM), *chain(SUM, TaskRequest(*SUM, on_failure="run"))])
    claims = await queue.backend.claim(5, worker_pid=None)
    await queue.backend.finish([Finish(claim.id, claim.token, Status.COMPLETED) for claim in claims])
    assert await statuses(handles) == [Status.COMPLETED, Status.SCHEDULED] * 2
    await burst(queue)
    assert await statuses(handles) == [Status.COMPLETED] * 4


@MIGRATED
async def test_a_worker_that_runs_finds_what_nobody_tells_it(queue, database):
    async with working(queue, lease=2.0, heartbeat=0.3, poll_max=0.1, timeout=60):
        first, second = await queue.enqueue_many(chain(TaskRequest(*SUM, queue="nobody's"), SUM))
        await queue.pause("nobody's")
        # In a thread: the worker in this event loop may hold a lock that the statement waits for.
        some = f"UPDATE {database.table} SET status = 2 WHERE queue = %s"
        await asyncio.to_thread(database.execute, some, "nobody's")
        assert await second.result(timeout=20) == 3
    assert await first.status() == Status.COMPLETED


@MIGRATED
async def test_a_sweep_over_many_does_what_follows_from_each_part_before_the_next(queue, monkeypatch):
    monkeypatch.setattr(resolver, "_SWEEP_LIMIT", 2)
    handles = await queue.enqueue_many([each for _ in range(5) for each in chain(SUM, SUM)])
    claims = await queue.backend.claim(10, worker_pid=None)
    await queue.backend.finish([Finish(claim.id, claim.token, Status.COMPLETED) for claim in claims])
    assert len(claims) == 5
    done: list[str] = []
    chains = queue.backend.dependencies
    unresolved, resolve = chains.unresolved, chains.resolve

    async def looking(**values):
        done.append("look")
        return await unresolved(**values)

    async def resolving(ids):
        done.append("resolve")
        return await resolve(ids)

    monkeypatch.setattr(chains, "unresolved", looking)
    monkeypatch.setattr(chains, "resolve", resolving)
    await burst(queue)
    assert done[:5] == ["look", "resolve"] * 2 + ["look"]
    assert await statuses(handles) == [Status.COMPLETED] * 10


@MIGRATED
async def test_a_sweep_over_many_takes_little_of_the_time_and_goes_on_where_it_was(queue, monkeypatch):
    monkeypatch.setattr(resolver, "_SWEEP_LIMIT", 1)
    handles = await queue.enqueue_many([each for _ in range(4) for each in chain(SUM, SUM)])
    first = sorted(handle.id for handle in handles[::2])
    looks: list[tuple[float, float, str | None]] = []
    unresolved = queue.backend.dependencies.unresolved

    async def looking(*, limit, resume_from=None):
        began = time.monotonic()
        found = await unresolved(limit=limit, resume_from=resume_from)
        looks.append((began, time.monotonic(), resume_from))
        return found

    monkeypatch.setattr(queue.backend.dependencies, "unresolved", looking)
    await queue.pause("default")
    async with working(queue, lease=2.0, heartbeat=0.3, poll_max=0.1, timeout=60):
        await until(lambda: len(looks) >= 15, 30, "three sweeps")
    begun_at = [each for *_, each in looks]
    assert begun_at[:15] == [None, *map(str, first)] * 3
    for one, following in itertools.pairwise(looks[5:15]):
        if following[2] is not None:
            assert following[0] - one[0] >= 19 * (one[1] - one[0])
