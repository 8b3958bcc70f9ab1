"""Rescue, cancel, requeue, cleanup, and looking at tasks."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from asyncqueue.backends.base import TaskFilter
from asyncqueue.model import Claim, Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import chunk, claimed, cleanup, done, failed, queued, row
from tests.conformance.transactions import holding
from tests.djangoapp import DjangoSide
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, cases, migrated, shaped


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


async def test_only_tasks_past_their_lease_are_rescued(backend, database):
    old, fresh, queued_, ended = database.django.create(
        [
            {"task": "x.old", "status": 1, "modified": ago(100), "output": "so far "},
            {"task": "x.fresh", "status": 1, "modified": ago(20)},
            {"task": "x.queued", "status": 0, "modified": ago(100)},
            {"task": "x.ended", "status": 2, "modified": ago(100)},
        ]
    )
    [lost] = await backend.rescue(lease=60, error="lost, sorry")
    assert (str(lost.id), lost.task) == (old, "x.old")
    rows = database.django.read([old, fresh, queued_, ended])
    assert [one["status"] for one in rows] == [3, 1, 0, 2]
    if database.shape == 10:
        assert (rows[0]["error"], rows[0]["output"], rows[0]["worker_pid"]) == ("lost, sorry", "so far ", None)
    else:
        assert rows[0]["output"] == "so far lost, sorry"
    assert datetime.now(UTC) - datetime.fromisoformat(rows[0]["modified"]) < timedelta(minutes=1)
    assert await backend.rescue(lease=60, error="lost, sorry") == []


async def test_rescued_tasks_can_be_queued_again(backend, database):
    [task_id] = database.django.create([{"task": "x.y", "status": 1, "modified": ago(100)}])
    assert [str(lost.id) for lost in await backend.rescue(lease=60, error=None)] == [task_id]
    [claim] = await backend.claim(10, worker_pid=None)
    assert str(claim.id) == task_id


async def test_the_pid_of_the_lost_worker_is_told(backend, database):
    if database.shape == 7:
        return
    database.django.create([{"task": "x.y", "status": 1, "modified": ago(100), "worker_pid": 4711}])
    assert await backend.foreign_pids(1) == {4711}
    assert await backend.foreign_pids(4711) == set()
    [lost] = await backend.rescue(lease=60, error="e")
    assert lost.worker_pid == 4711
    assert await backend.foreign_pids(1) == set()


@cases("database", [*shaped(DIALECTS, [10]), *migrated()])
async def test_the_pids_of_our_own_workers_are_foreign_only_where_nothing_else_tells_them_apart(backend, database):
    [claim] = await claimed(backend, worker_pid=42)
    ours = set() if backend.shape.migrated else {42}
    assert await backend.foreign_pids(1) == ours
    seen = await backend.observe([claim.id])
    await backend.renew([Claim(claim.id, claim.token)], now=seen.now, worker_pid=42)
    assert await backend.foreign_pids(1) == ours
    database.django.create([{"task": "x.y", "status": 1, "worker_pid": 4711}])
    assert await backend.foreign_pids(1) == {4711, *ours}, "a Django worker's"


async def test_each_lost_task_goes_to_exactly_one_rescuer(backend, database, another):
    ids = database.django.create([{"task": "x.y", "status": 1, "modified": ago(100)} for _ in range(200)])

    async def rescuer() -> list[str]:
        async with another() as mine:
            got = []
            for _ in range(40):
                got += [str(lost.id) for lost in await mine.rescue(lease=60, error="e", limit=20)]
            return got

    shares = await asyncio.gather(*(rescuer() for _ in range(4)))
    assert Counter(task_id for share in shares for task_id in share) == Counter(ids)


@cases("database", shaped(SERVER_DIALECTS))
async def test_a_rescue_leaves_out_rows_that_another_session_has_locked(backend, database):
    """Their worker could not renew them either."""
    locked, free = database.django.create([{"task": "x.y", "status": 1, "modified": ago(100)} for _ in range(2)])
    async with holding(database, uuid.UUID(locked)):
        with anyio.fail_after(5):
            lost = await backend.rescue(lease=60, error="lost")
        assert [str(task.id) for task in lost] == [free]
    assert [str(task.id) for task in await backend.rescue(lease=60, error="lost")] == [locked]


async def test_a_rescue_is_bounded(backend, database):
    database.django.create([{"task": "x.y", "status": 1, "modified": ago(100)} for _ in range(30)])
    assert len(await backend.rescue(lease=60, error="e", limit=10)) == 10


async def test_a_rescued_claim_is_fenced(backend):
    [claim] = await claimed(backend)
    [lost] = await backend.rescue(lease=-1, error="lost")
    assert lost.id == claim.id
    before = await row(backend, claim.id)
    assert await backend.finish([done(claim)]) == set()
    assert await backend.append_output([chunk(claim, 0, "x")]) == set()
    assert await row(backend, claim.id) == before


@cases("database", shaped(["mysql", "mariadb", "sqlite"], [10]))
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
async def test_local_time_is_understood_both_ways(database, zone):
    """A project with USE_TZ=False stores the local time of its TIME_ZONE."""
    from zoneinfo import ZoneInfo

    local = DjangoSide(database.url, database.shape, use_tz=False, time_zone=zone)
    try:
        [theirs] = local.create([{"task": "x.y"}])
        async with opened(database.url, time_zone=ZoneInfo(zone)) as backend:
            record = await row(backend, uuid.UUID(theirs))
            assert abs(record.modified - datetime.now(UTC)) < timedelta(minutes=1)
            [ours] = await queued(backend)
            for name in ("created", "modified"):
                ages = [
                    datetime.now(ZoneInfo(zone)).replace(tzinfo=None) - datetime.fromisoformat(one[name])
                    for one in local.read([str(ours), theirs])
                ]
                assert all(timedelta(seconds=-1) < age < timedelta(minutes=1) for age in ages)
            claims = await backend.claim(2, worker_pid=None)
            assert len(claims) == 2
            assert await backend.rescue(lease=30, error="e") == [], "a fresh lease is not over, whatever the zone"
            assert await backend.finish([done(claim) for claim in claims]) == {claim.id for claim in claims}
    finally:
        local.close()


# -- cancel, requeue, cleanup


async def test_cancelling(backend, database):
    [running] = await claimed(backend)
    [waiting] = await queued(backend)
    [ended] = database.django.create([{"task": "x.y", "status": 2}])
    assert await backend.cancel([running.id, waiting, uuid.UUID(ended), uuid.uuid4()]) == {running.id, waiting}
    for task_id in (running.id, waiting):
        record = await row(backend, task_id)
        assert (record.status, record.worker_pid) == (Status.CANCELLED, None)
    assert await backend.cancel([running.id]) == set()


async def test_requeueing(backend, database):
    [running] = await claimed(backend)
    ids = database.django.create(
        [{"task": "x.y", "status": status, "output": "old", "modified": ago(100)} for status in (2, 3, 4, 0)]
    )
    changed = await backend.requeue([running.id, *map(uuid.UUID, ids)])
    assert {str(task_id) for task_id in changed} == set(ids[:3])
    rows = database.django.read(ids)
    assert [(one["status"], one["output"]) for one in rows] == [(0, "old")] * 4, "nothing else is cleared"
    claims = await backend.claim(10, worker_pid=None)
    assert str(claims[0].id) == ids[3], "the others are at the end of the queue"


async def test_cleaning_up(backend, database):
    states = [(2, 100), (3, 100), (4, 100), (0, 100), (1, 100), (2, 10)]
    ids = database.django.create([{"task": "x.y", "status": s, "modified": ago(age)} for s, age in states])
    assert await cleanup(backend, older_than=60, statuses=[2, 3], limit=1) == 2
    assert await cleanup(backend, older_than=60, statuses=[2, 3], limit=10) == 0
    left = {str(record.id) for record in await backend.get([uuid.UUID(task_id) for task_id in ids])}
    assert left == set(ids[2:])


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_cleaning_up_does_not_wait_for_a_row_that_somebody_holds(backend, database):
    ids = database.django.create([{"task": "x.y", "status": 2, "modified": ago(100)} for _ in range(3)])
    async with holding(database, uuid.UUID(ids[1])):
        with anyio.fail_after(5):
            assert await cleanup(backend, older_than=60, statuses=[2], limit=10) == 2
    assert await cleanup(backend, older_than=60, statuses=[2], limit=10) == 1


# -- looking


async def test_finding_and_counting(backend, database):
    ids = database.django.create(
        [
            {"task": f"x.{name}", "status": status, "modified": ago(100 - number)}
            for number, (name, status) in enumerate([("a", 0), ("a", 2), ("b", 2), ("b", 3), ("a", 2)])
        ]
    )
    found = await backend.find(TaskFilter(), limit=10)
    assert [str(record.id) for record in found] == ids[::-1], "the latest first"
    assert [str(r.id) for r in await backend.find(TaskFilter(), limit=2, offset=1)] == [ids[3], ids[2]]
    where = TaskFilter(statuses=[Status.COMPLETED, Status.FAILED], task="x.b")
    assert {str(record.id) for record in await backend.find(where, limit=10)} == {ids[2], ids[3]}
    assert await backend.count(where) == 2
    assert await backend.count(TaskFilter()) == 5
    assert await backend.count(TaskFilter(task="x.none")) == 0
    counts = {(one.task, one.status): (one.count, one.oldest) for one in await backend.counts()}
    assert {key: value[0] for key, value in counts.items()} == {
        ("x.a", Status.QUEUED): 1,
        ("x.a", Status.COMPLETED): 2,
        ("x.b", Status.COMPLETED): 1,
        ("x.b", Status.FAILED): 1,
    }
    assert abs(counts["x.a", Status.COMPLETED][1] - datetime.fromisoformat(ago(99))) < timedelta(seconds=30)


async def test_an_unknown_id_is_simply_not_there(backend):
    [task_id] = await queued(backend)
    assert [record.id for record in await backend.get([task_id, uuid.uuid4()])] == [task_id]


async def test_an_error_is_found_where_its_shape_has_it(backend, database):
    [claim] = await claimed(backend)
    await backend.finish([failed(claim, "E()\n\nTrace")])
    [theirs] = database.django.read([str(claim.id)])
    assert theirs["error" if database.shape == 10 else "output"] == "E()\n\nTrace"
