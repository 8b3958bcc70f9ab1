"""Level 1: the list of workers, and rows whose worker stopped renewing them."""

from __future__ import annotations

import asyncio

import pytest

from asyncqueue.errors import MigrationRequired
from asyncqueue.model import AttemptEnd, Status, WorkerInfo
from tests.conformance.helpers import claimed, done, fences, release, row
from tests.conformance.test_bands import LEVEL_0, MIGRATED, put, take
from tests.servers.cases import cases, migrated

ME = WorkerInfo("host:1:abcd", "host", 1, "0.1.0", "mail, default", 50, 3.0)


def again(lost) -> AttemptEnd:
    return AttemptEnd(
        *(lost.id, lost.token, Status.QUEUED, None, "lost", None),
        keep_output=True,
        delay=None,
        attempt=lost.attempt,
        started=lost.started,
        lost=True,
    )


@MIGRATED
async def test_a_claim_of_ours_is_lost_after_its_lease(backend):
    first, second = await claimed(backend, 2)
    assert await backend.overdue(lease=0.5, foreign_lease=3600) == []
    await asyncio.sleep(0.7)
    seen = await backend.observe([second.id])
    await backend.renew(fences([second]), now=seen.now, worker_pid=None)
    [lost] = await backend.overdue(lease=0.5, foreign_lease=3600)
    assert (lost.id, lost.task, lost.ours, lost.attempt, lost.losses) == (first.id, "app.task", True, 0, 0)
    assert await backend.end_attempts([again(lost)]) == {first.id}
    assert await backend.finish([done(first)]) == set(), "the worker that was lost is fenced"
    assert await take(backend) == [first.id]
    assert (await backend.attempts(first.id))[0].outcome == "lost"


@MIGRATED
async def test_a_claim_after_one_that_was_renewed_is_ours_too(backend):
    [claim] = await claimed(backend, 1)
    now = (await backend.observe([])).now
    await backend.renew(fences([claim]), now=now, worker_pid=None)
    await backend.release([release(claim._replace(token=now))])
    assert await take(backend) == [claim.id]
    await asyncio.sleep(0.4)
    [lost] = await backend.overdue(lease=0.3, foreign_lease=None)
    assert (lost.id, lost.ours) == (claim.id, True)


@MIGRATED
async def test_a_claim_of_django_is_lost_by_its_own_lease(backend, database):
    key = database.django.create([{"task": "app.task", "args": {}}])[0]
    [claim] = await backend.claim(1, worker_pid=None)
    await backend.release([release(claim)])
    database.django.save_status(key, Status.RUNNING)  # as its worker claims: it moves `modified` alone
    await asyncio.sleep(0.6)
    assert await backend.overdue(lease=0.3, foreign_lease=3600) == []
    assert await backend.overdue(lease=0.3, foreign_lease=None) == []
    [lost] = await backend.overdue(lease=0.3, foreign_lease=0.4)
    assert (str(lost.id), lost.ours) == (key, False)


@MIGRATED
async def test_a_claim_of_django_does_not_wait_for_a_longer_lease_of_ours(backend, database):
    key = database.django.create([{"task": "app.task", "args": {}}])[0]
    database.django.save_status(key, Status.RUNNING)
    await claimed(backend)
    assert [str(lost.id) for lost in await backend.overdue(lease=3600, foreign_lease=-1)] == [key]


@MIGRATED
async def test_a_claim_of_an_unknown_function_is_lost_after_both_leases(backend):
    [claim] = await claimed(backend)
    unknown = ["app.other", claim.task]
    assert await backend.overdue(lease=-1, foreign_lease=3600, unknown=unknown) == []
    assert await backend.overdue(lease=-1, foreign_lease=None, unknown=unknown) == []
    assert await backend.overdue(lease=3600, foreign_lease=-1, unknown=unknown) == []
    for values in ({"foreign_lease": 3600, "unknown": unknown[:1]}, {"foreign_lease": -1, "unknown": unknown}):
        assert [lost.id for lost in await backend.overdue(lease=-1, **values)] == [claim.id]


@MIGRATED
async def test_of_two_rescuers_one_wins(backend, another):
    claims = await claimed(backend, 20)
    await asyncio.sleep(0.4)
    async with another() as second:
        lost = await asyncio.gather(*(each.overdue(lease=0.3, foreign_lease=None) for each in (backend, second)))
        assert [len(each) for each in lost] == [20, 20]
        ends = [[again(each)._replace(started=None) for each in some] for some in lost]
        won = await asyncio.gather(backend.end_attempts(ends[0]), second.end_attempts(ends[1]))
    assert sum(map(len, won)) == 20
    assert set.union(*won) == {claim.id for claim in claims}
    assert [len(await backend.attempts(claim.id)) for claim in claims] == [1] * 20


@MIGRATED
async def test_workers_are_listed_while_they_beat(backend, another):
    await backend.beat(ME)
    await put(backend, 2)
    await backend.claim(2, worker_pid=1, worker=ME.name)
    async with another() as second:
        await second.beat(ME)
        [state] = await second.workers()
        assert state.info == ME
        assert state.running == 2
        assert 0 <= state.silent < 2
        assert not state.lost
        assert state.started <= state.beat
        await second.leave("somebody else")
        assert len(await second.workers()) == 1
        await second.leave(ME.name)
        assert await backend.workers() == []


@LEVEL_0
async def test_a_list_of_workers_needs_a_migrated_table(backend):
    await backend.beat(ME)
    await backend.leave(ME.name)
    with pytest.raises(MigrationRequired, match="`asyncqueue migrate`"):
        await backend.workers()


@cases("database", migrated(["postgresql"]))
async def test_a_cancellation_is_heard(backend, another):
    assert await backend.wait_for_cancellation(0.05) in (True, False)  # it begins to listen
    [claim] = await claimed(backend)
    async with another() as second, asyncio.timeout(5):
        waiting = asyncio.create_task(backend.wait_for_cancellation(30))
        await asyncio.sleep(0.1)
        await second.cancel([claim.id])
        assert await waiting is True
    assert await backend.wait_for_cancellation(0.1) is False
    assert (await row(backend, claim.id)).status == Status.CANCELLED


@MIGRATED
async def test_waiting_for_a_cancellation_ends(backend):
    await backend.wait_for_cancellation(0.05)
    assert await backend.wait_for_cancellation(0.05) is False
