"""Claims: exact, oldest first, never waiting."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import anyio
import pytest
import time_machine

from asyncqueue.model import ENDED, Status
from tests.conformance.helpers import cleanup, done, fences, new, queued, release, row
from tests.servers.cases import SERVER_DIALECTS, SHAPES, cases, shaped
from tests.worker.process import ROOT


async def test_a_claim_takes_the_oldest_up_to_its_limit_and_marks_them(backend, database):
    ids = await queued(backend, 5)
    before = {record.id: record for record in await backend.get(ids)}
    claims = await backend.claim(3, worker_pid=1234)
    assert [claim.id for claim in claims] == ids[:3]
    assert [(claim.task, claim.args) for claim in claims] == [("app.task", "{}")] * 3
    for claim in claims:
        record = await row(backend, claim.id)
        assert record.status == Status.RUNNING
        assert record.worker_pid == (1234 if database.shape == 10 else None)
        assert record.created == before[claim.id].created
        assert before[claim.id].modified < record.modified <= datetime.now(UTC)
    assert {record.status for record in await backend.get(ids[3:])} == {Status.QUEUED}
    assert [claim.id for claim in await backend.claim(50, worker_pid=None)] == ids[3:]
    assert await backend.claim(50, worker_pid=None) == []


async def test_rows_of_one_instant_are_all_claimed(backend, database):
    instant = "2026-11-23T16:03:40+00:00"  # no fraction: Django leaves it off on SQLite
    ids = database.django.create([{"task": "x.y", "created": instant, "modified": instant} for _ in range(20)])
    later = database.django.create([{"task": "x.y", "modified": "2026-11-23T16:03:40.000001+00:00"}])
    claims = [claim for _ in range(3) for claim in await backend.claim(7, worker_pid=None)]
    assert {str(claim.id) for claim in claims[:20]} == set(ids)
    assert [str(claim.id) for claim in claims[20:]] == later


async def test_only_queued_rows_are_claimed(backend, database):
    database.django.create([{"task": "x.y", "status": status} for status in (1, 2, 3, 4, 5, 9)])
    assert await backend.claim(50, worker_pid=None) == []


async def test_concurrent_claims_share_the_rows_without_overlap(backend, another):
    ids = await queued(backend, 600)

    async def worker() -> list[str]:
        got = []
        async with another() as mine:
            while claims := await mine.claim(7, worker_pid=None):
                got += [claim.id for claim in claims]
            # An empty answer may only mean that others hold the rest for this moment.
            while claims := await mine.claim(7, worker_pid=None):
                got += [claim.id for claim in claims]
        return got

    shares = await asyncio.gather(*(worker() for _ in range(6)))
    assert Counter(claim for share in shares for claim in share) == Counter(ids)


_CLAIMER = """
import asyncio, json, sys
from asyncqueue.backends.base import Options
from asyncqueue.backends.registry import backend_for

async def main():
    backend = backend_for(sys.argv[1], Options())
    await backend.open()
    ids, empty = [], 0
    while empty < 3:
        claims = await backend.claim(9, worker_pid=None)
        ids += [str(claim.id) for claim in claims]
        empty = 0 if claims else empty + 1
    await backend.close()
    print(json.dumps(ids))

asyncio.run(main())
"""


async def test_processes_share_the_rows_without_overlap(backend, database):
    ids = await queued(backend, 1500)
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _CLAIMER, database.url, cwd=ROOT, stdout=-1)
        for _ in range(4)
    ]
    outputs = [(await process.communicate())[0] for process in processes]
    claims = [claim for output in outputs for claim in json.loads(output)]
    assert Counter(claims) == Counter(str(task_id) for task_id in ids)


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_rows_that_another_session_holds_are_skipped_not_waited_for(backend, database):
    ids = await queued(backend, 4)
    async with _holding(database, ids[1]):
        with anyio.fail_after(5):
            claims = await backend.claim(10, worker_pid=None)
    assert [claim.id for claim in claims] == [ids[0], ids[2], ids[3]]


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_an_insert_is_not_blocked_by_an_open_claim(backend, database, another):
    """Under REPEATABLE READ, MySQL's claim would lock the gap that new rows go into."""
    ids = await queued(backend, 3)
    async with _holding(database, *ids), another() as second:
        with anyio.fail_after(5):
            await second.enqueue(new(10))
            assert len(await second.claim(50, worker_pid=None)) == 10


