"""The table: made where there is none, indexed where it is bare, refused where it is something else."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from asyncqueue.backends.base import Options, TaskFilter
from asyncqueue.backends.common.migration import COLUMNS
from asyncqueue.backends.common.statements import load, parse
from asyncqueue.backends.registry import backend_for
from asyncqueue.errors import ConfigurationError, SchemaError, TableMissing, UnsupportedServer
from asyncqueue.model import NewTask, Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import claimed, done, explained, new, queued, row
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, Case, cases, shaped

TEN = cases("database", shaped(DIALECTS, [10]))

_COLUMNS = {
    "postgresql": "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default "
    "FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
    "mysql": "SELECT column_name, column_type, is_nullable, column_default, column_key = 'PRI' "
    "FROM information_schema.columns WHERE table_schema = database() AND table_name = %s ORDER BY ordinal_position",
    "sqlite": 'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(%s) ORDER BY cid',
}


def columns(database, table: str | None = None) -> list[Any]:
    dialect = "mysql" if database.dialect == "mariadb" else database.dialect
    return list(database.execute(_COLUMNS[dialect], table or database.table))


async def test_verbs_on_a_missing_table_say_what_to_type(empty_database):
    async with opened(empty_database.url) as backend:
        assert backend.shape is None
        for verb in (
            backend.enqueue(new(1)),
            backend.claim(1, worker_pid=None),
            backend.count(TaskFilter()),
            backend.rescue(lease=1, error=None),
            backend.migrate(indexes_only=True),
            backend.pending(indexes_only=True),
        ):
            with pytest.raises(TableMissing, match="`asyncqueue migrate`"):
                await verb


async def test_a_table_that_we_make_is_the_one_that_django_would_make(empty_database, databases, tmp_path):
    async with opened(empty_database.url) as backend:
        planned = await backend.pending()
        assert planned[0].name == "table"
        assert all(change.sql and change.purpose for change in planned)
        assert await backend.migrate() == planned
        assert backend.shape is not None
        assert backend.shape.indexed
        assert await backend.pending() == await backend.migrate() == []
        made = columns(empty_database)
        ids = await queued(backend, 1)
        assert [record["id"] for record in empty_database.django.read(ids)] == [str(ids[0])]
        django_id = empty_database.django.create([{"task": "app.task", "args": {}}])[0]
        assert (await row(backend, uuid.UUID(django_id))).status == Status.QUEUED
    with_django = databases.fresh(next(case for case in shaped([empty_database.dialect], [10])), tmp_path)
    try:
        # Django numbers its columns in the order of its migrations; the set is what counts.
        of_django = columns(with_django)
        assert {str(column) for column in of_django} <= {str(column) for column in made}
        assert {column[0] for column in made} - {column[0] for column in of_django} == {*COLUMNS}
    finally:
        databases.discard(with_django)


async def test_a_bare_table_gets_its_indexes_and_keeps_everything_else(fresh_database):
    before = columns(fresh_database)
    async with opened(fresh_database.url) as backend, opened(fresh_database.url) as unaware:
        ids = await queued(backend, 3)
        assert backend.shape is not None
        assert not backend.shape.indexed
        planned = await backend.pending(indexes_only=True)
        assert await backend.migrate(indexes_only=True) == planned
        assert backend.shape.indexed
        assert len(fresh_database.indexes()) == len(planned)
        assert columns(fresh_database) == before
        assert await backend.pending(indexes_only=True) == []
        # A worker that looked before goes on as it was; one that looked after uses them.
        assert [claim.id for claim in await unaware.claim(1, worker_pid=None)] == ids[:1]
        assert [claim.id for claim in await backend.claim(5, worker_pid=None)] == ids[1:]
    [django_id] = fresh_database.django.create([{"task": "app.task", "args": {}}])
    assert fresh_database.django.read([django_id])[0]["status"] == Status.QUEUED


async def test_two_migrations_at_once_are_safe(empty_database):
    async with opened(empty_database.url) as first, opened(empty_database.url) as second:
        done_by = await asyncio.gather(first.migrate(), second.migrate())
        assert min(map(len, done_by)) == 0, "one of them found nothing left to do"
        assert await first.pending() == await second.pending() == []
        await first.enqueue(new(1))
        assert len(await second.claim(1, worker_pid=None)) == 1


async def test_claims_and_ends_go_on_while_indexes_are_made(fresh_database):
    async with opened(fresh_database.url) as backend, opened(fresh_database.url) as other:
        await queued(backend, 2000)
        ended = 0

        async def work():
            nonlocal ended
            while claims := await other.claim(20, worker_pid=None):
                ended += len(await other.finish([done(claim) for claim in claims]))

        async with anyio.create_task_group() as both:
            both.start_soon(work)
            both.start_soon(lambda: backend.migrate(indexes_only=True))
        assert ended == 2000


@cases("fresh_database", shaped(["postgresql"], [10]))
async def test_an_index_that_an_interrupted_migration_left_invalid_is_made_again(fresh_database):
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        bucket = next(name for name in fresh_database.indexes() if name.endswith("bucket"))
        # What CREATE INDEX CONCURRENTLY leaves when it is interrupted.
        fresh_database.administer(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{bucket}'::regclass")
        assert [change.sql.split()[0] for change in await backend.pending()] == ["DROP", "CREATE"]
    async with opened(fresh_database.url) as backend:
        assert backend.shape is not None
        assert not backend.shape.indexed
        await backend.migrate()
        assert backend.shape.indexed
        assert await backend.pending() == []


async def test_a_table_of_another_kind_is_refused(empty_database):
    empty_database.execute(f"CREATE TABLE {empty_database.table} (id integer PRIMARY KEY, name varchar(10))")
    backend = backend_for(empty_database.url, Options())
    with pytest.raises(SchemaError, match=f"{empty_database.table}.* is not"):
        await backend.open()
    await backend.close()


@cases("empty_database", [Case(dialect) for dialect in SERVER_DIALECTS])
async def test_an_id_of_another_type_is_refused(empty_database):
    columns = ", ".join(f"{name} varchar(99)" for name in ("created", "modified", "task", "args", "status", "output"))
    empty_database.execute(f"CREATE TABLE {empty_database.table} (id bigint PRIMARY KEY, {columns})")
    backend = backend_for(empty_database.url, Options())
    with pytest.raises(SchemaError, match="its id is of type bigint"):
        await backend.open()
    await backend.close()


@cases("empty_database", [Case("mariadb")])
async def test_a_mariadb_table_that_django_4_made_has_char_ids(empty_database):
    columns = "created datetime(6) NOT NULL, modified datetime(6) NOT NULL, task varchar(127) NOT NULL, args longtext"
    empty_database.execute(
        f"CREATE TABLE {empty_database.table} (id char(32) PRIMARY KEY, {columns}, status integer NOT NULL, "
        "output longtext)"
    )
    async with opened(empty_database.url) as backend:
        assert backend.shape is not None
        assert not backend.shape.native_uuid
        claims = await claimed(backend, 3)
        assert empty_database.execute(f"SELECT id FROM {empty_database.table} WHERE id = '{claims[0].id.hex}'")
        assert await backend.finish([done(claim) for claim in claims]) == {claim.id for claim in claims}
        assert (await row(backend, claims[0].id)).output == "done"


_TOO_OLD = {
    "postgresql": ("SELECT '11.22', 110022, 'UTF8'", ["PostgreSQL 11.22", "12"]),
    "mysql": ("SELECT '5.7.44-log', UTC_TIMESTAMP(6), 16000000", ["MySQL 5.7.44", "8.0.11"]),
    "mariadb": ("SELECT '10.5.29-MariaDB', UTC_TIMESTAMP(6), 16000000", ["MariaDB 10.5.29", "10.6"]),
    "sqlite": ("SELECT '3.34.1'", ["SQLite 3.34.1", "3.35"]),
}


@TEN
async def test_a_server_that_is_too_old_is_refused_by_name(database, monkeypatch):
    """Every server but for the version that it reports: none so old can be had any more."""
    sql, expected = _TOO_OLD[database.dialect]
    await _refused(database, monkeypatch, sql, ["this is", "asyncqueue needs", *expected])


@cases("database", [Case("mysql", 10)])
async def test_tidb_is_refused_by_its_name(database, monkeypatch):
    """It calls itself a MySQL that is new enough, and has no SKIP LOCKED."""
    sql = "SELECT '8.0.11-TiDB-v7.5.0', UTC_TIMESTAMP(6), 16000000"
    await _refused(database, monkeypatch, sql, ["this is TiDB (8.0.11-TiDB-v7.5.0), which has no SKIP LOCKED"])


async def _refused(database, monkeypatch, sql: str, texts: list[str]) -> None:
    """A server that says this of itself is refused, by these texts."""
    folder = "mysql" if database.dialect == "mariadb" else database.dialect
    monkeypatch.setitem(load(folder).parsed, "server", parse("server", f"-- Params: none\n-- Returns: version\n{sql}"))
    backend = backend_for(database.url, Options())
    with pytest.raises(UnsupportedServer) as caught:
        await backend.open()
    for text in texts:
        assert text in str(caught.value)
    await backend.close()


@pytest.mark.parametrize("name", ["jobs", "Mixed Case", "select", 'quo"te', "back`tick", "x" * 60])
async def test_a_table_may_have_another_name(empty_database, name):
    async with opened(empty_database.url, table=name) as backend:
        await backend.migrate()
        [claim] = await claimed(backend)
        assert await backend.finish([done(claim)]) == {claim.id}
        assert (await backend.counts())[0].count == 1
        assert await backend.pending() == []
    async with opened(empty_database.url) as backend:
        assert backend.shape is None


@cases("empty_database", [Case("postgresql")])
async def test_a_table_may_be_in_another_schema(empty_database):
    empty_database.execute("CREATE SCHEMA work")
    async with opened(empty_database.url, table="work.tasks") as backend:
        await backend.migrate()
        [claim] = await claimed(backend)
        assert await backend.finish([done(claim)]) == {claim.id}
        assert await backend.pending() == []
    assert empty_database.execute("SELECT count(*) FROM work.tasks") == [(1,)]


@cases("empty_database", [Case("postgresql")])
async def test_what_the_url_says_of_the_session_counts(empty_database):
    """As a Django project has it in OPTIONS: a search path, and a role to assume."""
    empty_database.execute("CREATE SCHEMA work")
    empty_database.administer("CREATE ROLE keeper")
    try:
        empty_database.administer(f"GRANT keeper TO {urlsplit(empty_database.url).username}")
        empty_database.execute("GRANT ALL ON SCHEMA work TO keeper")
        async with opened(f"{empty_database.url}?options=-c+search_path%3Dwork&role=keeper", table="tasks") as backend:
            await backend.migrate()
            await claimed(backend)
        owners = empty_database.execute("SELECT schemaname, tableowner FROM pg_tables WHERE tablename = 'tasks'")
        assert owners == [("work", "keeper")]
    finally:
        empty_database.administer("DROP OWNED BY keeper")
        empty_database.administer("DROP ROLE keeper")


@cases("empty_database", [Case(dialect) for dialect in ("mysql", "mariadb")])
async def test_a_table_may_be_in_another_database(empty_database):
    other = empty_database.url.rpartition("/")[2]
    elsewhere = empty_database.url.rpartition("/")[0] + "/information_schema"
    async with opened(elsewhere, table=f"{other}.tasks") as backend:
        await backend.migrate()
        [claim] = await claimed(backend)
        assert await backend.finish([done(claim)]) == {claim.id}
        assert await backend.pending() == []
    assert empty_database.execute("SELECT count(*) FROM tasks") == [(1,)]


@cases("empty_database", [Case("mysql")])
async def test_a_name_that_cannot_be_used_is_refused(empty_database):
    with pytest.raises(ConfigurationError, match="percent sign"):
        backend_for(empty_database.url, Options(table="100%"))


@cases("empty_database", [Case("sqlite")])
async def test_sqlite_has_no_schemas(empty_database):
    with pytest.raises(ConfigurationError, match="has a dot"):
        backend_for(empty_database.url, Options(table="work.tasks"))


@TEN
async def test_claims_and_rescues_read_their_index_only(database, backend):
    """However many rows have ended, and however the optimizer's statistics look."""
    await backend.migrate(indexes_only=True)
    await backend.enqueue([NewTask(uuid.uuid4(), "app.task", "{}") for _ in range(20_000)])
    database.execute(f"UPDATE {database.table} SET status = 2")
    await queued(backend, 50)
    await claimed(backend, 5)
    analyse = {"postgresql": "ANALYZE {}", "sqlite": "ANALYZE {}"}.get(database.dialect, "ANALYZE TABLE {}")
    database.execute(analyse.format(database.table))
    async with opened(database.url) as backend:
        more = {
            "postgresql": [("exchange", "ready")],
            "sqlite": [],
        }.get(database.dialect, [("ready_apart", "ready"), ("any_queued", "ready"), ("count_queued", "ready")])
        for verb, purpose in (("claim", "ready"), ("rescue", "running"), *more):
            plan = _plan(database, backend, verb)
            index = "ready" if database.dialect in ("mysql", "mariadb") else purpose
            assert f"asyncqueue_{index}" in plan, plan
            assert not re.search(
                r"Seq Scan on django|Table scan on django|SCAN django\w+$|filesort", plan, re.MULTILINE
            ), plan


