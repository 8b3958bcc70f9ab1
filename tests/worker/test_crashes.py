"""G1: what enqueue() returned is committed, whatever crashes next."""

from __future__ import annotations

import asyncio
import sys
import uuid

import pytest

from asyncqueue import Queue, Settings, Status
from tests.servers.cases import SHAPES, Case, cases
from tests.worker.process import ROOT, until

#: Enqueues without end, alone and by many callers at once, and prints each id as soon as its call has returned.
_PRODUCER = """
import asyncio, sys
from asyncqueue import Queue, Settings

async def main():
    async with Queue(settings=Settings(database_url=sys.argv[1])) as queue:
        async def produce():
            while True:
                handle = await queue.enqueue("app.task", {})
                print(handle.id, flush=True)
        await asyncio.gather(*(produce() for _ in range(int(sys.argv[2]))))

asyncio.run(main())
"""


async def _promised(url: str, callers: int, crash) -> set[uuid.UUID]:
    """Crash something while a process enqueues, kill that process too, and return the ids it was promised."""
    producer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PRODUCER, url, str(callers), cwd=ROOT, stdout=-1, stderr=asyncio.subprocess.DEVNULL
    )
    assert producer.stdout is not None
    try:
        head = b"".join([await asyncio.wait_for(producer.stdout.readline(), 20) for _ in range(100)])
        await asyncio.to_thread(crash)
    finally:
        producer.kill()
    rest = await producer.stdout.read()
    await producer.wait()
    # The last line may have been cut off by the kill.
    return {uuid.UUID(line) for line in (head + rest).decode().split() if len(line) == 36}


@pytest.mark.parametrize("callers", [1, 50])
async def test_what_was_enqueued_survives_a_crash_of_the_server(restartable_database, callers):
    database, server = restartable_database
    promised = await _promised(database.url, callers, server.kill)
    await asyncio.to_thread(server.start)
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        assert len(promised) >= 100
        assert {record.id for record in await queue.backend.get(promised)} == promised


@cases("database", [Case("sqlite", shape) for shape in SHAPES])
@pytest.mark.parametrize("callers", [1, 50])
async def test_what_was_enqueued_survives_a_kill_of_the_process_that_holds_the_file(database, callers):
    promised = await _promised(database.url, callers, lambda: None)
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        assert len(promised) >= 100
        assert {record.id for record in await queue.backend.get(promised)} == promised
        await until(lambda: _claimable(queue), 5, "a table that can be written to")


async def _claimable(queue: Queue) -> bool:
    return bool((await queue.backend.claim(1, worker_pid=None)) and await queue.count(status=Status.RUNNING) == 1)
