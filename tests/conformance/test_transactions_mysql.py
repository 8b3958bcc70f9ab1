"""Transactions on MySQL and MariaDB: what is raised inside leaves none open, and the caller's own is left as it was."""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path

import anyio
import pytest

import asyncqueue.backends
from asyncqueue.backends.mysql.transactions import transaction, within
from asyncqueue.errors import DataRejected
from asyncqueue.model import AttemptEnd, NewTask, Status
from tests.conformance import transactions
from tests.conformance.helpers import claimed, new, queued, row
from tests.servers.cases import cases, migrated

INNODB = cases("database", migrated(["mysql", "mariadb"]))
BACKENDS = Path(asyncqueue.backends.__path__[0])


def test_no_code_outside_one_module_begins_or_ends_a_transaction():
    """Whoever does it by hand forgets the rollback: on SQLite and PostgreSQL likewise."""
    by_hand = re.compile(r"""["'](?:begin|commit|rollback|BEGIN|COMMIT|ROLLBACK|START TRANSACTION)\b""")
    allowed = {
        "mysql_transactions.py",
        "postgresql_savepoint.py",
        "postgresql_schema.py",
        "postgresql_transaction.py",
        "sqlite_connection.py",
        "sqlite_within.py",
        "sqlite_connections.py",
    }
    found = {path.name for path in BACKENDS.glob("*.py") if by_hand.search(path.read_text())}
    assert found <= allowed


def _free(database, task_id: uuid.UUID) -> bool:
    """Whether nobody has locked a row."""
    key = task_id if database.dialect == "mariadb" else task_id.hex
    return bool(database.execute(f"SELECT id FROM {database.table} WHERE id = %s FOR UPDATE SKIP LOCKED", str(key)))


@INNODB
async def test_a_row_that_python_refuses_leaves_no_transaction_open(database, backend):
    """A row over max_allowed_packet is refused after `lock_claims` has locked its neighbours."""
    good, bad = await claimed(backend, 2)
    for shared in backend._engine._connections:
        await shared.run(_of_packets_of(20_000), translate=backend._translate)
    now = good.token
    ends = [
        AttemptEnd(claim.id, claim.token, Status.SCHEDULED, None, "no", log, True, 5.0, 1, now)
        for claim, log in ((good, ""), (bad, "x" * 30_000))
    ]
    with pytest.raises(DataRejected, match="max_allowed_packet"):
        await backend.end_attempts(ends)
    assert _free(database, good.id)
    assert await backend.end_attempts(ends[:1]) == {good.id}


def _of_packets_of(size: int):
    async def work(connection):
        connection.max_packet = size

    return work


@pytest.mark.parametrize("error", [ValueError("ours"), asyncio.CancelledError(), KeyboardInterrupt()])
@INNODB
async def test_whatever_is_raised_inside_a_transaction_undoes_it(database, backend, error):
    [task_id] = await queued(backend)
    connection = await backend._connect()

    async def fail() -> None:
        async with transaction(connection, backend._table) as begun:
            await begun.run(_change(backend, task_id))
            assert not _free(database, task_id)
            raise error

    with pytest.raises(type(error)):
        await fail()
    assert _free(database, task_id) or not isinstance(error, Exception), "rolled back before it is raised further"
    with anyio.fail_after(8):
        while not _free(database, task_id):  # the server undoes what a dropped connection has left
            await asyncio.sleep(0.01)
    assert (await row(backend, task_id)).status == Status.QUEUED
    assert connection.usable == isinstance(error, Exception)
    connection.discard()


@INNODB
async def test_what_ends_well_is_committed_even_where_nobody_ends_it(database, backend):
    first, second = await queued(backend, 2)
    connection = await backend._connect()
    async with transaction(connection, backend._table) as begun:
        await begun.run(_change(backend, first))
    async with transaction(connection, backend._table) as begun:
        await begun.end(_change(backend, second))
    async with transaction(connection, backend._table) as unused:
        assert not unused.open
    connection.discard()
    assert [record.status for record in await backend.get([first, second])] == [Status.CANCELLED] * 2


@INNODB
async def test_a_part_of_the_callers_transaction_is_undone_alone(database, backend):
    """The caller's own rows stay, and none of ours."""
    [task_id] = await queued(backend)
    [mine, ours] = new(2)

    async def fail(raw) -> None:
        async with within(raw, backend._table, 1_000_000) as part:
            await part.run(_change(backend, task_id))
            await backend.enqueue([ours], connection=raw)
            raise ValueError("ours")

    async with transactions.transaction(database) as caller:
        await backend.enqueue([mine], connection=caller.raw)
        with pytest.raises(ValueError, match="ours"):
            await fail(caller.raw)
        async with within(caller.raw, backend._table, 1_000_000) as part:
            await part.run(_change(backend, mine.id))
        await caller.commit()
    assert {record.id: record.status for record in await backend.get([task_id, mine.id, ours.id])} == {
        task_id: Status.QUEUED,
        mine.id: Status.CANCELLED,
    }


def _change(backend, task_id: uuid.UUID):
    return backend._call("cancel", ids=f'["{task_id.hex}"]', utc_offset=0)


@INNODB
async def test_an_end_without_rows_is_no_transaction(backend):
    assert await backend.end_attempts([]) == set()
    assert await backend.retention.cleanup({Status.COMPLETED: 0.0}, limit=10) is not None
    assert await backend.cancel([NewTask(uuid.uuid4(), "a.b", "{}").id]) == set()
