"""Texts that are no UTF-8: SQLite keeps any bytes as a text. Such a row fails alone, and people can find it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from asyncqueue.backends.base import TaskFilter
from asyncqueue.backends.promotions import SetAside
from asyncqueue.model import Status
from tests.conformance.test_buckets import put
from tests.conformance.test_keys import keyed
from tests.conformance.test_limits import admitted, declare, held
from tests.conformance.test_limits import claim as claim_limited
from tests.servers.cases import cases, migrated, shaped

ON_SQLITE = cases("database", [*shaped(["sqlite"]), *migrated(["sqlite"])])
LEVEL_1 = cases("database", migrated(["sqlite"]))


def of_columns(columns, *, of_ten=(), of_level_1=()):
    """Runs a test for each of these columns, on each kind of table that has it."""
    every = [*shaped(["sqlite"]), *migrated(["sqlite"])]
    having = [
        *((case, column) for case in every for column in columns),
        *((case, column) for case in every for column in of_ten if case.shape == 10),
        *((case, column) for case in migrated(["sqlite"]) for column in of_level_1),
    ]
    return pytest.mark.parametrize(("database", "column"), having, indirect=["database"], ids=str)


BAD = "CAST(x'61ff62' AS text)"
OLD = "2020-01-01 00:00:00"


def spoil(database, key, column: str, value: str = BAD) -> None:
    database.execute(f"UPDATE {database.table} SET {column} = {value} WHERE id = %s", key.hex)


def outcome(database, where: str) -> tuple[int, str]:
    text = "error" if database.shape == 10 else "output"
    [(status, error)] = database.execute(f"SELECT status, {text} FROM {database.table} WHERE {where}")
    return status, error


async def claim(backend, limit: int = 10, **how):
    return [task.id for task in await backend.claim(limit, worker_pid=None, worker="me", **how)]


def assert_failed(database, where: str) -> None:
    status, error = outcome(database, where)
    assert (status, "no UTF-8" in error) == (Status.FAILED, True)


@pytest.mark.parametrize("column", ["id", "task", "args", "modified"])
@ON_SQLITE
async def test_a_row_fails_alone(backend, database, column):
    bad, good = await put(backend, 2)
    spoil(database, bad, column)
    assert await claim(backend) == [good]
    assert_failed(database, f"id = {BAD}" if column == "id" else f"id = '{bad.hex}'")
    assert await claim(backend) == []


@pytest.mark.parametrize("named", [None, ["default"]])
@LEVEL_1
async def test_a_row_whose_queue_cannot_be_read_fails_alone(backend, database, named):
    bad, good = await put(backend, 2)
    spoil(database, bad, "queue")
    assert await claim(backend, queues=named) == [good]
    if named is None:  # nobody serves such a queue by its name
        assert_failed(database, f"id = '{bad.hex}'")
    assert await claim(backend) == []
    assert_failed(database, f"id = '{bad.hex}'")


@pytest.mark.parametrize("column", ["id", "task", "queue", "limit_key"])
@LEVEL_1
async def test_a_row_that_is_due_fails_alone(backend, database, column):
    bad, good = await put(backend, 2, delay=60.0)
    database.execute(f"UPDATE {database.table} SET links = 1 WHERE id = %s", bad.hex)
    database.execute(f"UPDATE {database.table} SET run_after = '2020-01-01 00:00:00.000000'")
    spoil(database, bad, column)
    found = await claim(backend)
    if column == "limit_key":  # a claim does not read it
        assert set(found) == {bad, good}
    else:
        assert found == [good]
        assert_failed(database, f"id = {BAD}" if column == "id" else f"id = '{bad.hex}'")


@of_columns(["id", "task"], of_level_1=["queue", "claimed_by", "started"])
async def test_a_lost_row_hides_no_other(backend, database, column):
    bad, good = await put(backend, 2)
    database.execute(f"UPDATE {database.table} SET status = 1, modified = %s", OLD)
    spoil(database, bad, column)
    if backend.shape.migrated:
        [lost] = await backend.overdue(lease=1, foreign_lease=1)
    else:
        [lost] = await backend.rescue(lease=1, error="lost")
    assert lost.id == good
    assert_failed(database, f"id = {BAD}" if column == "id" else f"id = '{bad.hex}'")


@LEVEL_1
async def test_what_is_set_aside_is_heard_of_once(backend, database):
    """The transaction is begun again when the bad row is read, after the other one was set aside."""
    heard: list[SetAside] = []
    backend.promotions.limited = heard.extend
    [limited], [bad] = await put(backend, delay=60.0), await put(backend)
    database.execute(f"UPDATE {database.table} SET links = 1, run_after = %s WHERE id = %s", OLD, limited.hex)
    spoil(database, bad, "task")
    assert await claim(backend) == []
    assert [arrival.id for arrival in heard] == [limited]


TEXTS = {"text": BAD, "blob": "x'61ff62'"}


@pytest.mark.parametrize("value", TEXTS)
@of_columns(["task", "args", "output"], of_ten=["error", "log"], of_level_1=["queue", "claimed_by", "limit_key"])
async def test_people_see_the_row_and_can_change_it(backend, database, column, value):
    [key, _] = await put(backend, 2)
    spoil(database, key, column, TEXTS[value])
    [record] = await backend.get([key])
    assert getattr(record, column) == r"a\xffb"
    assert record in await backend.find(TaskFilter(), limit=10)
    assert sum(count.count for count in await backend.counts()) == 2
    if backend.shape.migrated:
        assert sum(queue.queued for queue in await backend.queues()) == 2
    if column == "output":
        assert (await backend.read_output(key, 0, 10)).text == r"a\xffb"
    assert await backend.cancel([key]) == {key}
    assert await backend.requeue([key]) == {key}
    database.execute(f"UPDATE {database.table} SET status = 3 WHERE id = %s", key.hex)
    assert [group.count for group in await backend.failures(TaskFilter(), limit=10)] == [1]


@pytest.mark.parametrize("column", ["created", "modified"])
@ON_SQLITE
async def test_a_time_that_is_none_is_shown_as_the_earliest(backend, database, column):
    [key] = await put(backend)
    spoil(database, key, column)
    [record] = await backend.find(TaskFilter(), limit=10)
    assert getattr(record, column).year == 1
    [count] = await backend.counts()
    assert count.oldest.year == (1 if column == "modified" else datetime.now(UTC).year)


@pytest.mark.parametrize("time", [BAD, "'garbage'", "5", "x'00'"])
@LEVEL_1
async def test_a_holder_of_a_key_without_a_time_holds_it_no_longer(backend, database, time):
    first, second = keyed(held_for=3600.0), keyed()
    assert await backend.enqueue_unique([first]) == [first.id]
    spoil(database, first.id, "modified", f"{time}, status = 2")
    assert (await backend.retention.sweep_keys(limit=10)).deleted == 1
    await backend.enqueue_unique([first._replace(id=(third := keyed()).id)])
    spoil(database, third.id, "modified", f"{time}, status = 2")
    assert await backend.enqueue_unique([second]) == [second.id]


@pytest.mark.parametrize("time", [BAD, "'garbage'", "5", "x'00'"])
@LEVEL_1
async def test_a_running_task_without_a_time_keeps_its_place_and_stops_no_other(backend, database, time):
    await declare(backend, 2)
    first, _, last = await held(backend, 3)
    assert await admitted(backend) == 2
    await claim_limited(backend)
    spoil(database, first, "started", time)
    assert await admitted(backend) == 0
    database.execute(f"UPDATE {database.table} SET status = 2 WHERE id = %s", first.hex)
    assert await admitted(backend) == 1
    assert [each.id for each in await claim_limited(backend)] == [last]
