"""A claimed row whose function its worker does not find is put off, for a while counted from the first time."""

from __future__ import annotations

import time

import pytest

from asyncqueue.errors import MigrationRequired
from asyncqueue.ids import new_id
from asyncqueue.limits import Limit, PutOff
from asyncqueue.model import AttemptEnd, ClaimedTask, Link, NewTask, Status, Unique
from tests.conformance.helpers import chunk, claimed, release, row
from tests.servers.cases import cases, migrated, shaped

MIGRATED = cases("database", migrated())
LONG = 600.0


async def _put_off(backend, claim: ClaimedTask, *, delay: float = 10.0, patience: float = LONG) -> bool:
    """Whether it was put off; else it is still claimed."""
    left = await backend.limits.put_off([PutOff(claim.id, claim.token, "not found")], delay=delay, patience=patience)
    assert left <= {claim.id}
    return not left


async def _again(backend) -> ClaimedTask:
    """The claim of the one task, which was put off."""
    await backend.scheduled.advance(20_000_000)
    claims: list[ClaimedTask] = await backend.claim(5, worker_pid=None, worker="w")
    assert len(claims) == 1
    return claims[0]


@MIGRATED
async def test_a_task_that_is_put_off_is_due_again_and_has_lost_nothing(backend, database):
    task = NewTask(new_id(), "app.new", "{}", unique=Unique("key"))
    assert await backend.enqueue_unique([task]) == [task.id]
    [claim] = await backend.claim(5, worker_pid=7, worker="old")
    assert await _put_off(backend, claim)
    record = await row(backend, task.id)
    assert (record.status, record.attempt, record.worker_pid) == (Status.SCHEDULED, 0, None)
    assert record.error == "not found" or database.shape == 7
    seconds = await backend.scheduled.until_due()
    assert 0 < seconds <= 10
    assert await backend.attempts(task.id) == []
    assert await backend.claim(5, worker_pid=None) == []
    assert await backend.enqueue_unique([task._replace(id=new_id())]) == [task.id], "it holds its key"
    again = await _again(backend)
    assert (again.id, again.attempt, again.links) == (task.id, 0, Link.PUT_OFF)


@MIGRATED
async def test_the_time_counts_from_the_first_time(backend):
    [claim] = await claimed(backend)
    assert await _put_off(backend, claim, patience=0), "nobody has put it off before"
    claim = await _again(backend)
    before = await row(backend, claim.id)
    assert not await _put_off(backend, claim, patience=0)
    assert await row(backend, claim.id) == before
    assert await _put_off(backend, claim)
    claim = await _again(backend)
    assert not await _put_off(backend, claim, patience=0), "another time does not begin anew"


@MIGRATED
async def test_it_is_due_no_later_than_the_time_is_over(backend):
    [claim] = await claimed(backend)
    assert await _put_off(backend, claim, patience=6.0)
    first = (await row(backend, claim.id)).run_after
    assert 5 < await backend.scheduled.until_due() <= 6
    claim = await _again(backend)
    assert await _put_off(backend, claim, patience=8.0)
    second = (await row(backend, claim.id)).run_after
    assert first is not None
    assert second is not None
    assert (second - first).total_seconds() == pytest.approx(2, abs=0.002), "it counts from the first time"


@MIGRATED
async def test_of_many_each_has_its_own_time(backend):
    old, new, lost = await claimed(backend, 3)
    assert await _put_off(backend, old, patience=0)
    [old] = [await _again(backend)]
    await backend.cancel([lost.id])
    rows = [PutOff(each.id, each.token, "ü not found") for each in (old, new, lost)]
    assert await backend.limits.put_off(rows, delay=10, patience=0) == {old.id}
    statuses = [(await row(backend, each.id)).status for each in (old, new, lost)]
    assert statuses == [Status.RUNNING, Status.SCHEDULED, Status.CANCELLED]
    assert await backend.limits.put_off(rows, delay=10, patience=0) == {old.id}, "a repetition changes nothing"


@MIGRATED
@pytest.mark.parametrize("by", ["release", "failure", "stream", "requeue", "cancel"])
async def test_what_has_run_meanwhile_begins_anew(backend, by):
    [claim] = await claimed(backend)
    assert await _put_off(backend, claim, patience=0)
    claim = await _again(backend)
    if by == "release":
        await backend.release([release(claim)])
    elif by == "failure":
        end = AttemptEnd(*(claim.id, claim.token, Status.SCHEDULED, None, "e", None, False, 0.0, 1, claim.token))
        await backend.end_attempts([end])
    elif by == "stream":
        await backend.append_output([chunk(claim, 0, "text")])
        assert (await backend.read_output(claim.id, 0, 9)).run is not None, "a stream says whose output it is"
    elif by == "cancel":
        await backend.cancel([claim.id])
        await backend.requeue([claim.id])
    else:
        assert await _put_off(backend, claim)
        await backend.requeue([claim.id])
    claim = claim if by == "stream" else await _again(backend)
    assert await _put_off(backend, claim, patience=0)


@MIGRATED
async def test_the_time_is_not_taken_for_a_run(backend):
    [claim] = await claimed(backend)
    await backend.append_output([chunk(claim, 0, "text")])
    await backend.release([release(claim)])
    [claim] = await backend.claim(1, worker_pid=None)
    assert await _put_off(backend, claim)
    assert (await backend.read_output(claim.id, 0, 9)).run is None


@MIGRATED
async def test_a_place_under_a_limit_is_given_back_and_no_start_is_counted(backend):
    await backend.limits.declare([Limit("app.task", 1, 1, 3600.0)], began=time.monotonic())
    first, second = (NewTask(new_id(), "app.task", "{}", links=Link.LIMITED) for _ in range(2))
    await backend.enqueue([first, second])
    assert await backend.claim(5, worker_pid=None) == []
    assert (await backend.limits.admit(["app.task"])).admitted == 1
    [claim] = await backend.claim(5, worker_pid=None)
    assert await _put_off(backend, claim)
    assert (await backend.limits.admit(["app.task"])).admitted == 1, "the other one, though the rate is 1 in an hour"
    [other] = await backend.claim(5, worker_pid=None)
    assert {claim.id, other.id} == {first.id, second.id}
    await backend.scheduled.advance(20_000_000)
    assert await backend.claim(5, worker_pid=None) == [], "it waits for a place again"
    assert await backend.limits.held() == ["app.task"]


@cases("database", shaped())
async def test_a_table_that_is_not_migrated_cannot(backend):
    [claim] = await claimed(backend)
    with pytest.raises(MigrationRequired):
        await _put_off(backend, claim)
