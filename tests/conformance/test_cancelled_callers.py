"""G9: a caller may be cancelled at any moment, by asyncio or anyio. What it began on a connection goes on."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio
import pytest

from asyncqueue.backends.base import Backend, TaskFilter
from asyncqueue.errors import QueueClosed
from asyncqueue.model import Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import claimed, done, new, queued, row
from tests.conformance.proxied import proxied
from tests.conformance.transactions import holding
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, cases, migrated, shaped

EVERYWHERE = cases("database", [*shaped(DIALECTS, [10]), *migrated()])
ONCE_EACH = cases("database", shaped(DIALECTS, [10]))


@dataclass
class Slow:
    """A backend whose database can be made to keep it waiting."""

    backend: Backend
    stall: Callable[[], object]
    go_on: Callable[[], object]
    #: From now on a new connection is refused, where there is a server.
    keep_connections: Callable[[], None] = lambda: None


@asynccontextmanager
async def slow(database) -> AsyncIterator[Slow]:
    if database.dialect == "sqlite":
        path = urlsplit(database.url).path[1:]
        other = sqlite3.connect(path, isolation_level=None)
        try:
            async with opened(database.url) as backend:
                await backend.enqueue([])
                yield Slow(backend, lambda: other.execute("BEGIN IMMEDIATE"), lambda: other.execute("ROLLBACK"))
        finally:
            other.close()
        return
    async with proxied(database) as (proxy, backend):

        def stall(stalled: bool) -> None:
            proxy.stalled = stalled

        def refuse() -> None:
            proxy.refusing = True

        yield Slow(backend, lambda: stall(True), lambda: stall(False), refuse)


async def by_timeout(call) -> None:
    async with asyncio.timeout(0.1):
        await call


async def by_wait_for(call) -> None:
    await asyncio.wait_for(call, 0.1)


async def by_cancel(call) -> None:
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0.1)
    task.cancel()
    await task


@ONCE_EACH
@pytest.mark.parametrize("way", [by_timeout, by_wait_for, by_cancel])
async def test_a_caller_that_asyncio_cancels_leaves_at_once_and_its_work_goes_on(database, backend, way):
    [claim] = await claimed(backend)
    async with slow(database) as slowly:
        await asyncio.gather(slowly.backend.finish([]), slowly.backend.finish([]))  # a worker has two such connections
        slowly.keep_connections()
        slowly.stall()
        with pytest.raises((TimeoutError, asyncio.CancelledError)):
            await way(slowly.backend.finish([done(claim)]))
        assert (await row(backend, claim.id)).status == Status.RUNNING, "the database has not even answered yet"
        slowly.go_on()
        with anyio.fail_after(10):
            while (await row(backend, claim.id)).status != Status.COMPLETED:
                await asyncio.sleep(0.01)
        # The connections serve others: a new one would be refused.
        assert await slowly.backend.finish([done(claim)]) == {claim.id}
        assert await slowly.backend.count(TaskFilter(statuses=[Status.COMPLETED])) == 1


@ONCE_EACH
async def test_a_caller_in_a_cancelled_anyio_scope_stays_to_the_end(database, backend):
    [claim] = await claimed(backend)
    written = None
    async with slow(database) as slowly:
        await slowly.backend.finish([])
        slowly.stall()
        asyncio.get_running_loop().call_later(0.3, slowly.go_on)
        with anyio.move_on_after(0.1) as scope:
            written = await slowly.backend.finish([done(claim)])
            await anyio.sleep(10)
    assert written == {claim.id}
    assert scope.cancelled_caught


@EVERYWHERE
@pytest.mark.parametrize("verb", ["claim", "exchange"])
async def test_what_was_claimed_reaches_a_caller_that_asyncio_cancels(database, backend, verb):
    """G9. Else those rows would be in progress in nobody's hands until their lease ends."""
    [held] = await claimed(backend)
    ids = await queued(backend, 3)
    mine = []

    async def caller(slowly: Slow) -> None:
        if verb == "claim":
            mine.extend(await slowly.backend.claim(2, worker_pid=None))
        else:
            written, rows = await slowly.backend.exchange([done(held)], 2, worker_pid=None)
            assert written == {held.id}
            mine.extend(rows)
        await asyncio.sleep(10)

    async with slow(database) as slowly:
        slowly.stall()
        task = asyncio.create_task(caller(slowly))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.sleep(0.1)
        assert not task.done()
        slowly.go_on()
        with anyio.fail_after(10), pytest.raises(asyncio.CancelledError):
            await task
        assert [claim.id for claim in mine] == ids[:2]
        assert await slowly.backend.finish([done(claim) for claim in mine]) == set(ids[:2])


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_work_takes_whichever_connection_becomes_free_first(database, backend):
    """A worker has two for claims and ends; one that waits for a lock keeps nobody from the other."""
    first, second, third = await claimed(backend, 3)
    async with holding(database, first.id):
        async with holding(database, second.id):
            stuck = asyncio.create_task(backend.finish([done(first)]))
            await asyncio.sleep(0.1)
            freed = asyncio.create_task(backend.finish([done(second)]))
            await asyncio.sleep(0.1)
            waiting = asyncio.create_task(backend.finish([done(third)]))
            await asyncio.sleep(0.1)
            assert not any(each.done() for each in (stuck, freed, waiting))
        with anyio.fail_after(10):
            assert await freed == {second.id}
            assert await waiting == {third.id}, "it waits for the connection that is stuck"
        assert not stuck.done()
    assert await stuck == {first.id}


@ONCE_EACH
async def test_a_queue_that_is_closed_during_a_call_stays_closed(database):
    """The call would otherwise be tried again, on a connection that nobody closes any more."""
    async with slow(database) as slowly:
        await slowly.backend.enqueue(new(1))
        slowly.stall()
        call, waiting = (asyncio.create_task(slowly.backend.enqueue(new(1))) for _ in range(2))
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(slowly.backend.close())
        await asyncio.sleep(0.1)
        slowly.go_on()
        await closing
        with anyio.fail_after(10):
            for each in call, waiting:
                with pytest.raises(QueueClosed):
                    await each
        for verb in slowly.backend.enqueue(new(1)), slowly.backend.count(TaskFilter()):
            with pytest.raises(QueueClosed, match="closed"):
                await verb
        before = threading.active_count()
        await slowly.backend.wait_for_work(0.1)
        await slowly.backend.wait_for_ends(0.1)
        assert threading.active_count() == before, "a wait has opened the file again"
        await slowly.backend.open()
        assert await slowly.backend.count(TaskFilter()) >= 1
