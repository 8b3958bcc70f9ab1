"""What earlier versions of the schema left, brought to the newest: nothing tells it from a fresh one."""

from __future__ import annotations

from typing import Any

import pytest

from asyncqueue.backends.common import versions
from asyncqueue.backends.common.migration import Found
from asyncqueue.backends.mysql import schema as mysql_schema
from asyncqueue.backends.postgresql import schema as postgresql_schema
from asyncqueue.backends.sqlite import schema as sqlite_schema
from tests.conformance.conftest import opened
from tests.conformance.helpers import done
from tests.conformance.test_bands import put
from tests.conformance.test_migrating import TEN, everything, tables
from tests.conformance.test_schema import columns
from tests.servers.cases import Case

EARLIER = pytest.mark.parametrize("version", range(1, versions.NEWEST))
_INDEXES = {
    "postgresql": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "sqlite": "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index'",
    "mysql": "SELECT table_name, index_name, seq_in_index, column_name, non_unique "
    "FROM information_schema.statistics WHERE table_schema = database()",
}


def in_detail(database) -> tuple[object, ...]:
    """All that there is, down to the columns of each index and each table."""
    indexes = database.execute(_INDEXES["mysql" if database.dialect == "mariadb" else database.dialect])
    beside = {name: sorted(map(str, columns(database, name))) for name in tables(database)}
    return everything(database), sorted(map(str, indexes)), beside, recorded(database)


def recorded(database) -> list[int]:
    return sorted(version for (version,) in database.execute("SELECT version FROM asyncqueue_versions"))


async def leave(database, version: int) -> None:
    """Make what a version of the schema was, as the `migrate` of its time left it."""
    schema = {"postgresql": postgresql_schema, "sqlite": sqlite_schema}.get(database.dialect, mysql_schema)
    steps = [step for step in schema.schema_of(database.table)._steps if step.version <= version]
    async with opened(database.url) as backend:
        of_backend: Any = backend
        sql = of_backend._table.sql
        made = [change.sql for step in steps for change in step.changes(sql, Found())]
        made += [sql("record_version", version=str(each)) for each in range(1, version + 1)]
    for each in made:
        database.execute(each.replace("%", "%%"))


@TEN
@EARLIER
async def test_every_version_becomes_what_a_fresh_database_is(fresh_database, databases, tmp_path, version):
    await leave(fresh_database, version)
    async with opened(fresh_database.url) as backend:
        assert backend.shape is not None
        assert (backend.shape.version, backend.shape.indexed) == (version, True)
        [first] = await put(backend, 1, queue="mail", priority=7, delay=0.0)
        [second] = await put(backend, 1)
        await backend.pause("mail", paused=True)
        assert [claim.id for claim in await backend.claim(5, worker_pid=None)] == [second]
        planned = await backend.pending()
        assert {change.name for change in planned} >= {f"version {each}" for each in range(version + 1, 4)}
        assert await backend.migrate() == planned
        assert await backend.pending() == []
        assert backend.shape.version == versions.NEWEST
        await backend.pause("mail", paused=False)
        [claim] = await backend.claim(5, worker_pid=None)
        assert (claim.id, claim.queue, claim.priority) == (first, "mail", 7)
        assert await backend.finish([done(claim)]) == {first}
    fresh = databases.fresh(Case(fresh_database.dialect, 10), tmp_path)
    try:
        async with opened(fresh.url) as backend:
            await backend.migrate()
        assert in_detail(fresh_database) == in_detail(fresh)
    finally:
        databases.discard(fresh)


@TEN
@EARLIER
async def test_indexes_only_keeps_to_the_version_that_is_there(fresh_database, version):
    await leave(fresh_database, version)
    before = in_detail(fresh_database)
    where = "" if fresh_database.dialect in ("postgresql", "sqlite") else f" ON {fresh_database.table}"
    async with opened(fresh_database.url) as backend:
        assert await backend.migrate(indexes_only=True) == []
        for name in fresh_database.indexes():
            fresh_database.execute(f"DROP INDEX {name}{where}")
        await backend.look_again()
        assert backend.shape is not None
        assert (backend.shape.version, backend.shape.indexed) == (version, False)
        made = await backend.migrate(indexes_only=True)
        assert {"band index", "due index"} <= {change.name for change in made}
        assert backend.shape.indexed
    assert in_detail(fresh_database) == before