@cases("fresh_database", [Case("postgresql", 10)])
async def test_hot_statements_read_their_index_without_any_statistics(fresh_database):
    """A planner that knows nothing of a table just filled would sort all that is queued for every claim."""
    fresh_database.execute(f"ALTER TABLE {fresh_database.table} SET (autovacuum_enabled = off)")
    async with opened(fresh_database.url) as backend:
        await backend.migrate(indexes_only=True)
        await queued(backend, 60_000)
        await claimed(backend, 100)

        for verb in "claim", "exchange":
            plan = await _engine_plan(fresh_database, backend, verb)
            assert "_asyncqueue_ready on" in plan
            assert "Sort" not in plan
        for verb in "finish", "exchange", "release", "append_output", "renew":
            plan = await _engine_plan(fresh_database, backend, verb)
            assert "_pkey on" in plan
            assert "_asyncqueue_running on" not in plan


@cases("fresh_database", [Case("postgresql", 10)])
async def test_no_claim_is_compiled_where_the_index_is_lacking(fresh_database):
    """Beside a planner that is kept from everything else, a sort costs so much that PostgreSQL would compile it."""
    async with opened(fresh_database.url) as backend:
        await queued(backend, 10)
        plan = await _engine_plan(fresh_database, backend, "claim")
        assert "Sort" in plan
        assert "JIT" not in plan


