"""Periodic tasks in real workers: every tick once, whichever of them dies; ticks that were missed; outages."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from asyncqueue import Queue, Settings, Status, TaskRecord, Worker
from asyncqueue.model import Declaration, Tick
from asyncqueue.worker import ticking
from tests.conformance.test_buckets import MIGRATED
from tests.proxy import Proxy
from tests.servers.cases import SERVER_DIALECTS, cases, migrated, shaped
from tests.worker.process import WorkerProcess, until
from tests.worker.test_fleet import LEASE

PATH = "tests.worker.cron_tasks.every_second"
EVERY_SECOND = Declaration(PATH, PATH, "* * * * * *", "Europe/Berlin")
SECOND = timedelta(seconds=1)
YEARLY = {"task": PATH, "cron": "0 3 1 1 *", "name": "yearly"}


async def settled(queue: Queue, name: str) -> tuple[Tick, list[TaskRecord]]:
    """The entry and the tasks of one moment: what a worker sent as it ended may be committed between two reads."""
    while True:
        tick = (await queue.backend.periodic.read()).entries[name]
        records = sorted(await queue.list(limit=1000), key=lambda record: record.created)
        if (await queue.backend.periodic.read()).entries[name] == tick:
            return tick, records


async def proved(queue: Queue, since, name: str = PATH) -> int:
    """Every second from `since` up to the last tick has one task, and none has a task before it. Returns how many."""
    tick, records = await settled(queue, name)
    first = since.replace(microsecond=0) + SECOND
    ticks = [first + number * SECOND for number in range(round((tick.last - first) / SECOND) + 1)]
    made = "\n".join(f"{record.created} {record.task}" for record in records)
    assert len(records) == len(ticks), f"one task a tick: {first} to {tick.last}, and\n{made}"
    early = [record for record, at in zip(records, ticks, strict=True) if record.created < at]
    assert early == [], "a tick without a task, and another one with two, would show here"
    assert tick.last_task == records[-1].id
    return len(records)


@asynccontextmanager
async def working(queue: Queue, **settings):
    """A worker in this process."""
    worker = Worker(queue, settings=queue.settings.model_copy(update=settings))
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(running, 30)


async def counted(queue: Queue, least: int, status: Status | None = None) -> bool:
    """Whether there are so many tasks."""
    return await queue.count(status=status) >= least


def entries(*tables):
    return Settings(periodic=tables).periodic


@MIGRATED
async def test_every_tick_has_one_task_whichever_worker_is_killed(queue, database, tmp_path):
    since = (await queue.backend.periodic.declare([EVERY_SECOND])).now
    options = ("--import", "tests.worker.cron_tasks", *LEASE)
    workers = [WorkerProcess(database.url, tmp_path, *options) for _ in range(4)]
    try:
        await until(lambda: all("worker" in each.text() for each in workers), what="four workers")

        begun = await queue.count()
        await until(lambda: counted(queue, begun + 3), what="three ticks of four workers")
        workers[0].signal(signal.SIGKILL)
        await workers[0].wait()
        await workers[1].pause(database)
        await until(lambda: counted(queue, begun + 7), what="four ticks of the others")
        workers[1].signal(signal.SIGCONT)
        await until(lambda: counted(queue, begun + 9), what="two ticks more")
        for worker in workers[1:]:
            worker.signal(signal.SIGTERM)
        assert [await worker.wait() for worker in workers[1:]] == [0, 0, 0]
    finally:
        for worker in workers:
            worker.__exit__(None, None, None)
    assert await proved(queue, since) >= begun + 9
    assert await queue.count(status=Status.FAILED) == 0
    assert await queue.count(status=Status.COMPLETED) > 0


@pytest.mark.parametrize("catch_up", ["skip", "latest", "all"])
@MIGRATED
async def test_what_was_missed_is_treated_as_its_entry_says(queue, database, caplog, catch_up):
    caplog.set_level(logging.INFO)
    entry = {**YEARLY, "catch_up": catch_up}
    every = await missed_for_years(queue, database)
    expected = {"skip": [], "latest": every[-1:], "all": every}[catch_up]
    async with working(queue, periodic=entries(entry)):
        await until(lambda: counted(queue, len(expected), Status.COMPLETED), 20, "the ticks that were missed")
        await asyncio.sleep(0.5)
        assert await queue.count() == len(expected), "and no more"
    said = [record.getMessage() for record in caplog.records if "was missed" in record.getMessage()]
    assert said == [f"periodic task yearly: the tick of {at} was missed, and is enqueued now" for at in expected]
    [state] = await queue.periodic()
    assert state.next == every[-1].replace(year=every[-1].year + 1)


@MIGRATED
async def test_an_entry_of_the_settings(queue):
    entry = {"task": PATH, "cron": "* * * * * *", "queue": "mail", "priority": 3, "name": "from settings", "args": {}}
    async with working(queue, periodic=entries(entry, {**entry, "name": "another"})):

        async def both() -> bool:
            return [state.status for state in await queue.periodic()] == [Status.COMPLETED] * 2

        await until(both, 20, "a tick of each")
    states = await queue.periodic()
    assert [(state.name, state.task, state.cron, state.timezone) for state in states] == [
        ("another", PATH, "* * * * * *", "UTC"),
        ("from settings", PATH, "* * * * * *", "UTC"),
    ]
    for state in states:
        assert state.last_tick is not None
        assert state.next is not None
        assert state.next > state.last_tick
        assert state.last_task is not None
        record = await queue.get(state.last_task)
        assert (record.queue, record.priority) == ("mail", 3)
        assert record.created >= state.last_tick


@cases("database", migrated(SERVER_DIALECTS))
async def test_after_an_outage_it_goes_on(queue, database, caplog):
    async with Proxy(database.url) as proxy, Queue(settings=Settings(database_url=proxy.url, notify=False)) as cut:
        since = (await queue.backend.periodic.declare([EVERY_SECOND])).now
        async with working(cut, imports=("tests.worker.cron_tasks",)):
            await until(lambda: counted(queue, 1), 20, "a tick")
            proxy.refusing = True
            proxy.cut()
            await until(lambda: "cannot enqueue periodic tasks" in caplog.text, 20, "the outage to be seen")
            await asyncio.sleep(1.5)
            before = await queue.count()
            proxy.refusing = False
            await until(lambda: counted(queue, before + 3), 30, "ticks after the outage")
    await proved(queue, since)


@MIGRATED
async def test_an_entry_that_was_removed_comes_back(queue, database):
    async with working(queue, imports=("tests.worker.cron_tasks",)):
        await until(lambda: counted(queue, 1), 20, "a tick")
        database.execute("DELETE FROM asyncqueue_ticks")
        before = await queue.count()
        await until(lambda: counted(queue, before + 2), 20, "ticks of the entry declared again")


async def missed_for_years(queue: Queue, database) -> list[datetime]:
    """Declare a yearly entry as one that was last seen to in 2019, and tell its ticks since."""
    await queue.backend.periodic.declare([Declaration("yearly", PATH, YEARLY["cron"], "UTC")])
    zone = "+00:00" if database.dialect in ("postgresql", "sqlite") else ""
    database.execute(f"UPDATE asyncqueue_ticks SET last_tick = '2019-06-01 00:00:00{zone}'")
    now = (await queue.backend.periodic.read()).now
    return [at for year in range(2020, now.year + 1) if (at := datetime(year, 1, 1, 3, tzinfo=UTC)) < now]


def last_declared(database, days: float) -> None:
    """As if no worker had declared anything for so many days."""
    at = datetime.now(UTC) - timedelta(days=days)
    value = at if database.dialect == "postgresql" else str(at.replace(tzinfo=None))
    database.execute("UPDATE asyncqueue_ticks SET declared = %s", value)


async def tidied(queue: Queue, monkeypatch, times: int = 3, **settings) -> None:
    """Let a worker run until it has removed what nobody declares, several times."""
    declare, done = queue.backend.periodic.declare, []

    async def watched(entries, *, expiry=None):
        table = await declare(entries, expiry=expiry)
        done.extend([expiry] if expiry is not None else [])
        return table

    monkeypatch.setattr(ticking, "_LOOK", 0.2)
    monkeypatch.setattr(ticking, "_DECLARE", 0.2)
    monkeypatch.setattr(queue.backend.periodic, "declare", watched)
    async with working(queue, **settings):
        await until(lambda: len(done) >= times, 30, "a worker that removes what nobody declares")
    monkeypatch.undo()


@MIGRATED
async def test_an_entry_whose_service_was_down_goes_on_where_it_was(queue, database, monkeypatch):
    """Workers of other services run meanwhile: what they do not know is not listed, and forgotten only after months."""
    every = await missed_for_years(queue, database)
    last_declared(database, days=80)
    await tidied(queue, monkeypatch)
    await tidied(queue, monkeypatch, imports=("tests.worker.cron_tasks",))
    assert [state.name for state in await queue.periodic()] == [PATH], "the other one is not listed"
    before = await queue.count()
    async with working(queue, periodic=entries({**YEARLY, "catch_up": "all"})):
        await until(lambda: counted(queue, before + len(every)), 30, "the ticks that were missed")
        assert "yearly" in {state.name for state in await queue.periodic()}
    assert await queue.count() == before + len(every)


@MIGRATED
async def test_what_no_worker_declares_is_forgotten_after_months(queue, database, monkeypatch):
    await queue.backend.periodic.declare([EVERY_SECOND._replace(name="old")])
    last_declared(database, days=100)
    await tidied(queue, monkeypatch, imports=("tests.worker.cron_tasks",))
    assert set((await queue.backend.periodic.read()).entries) == {PATH}
    last_declared(database, days=100)
    await tidied(queue, monkeypatch)
    assert (await queue.backend.periodic.read()).entries == {}, "also with workers that know none"


@MIGRATED
async def test_what_is_not_declared_for_ten_minutes_is_not_listed(queue, database):
    await queue.backend.periodic.declare([EVERY_SECOND])
    last_declared(database, days=9 / 1440)
    assert [state.name for state in await queue.periodic()] == [PATH]
    last_declared(database, days=11 / 1440)
    assert await queue.periodic() == []


@cases("database", migrated(["postgresql", "sqlite"]))
async def test_a_worker_that_was_cut_off_removes_nothing(queue, database, monkeypatch):
    """After an outage nobody has declared anything for long: the first one that is back must not tidy up."""
    monkeypatch.setattr(ticking, "_LOOK", 1.0)
    monkeypatch.setattr(ticking, "_DECLARE", 0.2)
    monkeypatch.setattr("asyncqueue.worker.heartbeat.Heartbeat.well_for", 0.9)
    await queue.backend.periodic.declare([EVERY_SECOND._replace(name="old")])
    last_declared(database, days=100)
    async with working(queue, imports=("tests.worker.cron_tasks",)):
        await asyncio.sleep(2)
    assert set((await queue.backend.periodic.read()).entries) == {"old", PATH}


@cases("database", migrated(["postgresql", "sqlite"]))
async def test_without_entries_nothing_is_asked(queue, monkeypatch):
    asked = []
    for verb in ("declare", "read", "tick"):
        monkeypatch.setattr(queue.backend.periodic, verb, lambda *_, verb=verb, **__: asked.append(verb))
    async with working(queue):
        await asyncio.sleep(1)
    assert asked == []


@cases("database", shaped(["postgresql", "sqlite"], [10]))
async def test_on_a_table_that_is_not_migrated_a_worker_says_so_and_works(queue, caplog):
    handle = await queue.enqueue("tests.worker.sample_tasks.add", {"a": 1, "b": 2})
    async with working(queue, imports=("tests.worker.cron_tasks",)):
        assert await handle.result(timeout=20) == "3"
    assert caplog.text.count("1 periodic tasks are not enqueued") == 1
    assert await queue.count() == 1


@cases("database", migrated(["sqlite"]))
async def test_a_burst_enqueues_nothing(queue):
    worker = Worker(queue, settings=queue.settings.model_copy(update={"imports": ("tests.worker.cron_tasks",)}))
    await asyncio.wait_for(worker.run(burst=True), 20)
    assert await queue.periodic() == []