async def test_rows_of_an_open_transaction_are_not_claimed_yet(backend, database):
    from tests.conformance.transactions import transaction

    rows = new(3)
    async with transaction(database) as connection:
        await backend.enqueue(rows, connection=connection.raw)
        if database.dialect != "sqlite":  # there, a writer waits for the other
            assert await backend.claim(10, worker_pid=None) == []
        await connection.commit()
    assert [claim.id for claim in await backend.claim(10, worker_pid=None)] == [new_row.id for new_row in rows]


async def test_a_released_row_is_claimed_again_before_younger_ones(backend):
    ids = await queued(backend, 4)
    first = await backend.claim(2, worker_pid=7)
    await backend.release([release(claim) for claim in first])
    records = await backend.get(ids[:2])
    assert {(record.status, record.worker_pid) for record in records} == {(Status.QUEUED, None)}
    again = await backend.claim(4, worker_pid=None)
    assert [claim.id for claim in again] == ids
    assert {claim.token for claim in again}.isdisjoint({claim.token for claim in first})


async def test_tokens_of_consecutive_claims_of_a_row_differ(backend):
    await queued(backend)
    tokens = []
    for _ in range(50):
        [claim] = await backend.claim(1, worker_pid=None)
        tokens.append(claim.token)
        await backend.release([release(claim)])
    assert len(set(tokens)) == 50


@pytest.mark.parametrize("args", [None, "", "{", "[1]", '{"\\u00e9": "\\ud834\\udd1e"}', "é𝄞 '\"\\ \n %s :x {table}"])
async def test_arguments_arrive_as_they_stand_in_the_row(backend, database, args):
    [task_id] = database.django.create([{"task": "x.y", "args": args}])
    [claim] = await backend.claim(1, worker_pid=None)
    assert (str(claim.id), claim.args) == (task_id, args)


@cases("database", shaped(SERVER_DIALECTS, SHAPES))
@pytest.mark.parametrize("hours", [-7, 7])
async def test_the_databases_clock_decides(backend, hours):
    """G13: a worker whose own clock is wrong by hours writes and compares the database's time all the same."""
    real = datetime.now(UTC)
    with time_machine.travel(real + timedelta(hours=hours), tick=True):
        assert abs(datetime.now(UTC) - real) > timedelta(hours=6), "this test's clock is not wrong"
        ids = await queued(backend, 4)
        first, second, third, _ = await backend.claim(4, worker_pid=None)
        await backend.finish([done(first)])
        seen = await backend.observe([second.id])
        await backend.renew(fences([second]), now=seen.now, worker_pid=None)
        await backend.release([release(third)])
        await backend.cancel([third.id])
        assert await backend.rescue(lease=3600, error="lost") == []
        assert await cleanup(backend, older_than=3600, statuses=ENDED) == 0
        records = await backend.get(ids)
    assert len(records) == 4
    for record in records:
        assert abs(record.created - real) < timedelta(minutes=1)
        assert abs(record.modified - real) < timedelta(minutes=1)


def _holding(database, *ids):
    from tests.conformance.transactions import holding

    return holding(database, *ids)


async def test_a_large_claim_is_one_claim(backend):
    """A worker of a thousand slots asks for more than that."""
    ids = await queued(backend, 1600)
    assert [claim.id for claim in await backend.claim(1500, worker_pid=None)] == ids[:1500]
