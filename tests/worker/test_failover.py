"""G1 and G7: a standby takes the place of a PostgreSQL server that has crashed."""

from __future__ import annotations

import asyncio
from collections import Counter
from urllib.parse import urlsplit, urlunsplit

from asyncqueue import Queue, Settings, Status, TaskHandle
from tests.conformance.conftest import opened
from tests.conformance.writing import prepare, refused
from tests.servers.postgresql import PostgreSQL, Standby
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, ended, lines, until


def _either(primary: PostgreSQL, standby: Standby) -> str:
    """A database by a URL with both hosts."""
    parts = urlsplit(primary.create_database())
    netloc = f"{parts.username}@127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    return urlunsplit(parts._replace(netloc=netloc, query="target_session_attrs=read-write"))


async def _refuses_writes(primary: PostgreSQL, standby: Standby) -> None:
    """Every verb on the standby: each would go on elsewhere."""
    url = primary.create_database()
    async with opened(url) as backend:
        await backend.migrate()
        verbs = await prepare(backend)
    port = urlsplit(url).netloc.replace(str(primary.port), str(standby.port))
    async with opened(urlunsplit(urlsplit(url)._replace(netloc=port))) as reader:
        await refused(reader, verbs)


async def test_a_standby_that_is_promoted_has_every_task_and_queue_and_worker_go_on(replicated, tmp_path):
    primary, standby = replicated
    await _refuses_writes(primary, standby)
    url, witness = _either(primary, standby), tmp_path / "witness"
    # A claim whose reply the crash has cut off has not begun to run: with this option it is queued again.
    lost = ("--lease", "6", "--heartbeat", "1", "--timeout", "60", "--on-lost", "requeue")
    returned: list[TaskHandle] = []

    async def enqueue_on(queue: Queue) -> None:
        """One after the other, through all of it: whatever is returned is committed on both."""
        for number in range(1000, 1250):
            args = {"witness": str(witness), "key": str(number), "seconds": 0.05}
            returned.append(await queue.enqueue(sample_tasks.slow, args))
            await asyncio.sleep(0.02)

    async with Queue(settings=Settings(database_url=url, connect_timeout=30)) as queue:
        await queue.migrate()
        with WorkerProcess(url, tmp_path, "--concurrency", "10", *lost) as worker:
            enqueueing = asyncio.create_task(enqueue_on(queue))
            await until(lambda: len(lines(witness)) > 100, what="load")
            before = len(returned)
            await asyncio.to_thread(primary.kill)
            await asyncio.to_thread(standby.promote)
            await asyncio.wait_for(enqueueing, 60)
            await until(lambda: ended(queue), what="every end in the table")
            assert worker.alive
        assert 0 < before < len(returned) == await queue.count(status=Status.COMPLETED)
        assert {await handle.status() for handle in returned} == {Status.COMPLETED}
    ends = Counter(line for line in lines(witness) if line.startswith("end"))
    assert ends == Counter(f"end {number}" for number in range(1000, 1250))
