"""MySQL and MariaDB: rows have room for what a claim writes, and a small table is written anew for its columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from asyncqueue.ids import new_id
from asyncqueue.model import NewTask
from tests.conformance.conftest import opened
from tests.conformance.helpers import queued
from tests.conformance.test_losses import again
from tests.servers import client
from tests.servers.cases import cases, migrated, shaped

ON_BOTH = cases("database", migrated(["mysql", "mariadb"]))
INNODB = cases("fresh_database", shaped(["mysql", "mariadb"], [10]))
ROWS = 4000
SMALL = 1000


@pytest.fixture
def splits(database):
    """Counts the pages that the server has split."""

    def count() -> int:
        query = "SELECT count FROM information_schema.innodb_metrics WHERE name = 'index_page_splits'"
        [(number,)] = asked(database, query)
        return int(number)

    database.administer("SET GLOBAL innodb_monitor_enable = 'index_page_splits'")
    yield count
    database.administer("SET GLOBAL innodb_monitor_disable = 'index_page_splits'")


def asked(database, sql: str) -> list[tuple[Any, ...]]:
    """What the server tells its administrator alone."""
    return client.execute(database.server.url, sql)


@ON_BOTH
async def test_a_claim_does_not_split_the_pages_of_its_rows(backend, database, splits):
    await backend.enqueue([NewTask(new_id(), "app.task", "{}") for _ in range(ROWS)])  # in the order of their keys
    before = splits()
    name = "worker-of-a-name-of-forty-characters:123:ab"
    for _ in range(ROWS // 100):
        assert len(await backend.claim(100, worker_pid=123456, worker=name)) == 100
    [(size,)] = database.execute(f"SELECT SUM(LENGTH(claimed_by)) FROM {database.table}")
    assert size == ROWS * len(name)
    # Of the index of claims, 10 to 15. Without room also of the table, which has a hundred rows in each: 34 to 43.
    assert splits() - before < 25


@ON_BOTH
async def test_who_has_not_claimed_a_row_is_not_told_by_its_room(backend, database):
    [mine] = await queued(backend)
    database.django.create([{"task": "app.task", "args": {}}])
    lengths = database.execute(f"SELECT CHAR_LENGTH(claimed_by), TRIM(claimed_by) FROM {database.table}")
    assert list(lengths) == [(64, "")] * 2
    records = await backend.get([mine])
    assert [record.claimed_by for record in records] == [None]
    # Claimed by Django's worker, which has gone.
    token = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    database.execute(f"UPDATE {database.table} SET status = 1, worker_pid = 7, modified = %s", token)
    lost = await backend.overdue(lease=3600, foreign_lease=3600)
    assert {(each.claimed_by, each.ours, each.worker_pid) for each in lost} == {(None, False, 7)}
    assert len(lost) == 2
    assert await backend.end_attempts([again(each) for each in lost]) == {each.id for each in lost}
    assert [attempt.worker for attempt in await backend.attempts(mine)] == [None]


@INNODB
@pytest.mark.parametrize("rows", [0, SMALL - 1, SMALL])
async def test_a_small_table_is_written_anew_for_its_columns(fresh_database, rows):
    """A larger one is not: nobody would wait for that, but the server would have work for minutes."""
    async with opened(fresh_database.url) as backend:
        ids = await queued(backend, rows) if rows else []
        [sql] = [change.sql for change in await backend.pending() if change.name.startswith("column")]
        small = rows < SMALL
        assert ("FORCE, ALGORITHM = INPLACE, LOCK = NONE" in sql) == small
        assert ("ALGORITHM = INSTANT" in sql) == (not small)
        await backend.migrate()
        if fresh_database.dialect == "mysql":  # MariaDB does not tell
            name = f"{urlsplit(fresh_database.url).path[1:]}/{fresh_database.table}"
            query = f"SELECT total_row_versions FROM information_schema.innodb_tables WHERE name = '{name}'"
            [(versions,)] = asked(fresh_database, query)
            assert (versions == 0) == small
        assert len(await backend.claim(SMALL, worker_pid=1)) == len(ids)


@INNODB
async def test_a_column_called_small_says_nothing_of_the_table(fresh_database):
    fresh_database.execute(f"ALTER TABLE {fresh_database.table} ADD COLUMN small integer NULL")
    async with opened(fresh_database.url) as backend:
        await queued(backend, SMALL)
        added = [change.sql for change in await backend.pending() if change.name.startswith("column")]
        assert not any("FORCE" in sql for sql in added)


@INNODB
async def test_a_table_that_is_made_here_is_small(fresh_database):
    fresh_database.execute(f"DROP TABLE {fresh_database.table}")
    async with opened(fresh_database.url) as backend:
        added = [change.sql for change in await backend.pending() if change.name.startswith("column")]
        assert all("FORCE" in sql for sql in added)
        await backend.migrate()
        assert len(await queued(backend, 2)) == 2
