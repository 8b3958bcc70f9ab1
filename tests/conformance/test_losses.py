"""Level 1: the list of workers, and rows whose worker stopped renewing them."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from asyncqueue.errors import MigrationRequired
from asyncqueue.ids import new_id
from asyncqueue.model import AttemptEnd, Claim, NewTask, Status, WorkerInfo
from tests.conformance.helpers import claimed, done, fences, release, row
from tests.conformance.test_buckets import LEVEL_0, MIGRATED, put, take
from tests.conformance.transactions import holding
from tests.servers.cases import SERVER_DIALECTS, cases, migrated

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
async def test_a_lost_claim_is_found_with_its_queue(backend):
    tasks = [NewTask(new_id(), "app.task", None, name) for name in ("mail", "default")]
    await backend.enqueue(tasks)
    await backend.claim(2, worker_pid=None)
    await asyncio.sleep(0.4)
    lost = await backend.overdue(lease=0.3, foreign_lease=None)
    assert {each.id: each.queue for each in lost} == {task.id: task.queue for task in tasks}


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


async def _lost_by_me(backend, count=1):
    await put(backend, count)
    await backend.claim(count, worker_pid=None, worker=ME.name)
    await asyncio.sleep(0.4)
    return await backend.overdue(lease=0.3, foreign_lease=None)


@MIGRATED
async def test_what_a_worker_holds_is_not_lost_while_it_beats(backend):
    """It could not renew the row, as under a lock from outside; the lease that counts for its beats is its own."""
    await backend.beat(ME)
    assert await _lost_by_me(backend) == []
    [lost] = await backend.overdue(lease=0.3, foreign_lease=0.35)
    assert lost.claimed_by == ME.name, "where nobody has renewed it for as long as a Django worker's, no beat counts"
    assert lost.silent > 0.35
    await backend.leave(ME.name)
    assert [each.id for each in await backend.overdue(lease=0.3, foreign_lease=None)] == [lost.id]


@MIGRATED
async def test_a_rescue_looks_again_as_it_writes(backend):
    [lost] = await _lost_by_me(backend)
    await backend.beat(ME)
    assert await backend.end_lost([again(lost)], lease=0.3, foreign_lease=None) == set(), "its worker beats again"
    assert await backend.end_lost([again(lost)], lease=0.3, foreign_lease=0.3) == {lost.id}


@MIGRATED
async def test_a_rescue_takes_no_row_that_was_renewed_since(backend):
    [lost] = await _lost_by_me(backend)
    now = (await backend.observe([])).now
    await backend.renew([Claim(lost.id, lost.token)], now=now, worker_pid=None)
    assert await backend.end_lost([again(lost)], lease=-1, foreign_lease=None) == set()


@cases("database", migrated(SERVER_DIALECTS))
async def test_a_rescue_takes_no_row_that_another_session_has_locked(backend, database):
    lost = await _lost_by_me(backend, 3)
    async with holding(database, lost[0].id):
        taken = await backend.end_lost([again(each) for each in lost], lease=0.3, foreign_lease=None)
    assert taken == {each.id for each in lost[1:]}


@cases("database", migrated(SERVER_DIALECTS))
async def test_a_worker_releases_no_claim_of_its_own_that_another_session_has_locked(backend, database):
    locked, free = await put(backend, 2)
    await backend.claim(2, worker_pid=None, worker=ME.name)
    async with holding(database, locked):
        with anyio.fail_after(5):
            assert await backend.release_strays(ME.name, held=[], lease=-1) == {free}
    assert await backend.release_strays(ME.name, held=[], lease=-1) == {locked}


@LEVEL_0
async def test_a_rescue_takes_no_row_that_the_rescuer_holds(backend):
    mine, other = await claimed(backend, 2)
    lost = await backend.rescue(lease=-1, error=None, held=[mine.id])
    assert [each.id for each in lost] == [other.id]


@MIGRATED
async def test_a_worker_releases_what_it_has_claimed_without_knowing_it(backend):
    known, stray = await put(backend, 2)
    await backend.claim(2, worker_pid=None, worker=ME.name)
    [other] = await put(backend)
    await backend.claim(1, worker_pid=None, worker="another")
    assert await backend.release_strays(ME.name, held=[known], lease=60) == set(), "a reply may still be on its way"
    assert await backend.release_strays(ME.name, held=[known], lease=-1) == {stray}
    assert await backend.release_strays(ME.name, held=[known], lease=-1) == set()
    assert {key: (await row(backend, key)).status for key in (known, stray, other)} == {
        known: Status.RUNNING,
        stray: Status.QUEUED,
        other: Status.RUNNING,
    }
    assert await take(backend) == [stray]
    assert await backend.attempts(stray) == [], "it had not begun, so nothing was lost"


@MIGRATED
async def test_a_worker_does_not_release_what_django_has_claimed_since(backend, database):
    key = database.django.create([{"task": "app.task", "args": {}}])[0]
    [claim] = await backend.claim(1, worker_pid=None, worker=ME.name)
    await backend.release([release(claim)])
    database.django.save_status(key, Status.RUNNING)
    assert await backend.release_strays(ME.name, held=[], lease=-1) == set()
