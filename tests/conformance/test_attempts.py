"""Level 1: attempts that follow each other, and what is kept of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from asyncqueue.errors import MigrationRequired
from asyncqueue.model import AttemptEnd, Claim, Link, Status
from tests.conformance.helpers import claimed, cleanup, done, row
from tests.conformance.test_buckets import LEVEL_0, MIGRATED, put, take
from tests.servers.cases import cases, migrated


def ended(claim, status=Status.SCHEDULED, **fields) -> AttemptEnd:
    values = {
        "output": None,
        "error": "no",
        "log": "tried",
        "keep_output": False,
        "delay": 0.2 if status == Status.SCHEDULED else None,
        "attempt": claim.attempt + 1,
        "started": claim.token,
        **fields,
    }
    return AttemptEnd(claim.id, claim.token, status, **values)


@MIGRATED
async def test_a_task_is_tried_again_when_it_is_due(backend):
    [key] = await put(backend, 1, max_attempts=3)
    for number in (1, 2):
        [claim] = await backend.claim(1, worker_pid=1, worker="me")
        assert (claim.id, claim.attempt) == (key, number - 1)
        assert await backend.end_attempts([ended(claim, error=f"no {number}")]) == {key}
        record = await row(backend, key)
        assert (record.status, record.error, record.log, record.worker_pid) == (5, f"no {number}", "tried", None)
        assert await take(backend) == []
        await asyncio.sleep(0.3)
    [claim] = await backend.claim(1, worker_pid=1, worker="you")
    end = ended(claim, Status.COMPLETED, output="yes", error=None, log=None, attempt=2)
    assert await backend.end_attempts([end]) == {key}
    assert (await row(backend, key)).output == "yes"
    kept = await backend.attempts(key)
    assert [(each.number, each.outcome, each.error, each.log, each.worker) for each in kept] == [
        (1, "failed", "no 1", "tried", "me"),
        (2, "failed", "no 2", "tried", "me"),
        (3, "completed", None, None, "you"),
    ]
    times = [time for each in kept for time in (each.started, each.ended)]
    assert None not in times
    assert times == sorted(times)
    assert all(time.utcoffset() is not None for time in times)


@MIGRATED
async def test_a_claim_tells_that_earlier_attempts_are_kept(backend):
    """So that the worker records how this one ends as well, although none has failed or all are counted anew."""
    [key] = await put(backend, 1)
    [claim] = await backend.claim(1, worker_pid=None)
    assert not claim.links & Link.RECORDED
    await backend.end_attempts([ended(claim, Status.QUEUED, attempt=0, lost=True)])
    [claim] = await backend.claim(1, worker_pid=None)
    assert (claim.attempt, claim.links & Link.RECORDED) == (0, Link.RECORDED)
    await backend.cancel([key])
    await backend.requeue([key])
    [claim] = await backend.claim(1, worker_pid=None)
    assert claim.links & Link.RECORDED


@MIGRATED
async def test_an_end_is_fenced_and_may_be_repeated(backend):
    first, second = await claimed(backend, 2)
    wrong = ended(second)._replace(token=first.queued_at)
    assert await backend.end_attempts([ended(first), wrong]) == {first.id}
    assert await backend.end_attempts([ended(first), wrong]) == {first.id}, "it knows its own work"
    assert len(await backend.attempts(first.id)) == 1
    assert await backend.attempts(second.id) == []
    assert (await row(backend, second.id)).status == Status.RUNNING
    assert await backend.finish([done(Claim(first.id, first.token))]) == set()


@MIGRATED
async def test_a_lost_attempt_is_no_failed_one(backend, database):
    [claim] = await claimed(backend)
    assert await backend.end_attempts([ended(claim, Status.QUEUED, attempt=0, lost=True)]) == {claim.id}
    [(attempt, losses)] = database.execute(f"SELECT attempt, losses FROM {database.table}")
    assert (attempt, losses) == (0, 1)
    [kept] = await backend.attempts(claim.id)
    assert kept.outcome == "lost"
    assert await take(backend) == [claim.id]


@MIGRATED
async def test_a_requeued_task_begins_anew(backend, database):
    [claim] = await claimed(backend)
    await backend.end_attempts([ended(claim, Status.FAILED)])
    await backend.requeue([claim.id])
    [again] = await backend.claim(1, worker_pid=None)
    assert again.attempt == 0
    await backend.end_attempts([ended(again, Status.FAILED)])
    assert [each.number for each in await backend.attempts(claim.id)] == [1, 2]


@cases("database", migrated(["mysql", "mariadb", "sqlite"]))
async def test_a_tables_zone_moves_no_attempt(another):
    async with another(time_zone=ZoneInfo("America/New_York")) as backend:
        [claim] = await claimed(backend)
        assert await backend.end_attempts([ended(claim)]) == {claim.id}
        assert await backend.end_attempts([ended(claim)]) == {claim.id}
        [kept] = await backend.attempts(claim.id)
        now = datetime.now(UTC)
        for time in (kept.started, kept.ended, (await row(backend, claim.id)).run_after):
            assert time is not None
            assert abs(time - now) < timedelta(minutes=1)
        await asyncio.sleep(0.3)
        assert await take(backend) == [claim.id]


@MIGRATED
async def test_many_ends_of_attempts_are_written_at_once(backend):
    claims = await claimed(backend, 300)
    large = "x" * 20_000
    ends = [ended(claim, output=large, error=large) for claim in claims]
    await backend.cancel([claims[7].id])
    assert await backend.end_attempts(ends) == {claim.id for claim in claims} - {claims[7].id}
    assert len(await backend.attempts(claims[299].id)) == 1
    assert await backend.attempts(claims[7].id) == []


@LEVEL_0
async def test_attempts_need_a_migrated_table(backend):
    [claim] = await claimed(backend)
    assert await backend.attempts(claim.id) == []
    with pytest.raises(MigrationRequired, match="`asyncqueue migrate`"):
        await backend.end_attempts([ended(claim)])


@MIGRATED
async def test_cleaning_up_takes_what_was_kept_with_the_task(backend):
    [old], [kept] = await claimed(backend), await claimed(backend)
    await backend.end_attempts([ended(old, Status.FAILED), ended(kept)])
    assert await cleanup(backend, older_than=-1, statuses=[Status.FAILED]) == 1
    assert [len(await backend.attempts(claim.id)) for claim in (old, kept)] == [0, 1]