async def _engine_plan(database, backend, verb: str) -> str:
    """What EXPLAIN says in the session that a worker's statements have."""
    text = _explaining(database, backend, verb)
    rows = await backend._engine.run(lambda connection: connection.fetch(text), translate=lambda error: None)
    return "\n".join(row[0] for row in rows)


@cases("fresh_database", [Case("mysql", 10), Case("mariadb", 10)])
async def test_innodb_finds_claimed_rows_by_their_key(fresh_database):
    """And in the order given: a scan of a small table would wait for rows that others hold."""
    values = {"rows": "'[]'", "ids": "'[]'", "utc_offset": "0", "now": "'2020-01-01'", "worker_pid": "1"}
    async with opened(fresh_database.url) as backend:
        await backend.migrate(indexes_only=True)
        await queued(backend, 5)
        for name in "claim", "finish", "release", "append_output", "renew", "observe":
            statement = backend._table[name]  # type: ignore[attr-defined]
            explain = f"EXPLAIN {statement.text % values}"
            lines = [" ".join(map(str, line)) for line in fresh_database.execute(explain.replace("%", "%%"))]
            last = [line for line in lines if re.search(r"\bt\b", line)][-1]
            assert "PRIMARY" in last, lines


@cases("fresh_database", [Case("sqlite", 10)])
async def test_sqlite_never_looks_a_claim_up_among_all_ids(fresh_database):
    """The index of all ids is as large as the table, and random ones lie on as many of its pages."""
    async with opened(fresh_database.url) as backend:
        await backend.migrate(indexes_only=True)
        for name in "finish", "release", "append_output", "renew":
            plan = _sqlite_plan(fresh_database, backend, name)
            assert "asyncqueue_running (modified=? AND id>? AND id<?)" in plan
        assert "USING INTEGER PRIMARY KEY (rowid=?)" in _sqlite_plan(fresh_database, backend, "claim")


