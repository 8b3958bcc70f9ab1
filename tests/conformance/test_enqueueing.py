"""Enqueueing: committed, in order, all or nothing, once; and in the caller's own transaction."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from asyncqueue.errors import ConfigurationError, DataRejected
from asyncqueue.model import NewTask, Status
from asyncqueue.tasks import encode_args
from tests.conformance.helpers import new, row
from tests.conformance.transactions import native, transaction

VALUES = {"a": 1, "é": "𝄞", "list": [1.5, None, True], "quote": "'\"\\", "line": "\n", "nul": "\0", "half": "\ud800"}


async def test_django_reads_what_we_enqueue_as_if_it_were_its_own(backend, database):
    ours = NewTask(uuid.uuid4(), "app.tasks.send", encode_args(VALUES, 10_000))
    before = datetime.now(UTC)
    await backend.enqueue([ours])
    [theirs] = database.django.create([{"task": "app.tasks.send", "args": VALUES}])
    mine, django = database.django.read([str(ours.id), theirs])
    for name in set(django) - {"id", "created", "modified"}:
        assert mine[name] == django[name], name
    assert mine["args"] == json.dumps(VALUES)
    for name in ("created", "modified"):
        assert (
            before - timedelta(seconds=1)
            < datetime.fromisoformat(mine[name])
            < datetime.now(UTC) + timedelta(seconds=1)
        )
    # In the column itself: 32 lower-case hex digits where Django made it char(32).
    raw = {str(value) for (value,) in database.execute(f"SELECT id FROM {database.table}")}
    assert {value.replace("-", "") for value in raw} == {ours.id.hex, uuid.UUID(theirs).hex}
    if not native(database):
        assert ours.id.hex in raw


async def test_we_read_what_django_writes(backend, database):
    instants = ["2026-11-23T16:03:40+00:00", "2026-11-23T16:03:40.612716+00:00"]
    [task_id] = database.django.create(
        [{"task": "x.y", "args": {"é": 1}, "created": instants[0], "modified": instants[1], "status": 3, "output": "o"}]
    )
    record = await row(backend, uuid.UUID(task_id))
    assert [record.created, record.modified] == [datetime.fromisoformat(instant) for instant in instants]
    assert (record.task, record.args, record.status, record.output) == ("x.y", '{"\\u00e9": 1}', Status.FAILED, "o")
    database.django.save_status(task_id, 9)
    assert (await row(backend, uuid.UUID(task_id))).status == 9, "a status nobody has a name for is a number"


async def test_rows_keep_the_order_they_were_given_in(backend):
    rows = new(300)
    await backend.enqueue(rows)
    claims = await backend.claim(300, worker_pid=None)
    assert [claim.id for claim in claims] == [one.id for one in rows]


async def test_enqueueing_again_changes_nothing(backend):
    rows = new(3)
    await backend.enqueue(rows)
    [claim] = await backend.claim(1, worker_pid=None)
    before = await backend.get([one.id for one in rows])
    await backend.enqueue([*rows, *new(1)])
    assert sorted(await backend.get([one.id for one in rows]), key=str) == sorted(before, key=str)
    assert (await row(backend, claim.id)).status == Status.RUNNING
    assert len(await backend.claim(10, worker_pid=None)) == 3


async def test_a_row_that_cannot_be_stored_keeps_all_of_its_call_out(backend, another):
    from asyncqueue.backends.base import TaskFilter

    with pytest.raises(DataRejected):
        await backend.enqueue([*new(5), NewTask(uuid.uuid4(), "x.\ud800", None), *new(5)])
    async with another() as second:
        assert await second.count(TaskFilter()) == 0
    await backend.enqueue(new(1))


async def test_twenty_thousand_rows_in_one_call_are_there_for_everybody(backend, another):
    from asyncqueue.backends.base import TaskFilter

    await backend.enqueue(new(20_000))
    async with another() as second:
        assert await second.count(TaskFilter()) == 20_000


async def test_thousands_of_rows_keep_what_a_few_do(backend, another):
    """They go another way on PostgreSQL, by COPY."""
    from asyncqueue.backends.base import TaskFilter

    rows = new(1200, args='{"a": "\\u00e9\\n\\t\\\\N"}')
    with pytest.raises(DataRejected):
        await backend.enqueue([*rows, NewTask(uuid.uuid4(), "x.\ud800", None)])
    async with another() as second:
        assert await second.count(TaskFilter()) == 0, "all or none"
        await backend.enqueue(rows)
        first = await second.claim(10, worker_pid=None)
        assert [(claim.id, claim.task, claim.args) for claim in first] == [row[:3] for row in rows[:10]], "in order"
        await backend.enqueue([*rows, *new(700)])
        assert await second.count(TaskFilter()) == 1900, "a repetition is harmless"
        assert await second.count(TaskFilter(statuses=[Status.RUNNING])) == 10
    record = await row(backend, rows[-1].id)
    assert record.args == rows[-1].args
    assert record.created <= record.modified


async def test_a_callers_transaction_decides(backend, database):
    committed, undone = new(2), new(3)
    async with transaction(database) as connection:
        await backend.enqueue(committed, connection=connection.raw)
        await connection.commit()
    async with transaction(database) as connection:
        await backend.enqueue(undone, connection=connection.raw)
        await connection.rollback()
    assert {record.id for record in await backend.get([one.id for one in [*committed, *undone]])} == {
        one.id for one in committed
    }


async def test_a_refused_row_is_the_callers_to_handle(backend, database):
    async with transaction(database) as connection:
        with pytest.raises(DataRejected):
            await backend.enqueue([NewTask(uuid.uuid4(), "x.\ud800", None)], connection=connection.raw)
        await connection.rollback()


async def test_a_connection_of_another_driver_is_refused(backend):
    with pytest.raises(
        ConfigurationError, match=r"must be an (asyncpg|aiomysql|aiosqlite) connection.*raw.driver_connection"
    ):
        await backend.enqueue(new(1), connection=object())
