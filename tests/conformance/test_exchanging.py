"""Ends and claims in one go."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest

from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import DataRejected
from asyncqueue.model import ClaimedTask, Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import claimed, done, failed, queued, release, row
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, cases, migrated, shaped

EVERYWHERE = cases("database", shaped(DIALECTS, [10]))


async def test_ends_are_written_and_the_oldest_rows_claimed(backend, database):
    held = await claimed(backend, 3)
    waiting = await queued(backend, 5, args='{"a": 1}')
    ends = [done(held[0], log="said"), failed(held[1], "broken"), done(held[2], None)]
    written, claims = await backend.exchange(ends, 3, worker_pid=7)
    assert written == {claim.id for claim in held}
    assert [(claim.id, claim.task, claim.args) for claim in claims] == [
        (key, "app.task", '{"a": 1}') for key in waiting[:3]
    ]
    records = [await row(backend, claim.id) for claim in held]
    assert [record.status for record in records] == [Status.COMPLETED, Status.FAILED, Status.COMPLETED]
    assert records[0].output == "done"
    assert "broken" in str(records[1].error if database.shape == 10 else records[1].output)
    for claim in claims:
        record = await row(backend, claim.id)
        assert (record.status, record.worker_pid) == (Status.RUNNING, 7 if database.shape == 10 else None)
    # Both kinds of token are good for what comes next.
    written, rest = await backend.exchange([done(claim) for claim in claims], 10, worker_pid=None)
    assert written == {claim.id for claim in claims}
    assert [claim.id for claim in rest] == waiting[3:]
    assert await backend.exchange([done(claim) for claim in rest], 10, worker_pid=None) == (set(waiting[3:]), [])
    assert await backend.count(TaskFilter(statuses=[Status.COMPLETED])) == 7


async def test_a_stale_end_changes_nothing_and_costs_its_neighbours_nothing(backend):
    mine, taken, again = await claimed(backend, 3)
    assert await backend.finish([done(again)]) == {again.id}
    await backend.cancel([taken.id])
    waiting = await queued(backend, 2)
    written, claims = await backend.exchange([done(mine), done(taken), done(again)], 2, worker_pid=None)
    assert written == {mine.id, again.id}, "what was written before is known, what was cancelled is left alone"
    assert [claim.id for claim in claims] == waiting
    assert (await row(backend, taken.id)).status == Status.CANCELLED


@EVERYWHERE
async def test_where_an_end_is_refused_nothing_is_claimed(backend):
    good, bad = await claimed(backend, 2)
    await queued(backend, 2)
    with pytest.raises(DataRejected):
        await backend.exchange([done(good), done(bad, "half a pair \ud800")], 2, worker_pid=None)
    assert await backend.count(TaskFilter(statuses=[Status.RUNNING])) == 2
    assert await backend.count(TaskFilter(statuses=[Status.QUEUED])) == 2
    assert await backend.finish([done(good)]) == {good.id}


@EVERYWHERE
async def test_ends_of_many_megabytes_go_with_a_claim_too(backend):
    """More than MySQL takes in one statement."""
    held = await claimed(backend, 40)
    waiting = await queued(backend, 1)
    large = "x" * 2_000_000
    written, claims = await backend.exchange([done(claim, large) for claim in held], 5, worker_pid=None)
    assert written == {claim.id for claim in held}
    assert [claim.id for claim in claims] == waiting
    assert (await row(backend, held[-1].id)).output == large


async def test_many_exchanges_at_once_share_the_rows_without_overlap(backend, another):
    ids = await queued(backend, 600)
    seen: list[uuid.UUID] = []

    async def worker(exchange):
        held: list[ClaimedTask] = []
        while True:
            written, claims = await exchange([done(claim) for claim in held], 7, worker_pid=None)
            assert written == {claim.id for claim in held}
            held = claims
            seen.extend(claim.id for claim in claims)
            if not claims:
                return

    async with another() as second:
        await asyncio.gather(*(worker(each.exchange) for each in (backend, backend, second, second)))
    assert sorted(seen) == sorted(ids)
    assert await backend.count(TaskFilter(statuses=[Status.COMPLETED])) == 600


NOTING = [
    "CREATE TABLE noted (place serial, status integer)",
    """
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO noted (status) VALUES (NEW.status); RETURN NEW; END'
    """,
    "CREATE TRIGGER noting BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION note()",
]


@cases("fresh_database", [*shaped(["postgresql"], [10]), *migrated(["postgresql"])])
async def test_rows_are_taken_before_any_is_ended(fresh_database):
    """Else two workers may wait for each other: SKIP LOCKED does wait for a row that is being ended."""
    async with opened(fresh_database.url) as backend:
        await queued(backend, 8)
        held = await backend.claim(4, worker_pid=None)
        for statement in NOTING:
            fresh_database.execute(statement.format(table=fresh_database.table))
        written, claims = await backend.exchange([done(claim) for claim in held], 4, worker_pid=None)
        assert (len(written or ()), len(claims)) == (4, 4)
    statuses = [status for (status,) in fresh_database.execute("SELECT status FROM noted ORDER BY place")]
    assert statuses == [Status.RUNNING] * 4 + [Status.COMPLETED] * 4


# -- the claim cursor: a busy claim does not read again what lies before the newest row it has claimed


async def test_an_older_row_that_comes_late_is_found_within_a_second(backend, database):
    """A slow transaction, another host's clock, or Django's admin put it there."""
    await queued(backend, 200)
    await backend.claim(10, worker_pid=None)
    [late] = database.django.create([{"task": "late.one", "args": {}, "modified": "2020-01-01T00:00:00+00:00"}])
    found = []
    for _ in range(14):
        found += [str(claim.id) for claim in await backend.claim(10, worker_pid=None)]
        await asyncio.sleep(0.1)
    assert late in found


async def test_a_claim_that_comes_back_short_has_scanned_everything(backend, database):
    await queued(backend, 20)
    await backend.claim(10, worker_pid=None)
    [late] = database.django.create([{"task": "late.one", "args": {}, "modified": "2020-01-01T00:00:00+00:00"}])
    assert late in {str(claim.id) for claim in await backend.claim(100, worker_pid=None)}


async def test_a_released_row_is_the_next_even_for_a_busy_worker(backend):
    ids = await queued(backend, 40)
    first = await backend.claim(10, worker_pid=None)
    await backend.claim(10, worker_pid=None)
    await backend.release([release(first[3])])
    assert (await backend.claim(10, worker_pid=None))[0].id == ids[3]


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_a_busy_claim_reads_from_the_cursor_on(backend):
    """While the queue is full, what a claim is bounded by is the newest row claimed before."""
    await queued(backend, 100)
    await backend.claim(10, worker_pid=None)
    claims = await backend.claim(10, worker_pid=None)
    cursor = backend._claims.cursor
    assert cursor.bound() == claims[-1].queued_at
    await backend.claim(100, worker_pid=None)
    assert not cursor.bounds(cursor.bound()), "the end was reached: nothing is left out"


# -- dead index entries, piled up under an old snapshot: what looks at everything is seldom, and nothing is lost


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_a_expensive_scan_is_not_repeated_at_once(backend, database):
    backend._claims.cursor._expensive = -1.0
    first, *_ = await queued(backend, 20)
    a_moment_before = (await row(backend, first)).modified - timedelta(seconds=0.5)
    await backend.claim(5, worker_pid=None)
    backend._claims.cursor.scanned(0.02)
    await backend.claim(5, worker_pid=None)
    [late] = database.django.create([{"task": "late.one", "args": {}, "modified": "2020-01-01T00:00:00+00:00"}])
    [recent] = database.django.create([{"task": "late.two", "args": {}, "modified": str(a_moment_before)}])
    claims = await backend.claim(100, worker_pid=None)
    assert len(claims) == 11
    assert str(claims[0].id) == recent, "what is a moment late is found at once"
    assert await backend.claim(100, worker_pid=None) == []
    await asyncio.sleep(1.1)
    assert [str(claim.id) for claim in await backend.claim(100, worker_pid=None)] == [late]


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_workers_share_the_rows_where_scans_are_expensive(backend, another):
    ids = await queued(backend, 500)
    seen: list[uuid.UUID] = []

    async def worker(each):
        each._claims.cursor._expensive = -1.0
        while claims := await each.claim(7, worker_pid=None):
            seen.extend(claim.id for claim in claims)

    async with another() as second:
        await asyncio.gather(*(worker(each) for each in (backend, backend, second, second)))
        seen += [claim.id for claim in await second.claim(500, worker_pid=None)]
    assert sorted(seen) == sorted(ids)


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_a_cheap_scan_is_made_again_within_the_second(backend):
    cursor = backend._claims.cursor
    await queued(backend, 10)
    await backend.claim(1, worker_pid=None)  # the first takes longer: its connection is opened
    cursor.scanned(0.0)
    cursor.scanned(60.0)
    assert not cursor.bloated, "one may be slow for any reason"
    cursor.scanned(60.0)
    assert cursor.bloated
    cursor.reset()
    await backend.claim(1, worker_pid=None)
    assert not cursor.bloated


@cases("database", [*shaped(["mysql", "mariadb"], [10]), *migrated(["mysql", "mariadb"])])
async def test_a_claim_that_expects_nothing_is_no_transaction(backend, database):
    """An idle worker asks one question each time, where a claim is four statements."""

    def transactions() -> int:
        return int(database.execute("SHOW GLOBAL STATUS LIKE 'Com_begin'")[0][1])

    assert await backend.claim(5, worker_pid=None) == []
    before = transactions()
    for _ in range(20):
        assert await backend.claim(5, worker_pid=None) == []
    assert transactions() == before
    await queued(backend, 2)
    assert len(await backend.claim(5, worker_pid=None)) == 2
