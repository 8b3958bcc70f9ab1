"""PostgreSQL as its administrators set it up: what correctness rests on is set by each session, or by a transaction."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import anyio
import asyncpg
import pytest

from asyncqueue.backends.base import Options, TaskFilter
from asyncqueue.backends.registry import backend_for
from asyncqueue.errors import (
    ConfigurationError,
    DatabaseBusy,
    DatabaseError,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DataRejected,
    UnsupportedServer,
)
from asyncqueue.model import After, NewTask, Unique
from tests.conformance.conftest import opened
from tests.conformance.helpers import claimed, done, queued, release, row
from tests.conformance.transactions import holding, transaction
from tests.conformance.writing import prepare, refused
from tests.servers import client
from tests.servers.cases import cases, migrated, shaped

ON_POSTGRESQL = cases("database", shaped(["postgresql"], [10]))
FRESH = cases("fresh_database", shaped(["postgresql"], [10]))
MIGRATED = cases("database", migrated(["postgresql"]))

HOSTILE = {
    "default_transaction_isolation": "serializable",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "DateStyle": "'SQL, DMY'",
    "IntervalStyle": "sql_standard",
    "TimeZone": "'America/St_Johns'",
    "statement_timeout": "300",
    "lock_timeout": "20",
    "idle_in_transaction_session_timeout": "100",
    "client_encoding": "'LATIN1'",
    "bytea_output": "escape",
    "row_security": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_indexscan": "off",
    "default_transaction_deferrable": "on",
}


@ON_POSTGRESQL
async def test_a_database_whose_texts_may_be_anything_is_refused(database):
    name = f"ascii_{uuid.uuid4().hex[:8]}"
    parts = urlsplit(database.url)
    database.administer(
        f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0 "
        f"OWNER {parts.username}"
    )
    try:
        backend = backend_for(urlunsplit(parts._replace(path=f"/{name}")), Options())
        with pytest.raises(UnsupportedServer, match=r"encoding SQL_ASCII.*ENCODING 'UTF8'"):
            await backend.open()
        await backend.close()
    finally:
        database.administer(f"DROP DATABASE {name} WITH (FORCE)")


def set_for_all(database, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        database.administer(f"ALTER DATABASE {urlsplit(database.url).path[1:]} SET {name} = {value}")


async def everything(backend) -> None:
    """One way through everything, from the migration on."""
    with anyio.fail_after(60):
        await backend.migrate()
        assert await backend.pending() == []
        [first, *_] = await queued(backend, 5, args='{"a": "back\\\\slash \\u00e9"}')
        key = Unique("key")
        assert len(await backend.enqueue_unique([NewTask(uuid.uuid4(), "app.task", "{}", unique=key)])) == 1
        after = NewTask(uuid.uuid4(), "app.task", "{}", after=After((first,), "run"))
        await backend.enqueue([after])
        claims = await backend.claim(3, worker_pid=None, worker="w")
        written, more = await backend.exchange([done(claim, "\u2713") for claim in claims], 1, worker_pid=None)
        assert written == {claim.id for claim in claims}
        assert (await row(backend, first)).output == "\u2713"
        await backend.dependencies.settle([first])
        await backend.release([release(claim) for claim in more])
        await backend.cancel([more[0].id])
        await backend.requeue([first])
        await backend.migrate(down=True)


@FRESH
async def test_a_database_with_hostile_defaults_is_served(fresh_database):
    set_for_all(fresh_database, HOSTILE)
    async with opened(fresh_database.url) as backend:
        await everything(backend)


@FRESH
@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_migrate_ends_behind_a_pgbouncer_where_transactions_keep_their_snapshots(
    fresh_database, pooled, isolation
):
    """CREATE INDEX CONCURRENTLY waits for every snapshot, that of whoever holds the migration's lock among them."""
    set_for_all(fresh_database, {"default_transaction_isolation": f"'{isolation}'", "quote_all_identifiers": "on"})
    with pooled(fresh_database.url, "transaction") as url:
        async with opened(f"{url}?statement_cache_size=0", notify=False) as backend:
            await everything(backend)


