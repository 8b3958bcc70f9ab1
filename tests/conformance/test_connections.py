"""Connections that are refused, cut or stalled: G9, and a cancelled caller. Lost replies: test_lost_replies.py."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
import uuid
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

import anyio
import pytest

from asyncqueue.backends.base import Options, TaskFilter
from asyncqueue.backends.registry import backend_for
from asyncqueue.errors import DatabaseBusy, DatabaseUnavailable
from asyncqueue.model import Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import chunk, claimed, done, fences, log_chunk, new, queued, release
from tests.conformance.proxied import proxied
from tests.proxy import Proxy
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, cases, shaped

ON_SERVERS = cases("database", shaped(SERVER_DIALECTS, [10]))
EVERYWHERE = cases("database", shaped(DIALECTS, [10]))
ON_SQLITE = cases("database", shaped(["sqlite"], [10]))
QUEUED = TaskFilter(statuses=[Status.QUEUED])


def _verbs(claim):
    """Every verb that speaks to the database, by name."""
    ids = [claim.id]
    return {
        "enqueue": lambda backend: backend.enqueue(new(1)),
        "claim": lambda backend: backend.claim(1, worker_pid=1),
        "finish": lambda backend: backend.finish([done(claim)]),
        "exchange": lambda backend: backend.exchange([done(claim)], 1, worker_pid=1),
        "append_output": lambda backend: backend.append_output([chunk(claim, 0, "x")]),
        "append_log": lambda backend: backend.append_log([log_chunk(claim, 0, "x")]),
        "observe": lambda backend: backend.observe(ids),
        "renew": lambda backend: backend.renew(fences([claim]), now=claim.token, worker_pid=1),
        "locked": lambda backend: backend.locked(ids),
        "release": lambda backend: backend.release([release(claim)]),
        "rescue": lambda backend: backend.rescue(lease=1000, error="lost"),
        "foreign_pids": lambda backend: backend.foreign_pids(1),
        "get": lambda backend: backend.get(ids),
        "find": lambda backend: backend.find(TaskFilter(), limit=1),
        "count": lambda backend: backend.count(TaskFilter()),
        "counts": lambda backend: backend.counts(),
        "cancel": lambda backend: backend.cancel(ids),
        "requeue": lambda backend: backend.requeue(ids),
        "cleanup": lambda backend: backend.retention.cleanup({Status.COMPLETED: 1000.0}, limit=1),
        "pending": lambda backend: backend.pending(),
        "migrate": lambda backend: backend.migrate(indexes_only=True),
    }


@ON_SERVERS
async def test_every_verb_on_a_stalled_connection_ends_with_its_deadline(database, backend, monkeypatch):
    """G9. A half-open socket: nothing comes, nothing is closed."""
    monkeypatch.setattr(f"{type(backend).__module__}._MIGRATION_TIMEOUT", 0.5)
    [claim] = await claimed(backend)
    async with proxied(database, statement_timeout=0.5, connect_timeout=0.5) as (proxy, stalled):
        for name, verb in _verbs(claim).items():
            await stalled.count(TaskFilter())  # connected, and in use
            proxy.stalled = True
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailable, match=r"no (answer|connection) .* within 0\.5 seconds"):
                await verb(stalled)
            # The dead connection, and one more attempt on a new one that is as dead.
            assert time.monotonic() - began < 2.5, name
            proxy.stalled = False
            proxy.cut()
        await stalled.count(TaskFilter())


@ON_SERVERS
async def test_a_stuck_connect_ends_with_its_deadline_and_leaves_no_pool_to_wait_for(database):
    async with Proxy(database.url) as proxy:
        proxy.stalled = True
        backend = backend_for(proxy.url, Options(connect_timeout=0.5, statement_timeout=0.5))
        for _ in range(3):
            with anyio.fail_after(2), pytest.raises(DatabaseUnavailable, match=r"within 0\.5 seconds"):
                await backend.open()
        proxy.stalled = False
        await backend.open()
        proxy.stalled = True
        proxy.cut()
        with anyio.fail_after(3):
            outcomes = await asyncio.gather(*(backend.count(TaskFilter()) for _ in range(4)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {DatabaseUnavailable}, outcomes
        proxy.stalled = False
        assert await backend.count(TaskFilter()) == 0
        with anyio.fail_after(1):
            await backend.close()


@ON_SERVERS
async def test_closing_does_not_wait_for_a_server_that_is_silent(database):
    async with proxied(database) as (proxy, backend):
        await backend.count(TaskFilter())
        proxy.stalled = True
        with anyio.fail_after(1):
            await backend.close()
            await backend.close()


@EVERYWHERE
async def test_a_backend_can_be_closed_twice_and_opened_again(database, backend):
    await queued(backend)
    await backend.close()
    await backend.close()
    await backend.open()
    assert await backend.count(TaskFilter()) == 1


@ON_SERVERS
async def test_a_refused_connection_says_so_at_once(database):
    async with Proxy(database.url) as proxy:
        url = proxy.url
    backend = backend_for(url, Options())
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match=r"cannot be reached|was lost|refused"):
        await backend.open()
    assert time.monotonic() - began < 5
    await backend.close()


@ON_SERVERS
async def test_an_unknown_database_is_named(database):
    backend = backend_for(database.url.rpartition("/")[0] + "/no_such_database", Options())
    with pytest.raises(DatabaseUnavailable, match="no_such_database"):
        await backend.open()
    await backend.close()


@ON_SERVERS
async def test_an_unknown_user_is_told_so(database):
    backend = backend_for(_as(database, "nobody:secret"), Options())
    with pytest.raises(DatabaseUnavailable, match=r"refused the connection: .*nobody") as caught:
        await backend.open()
    assert "secret" not in str(caught.value)
    await backend.close()


@cases("database", shaped(["mysql"], [10]))
async def test_a_password_in_mysqls_default_manner_is_taken(database):
    """caching_sha2_password without TLS: the first login goes by the server's public key, later ones by its cache."""
    database.administer("CREATE USER guarded IDENTIFIED WITH caching_sha2_password BY 'pass:word/@'")
    database.administer(f"GRANT ALL ON {database.url.rpartition('/')[2]}.* TO guarded")
    try:
        for _ in range(2):
            async with opened(_as(database, "guarded:pass%3Aword%2F%40")) as backend:
                assert await backend.count(TaskFilter()) == 0
        wrong = backend_for(_as(database, "guarded:password"), Options())
        with pytest.raises(DatabaseUnavailable, match="Access denied for user 'guarded'"):
            await wrong.open()
        await wrong.close()
    finally:
        database.administer("DROP USER guarded")


