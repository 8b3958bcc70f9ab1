"""Workers behind a PgBouncer that pools transactions, of which one crashes, and the PgBouncer with it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack, suppress

from asyncqueue import Status
from tests.servers import pgbouncer
from tests.servers.cases import cases, migrated
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, lines, until

OPTIONS = ("--lease", "6", "--heartbeat", "1", "--concurrency", "10", "--no-notify")


@cases("database", migrated(["postgresql"]))
async def test_a_crash_of_a_worker_and_of_the_pgbouncer_costs_the_other_workers_nothing(
    database, queue, pooled, tmp_path
):
    """Both others open all their connections anew at once, and write what has ended meanwhile within their leases."""
    witness, handles = tmp_path / "witness", []

    async def feed() -> None:
        for _ in range(60):
            given = [(sample_tasks.slow, {"witness": str(witness), "key": "a", "seconds": 0.2})] * 10
            handles.extend(await queue.enqueue_many(given))
            await asyncio.sleep(0.05)

    pooler = pgbouncer.Pooler(database.url, "transaction")
    try:
        pooler.start()
        with ExitStack() as stack:
            url = f"{pooler.url}?statement_cache_size=0"
            workers = [stack.enter_context(WorkerProcess(url, tmp_path, *OPTIONS)) for _ in range(3)]
            names: dict[int, str] = {}

            async def all_listed() -> bool:
                names.update({state.info.pid: state.info.name for state in await queue.backend.workers()})
                return len(names) == len(workers)

            await until(all_listed, what="three workers")
            feeding = asyncio.create_task(feed())
            await until(lambda: len(lines(witness)) > 60, what="work")
            workers[0].signal(signal.SIGKILL)
            pooler.kill()
            pooler.start()
            await feeding

            async def all_ended() -> bool:
                return bool(await queue.count(status=Status.COMPLETED) == len(handles))

            await until(all_ended, 90, "the end of all")
            assert [worker.alive for worker in workers] == [False, True, True]
    finally:
        with suppress(BrokenPipeError):
            pooler.abandon()
    lost = [each for handle in handles for each in await queue.backend.attempts(handle.id) if each.outcome == "lost"]
    assert {each.worker for each in lost} <= {names[workers[0].pid]}
