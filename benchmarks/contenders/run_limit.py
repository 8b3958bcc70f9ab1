"""What the database and its driver can do with asyncqueue's table and statements, and no queue around them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiomysql
import aiosqlite
import asyncpg
import shared
from pymysql.constants import CLIENT
from shared import Adapter

from asyncqueue import Queue, Settings
from asyncqueue.backends.base import Backend
from asyncqueue.backends.postgresql.connection import BY_INDEX
from asyncqueue.ids import new_id

_BATCH = int(os.environ.get("BENCH_BATCH", "50"))
_POOL = 10
_PATH = "run_asyncqueue.noop"
_INSERT = "INSERT INTO django_simple_queue_task (id, created, modified, task, args, status) VALUES"
_COLUMNS = ("id", "created", "modified", "task", "args", "status")
#: All that is queued is of one bucket.
_BUCKET = {"queue": "default", "priority": 0}


class _Database:
    """One driver. `backend` is asked for its statements only, and on PostgreSQL for the session that they need."""

    connection: Any

    def __init__(self, url: str, backend: Backend) -> None:
        self.url = url
        self.backend = backend
        self.table: Any = backend._table  # type: ignore[attr-defined]

    async def open(self, callers: int) -> None:
        raise NotImplementedError

    async def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        raise NotImplementedError

    async def turn(self, ended: list[Any]) -> list[Any]:
        """Finish what the last turn claimed, and claim."""
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


class _PostgreSQL(_Database):
    async def open(self, callers: int) -> None:
        self.connection = self.pool = None
        if callers == 1:
            self.connection = await asyncpg.connect(self.url, server_settings=BY_INDEX)
        else:
            self.pool = await asyncpg.create_pool(self.url, min_size=_POOL, max_size=_POOL)
        self.cursor = datetime.min.replace(tzinfo=UTC)

    async def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        if len(rows) > 1:
            assert self.connection is not None
            await self.connection.copy_records_to_table("django_simple_queue_task", records=rows, columns=_COLUMNS)
        elif self.connection is not None:
            await self.connection.execute(f"{_INSERT} ($1, $2, $3, $4, $5, $6)", *rows[0])
        elif self.pool is not None:
            await self.pool.execute(f"{_INSERT} ($1, $2, $3, $4, $5, $6)", *rows[0])

    async def turn(self, ended: list[Any]) -> list[Any]:
        statement, count = self.table["exchange"], len(ended)
        values = {
            "ids": [row[0] for row in ended],
            "tokens": [row[3] for row in ended],
            "statuses": [2] * count,
            "outputs": [None] * count,
            "errors": [None] * count,
            "logs": [None] * count,
            "keeps": [False] * count,
            "limit": _BATCH,
            "worker_pid": None,
            "worker": "limit",
            "scan": False,
            "serving": None,
            "queues": [_BUCKET["queue"]],
            "priorities": [_BUCKET["priority"]],
            "bounds": [self.cursor],
        }
        assert self.connection is not None
        rows = await self.connection.fetch(statement.text, *statement.values(values))
        if rows[0][0] is None:
            return []
        self.cursor = max(row[4] for row in rows)
        return list(rows)

    async def close(self) -> None:
        await (self.connection or self.pool).close()  # type: ignore[union-attr]


class _Cursor(aiomysql.Cursor):  # type: ignore[misc]  # aiomysql has no types
    """Without the round trip for warnings that aiomysql would make, as asyncqueue has it."""

    async def _show_warnings(self, conn: aiomysql.Connection) -> None: ...


class _MySQL(_Database):
    async def open(self, callers: int) -> None:
        parts = urlsplit(self.url)
        options = {
            "host": parts.hostname,
            "port": parts.port,
            "user": parts.username,
            "db": parts.path.removeprefix("/"),
            "autocommit": True,
            "charset": "utf8mb4",
            "client_flag": CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS,
            "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        }
        self.connection = self.pool = None
        if callers == 1:
            self.connection = await aiomysql.connect(**options)
        else:
            self.pool = await aiomysql.create_pool(minsize=_POOL, maxsize=_POOL, **options)
        self.cursor = datetime.min

    async def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        if self.connection is not None:
            await self._insert(self.connection, rows)
        elif self.pool is not None:
            async with self.pool.acquire() as connection:
                await self._insert(connection, rows)

    async def _insert(self, connection: Any, rows: Sequence[tuple[Any, ...]]) -> None:
        async with connection.cursor(_Cursor) as cursor:
            for start in range(0, len(rows), 5000):
                part = [
                    (row[0].hex, *(value.replace(tzinfo=None) for value in row[1:3]), *row[3:])
                    for row in rows[start : start + 5000]
                ]
                await cursor.executemany(f"{_INSERT} (%s, %s, %s, %s, %s, %s)", part)

    async def turn(self, ended: list[Any]) -> list[Any]:
        rows = [
            {
                "id": row[0].replace("-", ""),
                "token": str(row[-1]),
                "status": 2,
                "keep": 0,
                "output": None,
                "error": None,
                "log": None,
            }
            for row in sorted(ended)
        ]
        calls = [("begin", {})]
        if rows:
            calls.append(("finish", {"rows": json.dumps(rows), "utc_offset": 0}))
        calls += [("clock", {}), ("ready", {"limit": _BATCH, "cursor": self.cursor, **_BUCKET})]
        *_, clock, found = await self._run(calls)
        if not found:
            await self._run([("commit", {})])
            return []
        now = clock[0][0]
        ids = json.dumps(sorted(row[0].replace("-", "") for row in found))
        taking = {"ids": ids, "now": now, "worker_pid": None, "worker": "limit"}
        await self._run([("claim", taking), ("commit", {})])
        self.cursor = found[-1][3]
        return [(*row, now) for row in found]

    async def _run(self, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        assert self.connection is not None
        escape = self.connection.escape
        query = ";".join(
            self.table[name].text % {key: escape(values[key]) for key in self.table[name].params}
            for name, values in calls
        )
        async with self.connection.cursor(_Cursor) as cursor:
            await cursor.execute(query)
            replies = [await cursor.fetchall()]
            while await cursor.nextset():
                replies.append(await cursor.fetchall())
        return replies

    async def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        elif self.pool is not None:
            self.pool.close()
            await self.pool.wait_closed()


class _SQLite(_Database):
    #: Whether a single row is written in the caller's thread, by sqlite3, and not by aiosqlite in its own.
    direct = False

    async def open(self, callers: int) -> None:
        path = urlsplit(self.url).path.removeprefix("/")
        self.driver = await aiosqlite.connect(path, isolation_level=None, timeout=30)
        await self.driver.execute("PRAGMA synchronous = FULL")
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()

    async def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        part = [(row[0].hex, *(str(value.replace(tzinfo=None)) for value in row[1:3]), *row[3:]) for row in rows]
        if len(part) == 1 and not self.direct:
            await self.driver.execute(f"{_INSERT} (?, ?, ?, ?, ?, ?)", part[0])
            return
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(f"{_INSERT} (?, ?, ?, ?, ?, ?)", part)
        self.connection.execute("COMMIT")

    async def turn(self, ended: list[Any]) -> list[Any]:
        now = str(datetime.now(UTC).replace(tzinfo=None))
        run = self.connection.execute
        run("BEGIN IMMEDIATE")
        if ended:
            places = ", ".join(["(?, ?, 2, NULL, NULL, NULL, 0, ?)"] * len(ended))
            ends = [value for row in ended for value in (row[1], row[-1], now)]
            run(self.table["finish"].text.replace(":rows", places), ends)
        rows = run(self.table["ready"].text, {"limit": _BATCH, "skip": 0, "as_text": False, **_BUCKET}).fetchall()
        taken = json.dumps([row[0] for row in rows])
        run(self.table["claim"].text, {"rowids": taken, "worker_pid": None, "worker": "limit", "now": now})
        run("COMMIT")
        return [(*row, now) for row in rows]

    async def close(self) -> None:
        self.connection.close()
        await self.driver.close()


_KINDS = {"postgresql": _PostgreSQL, "mysql": _MySQL, "sqlite": _SQLite}


class Limit(Adapter):
    """The bare driver."""

    async def _database(self, callers: int) -> _Database:
        queue = Queue(settings=Settings(database_url=self.url))
        async with queue:
            database = _KINDS[urlsplit(self.url).scheme](self.url, queue.backend)
        await database.open(callers)
        return database

    async def setup(self) -> None:
        """The same table that asyncqueue's worker has."""
        async with Queue(settings=Settings(database_url=self.url)) as queue:
            await queue.migrate()

    async def open(self, callers: int) -> None:
        self.database = await self._database(callers)

    async def close(self) -> None:
        await self.database.close()

    async def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        await self.database.insert([(new_id(), now, now, _PATH, json.dumps(args), 0)])

    async def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        now = datetime.now(UTC)
        await self.database.insert([(new_id(), now, now, _PATH, json.dumps(each), 0) for each in args])

    async def work(self, concurrency: int) -> None:
        database = await self._database(1)
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        shared.ready()
        ended: list[Any] = []
        try:
            while not stopping.is_set():
                claimed = await database.turn(ended)
                shared.shared().done(0, len(ended))
                if not claimed and not ended:
                    await asyncio.sleep(0.001)
                ended = claimed
                await asyncio.sleep(0)
        finally:
            await database.close()  # after an error, too: its thread would keep the process from ending


if __name__ == "__main__":
    shared.main(Limit)
