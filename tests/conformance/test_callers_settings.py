"""`connection=` works whatever the caller's connection makes of rows and texts; what fails leaves nothing behind."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomysql
import aiosqlite
import asyncpg
import pytest

from asyncqueue.errors import DataRejected
from asyncqueue.model import After, Link, Unique
from tests.conformance.helpers import new
from tests.conformance.transactions import transaction
from tests.servers.cases import cases, migrated

TEXT = '{"text": "gr\u00fc\u00df\u4f60 \U0001f600 \\\\ \' %s"}'
KEY = "k\u00e9y\u4f60\U0001f600\\'\""
INNODB = cases("database", migrated(["mysql", "mariadb"]))


def _arguments(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "host": parts.hostname,
        "port": parts.port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "db": parts.path.removeprefix("/"),
    }


async def _enqueue_all(backend, raw) -> list[uuid.UUID]:
    """Enqueue in every way: alone, several, after others, with a key, and with a key that is held already."""
    first, *several = (each._replace(args=TEXT) for each in new(3))
    await backend.enqueue([first], connection=raw)
    await backend.enqueue(several, connection=raw)
    later = new(1, args=TEXT)[0]._replace(after=After((first.id,), "cancel"), links=int(Link.WAITING))
    await backend.enqueue([later], connection=raw)
    keyed, again = (each._replace(unique=Unique(KEY, 0.0, "return"), queue="qu\u00e9ue") for each in new(2, args=TEXT))
    assert await backend.enqueue_unique([keyed], connection=raw) == [keyed.id]
    assert await backend.enqueue_unique([again], connection=raw) == [keyed.id]
    return [first.id, *(each.id for each in several), later.id, keyed.id]


async def _check(backend, ids: list[uuid.UUID]) -> None:
    records = await backend.get(ids)
    assert {record.id for record in records} == set(ids)
    assert {record.args for record in records} == {TEXT}


_MYSQL: dict[str, dict[str, Any]] = {
    "latin1": {"charset": "latin1"},
    "gbk": {"charset": "gbk"},
    "sjis": {"charset": "sjis"},
    "utf8mb3": {"charset": "utf8mb3"},
    "bytes": {"charset": "utf8mb4", "use_unicode": False},
    "dictionaries": {"cursorclass": aiomysql.SSDictCursor},
    "a mode of its own": {"init_command": "SET SESSION sql_mode = 'ANSI', time_zone = '-09:30'"},
}


@pytest.mark.parametrize("settings", _MYSQL)
@INNODB
async def test_a_mysql_connection_of_any_character_set_and_cursor_serves(database, backend, settings):
    raw = await aiomysql.connect(**_arguments(database.url), **_MYSQL[settings])
    try:
        await raw.begin()
        ids = await _enqueue_all(backend, raw)
        await raw.commit()
    finally:
        raw.close()
    await _check(backend, ids)


@asynccontextmanager
async def _sqlite(database, **settings: Any) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(unquote(urlsplit(database.url).path.removeprefix("/")), **settings) as raw:
        yield raw


def _dictionary(cursor, row):
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


@pytest.mark.parametrize(
    ("row_factory", "text_factory"), [(aiosqlite.Row, str), (_dictionary, str), (None, bytes), (_dictionary, bytes)]
)
@cases("database", migrated(["sqlite"]))
async def test_a_sqlite_connection_with_rows_and_texts_of_its_own_serves(database, backend, row_factory, text_factory):
    async with _sqlite(database) as raw:
        raw.row_factory, raw.text_factory = row_factory, text_factory
        ids = await _enqueue_all(backend, raw)
        await raw.commit()
        assert raw.row_factory is row_factory, "what is the caller's stays the caller's"
        assert raw.text_factory is text_factory
    await _check(backend, ids)


@cases("database", migrated(["sqlite"]))
async def test_a_sqlite_connection_that_converts_columns_by_their_type_serves(database, backend):
    """As in a process that uses Django, which registers such a converter for all connections."""
    aiosqlite.register_converter("datetime", lambda text: datetime.fromisoformat(text.decode()))
    try:
        async with _sqlite(database, detect_types=3) as raw:
            ids = await _enqueue_all(backend, raw)
            await raw.commit()
    finally:
        aiosqlite.register_converter("datetime", lambda text: text.decode())
    await _check(backend, ids)


@cases("database", migrated(["postgresql"]))
async def test_a_postgresql_connection_with_codecs_of_its_own_serves(database, backend):
    raw = await asyncpg.connect(database.url)
    try:
        await raw.set_type_codec("uuid", encoder=str, decoder=str, schema="pg_catalog")
        begun = raw.transaction()
        await begun.start()
        ids = await _enqueue_all(backend, raw)
        await begun.commit()
    finally:
        await raw.close()
    await _check(backend, ids)


@cases("database", migrated())
async def test_rows_that_are_refused_leave_the_callers_transaction_as_it_was(database, backend):
    """All of one call or nothing: the rows before the one that is refused are taken back, and the caller may go on."""
    fine, late, more = new(3)
    long = new(1)[0]._replace(queue="q" * 1000)
    guard = database.dialect == "sqlite"
    if guard:
        database.execute(
            f"CREATE TRIGGER guard BEFORE INSERT ON {database.table} WHEN length(NEW.queue) > 64 "
            "BEGIN SELECT RAISE(ABORT, 'too long'); END"
        )
    async with transaction(database) as caller:
        await backend.enqueue([fine], connection=caller.raw)
        if database.dialect != "postgresql":  # where a statement that fails is the end of any transaction
            with pytest.raises(DataRejected):
                await backend.enqueue([late, long], connection=caller.raw)
        keyed = late._replace(unique=Unique(uuid.uuid4().hex, 0.0, "return"))
        with pytest.raises(DataRejected):
            await backend.enqueue_unique([keyed, long], connection=caller.raw)
        await backend.enqueue([more], connection=caller.raw)
        await caller.commit()
    assert {record.id for record in await backend.get([fine.id, late.id, more.id])} == {fine.id, more.id}
    assert await backend.enqueue_unique([keyed]) == [keyed.id], "its key was taken back with it"
