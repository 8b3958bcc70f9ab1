"""G6, G7 and G9: a worker whose database is slow, silent or away, and one whose own event loop stands still."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections import Counter
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from asyncqueue import Queue, Status, Worker
from asyncqueue.errors import DatabaseUnavailable
from asyncqueue.worker import exchanging
from tests.proxy import Proxy
from tests.servers import client
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, Case, cases, migrated, shaped
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, ended, lines, until

EVERYWHERE = cases("database", shaped(DIALECTS, [10]))
ON_SERVERS = cases("database", shaped(SERVER_DIALECTS, [10]))
LEASE = ("--lease", "3", "--heartbeat", "0.5", "--timeout", "60")


def slow(witness, key, seconds):
    return sample_tasks.slow, {"witness": str(witness), "key": str(key), "seconds": seconds}


@asynccontextmanager
async def working(queue: Queue, **settings):
    """A worker in this process, so that a test can put its hand between it and its database."""
    worker = Worker(queue, settings=queue.settings.model_copy(update=settings))
    async with anyio.create_task_group() as group:
        group.start_soon(worker.run)
        try:
            yield worker
        finally:
            worker.stop()
            worker.stop()


def _refuse(*_arguments, **_options):
    raise DatabaseUnavailable("this verb is switched off by a test")


@EVERYWHERE
async def test_the_grace_time_begins_with_the_signal(queue, monkeypatch, caplog, tmp_path):
    """G8. The claim that is under way is waited for, because its rows would be lost; that is part of the grace time."""
    caplog.set_level(logging.INFO, "asyncqueue")
    witness, under_way, answer = tmp_path / "witness", asyncio.Event(), asyncio.Event()
    claim = queue.backend.claim

    async def slow_claim(*arguments: Any, **options: Any) -> Any:
        under_way.set()
        await answer.wait()
        return await claim(*arguments, **options)

    async with working(queue, grace=0.5, timeout=60, poll_max=0.05) as worker:
        await queue.enqueue(*slow(witness, "long", 60))
        await until(lambda: lines(witness) == ["start long"], what="the start")
        monkeypatch.setattr(queue.backend, "claim", slow_claim)
        await under_way.wait()
        worker.stop()
        await asyncio.sleep(0.6)
        answer.set()
    assert "waiting up to 0 s for 1 running tasks" in caplog.text
    assert lines(witness) == ["start long", "stopped long"]


@EVERYWHERE
async def test_a_worker_that_cannot_renew_stops_claiming_before_its_lease_ends(queue, monkeypatch, caplog, tmp_path):
    """G6. Only renewals fail here; claims would succeed."""
    witness = tmp_path / "witness"
    async with working(queue, lease=4.0, heartbeat=0.5, timeout=60, poll_max=0.05):
        long = await queue.enqueue(*slow(witness, "long", 5))
        await until(lambda: lines(witness) == ["start long"], 5, "the start")
        with monkeypatch.context() as patched:
            patched.setattr(queue.backend, "observe", _refuse)
            since = time.monotonic()
            await until(lambda: "not claiming until they can" in caplog.text, 4, "the end of claiming")
            assert time.monotonic() - since < 3, "that is too late"
            waiting = await queue.enqueue(sample_tasks.add, {"a": 2, "b": 2})
            await asyncio.sleep(0.5)
            assert await waiting.status() == Status.QUEUED
        assert await waiting.result(timeout=5) == 4
        assert await long.result(timeout=10) == "long", "its lease had not ended yet"


@EVERYWHERE
async def test_results_wait_in_a_bounded_buffer_while_they_cannot_be_written(queue, monkeypatch, tmp_path):
    """G7. Only writing results fails here; a claim alone would succeed, but none is made while results wait."""
    witness = tmp_path / "witness"
    await queue.enqueue_many([(sample_tasks.record, {"witness": str(witness), "key": str(n)}) for n in range(500)])
    async with working(queue, concurrency=10, prefetch=5) as worker:
        with monkeypatch.context() as patched:
            patched.setattr(queue.backend, "finish", _refuse)
            patched.setattr(queue.backend, "exchange", _refuse)
            await until(lambda: len(lines(witness)) == 15, 20, "the end of what was claimed")
            await asyncio.sleep(1)
            assert len(lines(witness)) == 15, "it stopped claiming"
            assert worker.progress.completed == 0
        await until(lambda: ended(queue), 20, "every result in the table")
    assert Counter(lines(witness)) == Counter(map(str, range(500)))
    assert await queue.count(status=Status.COMPLETED) == 500


@EVERYWHERE
async def test_a_worker_whose_program_cancels_it_hands_everything_back(queue, tmp_path):
    """Whoever embeds a worker may cancel it, in the middle of a claim too: nothing stays in progress."""
    witness = tmp_path / "witness"
    handles = await queue.enqueue_many([slow(witness, key, 60) for key in range(100)])
    for pause in (0.0, 0.01, 0.05, 0.3):
        worker = Worker(queue, settings=queue.settings.model_copy(update={"concurrency": 10, "prefetch": 10}))
        with anyio.move_on_after(pause):
            await worker.run()
        assert await queue.count(status=Status.QUEUED) == 100
    seen = Counter(line.split()[0] for line in lines(witness))
    assert seen["start"] == seen["stopped"]
    assert [await handle.status() for handle in handles[:3]] == [Status.QUEUED] * 3


@EVERYWHERE
async def test_what_was_fetched_ahead_of_slow_tasks_is_handed_back(queue, tmp_path):
    """Quick tasks have made the worker fetch many ahead; then all slots are taken for long, and others have room.

    Two exchanges under way may return in the other order, so some quick tasks may wait behind slow ones.
    """
    witness = tmp_path / "witness"
    quick = [(sample_tasks.record, {"witness": str(witness), "key": "quick"})] * 1000
    await queue.enqueue_many([*quick, *(slow(witness, key, 60) for key in range(300))])
    async with working(queue, concurrency=5) as worker:
        await until(lambda: worker.progress.released > 0, 30, "a hand-back of what was fetched ahead")
        others = (Status.QUEUED, Status.COMPLETED)
        await until(lambda: _shows(queue, others, 1295), 20, "the return of all that wait")
        assert worker.progress.running == 5, "the five are in their places, and none waits in a buffer"


@EVERYWHERE
async def test_a_single_slot_is_fed_ahead_too(queue, tmp_path):
    """All that the worker holds has ended when the next claim is sent, and still it is busy and not idle."""
    witness = tmp_path / "witness"
    await queue.enqueue_many([(sample_tasks.record, {"witness": str(witness), "key": "quick"})] * 500)
    async with working(queue, concurrency=1) as worker:
        await until(lambda: _done(queue, 500), 30, "the end of all")
    assert worker.progress.exchanges < 400, "one by one they would have been 500"


@cases("database", [Case("sqlite", 10)])
@pytest.mark.parametrize("seconds", [60.0, 0.0], ids=["together", "for-no-longer-than-a-moment"])
async def test_quick_tasks_that_end_in_one_burst_are_written_in_one_exchange(queue, monkeypatch, seconds):
    """SQLite works in this process: ends sent at once would take a few along, and leave the others to the next."""
    monkeypatch.setattr(exchanging, "_BURST", seconds)
    await queue.enqueue_many([(sample_tasks.add, {"a": 1, "b": 2})] * 1500)
    worker = Worker(queue, settings=queue.settings.model_copy(update={"concurrency": 10, "prefetch": 90}))
    await worker.run(burst=True)
    assert await queue.count(status=Status.COMPLETED) == 1500
    # A hundred are held at a time; the last exchange finds that there are no more.
    assert (worker.progress.exchanges <= 17) == (seconds > 0), worker.progress.exchanges


@EVERYWHERE
async def test_a_task_that_blocks_the_loop_past_its_lease_is_named_rescued_and_fenced(queue, database, tmp_path):
    """G6. Nothing can renew while the loop is blocked; somebody else takes the task, and the late end is discarded."""
    handle = await queue.enqueue(sample_tasks.blocking, {"seconds": 6})
    with WorkerProcess(database.url, tmp_path, *LEASE) as blocked:
        await until(lambda: _is(handle, Status.RUNNING), what="the start")
        with WorkerProcess(database.url, tmp_path, *LEASE):
            await until(lambda: ended(queue), 20, "the rescue")
        rescued = await handle.record()
        await blocked.wait_for_log("the event loop has been blocked for")
        assert "sample_tasks.blocking" in blocked.text(), "the culprit is named"
        assert "time.sleep(seconds)" in blocked.text(), "and the line is shown"
        await until(lambda: any(text in blocked.text() for text in ("not ours any more", "was taken away")))
    assert rescued.status == Status.FAILED
    assert await handle.record() == rescued


@ON_SERVERS
async def test_a_worker_outlives_a_half_open_connection(queue, database, tmp_path):
    """G9. Nothing is closed and nothing answers; every wait has an end, and everything goes on when it is over."""
    witness = tmp_path / "witness"
    impatient = {"ASYNCQUEUE_STATEMENT_TIMEOUT": "1", "ASYNCQUEUE_CONNECT_TIMEOUT": "1"}
    async with Proxy(database.url) as proxy:
        await queue.enqueue_many([slow(witness, key, 0.5) for key in range(60)])
        with WorkerProcess(proxy.url, tmp_path, "--concurrency", "20", **impatient) as worker:
            await until(lambda: len(lines(witness)) >= 20, what="load")
            proxy.stalled = True
            await worker.wait_for_log("within 1 seconds")
            await asyncio.sleep(1)
            proxy.cut()
            proxy.stalled = False
            await until(lambda: _done(queue, 60), 30, "every end in the table")
            assert worker.alive
    seen = Counter(lines(witness))
    assert set(seen.values()) == {1}
    assert len(seen) == 120


@ON_SERVERS
async def test_a_worker_whose_database_is_silent_ends_when_it_is_told_to(queue, database, tmp_path):
    witness = tmp_path / "witness"
    impatient = {"ASYNCQUEUE_STATEMENT_TIMEOUT": "1", "ASYNCQUEUE_CONNECT_TIMEOUT": "1"}
    async with Proxy(database.url) as proxy:
        await queue.enqueue_many([slow(witness, key, 60) for key in range(5)])
        with WorkerProcess(proxy.url, tmp_path, "--grace", "1", **impatient) as worker:
            await until(lambda: len(lines(witness)) == 5, what="five starts")
            proxy.stalled = True
            worker.signal(signal.SIGTERM)
            assert await worker.wait(25) == 1, "a process manager is to know"
            assert "0 of these tasks run again, and 5 are failed because their worker was lost" in worker.text()
            assert "5 results could not be written: the database is away" in worker.text()
    assert Counter(line.split()[0] for line in lines(witness)) == {"start": 5, "stopped": 5}


@cases("fresh_database", shaped(DIALECTS, [10]))
async def test_a_missing_table_ends_the_worker_with_what_to_type(fresh_database, tmp_path):
    """A table that is dropped under a worker, and not made anew within `connect_timeout`, is no outage."""
    with WorkerProcess(fresh_database.url, tmp_path, ASYNCQUEUE_CONNECT_TIMEOUT="1") as worker:
        await worker.wait_for_log(f"worker {worker.pid} on")
        fresh_database.execute(f"DROP TABLE {fresh_database.table}")
        assert await worker.wait(60) == 1
        assert "asyncqueue migrate" in worker.text()
        assert "Traceback" not in worker.text()


async def _is(handle, status: Status) -> bool:
    return bool(await handle.status() == status)


async def _done(queue: Queue, number: int) -> bool:
    return await _shows(queue, Status.COMPLETED, number)


async def _shows(queue: Queue, status: Status | tuple[Status, ...], number: int) -> bool:
    return await queue.count(status=status) == number


@EVERYWHERE
async def test_the_first_heartbeat_after_a_cancellation_stops_the_task_however_young_its_claim_is(
    queue, monkeypatch, tmp_path
):
    """G5. Each beat is let go by the test, so that it is counted, not timed."""
    witness = tmp_path / "witness"
    beats, between = asyncio.Queue[None](), asyncio.Event()

    async def wait_for_cancellation(timeout: float) -> bool:
        between.set()
        await beats.get()
        between.clear()
        return False

    monkeypatch.setattr(queue.backend, "wait_for_cancellation", wait_for_cancellation)
    async with working(queue, heartbeat=1000.0, lease=3000.0):
        await between.wait()
        handle = await queue.enqueue(*slow(witness, "a", 600))
        other = await queue.enqueue(*slow(witness, "b", 600))
        await until(lambda: {"start a", "start b"} <= set(lines(witness)), what="the start")
        before = await other.record()
        assert await handle.cancel()
        beats.put_nowait(None)
        await until(lambda: "stopped a" in lines(witness), what="the stop, by this beat: there is no other")
        await between.wait()
        assert await other.record() == before, "what is young is looked at, not renewed"


@cases("database", shaped(["postgresql"], [10]))
async def test_a_listener_that_cannot_connect_again_does_not_end_a_busy_worker(database, queue, tmp_path):
    """Only the LISTEN connection is lost, and no new one is accepted: all others stand, so claims go well."""
    witness = tmp_path / "witness"
    async with (
        Proxy(database.url) as proxy,
        Queue(proxy.url) as away,
        working(away, poll_max=0.1) as worker,
        asyncio.TaskGroup() as group,
    ):
        await away.enqueue_many([slow(witness, key, 0.01) for key in range(20)])
        await until(lambda: ended(queue), 20, "work")
        await until(lambda: len(_listeners(database)) == 1, 10, "the listener")
        proxy.refusing = True
        for (pid,) in _listeners(database):
            database.execute(f"SELECT pg_terminate_backend({pid})")
        feeding = group.create_task(_feed(queue, witness))
        await until(lambda: proxy.refused > 0, 30, "an attempt to listen again")
        done = worker.progress.completed
        await until(lambda: worker.progress.completed > done + 20, 30, "more work")
        feeding.cancel()


def _listeners(database):
    listening = "left(query, 6) = 'LISTEN' AND datname = current_database()"
    return database.execute(f"SELECT pid FROM pg_stat_activity WHERE {listening}")


async def _feed(queue, witness):
    while True:
        await queue.enqueue(*slow(witness, "fed", 0.01))


@cases("database", shaped(["postgresql"], [10]))
async def test_a_server_that_is_read_only_for_a_while_ends_neither_worker_nor_queue(queue, database, caplog, tmp_path):
    """As an old primary during a failover: both connect again until they find one that takes writes."""
    name = urlsplit(database.url).path[1:]

    def administer(*statements: str) -> None:
        for sql in statements:
            client.execute(database.server.url, sql)

    async with working(queue, poll_max=0.05):
        await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=30)
        try:
            administer(
                f"ALTER DATABASE {name} SET default_transaction_read_only = on",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
            )
            waiting = asyncio.create_task(queue.enqueue(sample_tasks.add, {"a": 2, "b": 2}))
            await until(lambda: "cannot claim" in caplog.text and "read only" in caplog.text, 30, "the worker's word")
            assert not waiting.done()
        finally:
            administer(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert await (await waiting).result(timeout=30) == 4


@cases("database", [*shaped(DIALECTS, [10]), *migrated()])
async def test_what_a_claim_brought_and_cannot_be_started_is_handed_back_and_keeps_no_other(queue, monkeypatch, caplog):
    """A defect of the worker's own must neither end it nor leave a row in progress in nobody's hands."""
    bad = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
    others = await queue.enqueue_many([(sample_tasks.add, {"a": n, "b": 1}) for n in range(20)])
    async with working(queue, concurrency=50, lease=600.0) as worker:
        prepare, failures = worker._runner.prepare, [ValueError("a defect")] * 2

        def prepared(claimed, open_stream):
            if claimed.id == bad.id and failures:
                raise failures.pop()
            return prepare(claimed, open_stream)

        monkeypatch.setattr(worker._runner, "prepare", prepared)
        for n, other in enumerate(others):
            assert await other.result(timeout=30) == n + 1
        assert await bad.result(timeout=30) == 2
        assert not failures
        assert worker.progress.released == 2
    assert (
        caplog.text.count(f"task {bad.id} (tests.worker.sample_tasks.add) could not be started: it is handed back") == 2
    )
