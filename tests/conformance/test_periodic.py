"""Periodic tasks in the table: declared, moved on by exactly one worker, removed when nobody declares them any more."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import DataRejected, MigrationRequired
from asyncqueue.model import Declaration, NewTask, Status
from tests.conformance.helpers import new, row
from tests.conformance.proxied import hang_up_on, proxied
from tests.conformance.test_buckets import LEVEL_0, MIGRATED
from tests.servers.cases import SERVER_DIALECTS, cases, migrated

HOURLY = Declaration("hourly", "app.tasks.sweep", "0 * * * *", "Europe/Berlin")
DAILY = Declaration("täglich ✓", "app.tasks.report", "0 3 * * *", "UTC")
EVERYTHING = TaskFilter()
QUEUED = TaskFilter(statuses=[Status.QUEUED])
SECOND = timedelta(seconds=1)


def placed(queue: str = "mail", priority: int = 7) -> NewTask:
    [task] = new(task="app.tasks.sweep", args='{"text": "ü"}')
    changed: NewTask = task._replace(queue=queue, priority=priority)
    return changed


async def last_of(backend, name: str = "hourly") -> tuple[datetime, UUID | None]:
    tick = (await backend.periodic.read()).entries[name]
    return tick.last, tick.last_task


@MIGRATED
async def test_a_new_entry_begins_now(backend):
    empty = await backend.periodic.read()
    assert empty.entries == {}
    table = await backend.periodic.declare([HOURLY, DAILY])
    assert abs(table.now - datetime.now(UTC)) < timedelta(minutes=1)
    assert {name: tick.declaration for name, tick in table.entries.items()} == {HOURLY.name: HOURLY, DAILY.name: DAILY}
    for tick in table.entries.values():
        assert empty.now <= tick.last == tick.declared <= table.now
        assert tick.last_task is None


@MIGRATED
async def test_what_is_declared_again_goes_on(backend):
    table = await backend.periodic.declare([HOURLY])
    at = table.now - SECOND * 5
    assert not await backend.periodic.tick("hourly", at, placed()), "from before it was declared"
    at, task = table.now + SECOND, placed()
    assert await backend.periodic.tick("hourly", at, task)
    moved = await backend.periodic.declare([HOURLY._replace(task="app.tasks.other")])
    tick = moved.entries["hourly"]
    assert (tick.last, tick.last_task) == (at, task.id)
    assert tick.declared > table.entries["hourly"].declared
    assert tick.declaration.task == "app.tasks.other"


@MIGRATED
@pytest.mark.parametrize("change", [{"cron": "* * * * *"}, {"timezone": "UTC"}])
async def test_another_expression_begins_anew(backend, database, change):
    table = await backend.periodic.declare([HOURLY])
    assert await backend.periodic.tick("hourly", table.now + SECOND, placed())
    database.execute("UPDATE asyncqueue_ticks SET last_tick = '2020-01-01 00:00:00'")
    changed = await backend.periodic.declare([HOURLY._replace(**change)])
    tick = changed.entries["hourly"]
    assert timedelta() < changed.now - tick.last < 4 * SECOND, "what is enqueued just now is not lost"
    assert tick.last_task is None
    at = changed.now
    assert await backend.periodic.tick("hourly", at, placed())
    again = await backend.periodic.declare([HOURLY])
    assert again.entries["hourly"].last >= at, "and never goes back"


@MIGRATED
async def test_a_last_tick_that_is_still_to_come_was_a_wrong_clock(backend):
    table = await backend.periodic.declare([HOURLY])
    soon = table.now + timedelta(minutes=50)
    assert await backend.periodic.tick("hourly", soon, placed())
    assert (await backend.periodic.declare([HOURLY])).entries["hourly"].last == soon
    assert await backend.periodic.tick("hourly", table.now + timedelta(days=400), placed())
    put_right = await backend.periodic.declare([HOURLY])
    assert table.now <= put_right.entries["hourly"].last <= put_right.now


@MIGRATED
async def test_a_tick_enqueues_its_task_once(backend):
    at = (await backend.periodic.declare([HOURLY, DAILY])).now + SECOND
    task = placed()
    assert await backend.periodic.tick("hourly", at, task)
    record = await row(backend, task.id)
    assert (record.task, record.args, record.status) == ("app.tasks.sweep", '{"text": "ü"}', Status.QUEUED)
    assert (record.queue, record.priority, record.max_attempts, record.run_after) == ("mail", 7, None, None)
    assert await last_of(backend) == (at, task.id)
    assert await backend.periodic.tick("hourly", at, task), "the same again, because the reply was lost"
    assert not await backend.periodic.tick("hourly", at, placed()), "another worker, too late"
    assert not await backend.periodic.tick("hourly", at - SECOND, placed()), "and an older tick"
    assert not await backend.periodic.tick("nobody's", at, placed()), "an entry that was removed"
    assert await backend.count(EVERYTHING) == 1
    following = placed()
    assert await backend.periodic.tick("hourly", at + timedelta(microseconds=1), following)
    assert [claim.id for claim in await backend.claim(5, worker_pid=None)] == [task.id, following.id]
    assert (await last_of(backend, DAILY.name))[1] is None


@MIGRATED
async def test_of_many_at_once_one_enqueues(backend, another):
    base = (await backend.periodic.declare([HOURLY])).now
    ticks = [base + number * SECOND for number in range(1, 21)]

    async def worker() -> list[datetime]:
        async with another() as mine:
            await mine.periodic.read()
            return [at for at in ticks if await mine.periodic.tick("hourly", at, placed())]

    won = await asyncio.gather(*(worker() for _ in range(4)))
    assert sorted(at for each in won for at in each) == ticks
    assert await backend.count(EVERYTHING) == len(ticks)


@MIGRATED
async def test_many_declare_at_once(backend, another):
    entries = [HOURLY._replace(name=f"entry {number}") for number in range(20)]

    async def worker(mine: list[Declaration]) -> None:
        async with another() as one:
            for _ in range(5):
                await one.periodic.declare(mine, expiry=600)

    await asyncio.gather(worker(entries), worker(entries[::-1]), worker(entries[10:]), worker(entries[:10]))
    assert set((await backend.periodic.read()).entries) == {entry.name for entry in entries}


@MIGRATED
async def test_what_nobody_declares_is_removed(backend, database):
    await backend.periodic.declare([HOURLY, DAILY])
    database.execute("UPDATE asyncqueue_ticks SET declared = '2020-01-01 00:00:00'")
    table = await backend.periodic.declare([DAILY])
    assert set(table.entries) == {"hourly", DAILY.name}, "without an expiry nothing is"
    table = await backend.periodic.declare([DAILY], expiry=600)
    assert set(table.entries) == {DAILY.name}
    assert set((await backend.periodic.declare([], expiry=600)).entries) == {DAILY.name}
    database.execute("UPDATE asyncqueue_ticks SET declared = '2020-01-01 00:00:00'")
    assert (await backend.periodic.declare([], expiry=600)).entries == {}


@cases("database", migrated(["postgresql", "mysql", "mariadb"]))
async def test_a_task_that_cannot_be_stored_leaves_the_tick_to_be_done(backend):
    table = await backend.periodic.declare([HOURLY])
    with pytest.raises(DataRejected):
        await backend.periodic.tick("hourly", table.now + SECOND, placed()._replace(task="x." + "y" * 200))
    assert await last_of(backend) == (table.entries["hourly"].last, None)
    assert await backend.periodic.tick("hourly", table.now + SECOND, placed())
    assert await backend.count(EVERYTHING) == 1


@cases("database", migrated(SERVER_DIALECTS))
async def test_a_tick_whose_reply_was_lost_is_repeated_safely(database, backend):
    at, task = (await backend.periodic.declare([HOURLY])).now + SECOND, placed()
    async with proxied(database) as (proxy, cut):
        await cut.periodic.declare([HOURLY])
        await hang_up_on(proxy, lambda: cut.periodic.tick("hourly", at, task))
        await cut.periodic.tick("hourly", at, task)
        assert not await backend.periodic.tick("hourly", at, placed())
    assert await backend.count(QUEUED) == 1
    assert await last_of(backend) == (at, task.id)


@cases("database", migrated(["mysql", "mariadb"]))
async def test_a_tick_whose_commit_was_not_heard_of_is_repeated_safely(database, backend):
    at, task = (await backend.periodic.declare([HOURLY])).now + SECOND, placed()
    async with proxied(database) as (proxy, cut):
        await cut.periodic.declare([HOURLY])
        proxy.deaf_after = b"COMMIT"
        assert await cut.periodic.tick("hourly", at, task)
        assert proxy.swallowed == 1
    assert await backend.count(QUEUED) == 1
    assert await last_of(backend) == (at, task.id)


@LEVEL_0
async def test_periodic_tasks_need_a_migrated_table(backend):
    verbs = (
        backend.periodic.declare([HOURLY]),
        backend.periodic.read(),
        backend.periodic.tick("x", datetime.now(UTC), placed()),
    )
    for verb in verbs:
        with pytest.raises(MigrationRequired, match="`asyncqueue migrate`"):
            await verb