@ON_SERVERS
async def test_a_connection_that_died_while_idle_is_replaced_unseen(database):
    async with proxied(database) as (proxy, backend):
        await queued(backend, 3)
        for _ in range(3):
            proxy.cut()
            await asyncio.sleep(0.05)
            assert await backend.count(QUEUED) == 3
            await backend.observe([])
        proxy.cut()
        assert len(await backend.claim(3, worker_pid=None)) == 3


@pytest.mark.parametrize("mode", ["transaction", "session"])
@cases("database", shaped(["postgresql"], [10]))
async def test_every_verb_works_behind_a_pgbouncer(database, pooled, mode):
    """It refuses settings of a session, and in transaction mode the server's side of a connection changes."""
    with pooled(database.url, mode) as url:
        options = "?statement_cache_size=0" if mode == "transaction" else ""
        async with opened(url + options, notify=mode == "session") as backend, opened(url + options) as other:
            await backend.migrate(indexes_only=True)
            for claim in await claimed(backend, 3), await claimed(other, 3):
                for verb in _verbs(claim[0]).values():
                    await verb(backend)
            await queued(other, 600)
            claims = await backend.claim(600, worker_pid=1)
            written, _ = await backend.exchange([done(claim) for claim in claims], 50, worker_pid=1)
            assert written == {claim.id for claim in claims}
    assert database.execute(f"SELECT count(*) FROM {database.table} WHERE status = 2")[0][0] >= 600


