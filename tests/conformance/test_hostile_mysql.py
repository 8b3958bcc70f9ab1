"""asyncqueue sets up its sessions: no default of a MySQL or MariaDB server, and no init_connect, changes what it does.

The user of the tests is an ordinary one, so that `init_connect` holds for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from asyncqueue.backends.common.statements import Statement
from asyncqueue.errors import UnsupportedServer
from asyncqueue.model import Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import done, new, queued, row
from tests.conformance.writing import prepare, refused
from tests.servers import client
from tests.servers.cases import cases, shaped

ON_MYSQL = cases("restartable_database", shaped(["mysql"], [10]))
ON_BOTH = cases("restartable_database", shaped(["mysql", "mariadb"], [10]))

#: What an administrator may have set for every session of an ordinary user.
_HOSTILE = (
    "SET autocommit = 0, completion_type = 'RELEASE', sql_mode = 'ANSI', sql_safe_updates = 1, sql_select_limit = 1",
    "SET sql_auto_is_null = 1, sql_big_selects = 0, max_join_size = 1, time_zone = '-09:30', wait_timeout = 1",
    "SET NAMES latin1 COLLATE latin1_swedish_ci",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
)
_ONLY = {
    "mysql": "SET max_execution_time = 1",
    "mariadb": "SET max_statement_time = 0.001, idle_transaction_timeout = 1",
}
_TEXT = "gr\u00fc\u00df\u4f60 \U0001f600 \\ ' \" %s"


def _as_root(local, database) -> str:
    """The database's URL for the administrator."""
    return f"{local.url.rstrip('/')}/{database.url.rpartition('/')[2]}"


@contextmanager
def _having(url: str, **values: str) -> Iterator[None]:
    """With these global variables."""
    before = {name: client.execute(url, f"SELECT @@GLOBAL.{name}")[0][0] for name in values}
    try:
        for name, value in values.items():
            client.execute(url, f"SET GLOBAL {name} = {value}")
        yield
    finally:
        for name, value in before.items():
            client.execute(url, f"SET GLOBAL {name} = " + (str(value) if isinstance(value, int) else f"'{value}'"))


@ON_BOTH
async def test_what_is_returned_is_committed_whatever_sessions_are_told(restartable_database):
    """G1. With autocommit = 0 nothing would be: `enqueue()` would return, and the row be gone with the connection."""
    database, local = restartable_database
    told = ("; ".join((*_HOSTILE, _ONLY[database.dialect]))).replace("'", "''")
    # MariaDB's greeting says what `autocommit` is globally, and the driver then acts on it; MySQL's does not.
    globally = {"autocommit": "0"} if database.dialect == "mysql" else {}
    with _having(local.url, init_connect=f"'{told}'", **globally):
        async with opened(database.url) as backend:
            await backend.migrate()
            tasks = new(3, args=f'{{"text": "{_TEXT.encode("unicode_escape").decode()}"}}')
            await backend.enqueue(tasks[:1])
            await backend.enqueue(tasks[1:])
        assert client.execute(_as_root(local, database), f"SELECT count(*) FROM {database.table}") == [(3,)]
        async with opened(database.url) as backend:
            claims = await backend.claim(2, worker_pid=None)
            assert len(claims) == 2
            written, more = await backend.exchange([done(claim, _TEXT) for claim in claims], 5, worker_pid=None)
            assert (len(written or ()), len(more)) == (2, 1)
        async with opened(database.url) as backend:
            assert (await row(backend, claims[0].id)).output == _TEXT
            assert (await row(backend, more[0].id)).status == Status.RUNNING
            await backend.migrate(down=True)


@ON_BOTH
async def test_every_verb_goes_elsewhere_from_a_server_that_has_become_read_only(restartable_database):
    """Error 1290, as of an old primary: whoever is still connected to it goes on as soon as a server takes writes."""
    database, local = restartable_database
    async with opened(database.url) as backend:
        await backend.migrate()
        verbs = await prepare(backend)
        with _having(local.url, read_only="1"):
            await refused(backend, verbs)
        for call in verbs.values():
            await call(backend)


@ON_MYSQL
async def test_a_binary_log_of_statements_is_refused_with_a_clear_text(restartable_database):
    database, local = restartable_database
    with _having(local.url, binlog_format="'STATEMENT'"):
        with pytest.raises(UnsupportedServer, match=r"binlog_format is STATEMENT.*set binlog_format = ROW"):
            async with opened(database.url):
                pass
        async with opened(_as_root(local, database)) as backend:  # this user may say for itself how its rows are logged
            await queued(backend)
            assert len(await backend.claim(1, worker_pid=None)) == 1


@ON_BOTH
async def test_tables_have_room_for_their_indexes_where_compact_rows_are_the_default(restartable_database):
    _, local = restartable_database
    url = local.create_database("compact")
    try:
        with _having(local.url, innodb_default_row_format="'compact'"):
            async with opened(url) as backend:
                assert await backend.migrate()
                assert await backend.pending() == []
    finally:
        local.drop_database(url)


@cases("database", shaped(["mysql", "mariadb"], [10]))
async def test_a_client_that_freezes_in_a_transaction_holds_its_locks_for_a_bounded_time(
    database, backend, another, monkeypatch
):
    monkeypatch.setattr("asyncqueue.backends.mysql.session._IDLE", 1)
    [task_id] = await queued(backend)
    lock = Statement("lock", f"SELECT id FROM {database.table} FOR UPDATE", ())
    async with another(statement_timeout=0.5) as other:
        frozen = await other._connect()
        await frozen.run((other._table["begin"], {}), (lock, {}))
        assert await backend.claim(1, worker_pid=None) == []
        # It waits for the lock, and gets it when the server has ended the session of the frozen client.
        assert await asyncio.wait_for(backend.cancel([task_id]), 20) == {task_id}
        with suppress(Exception):
            frozen.discard()


@cases("database", shaped(["mysql", "mariadb"], [10]))
async def test_the_server_waits_for_a_workers_statement_no_longer_than_the_worker(backend):
    """So nothing goes on behind its back: a lock is given up before, and a statement a moment after."""
    backend.hurry(4.0)
    named = "'innodb_lock_wait_timeout', 'max_statement_time', 'max_execution_time'"
    asked = Statement("variables", f"SHOW SESSION VARIABLES WHERE Variable_name IN ({named})", ())
    for shared in (backend._engine._connections[0], backend._admit):
        (reply,) = await shared.run(lambda connection: connection.run((asked, {})), translate=backend._translate)
        told = {name: float(value) for name, value in reply.rows}
        assert told.pop("innodb_lock_wait_timeout") == 2
        assert set(told.values()) in ({5.0}, {5000.0})