@ON_POSTGRESQL
async def test_a_session_says_how_long_the_server_goes_on_for_it(database):
    """So a client of ours that is frozen, or whose host has vanished, is in nobody's way for longer."""
    backend: Any
    async with opened(database.url, statement_timeout=9) as backend:
        for shared in backend._control, backend._admit, backend._engine:
            found = await shared.run(
                lambda connection: connection.fetch("SELECT name, setting, unit FROM pg_settings"),
                translate=backend._translate,
            )
            settings = {name: setting for name, setting, _ in found}
            assert settings["statement_timeout"] == "9000"
            assert settings["lock_timeout"] == "2250"
            assert settings["idle_in_transaction_session_timeout"] == "3000"
            assert settings["tcp_keepalives_idle"] == "30"
            assert settings["client_connection_check_interval"] == "10000"
            assert settings["default_transaction_isolation"] == "read committed"


@ON_POSTGRESQL
async def test_a_server_that_lacks_a_setting_is_served_without_it(database, monkeypatch):
    """As one before version 14, which does not know client_connection_check_interval."""
    monkeypatch.setattr("asyncqueue.backends.postgresql.connection._CHECK", {"no_such_setting": "1"})
    async with opened(database.url) as backend:
        assert await backend.count(TaskFilter()) == 0


@ON_POSTGRESQL
async def test_the_server_gives_up_waiting_for_a_lock_before_the_caller_does(database, backend):
    """Else a session would go on waiting for it behind the caller's back, one more with each try."""
    [claim] = await claimed(backend)
    async with opened(database.url, statement_timeout=0.6) as hasty, holding(database, claim.id):
        with pytest.raises(DatabaseBusy, match="lock timeout"):
            await hasty.finish([done(claim)])
        assert _waiting(database) == 0


@ON_POSTGRESQL
async def test_a_worker_that_hurries_hurries_the_server_as_well(database):
    backend: Any
    async with opened(database.url, statement_timeout=9) as backend:
        await backend.claim(0, worker_pid=None)
        backend.hurry(3)
        [(timeout,)] = await backend._engine.run(
            lambda connection: connection.fetch("SHOW lock_timeout"), translate=backend._translate
        )
        assert timeout == "750ms"


@ON_POSTGRESQL
async def test_what_was_given_up_behind_a_pgbouncer_is_cancelled_on_the_server(database, backend, pooled):
    """It lends its own connections, and goes on without a client: nothing else would end the wait for this lock."""
    [claim] = await claimed(backend)
    with pooled(database.url, "transaction") as url:
        async with (
            opened(f"{url}?statement_cache_size=0", statement_timeout=0.5, notify=False) as hasty,
            holding(database, claim.id),
        ):
            with pytest.raises(DatabaseUnavailable, match="no answer"):
                await hasty.finish([done(claim)])
            with anyio.fail_after(10):
                while _waiting(database):
                    await anyio.sleep(0.05)


@ON_POSTGRESQL
@pytest.mark.parametrize("pooled_", [False, True], ids=["direct", "pooled"])
async def test_a_session_that_is_frozen_in_a_transaction_is_ended(database, pooled, pooled_):
    """As of a process that was stopped, or whose host has vanished: what it has locked is free again."""

    async def frozen(url: str) -> None:
        backend: Any
        async with opened(url, statement_timeout=0.9) as backend:
            connection = await backend._connector.connect()
            try:
                await connection.execute(backend._table["begin"].text)
                await connection.execute(f"LOCK TABLE {database.table}")
                with anyio.fail_after(10):
                    async with transaction(database) as other:
                        await other.execute(f"LOCK TABLE {database.table}")
            finally:
                connection.terminate()

    if pooled_:
        with pooled(database.url, "transaction") as url:
            await frozen(f"{url}?statement_cache_size=0")
    else:
        await frozen(database.url)


def _once(backend):
    return {"translate": backend._translate, "repeat": False}


def _waiting(database) -> int:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return int(database.execute(sql)[0][0])


# -- which error means what


