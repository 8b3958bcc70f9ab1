"""G5: heartbeats that nothing else can delay, and rescues that take nothing whose worker lives."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from asyncqueue import Queue, Status
from asyncqueue.errors import DatabaseUnavailable
from tests.conformance.transactions import holding, no_transaction, transaction
from tests.proxy import Proxy
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, cases, migrated, shaped
from tests.worker import limited_tasks, sample_tasks
from tests.worker.process import WorkerProcess, lines, until
from tests.worker.test_trouble import LEASE, slow, working

PLAIN = "tests.worker.sample_tasks.plain_slow"
ALLOWED = ("--allow", "tests.worker.sample_tasks.*")
AT_EITHER_LEVEL = cases("database", [*shaped(DIALECTS, [10]), *migrated()])


async def token(queue: Queue, key: UUID) -> Any:
    """The row's `modified`."""
    return (await queue.backend.observe([key])).rows[key][1]


async def renewed(queue: Queue, *keys: UUID, times: int = 2) -> None:
    """Return when each of these rows was renewed so many times."""
    for _ in range(times):
        before = [await token(queue, key) for key in keys]

        async def others(before: list[Any] = before) -> bool:
            return all([await token(queue, key) != old for key, old in zip(keys, before, strict=True)])

        await until(others, 30, "a renewal of each row")


@AT_EITHER_LEVEL
async def test_an_exchange_that_hangs_keeps_no_row_from_being_renewed(queue, monkeypatch, tmp_path):
    """The row whose end it writes is renewed as well, and its end is written with the new token then."""
    witness = tmp_path / "witness"
    real, hanging, go_on = queue.backend.exchange, asyncio.Event(), asyncio.Event()

    async def exchange(*ends: Any, **more: Any) -> Any:
        if not hanging.is_set():
            hanging.set()
            await go_on.wait()
        return await real(*ends, **more)

    async with working(queue, lease=60.0, heartbeat=0.2, concurrency=2) as worker:
        monkeypatch.setattr(queue.backend, "exchange", exchange)
        long = await queue.enqueue(*slow(witness, "long", 600))
        await until(lambda: "start long" in lines(witness), what="the start")
        quick = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
        await hanging.wait()
        await renewed(queue, long.id, quick.id)
        go_on.set()
        assert await quick.result(timeout=20) == 3
        await renewed(queue, long.id, times=1)
        assert (worker.progress.completed, worker.progress.lost) == (1, 0)


@cases("database", [*shaped(SERVER_DIALECTS, [10]), *migrated(SERVER_DIALECTS)])
async def test_a_row_that_another_session_has_locked_keeps_no_other_from_being_renewed(
    queue, database, caplog, tmp_path
):
    witness = tmp_path / "witness"
    async with working(queue, lease=60.0, heartbeat=0.2) as worker:
        handles = await queue.enqueue_many([slow(witness, key, 600) for key in "abc"])
        await until(lambda: len(lines(witness)) == 3, what="three starts")
        locked, *free = (handle.id for handle in handles)
        async with holding(database, locked):
            before = await token(queue, locked)
            await renewed(queue, *free)
            assert await token(queue, locked) == before
            assert "because other sessions have locked their rows" in caplog.text
        await renewed(queue, locked)
        assert worker.progress.lost == 0


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_a_workers_statements_end_within_a_third_of_its_lease(queue, database, tmp_path):
    """Although statement_timeout would let them take minutes: what hangs is done again before the lease ends."""
    witness = tmp_path / "witness"
    async with Proxy(database.url) as proxy:
        handles = await queue.enqueue_many([slow(witness, key, 1) for key in range(5)])
        patient = {"ASYNCQUEUE_STATEMENT_TIMEOUT": "300", "ASYNCQUEUE_CONNECT_TIMEOUT": "2"}
        with WorkerProcess(proxy.url, tmp_path, *LEASE, **patient) as worker:
            await until(lambda: len(lines(witness)) >= 5, what="the start")
            proxy.stalled = True
            for what in ("cannot renew leases: no", "cannot (claim|write .*): no answer"):
                await until(partial(_logged, worker, f"{what}.* from .* within"), what=what)
            proxy.cut()
            proxy.stalled = False
            for handle in handles:
                assert await handle.result(timeout=30) is not None
    assert await queue.count(status=Status.COMPLETED) == 5


def _logged(worker: WorkerProcess, pattern: str) -> bool:
    return re.search(pattern, worker.text()) is not None


@asynccontextmanager
async def locked(database: Any, kind: str, *keys: UUID) -> Any:
    """Another session's lock: on these rows, on the whole table, or on a SQLite file."""
    if kind == "rows":
        async with holding(database, *keys):
            yield
        return
    begin = "BEGIN IMMEDIATE" if database.dialect == "sqlite" else "BEGIN"
    async with no_transaction(database) as other:
        await other.execute(begin)
        if database.dialect != "sqlite":
            await other.execute(f"LOCK TABLE {database.table} IN EXCLUSIVE MODE")
        yield
        await other.rollback()


