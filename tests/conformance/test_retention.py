"""What is deleted when it is old, or belongs to nobody, and what never is."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import anyio
import pytest

from asyncqueue.errors import MigrationRequired
from asyncqueue.ids import new_id
from asyncqueue.model import AttemptEnd, NewTask, Status
from tests.conformance.helpers import claimed, cleanup, done, row
from tests.conformance.test_steering import ago
from tests.conformance.transactions import native, transaction
from tests.servers.cases import SERVER_DIALECTS, Case, cases, migrated, shaped

MIGRATED = cases("database", migrated())
LEVEL_0 = cases("database", shaped())
HOUR = 3600.0
ENDS = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


def literal(database, key: uuid.UUID) -> str:
    """An id as the task table has it."""
    return str(key) if native(database) else key.hex


def holder(database, key: uuid.UUID) -> str:
    """An id as the side tables have it."""
    return str(key) if database.dialect == "postgresql" else key.hex


async def old_ids(backend, database, count: int, *, age: float, status: Status = Status.COMPLETED) -> set[uuid.UUID]:
    """Ended rows with ids of that age, as asyncqueue enqueued them."""
    began = int((time.time() - age) * 1000) << 80
    rows = [
        NewTask(uuid.UUID(int=began + (n << 64) + (new_id().int & 0xFFFF | 0x7 << 76)), "app.task", "{}")
        for n in range(count)
    ]
    await backend.enqueue(rows)
    for each in rows:
        database.execute(
            f"UPDATE {database.table} SET status = {status}, created = %s, modified = %s WHERE id = %s",
            *(_naive(database, age), _naive(database, age), literal(database, each.id)),
        )
    return {each.id for each in rows}


def _naive(database, age: float) -> object:
    at = datetime.fromtimestamp(time.time() - age, UTC)
    return at if database.dialect == "postgresql" else str(at.replace(tzinfo=None))


async def left(backend, ids) -> set[uuid.UUID]:
    return {record.id for record in await backend.get([uuid.UUID(str(key)) for key in ids])}


# -- ended tasks


async def test_each_status_has_an_age_of_its_own(backend, database):
    states = [(status, age) for status in (2, 3, 4) for age in (100, 1000, 10_000)]
    ids = database.django.create([{"task": "x.y", "status": s, "modified": ago(age)} for s, age in states])
    batch = await backend.retention.cleanup({Status.COMPLETED: 500.0, Status.FAILED: 5000.0}, limit=100)
    assert (batch.deleted, batch.resume_from) == (3, None)
    assert await left(backend, ids) == {uuid.UUID(ids[resume_from]) for resume_from in (0, 3, 4, 6, 7, 8)}
    batch = await backend.retention.cleanup({Status.CANCELLED: 50.0}, limit=100)
    assert batch.deleted == 3


@MIGRATED
async def test_what_has_not_ended_stays_whatever_is_asked(backend):
    [running] = await claimed(backend)
    waiting = [NewTask(uuid.uuid4(), "x.y", None), NewTask(uuid.uuid4(), "x.y", None, delay=HOUR)]
    await backend.enqueue(waiting)
    batch = await backend.retention.cleanup(dict.fromkeys(Status, -1.0), limit=100)
    assert batch.deleted == 0
    assert len(await left(backend, [running.id, *(each.id for each in waiting)])) == 3


@cases("database", [Case("postgresql", 10, migrated=True), Case("sqlite", 10, migrated=True)])
async def test_what_is_queued_again_between_the_look_and_the_deletion_stays(backend, database):
    """The second half of a clean-up knows what the first has found, and looks again."""
    claims = await claimed(backend, 2)
    await backend.finish([done(claim) for claim in claims])
    again, ended = (claim.id for claim in claims)
    await backend.requeue([again])
    if database.dialect == "postgresql":
        ages = {"completed": -1.0, "failed": -1.0, "cancelled": -1.0}
        values = {"ids": [again, ended], **ages}
        [[count]] = await backend._fetch(backend._control, "cleanup", values)
    else:
        cutoffs = dict.fromkeys(("completed", "failed", "cancelled", "now"), "9999-01-01")
        places = json.dumps([resume_from for (resume_from,) in database.execute(f"SELECT rowid FROM {database.table}")])
        rows = await backend._write(
            lambda raw: raw.execute(backend._table["cleanup"].text, {"rowids": places, **cutoffs}).fetchall()
        )
        count = len(rows)
    assert count == 1
    assert await left(backend, [again, ended]) == {again}


@MIGRATED
async def test_every_old_row_is_found_in_small_batches(backend, database):
    """Ids of ours in the order of time with old ones and young ones, and Django's random ids among them."""
    old = await old_ids(backend, database, 20, age=10 * HOUR)
    young = await old_ids(backend, database, 20, age=HOUR)
    kept = await old_ids(backend, database, 20, age=10 * HOUR, status=Status.FAILED)
    ages = [100, 36_000] * 10
    theirs = database.django.create([{"task": "x.y", "status": 2, "modified": ago(age)} for age in ages])
    assert await cleanup(backend, older_than=5 * HOUR, statuses=[Status.COMPLETED], limit=3) == 30
    assert await left(backend, [*old, *young, *kept, *theirs]) == {*young, *kept, *map(uuid.UUID, theirs[::2])}


