"""Limits on every database: who gets a slot, when it is free again, and what a rate lets in."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import pytest

from asyncqueue.errors import MigrationRequired
from asyncqueue.ids import new_id
from asyncqueue.limits import HandBack, Limit, LimitState
from asyncqueue.model import AttemptEnd, Claim, Link, NewTask, Status
from tests.conformance.helpers import done, release, row
from tests.servers.cases import cases, migrated, shaped

MIGRATED = cases("database", migrated())
TASK = "app.task"
FOR_LONG = 3600.0


def limited(count: int = 1, key: str | None = None, **fields: Any) -> list[NewTask]:
    return [NewTask(new_id(), TASK, "{}", links=Link.LIMITED, limit_key=key, **fields) for _ in range(count)]


async def held(backend, count: int = 1, key: str | None = None, **fields: Any) -> list[uuid.UUID]:
    """Tasks that wait for a slot."""
    tasks = limited(count, key, **fields)
    await backend.enqueue(tasks)
    await backend.claim(0, worker_pid=1)
    return [task.id for task in tasks]


async def declare(backend, capacity: int | None = None, count: int | None = None, period: float | None = None) -> None:
    await backend.limits.declare([Limit(TASK, capacity, count, period)], began=time.monotonic())


async def admitted(backend, *keys: str) -> int:
    return int((await backend.limits.admit(keys or (TASK,))).admitted)


async def claim(backend, limit: int = 100):
    return await backend.claim(limit, worker_pid=1)


def entries(database) -> int:
    return int(database.execute("SELECT count(*) FROM asyncqueue_limited")[0][0])


@MIGRATED
async def test_only_so_many_are_queued_and_in_order(backend, database):
    await declare(backend, 2)
    ids = await held(backend, 5)
    assert await admitted(backend) == 2
    assert await admitted(backend) == 0
    claims = await claim(backend)
    assert [each.id for each in claims] == ids[:2]
    assert {each.links for each in claims} == {Link.LIMITED}
    assert await admitted(backend) == 0, "running ones keep their slots"
    await backend.finish([done(claims[0])])
    assert (await backend.limits.admit(ended=[claims[0].id])).admitted == 1
    assert [each.id for each in await claim(backend)] == [ids[2]]
    await backend.finish([done(claims[1])])
    assert await admitted(backend) == 1
    assert entries(database) == 3


@MIGRATED
async def test_keys_are_limits_of_their_own_and_priority_comes_first(backend):
    await declare(backend, 1)
    [a] = await held(backend, 1, "a")
    await held(backend, 1, "b", priority=-1)
    [b] = await held(backend, 1, "b", priority=7)
    assert await backend.limits.held() == ["app.task:a", "app.task:b"]
    assert await backend.limits.waiting() == (True, False)
    assert await backend.limits.held("app.task:a", limit=1) == ["app.task:b"]
    assert await admitted(backend, "app.task:a", "app.task:b", "app.task:c") == 2
    assert {each.id for each in await claim(backend)} == {a, b}
    assert await backend.limits.held() == ["app.task:b"]


@MIGRATED
@pytest.mark.parametrize("end", ["finish", "cancel", "delete", "retry", "requeue"])
async def test_a_place_is_free_when_its_task_does_not_run_any_more(backend, database, end):
    await declare(backend, 1)
    first, second = await held(backend, 2)
    assert await admitted(backend) == 1
    [running] = await claim(backend)
    if end == "finish":
        await backend.finish([done(running)])
    elif end == "cancel":
        await backend.cancel([first])
    elif end == "delete":
        database.execute(f"DELETE FROM {database.table} WHERE status = 1")
    elif end == "retry":
        token = running.token
        await backend.end_attempts(
            [AttemptEnd(first, token, Status.SCHEDULED, None, "no", None, False, FOR_LONG, 1, token)]
        )
    else:
        await backend.cancel([first])
        await backend.requeue([first])
        assert await claim(backend) == [], "set aside again"
    assert await admitted(backend) == 1
    assert [each.id for each in await claim(backend)] == [second]
    assert await admitted(backend) == 0


@MIGRATED
async def test_what_is_handed_back_unstarted_or_queued_again_keeps_its_place(backend):
    await declare(backend, 1)
    first, _ = await held(backend, 2)
    assert await admitted(backend) == 1
    [running] = await claim(backend)
    await backend.release([release(running)])
    assert await admitted(backend) == 0
    [running] = await claim(backend)
    assert running.id == first
    lost = AttemptEnd(
        *(first, running.token, Status.QUEUED, None, "lost", None, True, None, 0, running.token), lost=True
    )
    assert await backend.end_attempts([lost]) == {first}
    assert await admitted(backend) == 0
    assert [each.id for each in await claim(backend)] == [first]


@MIGRATED
async def test_who_waits_in_vain_is_forgotten(backend, database):
    await declare(backend, 2)
    ids = await held(backend, 12)
    await backend.cancel(ids[:9])
    await backend.requeue(ids[9:10])  # and is held once more, behind the others
    await claim(backend, 0)
    database.execute("UPDATE asyncqueue_limits SET capacity = 0")
    assert await admitted(backend) == 0
    database.execute("UPDATE asyncqueue_limits SET capacity = 2")
    assert await admitted(backend) == 2
    assert {each.id for each in await claim(backend)} == {ids[9], ids[10]}
    assert await backend.limits.held() == [TASK]
    [state] = await backend.limits.states()
    assert (state.keys, state.running) == (1, 2)


@MIGRATED
async def test_a_rate_counts_starts_of_its_period(backend):
    await declare(backend, count=2, period=FOR_LONG)
    ids = await held(backend, 3)
    assert (await backend.limits.admit([TASK])).admitted == 2
    stopped = await backend.limits.admit([TASK])
    assert stopped.admitted == 0
    assert FOR_LONG - 60 < stopped.opens_in[TASK] <= FOR_LONG
    first, second = await claim(backend)
    await backend.finish([done(first)])
    await backend.cancel([second.id])
    assert (await backend.limits.admit([TASK])).admitted == 0, "what has ended counts, too"
    await declare(backend, count=2, period=0.4)
    await asyncio.sleep(0.5)
    after = await backend.limits.admit([TASK])
    assert (after.admitted, after.opens_in) == (1, {})
    assert [each.id for each in await claim(backend)] == ids[2:]


@MIGRATED
async def test_a_rate_slides_and_says_when_it_opens(backend):
    await declare(backend, count=2, period=0.6)
    await held(backend, 4)
    assert await admitted(backend) == 2
    claims = await claim(backend, 1)
    await asyncio.sleep(0.3)
    claims += await claim(backend, 1)
    await backend.finish([done(each) for each in claims])
    opens = (await backend.limits.admit([TASK])).opens_in[TASK]
    assert 0 < opens < 0.31
    await asyncio.sleep(opens + 0.01)
    later = await backend.limits.admit([TASK])
    assert later.admitted == 1
    assert TASK in later.opens_in


@MIGRATED
async def test_both_limits_hold_together(backend):
    await declare(backend, 3, 2, FOR_LONG)
    await held(backend, 5)
    assert await admitted(backend) == 2
    await declare(backend, 1, 4, FOR_LONG)
    both = await backend.limits.admit([TASK])
    assert (both.admitted, both.opens_in) == (0, {})


@MIGRATED
async def test_nothing_is_admitted_under_a_limit_that_nobody_has_declared(backend):
    await held(backend, 2)
    none = await backend.limits.admit([TASK])
    assert (none.admitted, none.undeclared) == (0, {TASK})
    assert await backend.limits.declare([Limit(TASK, 1)], began=None) == {TASK}
    assert await backend.limits.declare([Limit(TASK, 9)], began=None) == set()
    assert await admitted(backend) == 1
    assert await backend.limits.declare([Limit(TASK)], began=time.monotonic()) == set()
    assert await admitted(backend) == 1, "no limit at all"
    assert await backend.limits.states() == [LimitState(Limit(TASK), 1, 1, 0)], "which needs no slot"


@MIGRATED
async def test_many_are_admitted_in_their_order(backend):
    await declare(backend)
    ids = await held(backend, 700)
    assert await admitted(backend) == 500
    assert await admitted(backend) == 200
    assert [each.id for each in await claim(backend, 1000)] == ids


@MIGRATED
async def test_a_sweep_forgets_what_is_gone(backend, database):
    await declare(backend, count=3, period=FOR_LONG)
    ids = await held(backend, 6)
    assert await admitted(backend) == 3
    first, second, _ = await claim(backend)
    await backend.finish([done(first), done(second)])
    gone = ids[5].hex if database.dialect in ("mysql", "sqlite") else str(ids[5])
    database.execute(f"DELETE FROM {database.table} WHERE id = %s", gone)
    batch = await backend.limits.sweep(limit=4)
    assert (batch.deleted, batch.seen) == (0, 4)
    assert await backend.limits.sweep(limit=4, resume_from=batch.resume_from) == (1, 2, None)
    assert entries(database) == 5
    [state] = await backend.limits.states()
    assert (state.running, state.held) == (1, 2)
    await declare(backend, count=3, period=0.05)
    await asyncio.sleep(0.1)
    assert (await backend.limits.sweep(limit=100)).deleted == 2


@MIGRATED
async def test_who_admit_at_once_do_not_admit_too_many(backend, another):
    await declare(backend, 3)
    await held(backend, 20)
    async with another() as second, another() as third:
        for round_ in range(5):
            results = await asyncio.gather(*(each.limits.admit([TASK]) for each in (backend, second, third) * 3))
            assert sum(result.admitted for result in results) == 3, round_
            claims = await claim(second)
            assert len(claims) == 3
            await third.finish([done(each) for each in claims])


@MIGRATED
async def test_a_claimed_row_without_a_place_is_handed_back(backend):
    await declare(backend, 1)
    plain = NewTask(new_id(), TASK, "{}")
    await backend.enqueue([plain])
    [running] = await claim(backend)
    late = HandBack(running.id, running.token, "late")
    seen = await backend.observe([running.id])
    await backend.renew([Claim(running.id, running.token)], now=seen.now, worker_pid=None)
    await backend.limits.hand_back([late])
    assert (await row(backend, plain.id)).status == Status.RUNNING, "the token of yesterday"
    await backend.limits.hand_back([late._replace(token=seen.now, limit_key="käse")])
    found = await row(backend, plain.id)
    assert (found.status, found.links, found.limit_key, found.attempt) == (5, Link.LIMITED, "käse", 0)
    assert await claim(backend) == []
    assert await admitted(backend, "app.task:käse") == 1
    assert [each.id for each in await claim(backend)] == [plain.id]


@cases("database", shaped(["sqlite"], [10]))
async def test_a_table_that_is_not_migrated_has_no_limits(backend):
    for verb in (
        backend.limits.declare([], began=None),
        backend.limits.admit([TASK]),
        backend.limits.held(),
        backend.limits.sweep(limit=1),
        backend.limits.hand_back([]),
        backend.limits.states(),
    ):
        with pytest.raises(MigrationRequired, match=r"a (limit|list of limits) needs columns"):
            await verb