@EVERYWHERE
async def test_a_storm_of_cancelled_callers_loses_nothing_and_leaves_no_lock(database, backend, another):
    """What was claimed by a cancelled caller is handed to it all the same; no transaction stays open."""
    chance = random.Random(7)
    ids = await queued(backend, 400)
    mine: list[uuid.UUID] = []
    asked: list[uuid.UUID] = []
    promised: list[uuid.UUID] = []

    async def claimer():
        for _ in range(25):
            with anyio.move_on_after(chance.random() * 0.02):
                mine.extend([claim.id for claim in await backend.claim(3, worker_pid=None)])

    async def enqueuer():
        for _ in range(25):
            [extra] = new(1)
            asked.append(extra.id)
            with anyio.move_on_after(chance.random() * 0.02):
                await backend.enqueue([extra])
                promised.append(extra.id)

    async with anyio.create_task_group() as storm:
        for _ in range(4):
            storm.start_soon(claimer)
            storm.start_soon(enqueuer)
    assert len(mine) == len(set(mine))
    async with another() as other:
        with anyio.fail_after(10):
            rest = []
            while claims := await other.claim(100, worker_pid=None):
                rest += [claim.id for claim in claims]
    assert not set(mine) & set(rest)
    assert set(mine) | set(rest) >= {*ids, *promised}, "a row is neither claimed by a caller nor claimable"
    assert set(mine) | set(rest) <= {*ids, *asked}


@EVERYWHERE
async def test_a_caller_whose_asyncio_task_is_cancelled_leaves_no_lock(database, backend, another):
    """Those that asyncio cancels leave at once: their work ends behind them, and so do its transactions."""
    chance = random.Random(8)
    await queued(backend, 200)
    for _ in range(60):
        calls = [
            asyncio.create_task(backend.claim(2, worker_pid=None)),
            asyncio.create_task(backend.enqueue(new(2))),
            asyncio.create_task(backend.cancel([uuid.uuid4()])),
        ]
        await asyncio.sleep(chance.random() * 0.01)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    await backend.claim(0, worker_pid=None)
    await backend.enqueue(new(1))  # which have their turns behind what was left
    await backend.cancel([])
    async with another() as other:
        with anyio.fail_after(10):
            while await other.claim(100, worker_pid=None):
                pass
            await other.rescue(lease=0, error=None)
            assert await other.count(TaskFilter(statuses=[Status.RUNNING])) == 0
    assert len(await backend.claim(5, worker_pid=None)) == 5


def _as(database, login: str) -> str:
    """The URL of a database for another user."""
    parts = urlsplit(database.url)
    return str(urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}")))


@cases("database", shaped(["sqlite"], [10]))
async def test_commits_beside_a_long_read_try_no_checkpoint(database, backend):
    """Each would sort the whole log for nothing; see backends/sqlite/checkpoints.py."""

    async def threshold() -> int:
        return int(await backend._write(lambda raw: raw.execute("PRAGMA wal_autocheckpoint").fetchone()[0]))

    async def look() -> None:
        await asyncio.sleep(1.1)
        await backend.enqueue(new(1))

    path = urlsplit(database.url).path[1:]
    await backend.enqueue(new(1))
    assert await threshold() == 1000
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        reader.execute("BEGIN")
        reader.execute(f"SELECT count(*) FROM {database.table}").fetchall()
        await backend.enqueue(new(20, args=f'"{"x" * 1_000_000}"'))
        await look()
        assert await threshold() == 0
    await look()
    assert await threshold() == 1000


@ON_SQLITE
async def test_a_worker_waits_for_the_lock_of_a_file_no_longer_than_a_part_of_its_lease(database, backend):
    """As servers are told to give a lock up; statement_timeout alone would have it wait for most of 30 s."""
    [claim] = await claimed(backend)
    backend.hurry(0.6)
    with closing(sqlite3.connect(urlsplit(database.url).path[1:], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for verb in ("finish", "claim", "exchange", "renew", "append_output", "release"):
            with anyio.fail_after(10), pytest.raises(DatabaseBusy):
                await _verbs(claim)[verb](backend)
        other.execute("ROLLBACK")
    assert await backend.finish([done(claim)]) == {claim.id}


@ON_SQLITE
async def test_a_commit_to_a_file_waits_for_the_disk(backend):
    """G1: without that a crash of the host would take back what enqueue() has returned."""
    assert await backend._write(lambda raw: raw.execute("PRAGMA synchronous").fetchone()[0]) == 2