@cases("database", migrated(["postgresql"]))
async def test_young_rows_are_passed_over(backend, database):
    """Those whose ids begin with the time, as all of ours."""
    old = await old_ids(backend, database, 5, age=10 * HOUR)
    await backend.enqueue([NewTask(new_id(), "app.task", "{}") for _ in range(2000)])
    await backend.finish([done(claim) for claim in await backend.claim(2000, worker_pid=1)])
    seen, resume_from = 0, None
    while True:
        batch = await backend.retention.cleanup({Status.COMPLETED: HOUR}, limit=10, resume_from=resume_from)
        seen, resume_from = seen + batch.seen, batch.resume_from
        if resume_from is None:
            break
    assert await left(backend, old) == set()
    assert seen < 50


@cases("database", migrated(["mysql", "mariadb", "sqlite"]))
async def test_ages_are_in_the_tables_zone(another, database):
    async with another(time_zone=ZoneInfo("America/New_York")) as backend:
        [claim] = await claimed(backend)
        await backend.finish([done(claim)])
        assert await cleanup(backend, older_than=60, statuses=ENDS) == 0
        assert await cleanup(backend, older_than=0, statuses=ENDS) == 1


@MIGRATED
async def test_a_place_of_another_database_is_the_beginning(backend):
    claims = await claimed(backend, 3)
    await backend.finish([done(claim) for claim in claims])
    batch = await backend.retention.cleanup(dict.fromkeys(ENDS, -1.0), limit=100, resume_from="elsewhere")
    assert batch.deleted == 3


@MIGRATED
async def test_clean_ups_beside_claims_and_requeues_disturb_nobody(another, database):
    """Workers claim and end, two clean up what has ended at once, somebody queues again: all by rows of one table."""
    total, ended, again = 1500, set(), 0
    async with another() as first, another() as second, another() as third, another() as fourth:
        await first.enqueue([NewTask(new_id(), "app.task", "{}") for _ in range(total)])
        working = 2

        async def work(backend) -> None:
            nonlocal working
            claims = await backend.claim(20, worker_pid=None)
            while claims:
                finished, more = await backend.exchange([done(claim) for claim in claims], 20, worker_pid=None)
                assert finished == {claim.id for claim in claims}, "nobody else touches what is claimed"
                ended.update(finished)
                claims = more
            working -= 1

        async def clean(backend) -> int:
            deleted = 0
            while working:
                deleted += await cleanup(backend, older_than=0, statuses=ENDS, limit=50)
                await asyncio.sleep(0.002)
            return deleted

        async def requeue() -> None:
            nonlocal again
            while working:
                again += len(await third.requeue(list(ended)[-30:]))
                await asyncio.sleep(0.01)

        with anyio.fail_after(60):
            cleaned = asyncio.gather(clean(third), clean(fourth))
            await asyncio.gather(work(first), work(second), requeue())
            deleted = sum(await cleaned)
        await asyncio.gather(work(first))  # what was queued again at the very end
        deleted += await cleanup(first, older_than=-1, statuses=ENDS)
    assert len(ended) == total
    assert deleted == total, "each row once"
    assert database.execute(f"SELECT count(*) FROM {database.table}") == [(0,)]


# -- attempts of tasks that are gone