CODES = {
    # wait, and try again
    **dict.fromkeys(["40001", "40P01", "55P03", "57014"], DatabaseBusy),
    # go elsewhere: on a new connection
    "25006": DatabaseReadOnly,
    **dict.fromkeys(["08000", "08006", "08P01", "25P03", "40003", "53100", "53200"], DatabaseUnavailable),
    **dict.fromkeys(["53300", "57P01", "57P02", "57P03", "57P04", "58030"], DatabaseUnavailable),
    # the values of a row
    **dict.fromkeys(["22001", "22P02", "23505", "23514"], DataRejected),
}


@ON_POSTGRESQL
@pytest.mark.parametrize("code", CODES)
async def test_what_an_error_of_the_server_means(database, backend, code):
    sql = f"DO $$BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '{code}'; END$$"

    async def raised(connection):
        try:
            await connection.execute(sql)
        except asyncpg.PostgresError as error:
            error.context = None  # which an error of the server's own has not
            raise

    with pytest.raises(DatabaseError, match="on purpose") as caught:
        await backend._control.run(raised, **_once(backend))
    assert type(caught.value) is CODES[code]
    assert (backend._control._connection is None) is (CODES[code] in (DatabaseUnavailable, DatabaseReadOnly))


@ON_POSTGRESQL
async def test_a_session_that_the_administrator_ends_is_replaced(database, backend):
    await backend.count(TaskFilter())
    database.administer(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
        "datname = current_database()"
    )
    assert await backend.count(TaskFilter()) == 0


@ON_POSTGRESQL
async def test_a_role_with_too_many_connections_is_told_so(database):
    database.administer("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    try:
        parts = urlsplit(database.url)
        login = parts._replace(netloc=f"crowded@{parts.netloc.rpartition('@')[2]}")
        backend = backend_for(urlunsplit(login), Options())
        with pytest.raises(DatabaseUnavailable, match='too many connections for role "crowded"'):
            await backend.open()
        await backend.close()
    finally:
        database.administer("DROP ROLE crowded")


# -- a server that has become read only


@MIGRATED
async def test_every_verb_goes_elsewhere_from_a_server_that_has_become_read_only(database, backend):
    """25006, as of an old primary that clients have not left: they heal by themselves as soon as one takes writes."""
    verbs = await prepare(backend)
    name = urlsplit(database.url).path[1:]

    def read_only(setting: str) -> None:
        client.execute(database.server.url, f"ALTER DATABASE {name} {setting}")

    read_only("SET default_transaction_read_only = on")
    try:
        async with opened(database.url) as reader:
            await refused(reader, verbs)
            read_only("RESET default_transaction_read_only")
            for call in verbs.values():
                await call(reader)
    finally:
        read_only("RESET default_transaction_read_only")


# -- PgBouncer


@ON_POSTGRESQL
async def test_a_pgbouncer_that_pools_statements_is_refused_when_a_queue_is_opened(database, pooled):
    with pooled(database.url, "statement") as url:
        backend = backend_for(f"{url}?statement_cache_size=0", Options())
        with pytest.raises(ConfigurationError, match="pool_mode = transaction"):
            await backend.open()
        await backend.close()


@FRESH
async def test_behind_a_pgbouncer_types_are_looked_up_in_one_session_of_the_server(fresh_database, pooled, monkeypatch):
    """What asyncpg sets for the look-up, so that it takes a moment and not a second, holds for that session alone."""
    within: list[bool] = []
    driver: Any = asyncpg.Connection
    look_up = driver._introspect_types

    async def watched(connection: Any, *arguments: Any) -> Any:
        within.append(connection.is_in_transaction())
        return await look_up(connection, *arguments)

    monkeypatch.setattr(driver, "_introspect_types", watched)
    with pooled(fresh_database.url, "transaction") as url:
        async with opened(f"{url}?statement_cache_size=0", notify=False) as backend:
            await everything(backend)
    assert within
    assert all(within)


@ON_POSTGRESQL
async def test_a_prepared_statement_that_the_server_does_not_know_is_advised_against(backend):
    """As behind a PgBouncer that pools transactions, and knows nothing of prepared statements."""
    with pytest.raises(DatabaseError, match="add statement_cache_size=0 to the database URL") as caught:
        await backend._control.run(lambda connection: connection.execute("EXECUTE nothing"), **_once(backend))
    assert type(caught.value) is DatabaseError
