"""Places under limits on every database: whose they are while nobody runs, or nobody knows, what has them."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from asyncqueue.backends.common.limits import admission
from asyncqueue.limits import Admission, Limit, Terms
from asyncqueue.model import Link, Status, WorkerInfo
from tests.conformance.helpers import done, release, row
from tests.conformance.test_limits import FOR_LONG, MIGRATED, TASK, admitted, claim, declare, entries, held

LEASE = Terms(lease=FOR_LONG)


async def admit(backend, **options: Any) -> Admission:
    admission: Admission = await backend.limits.admit([TASK], **options)
    return admission


@MIGRATED
@pytest.mark.parametrize("by", ["cancel", "django"])
async def test_a_cancelled_run_keeps_its_place_until_its_worker_says_that_it_is_over(backend, database, by):
    await declare(backend, 1)
    first, second = await held(backend, 2)
    assert await admitted(backend) == 1
    await claim(backend)
    if by == "cancel":
        await backend.cancel([first])
    else:
        database.execute(f"UPDATE {database.table} SET status = 4, worker_pid = NULL WHERE status = 1")
    assert (await admit(backend, terms=LEASE)).admitted == 0
    assert (await admit(backend, terms=Terms(lease=None))).admitted == 0
    assert (await admit(backend, terms=LEASE, ended=[second])).admitted == 0
    assert (await admit(backend, terms=LEASE, ended=[first])).admitted == 1
    assert [each.id for each in await claim(backend)] == [second]


@MIGRATED
async def test_a_cancelled_run_whose_worker_was_lost_leaves_its_place_after_its_lease(backend):
    await declare(backend, 1)
    first, _ = await held(backend, 2)
    assert await admitted(backend) == 1
    await claim(backend)
    await backend.cancel([first])
    await asyncio.sleep(0.05)
    assert (await admit(backend, terms=Terms(lease=0.02))).admitted == 1


@MIGRATED
async def test_what_was_cancelled_before_it_ran_leaves_its_place_at_once(backend):
    await declare(backend, 1)
    first, _ = await held(backend, 2)
    assert await admitted(backend) == 1
    await backend.cancel([first])
    assert (await admit(backend, terms=LEASE)).admitted == 1


@MIGRATED
async def test_a_task_that_is_queued_again_waits_for_its_own_run_that_is_being_stopped(backend, database):
    await declare(backend, 2)
    [first] = await held(backend, 1)
    assert await admitted(backend) == 1
    await claim(backend)
    await backend.cancel([first])
    await backend.requeue([first])
    await claim(backend, 0)
    [second] = await held(backend, 1)
    assert (await admit(backend, terms=LEASE)).admitted == 1
    assert [each.id for each in await claim(backend)] == [second]
    assert (await admit(backend, terms=LEASE)).admitted == 0
    assert (await admit(backend, terms=LEASE, ended=[first])).admitted == 1
    assert [each.id for each in await claim(backend)] == [first]
    assert entries(database) == 2


@MIGRATED
async def test_nobody_is_admitted_in_a_paused_queue(backend):
    await declare(backend, 1)
    [first] = await held(backend, 1, queue="later", priority=5)
    [second] = await held(backend, 1)
    await backend.pause("later", paused=True)
    assert await admitted(backend) == 1
    [running] = await claim(backend)
    assert running.id == second
    await backend.finish([done(running)])
    assert await admitted(backend) == 0
    await backend.pause("later", paused=False)
    assert await admitted(backend) == 1
    assert [each.id for each in await claim(backend)] == [first]


@MIGRATED
async def test_a_place_is_taken_back_from_what_is_queued_where_nobody_claims(backend, database):
    await declare(backend, 2, 2, FOR_LONG)
    running, waiting = await held(backend, 2, queue="later")
    other, last = await held(backend, 2)
    assert await admitted(backend) == 2
    assert [each.id for each in await claim(backend, 1)] == [running]
    await backend.pause("later", paused=True)
    assert await admitted(backend) == 1, "it has not started, so it does not count in the rate, either"
    assert [each.id for each in await claim(backend)] == [other]
    found = await row(backend, waiting)
    assert (found.status, found.run_after, found.links) == (Status.SCHEDULED, None, Link.LIMITED)
    assert (await row(backend, running)).status == Status.RUNNING
    await backend.pause("later", paused=False)
    await declare(backend, 3)
    assert await admitted(backend) == 1
    assert [each.id for each in await claim(backend)] == [waiting], "in its old turn"
    assert (await row(backend, last)).status == Status.SCHEDULED
    assert entries(database) == 4


@MIGRATED
async def test_nobody_is_admitted_in_a_queue_that_no_worker_serves(backend, database):
    def worker(name: str, queues: str | None) -> WorkerInfo:
        return WorkerInfo(name, "here", 1, "1", queues, 1, 30.0)

    await declare(backend, 5)
    a, b, c = [(await held(backend, 1, queue=queue))[0] for queue in ("a", "b", "c")]
    await backend.beat(worker("second", "b=2, d=1"))
    await backend.beat(worker("lost", "c"))
    database.execute("UPDATE asyncqueue_workers SET beat = '2020-01-01 00:00:00.000000' WHERE name = 'lost'")
    mine = Terms(queues=["a"])
    assert (await admit(backend, terms=mine)).admitted == 2
    assert {each.id for each in await claim(backend)} == {a, b}
    await backend.beat(worker("all", None))
    assert (await admit(backend, terms=mine)).admitted == 1
    await backend.leave("all")
    assert (await admit(backend, terms=mine)).admitted == 0
    assert (await row(backend, c)).status == Status.SCHEDULED, "its slot was taken back"
    assert (await admit(backend)).admitted == 1


@MIGRATED
async def test_one_is_let_through_whose_limit_nobody_has_declared_for_long(backend):
    first, second = await held(backend, 2)
    assert await admit(backend, terms=Terms(unknown_for=FOR_LONG)) == Admission(0, {}, frozenset({TASK}))
    for_long = Terms(unknown_for=0.0)
    assert (await admit(backend, terms=for_long)).admitted == 1
    assert (await admit(backend, terms=for_long)).admitted == 0
    [running] = await claim(backend)
    assert running.id == first
    assert (await admit(backend, terms=for_long)).admitted == 0
    await backend.finish([done(running)])
    assert (await admit(backend, terms=for_long, ended=[first])).admitted == 1
    assert [each.id for each in await claim(backend)] == [second]


@MIGRATED
async def test_what_the_youngest_process_declares_counts(backend, another):
    def ago(seconds: float) -> float:
        return time.monotonic() - seconds

    async def capacity() -> int | None:
        [state] = await backend.limits.states()
        return int(state.limit.capacity)

    async with another() as old:
        assert await old.limits.declared([TASK]) == set()
        await old.limits.declare([Limit(TASK, 1)], began=None)
        assert await old.limits.declared([TASK, "app.other"]) == {TASK}
        await old.limits.declare([Limit(TASK, 2)], began=ago(1000))
        assert await capacity() == 2, "a worker knows better than whoever enqueues"
        await backend.limits.declare([Limit(TASK, 3)], began=ago(100))
        assert await capacity() == 3
        await old.limits.declare([Limit(TASK, 2)], began=ago(1001))
        assert await capacity() == 3, "an old release takes nothing back"
        await backend.limits.declare([Limit(TASK, 3)], began=ago(50))
        await old.limits.declare([Limit(TASK, 2)], began=ago(60))
        assert await capacity() == 3, "also where the youngest has said the same as others before"
        await old.limits.declare([Limit(TASK, 2)], began=ago(1))
        assert await capacity() == 2, "started again it is the youngest"


@MIGRATED
async def test_a_released_task_that_starts_once_more_counts_twice(backend):
    await declare(backend, count=4, period=FOR_LONG)
    await held(backend, 5)
    assert await admitted(backend) == 4
    first, second, third, _ = await claim(backend)
    await backend.finish([done(second)])
    await backend.release([release(first)])
    await declare(backend, count=5, period=FOR_LONG)
    assert await admitted(backend) == 0, "three starts, one that was, and one that is to come"
    [again] = await claim(backend)
    assert again.id == first.id
    assert await admitted(backend) == 0
    await backend.finish([done(again), done(third)])
    assert await admitted(backend) == 0
    await declare(backend, count=6, period=FOR_LONG)
    assert await admitted(backend) == 1


@MIGRATED
async def test_a_start_is_told_from_an_earlier_one_however_long_a_look_at_it_takes(backend, monkeypatch):
    """A slot and its task are read one after the other: a start between two such moments is one as well."""
    reading = admission._tasks

    def slowly(*args: Any) -> Any:
        time.sleep(0.2)
        return (yield from reading(*args))

    monkeypatch.setattr(admission, "_tasks", slowly)
    await declare(backend, count=4, period=FOR_LONG)
    await held(backend, 5)
    assert await admitted(backend) == 4
    first, *_ = await claim(backend)
    await backend.release([release(first)])
    await declare(backend, count=5, period=FOR_LONG)
    assert await admitted(backend) == 0, "four starts, and one that is to come"


@MIGRATED
async def test_what_is_noted_is_when_the_task_started_however_long_the_note_takes(backend, database, monkeypatch):
    """Else a start that comes before the note would be the same one."""
    writing = admission._write

    def slowly(*args: Any) -> Any:
        time.sleep(0.2)
        return (yield from writing(*args))

    monkeypatch.setattr(admission, "_write", slowly)
    await declare(backend, count=2, period=FOR_LONG)
    [first] = await held(backend, 1)
    assert await admitted(backend) == 1
    await claim(backend)
    assert await admitted(backend) == 0
    [(noted,)] = database.execute("SELECT started_at FROM asyncqueue_limited WHERE state = 1")
    if database.dialect == "sqlite":
        noted = datetime.fromisoformat(noted)
    noted = noted.replace(tzinfo=UTC) if noted.tzinfo is None else noted
    started = (await row(backend, first)).started
    assert abs(noted - started) < timedelta(milliseconds=1)


@MIGRATED
async def test_a_queued_task_counts_in_the_rate_however_long_ago_it_started(backend):
    await declare(backend, count=1, period=0.2)
    await held(backend, 2)
    assert await admitted(backend) == 1
    [running] = await claim(backend)
    assert await admitted(backend) == 0, "and its start is noted"
    await asyncio.sleep(0.3)
    await backend.release([release(running)])
    assert await admitted(backend) == 0
    await asyncio.sleep(0.3)
    assert await admitted(backend) == 0


@MIGRATED
async def test_what_django_has_saved_as_it_was_while_it_waited_waits_anew(backend, database):
    await declare(backend, 5)
    [first] = await held(backend, 1)
    [second] = await held(backend, 1, "other")
    assert await admitted(backend) == 1
    database.execute(f"UPDATE {database.table} SET status = 5 WHERE status = 0")
    assert await admitted(backend) == 0
    assert entries(database) == 1, "nobody knows of it any more"
    await backend.limits.sweep(limit=100)
    assert (await row(backend, second)).run_after is None, "it is known that this one waits"
    await claim(backend, 0)
    assert await admitted(backend) == 1
    assert [each.id for each in await claim(backend)] == [first]