@MIGRATED
async def test_attempts_of_deleted_tasks_are_swept(backend, database):
    claims = await claimed(backend, 9)
    await backend.end_attempts(
        [
            AttemptEnd(claim.id, claim.token, Status.FAILED, None, "no", None, False, None, 1, claim.token)
            for claim in claims
        ]
    )
    gone = [claim.id for claim in claims[::2]]
    for key in gone:  # as Django's admin does it
        database.execute(f"DELETE FROM {database.table} WHERE id = %s", literal(database, key))
    resume_from, counts = None, []
    while True:
        batch = await backend.retention.sweep_attempts(limit=4, resume_from=resume_from)
        counts.append((batch.deleted, batch.seen))
        resume_from = batch.resume_from
        if resume_from is None:
            break
    assert [sum(column) for column in zip(*counts, strict=True)] == [5, 9]
    assert len(counts) == 3
    assert [len(await backend.attempts(claim.id)) for claim in claims] == [0, 1] * 4 + [0]
    assert (await backend.retention.sweep_attempts(limit=100)).deleted == 0


# -- unique keys that are free


async def _key(database, name: str, key: uuid.UUID, held_for: float = 0.0) -> None:
    values = (name, holder(database, key), held_for)
    database.execute("INSERT INTO asyncqueue_keys (unique_key, task_id, held_for) VALUES (%s, %s, %s)", *values)


def _keys(database) -> set[str]:
    return {name for (name,) in database.execute("SELECT unique_key FROM asyncqueue_keys")}


@MIGRATED
async def test_free_keys_are_swept(backend, database):
    long_ago = await old_ids(backend, database, 2, age=10 * HOUR)
    [first, second] = long_ago
    [just_now] = await old_ids(backend, database, 1, age=10.0)
    [running] = await claimed(backend)
    waiting = [NewTask(uuid.uuid4(), "x.y", None), NewTask(uuid.uuid4(), "x.y", None, delay=HOUR)]
    await backend.enqueue(waiting)
    for name, key, held_for in [
        ("holder gone", uuid.uuid4(), 9 * HOUR),
        ("ended long ago", first, 0.0),
        ("ended, held for an hour", first, HOUR),
        ("ended, held for a day", second, 24 * HOUR),
        ("ended just now", just_now, 0.0),
        ("running", running.id, 0.0),
        ("queued", waiting[0].id, 0.0),
        ("scheduled", waiting[1].id, 0.0),
        ("Schlüssel \U0001f511", uuid.uuid4(), 0.0),
    ]:
        await _key(database, name, key, held_for)
    resume_from, deleted = None, 0
    while True:
        batch = await backend.retention.sweep_keys(limit=2, resume_from=resume_from)
        deleted, resume_from = deleted + batch.deleted, batch.resume_from
        if resume_from is None:
            break
    assert deleted == 4
    assert _keys(database) == {"ended, held for a day", "ended just now", "running", "queued", "scheduled"}
    assert (await row(backend, running.id)).status == Status.RUNNING


@MIGRATED
async def test_a_key_that_is_taken_meanwhile_stays(backend, database):
    """Between the look at its holder and its deletion another task has taken it over."""
    await _key(database, "free", uuid.uuid4())
    await _key(database, "taken", uuid.uuid4())
    kept = await backend.retention._kept_keys("", 10)
    [running] = await claimed(backend)
    taken = "UPDATE asyncqueue_keys SET task_id = %s WHERE unique_key = 'taken'"
    database.execute(taken, holder(database, running.id))
    assert await backend.retention._delete_keys(kept) == 1
    assert _keys(database) == {"taken"}


@cases("database", migrated(SERVER_DIALECTS))
async def test_a_sweep_does_not_wait_for_a_key_that_somebody_takes(backend, database):
    await _key(database, "free", uuid.uuid4())
    await _key(database, "held", uuid.uuid4())
    async with transaction(database, "READ COMMITTED") as other:
        await other.execute("SELECT * FROM asyncqueue_keys WHERE unique_key = 'held' FOR UPDATE")
        with anyio.fail_after(5):
            assert (await backend.retention.sweep_keys(limit=10)).deleted == 1
    assert (await backend.retention.sweep_keys(limit=10)).deleted == 1


@LEVEL_0
async def test_sweeps_need_a_migrated_table(backend):
    for sweep in (backend.retention.sweep_attempts, backend.retention.sweep_keys):
        with pytest.raises(MigrationRequired, match="a sweep needs"):
            await sweep(limit=10)
