"""Transactions of somebody else, through the plain drivers, as an application holds them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiomysql
import aiosqlite
import asyncpg

from tests.servers.database import Database


@dataclass
class Transaction:
    """An open transaction: the driver's connection, and how it ends."""

    raw: Any
    commit: Callable[[], Awaitable[Any]]
    rollback: Callable[[], Awaitable[Any]]
    execute: Callable[[str], Awaitable[Any]]


@asynccontextmanager
async def transaction(database: Database, isolation: str | None = None) -> AsyncIterator[Transaction]:
    """Begin one. What is not committed by the end is rolled back.

    `isolation` is in words of SQL; None is the server's default. SQLite has one level only.
    """
    parts = urlsplit(database.url)
    if database.dialect == "postgresql":
        pg = await asyncpg.connect(database.url)
        try:
            level: Any = isolation.lower().replace(" ", "_") if isolation else None
            begun = pg.transaction(isolation=level)
            await begun.start()
            yield Transaction(pg, begun.commit, begun.rollback, pg.fetch)
        finally:
            await pg.close()
    elif database.dialect == "sqlite":
        lite = await aiosqlite.connect(unquote(parts.path.removeprefix("/")), timeout=60)
        try:
            yield Transaction(lite, lite.commit, lite.rollback, lite.execute)
        finally:
            await lite.close()
    else:
        my = await aiomysql.connect(
            host=parts.hostname,
            port=parts.port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            db=parts.path.removeprefix("/"),
            init_command=f"SET SESSION TRANSACTION ISOLATION LEVEL {isolation or 'REPEATABLE READ'}",
        )
        try:
            await my.begin()

            async def execute(sql: str) -> Any:
                async with my.cursor() as cursor:
                    await cursor.execute(sql)
                    return await cursor.fetchall()

            yield Transaction(my, my.commit, my.rollback, execute)
        finally:
            await my.rollback()
            my.close()


@asynccontextmanager
async def no_transaction(database: Database) -> AsyncIterator[Transaction]:
    """A connection that is in no transaction and commits each statement by itself."""
    parts = urlsplit(database.url)
    if database.dialect == "postgresql":
        pg = await asyncpg.connect(database.url)
        try:
            yield Transaction(pg, lambda: pg.execute("COMMIT"), lambda: pg.execute("ROLLBACK"), pg.execute)
        finally:
            await pg.close()
    elif database.dialect == "sqlite":
        path = unquote(parts.path.removeprefix("/"))
        lite = await aiosqlite.connect(path, timeout=60, isolation_level=None)
        try:
            yield Transaction(lite, lite.commit, lite.rollback, lite.execute)
        finally:
            await lite.close()
    else:
        my = await aiomysql.connect(
            host=parts.hostname,
            port=parts.port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            db=parts.path.removeprefix("/"),
            autocommit=True,
        )
        try:
            yield Transaction(my, my.commit, my.rollback, my.query)
        finally:
            my.close()


@asynccontextmanager
async def holding(database: Database, *ids: UUID) -> AsyncIterator[None]:
    """Lock these rows as another worker's open claim would."""
    listed = ", ".join(f"'{task_id}'" if native(database) else f"'{task_id.hex}'" for task_id in ids)
    async with transaction(database, "READ COMMITTED") as other:
        await other.execute(f"SELECT id FROM {database.table} WHERE id IN ({listed}) FOR UPDATE")
        yield


def native(database: Database) -> bool:
    """Whether Django has made the id a uuid, and not char(32)."""
    return database.dialect in ("postgresql", "mariadb")