def _sqlite_plan(database, backend, name: str) -> str:
    return "\n".join(line[3] for line in database.execute(explained(backend._table[name])))


def _plan(database, backend, verb: str) -> str:
    """What EXPLAIN says of the statement that looks for a verb's rows."""
    return "\n".join(" ".join(map(str, line)) for line in database.execute(_explaining(database, backend, verb)))


def _explaining(database, backend, verb: str) -> str:
    """EXPLAIN and the statement that looks for a verb's rows, with its parameters as literals."""
    name = verb if database.dialect == "postgresql" else {"claim": "ready", "rescue": "expired"}.get(verb, verb)
    statement = backend._table[name]
    old = {"sqlite": "'2020-01-01'", "postgresql": "3600"}.get(database.dialect, "'2020-01-01'")
    values = {
        "limit": "50",
        "candidates": "50",
        "skip": "0",
        "worker_pid": "NULL::integer",
        "lease": old,
        "cutoff": old,
        "error": "NULL::text",
        "held": "'{}'" if database.dialect == "postgresql" else "'[]'",
    }
    values["cursor"] = "'2020-01-01'"
    values |= dict.fromkeys((*_ARRAYS, "now"), "NULL")
    text = statement.text
    for number, param in reversed(list(enumerate(statement.params, 1))):
        for placeholder in (f"${number}", f"%({param})s", f":{param}"):
            text = text.replace(placeholder, values[param])
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    return f"{explain} {text}".replace("%", "%%")


_ARRAYS = ("ids", "tokens", "statuses", "outputs", "errors", "logs", "keeps", "offsets", "texts", "queued_ats")