@pytest.mark.parametrize(
    ("database", "kind"),
    [
        *((case, "rows") for case in migrated(SERVER_DIALECTS)),
        *((case, "table") for case in migrated(["postgresql", "sqlite"])),
    ],
    indirect=["database"],
    ids=str,
)
async def test_a_lock_from_outside_costs_no_running_task_its_worker(queue, database, kind, tmp_path):
    """The lock stays for more than two leases. Both workers are well; neither takes a task of the other, or its own."""
    witness = tmp_path / "witness"
    tasks = [slow(witness, f"task {n}", 7) for n in range(3)]
    tasks += [(PLAIN, slow(witness, f"plain {n}", 7)[1]) for n in range(3)]
    handles = await queue.enqueue_many(tasks)
    options = ("--lease", "2", "--heartbeat", "0.4", "--concurrency", "3", *ALLOWED)
    with WorkerProcess(database.url, tmp_path, *options), WorkerProcess(database.url, tmp_path, *options):
        await until(lambda: len(lines(witness)) == 6, what="six starts")
        async with locked(database, kind, *(handle.id for handle in handles)):
            await asyncio.sleep(4.5)
        for handle in handles:
            await handle.result(timeout=30)
    assert Counter(line.split()[0] for line in lines(witness)) == {"start": 6, "end": 6}
    assert [await queue.backend.attempts(handle.id) for handle in handles] == [[]] * 6


@cases("database", migrated(["postgresql", "sqlite"]))
async def test_a_worker_whose_heartbeat_hangs_is_not_well(queue, monkeypatch):
    """No beat has failed; one has not ended in time."""
    go_on = asyncio.Event()
    async with working(queue, lease=60.0, heartbeat=0.2) as worker:
        heartbeat = worker._heartbeat
        await until(lambda: heartbeat.can_rescue, what="two beats")
        real = queue.backend.beat

        async def hang(info: Any) -> None:
            await go_on.wait()
            await real(info)

        with monkeypatch.context() as patched:
            patched.setattr(queue.backend, "beat", hang)
            await until(lambda: not heartbeat.can_rescue, what="the end of its health")
            go_on.set()
        await until(lambda: heartbeat.can_rescue, what="its health")


@cases("database", migrated())
@pytest.mark.parametrize("stopped", [False, True], ids=["while-it-runs", "when-it-ends"])
async def test_a_claim_whose_reply_was_lost_is_queued_again_by_its_worker(queue, monkeypatch, tmp_path, stopped):
    """A plain function runs at most once; but it has not begun."""
    witness, real, lost = tmp_path / "witness", queue.backend.claim, asyncio.Event()

    async def claim(*limit: Any, **more: Any) -> Any:
        claimed = await real(*limit, **more)
        if claimed and not lost.is_set():
            lost.set()
            raise DatabaseUnavailable("the reply is lost")
        return claimed

    monkeypatch.setattr(queue.backend, "claim", claim)
    handle = await queue.enqueue(PLAIN, slow(witness, "a", 0)[1])
    lease = {"lease": 60.0} if stopped else {"lease": 1.5, "heartbeat": 0.3}
    async with working(queue, **lease, allow=("tests.worker.sample_tasks.*",)) as worker:
        await lost.wait()
        if stopped:
            assert await handle.status() == Status.RUNNING
        else:
            await handle.result(timeout=30)
            assert (worker.progress.rescued, worker.progress.lost) == (0, 0)
    if stopped:
        assert await handle.status() == Status.QUEUED
    assert lines(witness) == ([] if stopped else ["start a", "end a"])
    assert await queue.backend.attempts(handle.id) == []


@asynccontextmanager
async def patient(queue: Queue) -> Any:
    """A worker that would wait at a lock for minutes: what shares that connection stands still for the whole test."""
    long = {"lease": 1800.0, "statement_timeout": 1800.0}
    settings = queue.settings.model_copy(update={**long, "heartbeat": 0.2, "poll_max": 0.1})
    async with Queue(settings=settings) as its, working(its) as worker:
        yield worker


@cases("database", migrated(SERVER_DIALECTS))
async def test_a_lock_on_a_task_that_waits_for_others_stops_neither_heartbeats_nor_other_tasks(
    queue, database, tmp_path
):
    """As a client leaves it that froze in the middle of a transaction: the linker waits for it, and nothing else."""
    witness = tmp_path / "witness"
    async with patient(queue) as worker:
        long = await queue.enqueue(*slow(witness, "long", 600))
        first = await queue.enqueue(*slow(witness, "first", 600))
        await until(lambda: len(lines(witness)) == 2, what="the start")
        second = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2}, after=[first.id])
        async with holding(database, second.id):
            # In a thread: a heartbeat of this very process may have locked the row.
            await asyncio.to_thread(database.django.save_status, str(first.id), Status.COMPLETED)
            worker._resolver.ended(first.id)
            await renewed(queue, long.id)
            other = await queue.enqueue(sample_tasks.add, {"a": 2, "b": 2})
            assert await other.result(timeout=20) == 4
            assert worker._resolver.busy, "it waits at the lock"
            assert await second.status() == Status.SCHEDULED
        assert await second.result(timeout=30) == 3


@cases("database", migrated(SERVER_DIALECTS))
async def test_a_lock_on_a_limit_stops_neither_heartbeats_nor_other_tasks(queue, database, tmp_path):
    """As a client leaves it that froze while it admitted tasks: the limiter waits for it, and nothing else."""
    witness = tmp_path / "witness"
    async with patient(queue) as worker:
        assert await (await queue.enqueue(limited_tasks.two)).result(timeout=30) == "two"
        long = await queue.enqueue(*slow(witness, "long", 600))
        await until(lambda: len(lines(witness)) == 1, what="the start")
        async with transaction(database) as frozen:
            await frozen.execute("SELECT * FROM asyncqueue_limits FOR UPDATE")
            limited = await queue.enqueue(limited_tasks.two)
            await until(lambda: worker._limiter.busy, what="the limiter at the lock")
            await renewed(queue, long.id)
            other = await queue.enqueue(sample_tasks.add, {"a": 2, "b": 2})
            assert await other.result(timeout=20) == 4
            assert worker._limiter.busy, "it waits at the lock"
            assert await limited.status() in (Status.SCHEDULED, Status.QUEUED)
        assert await limited.result(timeout=40) == "two"
