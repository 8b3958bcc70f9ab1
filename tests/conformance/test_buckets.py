"""Level 1: queues, priorities, pauses and times, as claims see them."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import anyio
import pytest

from asyncqueue.backends.mysql.read_strategies import Ways
from asyncqueue.errors import MigrationRequired
from asyncqueue.model import NewTask, QueueState, Status
from tests.conformance.helpers import done, queued, row
from tests.conformance.transactions import holding, transaction
from tests.servers.cases import SERVER_DIALECTS, cases, migrated, shaped

MIGRATED = cases("database", migrated())
LEVEL_0 = cases("database", shaped())


async def put(backend, count: int = 1, **fields) -> list[uuid.UUID]:
    rows = [NewTask(uuid.uuid4(), "app.task", "{}", **fields) for _ in range(count)]
    await backend.enqueue(rows)
    return [row.id for row in rows]


async def take(backend, limit: int = 100, **how) -> list[uuid.UUID]:
    return [claim.id for claim in await backend.claim(limit, worker_pid=None, **how)]


@MIGRATED
@pytest.mark.parametrize("bulk", [1, 600], ids=["few", "many"])
async def test_a_row_is_what_was_asked_for(backend, database, bulk):
    ids = await put(backend, bulk, queue="mail", priority=-7, max_attempts=3)
    query = f"SELECT DISTINCT queue, priority, max_attempts, status FROM {database.table}"
    assert [tuple(each) for each in database.execute(query)] == [("mail", -7, 3, 0)]
    claims = await backend.claim(bulk, worker_pid=None, worker="me")
    assert [claim.id for claim in claims] == ids
    assert {(claim.queue, claim.priority, claim.attempt, claim.max_attempts) for claim in claims} == {
        ("mail", -7, 0, 3)
    }
    assert [tuple(each) for each in database.execute(f"SELECT DISTINCT claimed_by FROM {database.table}")] == [("me",)]
    assert await backend.finish([done(claim) for claim in claims]) == set(ids)


@MIGRATED
async def test_higher_priorities_come_first_and_older_rows_within_one(backend):
    low = await put(backend, 3, priority=-100)
    usual = await put(backend, 3)
    high = await put(backend, 3, priority=100)
    assert await take(backend, 4) == [*high, usual[0]]
    urgent = await put(backend, 1, priority=50)
    await asyncio.sleep(1.1)  # a priority that this worker has not seen is found within a second
    assert await take(backend, 2) == [*urgent, usual[1]]
    assert await take(backend) == [usual[2], *low]


@MIGRATED
async def test_queues_are_served_in_the_order_given(backend):
    mail = await put(backend, 2, queue="mail", priority=-5)
    urgent = await put(backend, 1, queue="mail", priority=5)
    usual = await put(backend, 2, priority=9)
    other = await put(backend, 2, queue="Mail")  # another queue: names are case-sensitive
    assert await take(backend, 4, queues=["mail", "default"]) == [*urgent, *mail, usual[0]]
    assert await take(backend, queues=["nothing"]) == []
    assert await take(backend, queues=["default"]) == usual[1:]
    assert await take(backend) == other


@MIGRATED
async def test_all_queues_are_served_in_turn_where_none_is_named(backend):
    await put(backend, 200, queue="a")
    await put(backend, 200, queue="b")
    claims = [await backend.claim(1, worker_pid=None) for _ in range(40)]
    assert {claim.queue for [claim] in claims} == {"a", "b"}


@cases("database", migrated(["sqlite"]))
async def test_a_claim_takes_as_many_from_each_queue_as_it_has(backend):
    first = [(await put(backend, 1, queue=queue))[0] for queue in "abc" * 2]
    some = await put(backend, 6, queue="a")
    low = await put(backend, 2, queue="a", priority=-1)
    assert await take(backend, 6) == first
    assert await take(backend, 7) == [*some, low[0]]
    await put(backend, 5, queue="b")
    claims = await backend.claim(5, worker_pid=None)
    assert [claim.queue for claim in claims].count("b") == 5


@MIGRATED
async def test_a_paused_queue_gives_nothing_until_it_is_resumed(backend, another):
    mail = await put(backend, 4, queue="mail")
    usual = await put(backend, 2)
    assert await take(backend, 1, queues=["mail"]) == mail[:1]
    async with another() as other:
        await other.pause("mail", paused=True)
        assert await take(backend, queues=["mail", "default"]) == usual
        assert await take(backend) == []
        assert await other.queues() == [
            QueueState("default", running=2),
            QueueState("mail", paused=True, queued=3, running=1),
        ]
        await other.pause("mail", paused=False)
        await asyncio.sleep(1.1)
        assert await take(backend) == mail[1:]
        await other.pause("empty", paused=True)
        assert QueueState("empty", paused=True) in await other.queues()
        for name in ("empty", "never paused"):
            await other.pause(name, paused=False)
        assert [each.name for each in await other.queues()] == ["default", "mail"], "a resumed queue leaves no row"


@MIGRATED
@pytest.mark.parametrize("bulk", [1, 600], ids=["few", "many"])
async def test_a_delayed_row_waits_for_its_time(backend, database, bulk):
    ids = await put(backend, bulk, delay=0.7)
    at_once = await put(backend, 1, delay=-5)
    past = await put(backend, 1, run_at=datetime.now(UTC) - timedelta(hours=1))
    later = await put(backend, 1, run_at=datetime.now(UTC) + timedelta(hours=1))
    assert (await row(backend, ids[0])).status == Status.SCHEDULED
    assert await take(backend) == [*at_once, *past]
    assert await take(backend) == []
    await asyncio.sleep(0.8)
    claims = []
    while batch := await take(backend, 1000):
        claims += batch
    assert sorted(claims) == sorted(ids)
    assert (await row(backend, later[0])).status == Status.SCHEDULED
    query = f"SELECT count(*) FROM {database.table} WHERE run_after IS NOT NULL"
    assert database.execute(query)[0][0] == 1


@MIGRATED
async def test_what_is_due_first_runs_first(backend):
    now = datetime.now(UTC)
    times = [0.3, 0.1, 0.2]
    ids = [(await put(backend, 1, run_at=now + timedelta(seconds=0.5 + each)))[0] for each in times]
    assert await take(backend) == []
    await asyncio.sleep(1.1)
    assert await take(backend) == [ids[1], ids[2], ids[0]]


@MIGRATED
async def test_an_idle_worker_wakes_when_the_next_row_is_due(backend):
    await put(backend, 1, delay=0.4)
    assert await take(backend) == []
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not await take(backend):
        await backend.wait_for_work(5.0 if backend.capabilities.wakes else 0.05)
        assert loop.time() < began + 3


@MIGRATED
async def test_scheduled_rows_can_be_cancelled_and_run_now(backend, database):
    first, second = await put(backend, 2, delay=3600)
    assert await backend.cancel([first]) == {first}
    assert (await row(backend, first)).status == Status.CANCELLED
    assert await backend.requeue([second]) == {second}
    assert await take(backend) == [second]
    assert database.execute(f"SELECT count(*) FROM {database.table} WHERE run_after IS NOT NULL")[0][0] == 0


@MIGRATED
async def test_rows_of_django_are_in_the_default_queue(backend, database):
    keys = database.django.create([{"task": "app.task", "args": {}}] * 2)
    mine = await queued(backend, 1)
    assert [str(key) for key in await take(backend, queues=["default"])] == [*keys, str(mine[0])]


@MIGRATED
async def test_workers_share_the_rows_of_all_buckets(backend, another):
    ids = [
        key
        for priority in (0, 5, -5)
        for queue in "ab"
        for key in await put(backend, 60, queue=queue, priority=priority)
    ]
    seen: list[uuid.UUID] = []

    async def worker(each):
        while claims := await each.claim(7, worker_pid=None):
            seen.extend(claim.id for claim in claims)
            await each.finish([done(claim) for claim in claims])

    async with another() as second, another() as third:
        await asyncio.gather(*(worker(each) for each in (backend, second, third)))
        seen += await take(second)
    assert sorted(seen) == sorted(ids)


@MIGRATED
async def test_workers_promote_each_row_once(backend, another):
    ids = await put(backend, 3000, delay=0.5)
    await asyncio.sleep(0.6)
    async with another() as second:
        seen = []
        for _ in range(100):
            for batch in await asyncio.gather(take(backend, 500), take(second, 500)):
                seen += batch
            if len(seen) >= 3000:
                break
    assert sorted(seen) == sorted(ids)


@MIGRATED
async def test_a_released_row_keeps_its_place_in_its_bucket(backend):
    from tests.conformance.helpers import release

    ids = await put(backend, 3, queue="mail", priority=4)
    [claim] = await backend.claim(1, worker_pid=None)
    await backend.release([release(claim)])
    assert await take(backend) == ids


@cases("database", migrated(SERVER_DIALECTS))
async def test_late_rows_are_found_where_scans_are_expensive(backend, database):
    """Dead entries piled up: a look is seldom, a claim that comes back short looks a second back."""
    backend._claims.buckets._scans._expensive = -1.0
    await put(backend, 20)
    assert len(await take(backend, 5)) == 5
    backend._claims.buckets.scanned(0.02, None)
    backend._claims.buckets.scanned(0.02, None)
    assert backend._claims.buckets.bloated
    assert len(await take(backend, 5)) == 5
    [late] = database.django.create([{"task": "late.one", "args": {}, "modified": "2020-01-01T00:00:00+00:00"}])
    fresh = await put(backend, 1)
    assert len(await take(backend, 100)) == 11
    assert (await row(backend, fresh[0])).status == Status.RUNNING
    await asyncio.sleep(1.1)
    assert [str(key) for key in await take(backend)] == [late]


@cases("database", migrated(["mysql", "mariadb"]))
async def test_a_busy_worker_reads_an_empty_bucket_once_a_second(backend, database, monkeypatch):
    """To find nothing there, the server may walk over what an old snapshot keeps, of other buckets too."""
    monkeypatch.setattr(Ways, "_may_count", lambda self, bucket: False)  # that would be one more now and then

    def selects() -> int:
        return int(database.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1])

    usual = await put(backend, 60)
    urgent = await put(backend, 1, priority=5)
    assert await take(backend, 1) == urgent
    assert await take(backend, 5) == usual[:5]
    before = selects()
    assert await take(backend, 5) == usual[5:10]
    assert selects() - before == 2, "the clock, and one bucket"
    urgent = await put(backend, 1, priority=5)
    await asyncio.sleep(1.1)
    assert await take(backend, 2) == [*urgent, usual[10]]


@cases("database", migrated(["mysql", "mariadb"]))
async def test_what_django_cancelled_before_its_time_does_not_lie_in_the_way(backend, database):
    """It saves whole rows, and knows nothing of `run_after`."""
    cancelled, running = await put(backend, 2, delay=0.3)
    database.django.save_status(str(cancelled), Status.CANCELLED)
    database.django.save_status(str(running), Status.QUEUED)
    claims = await backend.claim(5, worker_pid=None)
    assert [claim.id for claim in claims] == [running]
    modified = (await row(backend, cancelled)).modified
    await asyncio.sleep(0.4)
    assert await take(backend) == []
    assert database.execute(f"SELECT count(*) FROM {database.table} WHERE run_after IS NOT NULL")[0][0] == 0
    record = await row(backend, cancelled)
    assert (record.status, record.modified) == (Status.CANCELLED, modified)
    assert await backend.finish([done(claim) for claim in claims]) == {running}, "its claim is what it was"


@cases("database", migrated(SERVER_DIALECTS))
async def test_no_claim_waits_for_whoever_pauses_its_queue(backend, database):
    ids = await put(backend, 4)
    assert await take(backend, 1) == ids[:1]
    async with transaction(database) as other:
        await other.execute("INSERT INTO asyncqueue_queues (name, paused) VALUES ('default', true)")
        with anyio.fail_after(5):
            assert await take(backend, 1) == ids[1:2]
            assert await take(backend, 9) == ids[2:]
    await put(backend, 1)
    async with holding(database, ids[0]):  # and whoever claims keeps nobody from pausing
        with anyio.fail_after(5):
            await backend.pause("default", paused=True)
    assert await take(backend) == []


@MIGRATED
async def test_a_callers_transaction_holds_more_than_plain_rows(backend, database):
    tasks = [
        NewTask(uuid.uuid4(), "app.task", "{}", "Früh", 7, None, None, 3),
        NewTask(uuid.uuid4(), "app.task", "{}", "Früh", delay=3600),
        NewTask(uuid.uuid4(), "app.task", "{}", run_at=datetime.now(UTC) + timedelta(hours=1)),
    ]
    async with transaction(database) as connection:
        await backend.enqueue(tasks, connection=connection.raw)
        await connection.commit()
    [claim] = await backend.claim(9, worker_pid=None)
    assert (claim.id, claim.queue, claim.priority, claim.max_attempts) == (tasks[0].id, "Früh", 7, 3)
    for task in tasks[1:]:
        record = await row(backend, task.id)
        assert record.status == Status.SCHEDULED
        assert record.run_after is not None
        assert abs(record.run_after - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)


@cases("database", migrated(["mysql", "mariadb", "sqlite"]))
async def test_a_tables_zone_moves_no_time(database, another):
    async with another(time_zone=ZoneInfo("America/New_York")) as backend:
        [later] = await put(backend, 1, delay=0.6)
        at = datetime.now(UTC) + timedelta(seconds=0.3)
        [sooner] = await put(backend, 1, run_at=at)
        assert (await row(backend, sooner)).run_after == at
        assert await take(backend) == []
        await asyncio.sleep(0.8)
        assert await take(backend) == [sooner, later]
        for key in sooner, later:
            assert abs((await row(backend, key)).modified - at) < timedelta(minutes=1)


@LEVEL_0
@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"queue": "mail"}, "a queue of another name"),
        ({"priority": 1}, "a priority"),
        ({"delay": 1.0}, "a delay"),
        ({"run_at": datetime.now(UTC)}, "a delay"),
        ({"max_attempts": 2}, "max_attempts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_table_as_django_made_it_says_what_it_lacks(backend, fields, what):
    with pytest.raises(MigrationRequired, match=f"{what} needs .*`asyncqueue migrate`"):
        await put(backend, 1, **fields)
    assert await take(backend) == []


@LEVEL_0
async def test_pausing_needs_a_migrated_table(backend):
    for verb in (backend.pause("mail", paused=True), backend.queues()):
        with pytest.raises(MigrationRequired, match="`asyncqueue migrate`"):
            await verb


@cases("database", migrated(["sqlite"]))
async def test_queues_of_one_priority_are_claimed_evenly_and_what_one_lacks_from_the_others(backend):
    few, many, more = [await put(backend, count, queue=queue) for queue, count in (("a", 2), ("b", 60), ("c", 60))]
    claimed = await take(backend, 30)
    assert len(set(claimed)) == 30
    assert set(few) < set(claimed)
    assert {len(set(claimed) & set(ids)) for ids in (many, more)} == {14}
    rest = await take(backend, 200)
    assert len(rest) == 92
    assert not set(rest) & set(claimed)


@MIGRATED
@pytest.mark.parametrize("bulk", [40, 600], ids=["few", "many"])
async def test_of_one_call_each_priority_keeps_its_order(backend, bulk):
    rows = [NewTask(uuid.uuid4(), "app.task", "{}", priority=number % 3 - 1) for number in range(bulk)]
    await backend.enqueue(rows)
    expected = [row.id for row in sorted(rows, key=lambda row: -row.priority)]
    assert await take(backend, bulk) == expected


@cases("database", migrated(["sqlite"]))
async def test_of_one_call_what_is_claimed_together_lies_together(backend, database):
    await backend.enqueue([NewTask(uuid.uuid4(), "app.task", "{}", priority=number % 3) for number in range(30)])
    stored = database.execute(f"SELECT priority, modified FROM {database.table} ORDER BY rowid")
    assert [priority for priority, _ in stored] == [2] * 10 + [1] * 10 + [0] * 10
    assert stored == sorted(stored, key=lambda row: (-row[0], row[1]))


@cases("database", migrated(SERVER_DIALECTS))
async def test_what_is_due_and_locked_by_others_is_not_tried_all_the_time(backend, database):
    """An idle worker waits longer after each promotion in vain, up to a second."""
    [key] = await put(backend, 1, delay=0.01)
    await asyncio.sleep(0.05)
    async with transaction(database) as locking:
        await locking.execute(f"SELECT id FROM {database.table} WHERE status = 5 FOR UPDATE")
        began = time.monotonic()
        for _ in range(10):
            assert await take(backend) == []
            await backend.wait_for_work(10)
        assert time.monotonic() - began > 0.5, "it was 1 ms each time"
        await locking.rollback()
    async with asyncio.timeout(30):
        while not (claimed := await take(backend)):
            await backend.wait_for_work(10)
    assert claimed == [key]
