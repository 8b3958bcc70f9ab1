"""Rows that asyncqueue cannot read, because another program wrote them: each fails alone, the others are claimed."""

from __future__ import annotations

import uuid

import pytest

from asyncqueue.backends.base import TaskFilter
from asyncqueue.model import Status
from tests.conformance.helpers import claimed, done
from tests.conformance.test_buckets import put
from tests.servers import client
from tests.servers.cases import cases, migrated, shaped

ON_POSTGRESQL = cases("database", [*shaped(["postgresql"]), *migrated(["postgresql"])])
ON_MYSQL = cases("database", [*shaped(["mysql"]), *migrated(["mysql"])])
ON_BOTH = cases("database", [*shaped(["mysql", "mariadb"], [10]), *migrated(["mysql", "mariadb"])])
ON_SQLITE = cases("database", [*shaped(["sqlite"]), *migrated(["sqlite"])])

DASHED, CAPITALS = "2f1a6e0c-7b4d-4c58-9e3f-0d6b8a5c4e17", "9C3E5B7A1D2F4E6889ABCDEF01234567"
IDS = {"dashes": DASHED, "capitals": CAPITALS, "garbage": "not-a-uuid", "short": "abc", "bytes": b"\xff" * 16}


def _outcome(database, key) -> tuple[int, str]:
    text = "error" if database.shape == 10 else "output"
    [(status, error)] = database.execute(f"SELECT status, {text} FROM {database.table} WHERE id = %s", key)
    return status, error


def _key(database, key) -> str:
    """An id as this database has it."""
    return key.hex if database.dialect == "mysql" else str(key)


def change(database, change, *parameters) -> None:
    """Change rows as a program does that does not ask for strict checks."""
    with client.connect(database.url) as cursor:
        if database.dialect in ("mysql", "mariadb"):
            cursor.execute("SET sql_mode = ''")
        cursor.execute(f"UPDATE {database.table} {change}", parameters)


async def _claim(backend, limit=10) -> list[uuid.UUID]:
    """The ids of what is claimed."""
    return [task.id for task in await backend.claim(limit, worker_pid=None, worker="me")]


@pytest.mark.parametrize("form", IDS)
@ON_SQLITE
async def test_a_row_whose_id_is_of_another_form_fails_alone(backend, database, form):
    bad, good = await put(backend, 2)
    database.execute(f"UPDATE {database.table} SET id = %s WHERE id = %s", IDS[form], bad.hex)
    assert await _claim(backend, 1) == [good]
    status, error = _outcome(database, IDS[form])
    assert (status, "no UUID as Django writes it" in error, "delete this row" in error) == (Status.FAILED, True, True)
    assert await _claim(backend) == []


@ON_SQLITE
async def test_more_unreadable_rows_than_a_claim_takes_hide_none(backend, database):
    ids = await put(backend, 40)
    for number, key in enumerate(ids[:30]):
        database.execute(f"UPDATE {database.table} SET id = %s WHERE id = %s", f"bad {number}", key.hex)
    assert await _claim(backend, 8) == ids[30:38]
    [[failed]] = database.execute(f"SELECT count(*) FROM {database.table} WHERE status = 3")
    assert failed == 30


@ON_SQLITE
async def test_a_row_that_may_not_be_failed_is_passed_over(backend, database):
    bad, good = await put(backend, 2)
    database.execute(f"UPDATE {database.table} SET id = 'bad' WHERE id = %s", bad.hex)
    database.execute(
        f"CREATE TRIGGER kept BEFORE UPDATE ON {database.table} WHEN new.status = 3 "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    try:
        assert await _claim(backend) == [good]
    finally:
        database.execute("DROP TRIGGER kept")
    assert _outcome(database, "bad")[0] == Status.QUEUED


@cases("database", migrated(["sqlite"]))
@pytest.mark.parametrize("column", ["attempt", "max_attempts", "links"])
async def test_a_row_with_text_for_a_number_fails_alone(backend, database, column):
    bad, good = await put(backend, 2)
    database.execute(f"UPDATE {database.table} SET {column} = 'zzz' WHERE id = %s", bad.hex)
    assert await _claim(backend) == [good]
    assert _outcome(database, bad.hex)[0] == Status.FAILED


@cases("database", migrated(["sqlite"]))
async def test_rows_whose_times_cannot_be_compared_are_claimed_all_the_same(backend, database):
    [bad], [good] = await put(backend, queue="a"), await put(backend, queue="b")
    database.execute(f"UPDATE {database.table} SET modified = 5 WHERE id = %s", bad.hex)
    assert set(await _claim(backend)) == {bad, good}


@cases("database", migrated(["sqlite"]))
async def test_a_row_that_is_due_and_cannot_be_read_fails_alone(backend, database):
    bad, worse, good = await put(backend, 3, delay=60.0)
    database.execute(f"UPDATE {database.table} SET id = 'bad', links = 1 WHERE id = %s", bad.hex)
    database.execute(f"UPDATE {database.table} SET links = 'zzz' WHERE id = %s", worse.hex)
    database.execute(f"UPDATE {database.table} SET run_after = '2020-01-01 00:00:00.000000'")
    assert await _claim(backend) == [good]
    assert (_outcome(database, "bad")[0], _outcome(database, worse.hex)[0]) == (Status.FAILED, Status.FAILED)


#: What SQLite keeps in a column of times, in SQL. They lie before and behind those that are times.
NO_TIMES = {
    "text": "'garbage'",
    "text between times": "'2020-garbage'",
    "text behind the present": "'3000-garbage'",
    "number": "5",
    "blob": "x'00'",
    "no UTF-8": "CAST(x'ff' AS text)",
    "year 10000": "'10000-01-01 00:00:00.000000'",
}


@pytest.mark.parametrize("kind", NO_TIMES)
@cases("database", migrated(["sqlite"]))
async def test_a_scheduled_row_without_a_time_fails_alone(backend, database, kind):
    [queued] = await put(backend)
    bad, due, later = await put(backend, 3, delay=60.0)
    database.execute(f"UPDATE {database.table} SET run_after = '2020-01-01 00:00:00.000000' WHERE id = %s", due.hex)
    database.execute(f"UPDATE {database.table} SET run_after = {NO_TIMES[kind]} WHERE id = %s", bad.hex)
    assert await backend.scheduled.until_due() < 0
    await backend.scheduled.advance(1_000_000)
    assert set(await _claim(backend)) == {queued, due}
    if kind == "text behind the present":  # its turn comes then, or when nothing is scheduled before it
        database.execute(f"UPDATE {database.table} SET run_after = '3001-01-01 00:00:00' WHERE id = %s", later.hex)
        assert await _claim(backend) == []
    await backend.fail_unreadable()
    status, error = _outcome(database, bad.hex)
    assert (status, "`run_after`" in error) == (Status.FAILED, True)
    assert await backend.scheduled.until_due() > 0
    assert await backend.requeue([bad]) == {bad}
    assert await _claim(backend) == [bad]
    assert (await backend.get([later]))[0].status is Status.SCHEDULED


@cases("database", migrated(["sqlite"]))
async def test_a_scheduled_row_that_may_not_be_failed_stops_no_claim(backend, database):
    bad, due = await put(backend, 2, delay=60.0)
    database.execute(f"UPDATE {database.table} SET run_after = '2020-01-01 00:00:00.000000' WHERE id = %s", due.hex)
    database.execute(f"UPDATE {database.table} SET run_after = 5 WHERE id = %s", bad.hex)
    database.execute(
        f"CREATE TRIGGER kept BEFORE UPDATE ON {database.table} WHEN new.status = 3 "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    try:
        assert await _claim(backend) == [due]
    finally:
        database.execute("DROP TRIGGER kept")


@pytest.mark.parametrize("zero", ["0000-00-00", "2026-00-00"])
@cases("database", migrated(["mysql", "mariadb"]))
async def test_a_scheduled_row_with_a_zero_date_fails_alone(backend, database, zero):
    bad, due, later = await put(backend, 3, delay=60.0)
    change(database, f"SET run_after = '2020-01-01' WHERE id = '{_key(database, due)}'")
    change(database, f"SET run_after = '{zero}' WHERE id = '{_key(database, bad)}'")
    assert await backend.scheduled.until_due() <= 0
    await backend.scheduled.advance(1_000_000)
    assert await _claim(backend) == [due]
    status, error = _outcome(database, _key(database, bad))
    assert (status, "`run_after`" in error) == (Status.FAILED, True)
    assert 0 < await backend.scheduled.until_due() <= 59
    assert (await backend.get([later]))[0].status is Status.SCHEDULED


@ON_SQLITE
async def test_a_lost_row_that_cannot_be_read_hides_no_other(backend, database):
    bad, good = await put(backend, 2)
    old = "2020-01-01 00:00:00"
    database.execute(f"UPDATE {database.table} SET status = 1, modified = %s", old)
    database.execute(f"UPDATE {database.table} SET id = 'bad' WHERE id = %s", bad.hex)
    if backend.shape.migrated:
        [lost] = await backend.overdue(lease=1, foreign_lease=1)
    else:
        [lost] = await backend.rescue(lease=1, error="lost")
    assert lost.id == good
    assert _outcome(database, "bad")[0] == Status.FAILED


@pytest.mark.parametrize("value", ["'garbage'", "x'00'", "CAST(x'ff' AS text)"])
@ON_SQLITE
async def test_a_running_row_with_no_time_that_ends_fails(backend, database, value):
    bad, running = await put(backend, 2)
    assert set(await _claim(backend)) == {bad, running}
    database.execute(f"UPDATE {database.table} SET modified = {value} WHERE id = %s", bad.hex)
    await backend.fail_unreadable()
    assert _outcome(database, bad.hex)[0] == Status.FAILED
    assert _outcome(database, running.hex)[0] == Status.RUNNING


@cases("database", migrated(["sqlite"]))
async def test_a_lost_row_without_a_time_hides_no_other(backend, database):
    bad, good = await put(backend, 2)
    database.execute(f"UPDATE {database.table} SET status = 1, modified = '2020-01-01 00:00:00'")
    database.execute(f"UPDATE {database.table} SET modified = 5 WHERE id = %s", bad.hex)
    found = await backend.overdue(lease=1, foreign_lease=1)
    assert {lost.id for lost in found} == {bad, good}


@ON_SQLITE
async def test_a_list_leaves_out_what_it_cannot_read(backend, database):
    bad, odd, good = await put(backend, 3)
    database.execute(f"UPDATE {database.table} SET id = 'bad' WHERE id = %s", bad.hex)
    database.execute(f"UPDATE {database.table} SET created = 'zzz' WHERE id = %s", odd.hex)
    found = {record.id: record for record in await backend.find(TaskFilter(), limit=10)}
    assert set(found) == {odd, good}
    assert found[odd].created.year == 1
    assert [record.id for record in await backend.get([odd])] == [odd]


@pytest.mark.parametrize("form", ["not-a-uuid", "", "ä" * 5, DASHED[:32]])
@ON_MYSQL
async def test_a_row_whose_id_is_no_uuid_fails_alone_on_mysql(backend, database, form):
    bad, good = await put(backend, 2)
    change(database, f"SET id = %s WHERE id = '{bad.hex}'", form)
    assert await _claim(backend, 1) == [good]
    status, error = _outcome(database, form)
    assert (status, "no UUID as Django writes it" in error) == (Status.FAILED, True)
    assert await _claim(backend) == []


@ON_MYSQL
async def test_more_unreadable_rows_than_a_claim_takes_hide_none_on_mysql(backend, database):
    ids = await put(backend, 40)
    for number, key in enumerate(ids[:30]):
        change(database, f"SET id = %s WHERE id = '{key.hex}'", f"bad {number}")
    assert await _claim(backend, 8) == ids[30:38]
    [[failed]] = database.execute(f"SELECT count(*) FROM {database.table} WHERE status = 3")
    assert failed == 30


@ON_MYSQL
async def test_an_id_in_capitals_is_one_where_the_collation_says_so(backend, database):
    [key] = await put(backend)
    change(database, "SET id = UPPER(id)")
    assert await _claim(backend) == [key]


@ON_MYSQL
async def test_an_end_goes_with_a_claim_that_finds_what_it_cannot_read(backend, database):
    [ending] = await claimed(backend)
    bad, good = await put(backend, 2)
    change(database, f"SET id = 'bad' WHERE id = '{bad.hex}'")
    written, found = await backend.exchange([done(ending)], 10, worker_pid=None, worker="me")
    assert (written, [task.id for task in found]) == ({ending.id}, [good])
    assert _outcome(database, "bad")[0] == Status.FAILED


@ON_MYSQL
async def test_a_lost_row_that_cannot_be_read_hides_no_other_on_mysql(backend, database):
    bad, good = await put(backend, 2)
    change(database, "SET status = 1, modified = '2020-01-01'")
    change(database, f"SET id = 'bad' WHERE id = '{bad.hex}'")
    if backend.shape.migrated:
        [lost] = await backend.overdue(lease=1, foreign_lease=1)
    else:
        [lost] = await backend.rescue(lease=1, error="lost")
    assert lost.id == good
    assert _outcome(database, "bad")[0] == Status.FAILED


@ON_MYSQL
async def test_an_old_row_that_cannot_be_read_is_deleted(backend, database):
    await put(backend, 2)
    [key, _] = [each.id for each in await backend.find(TaskFilter(), limit=2)]
    change(database, "SET status = 3, modified = '2020-01-01'")
    change(database, f"SET id = 'bad' WHERE id = '{key.hex}'")
    batch = await backend.retention.cleanup({Status.FAILED: 1.0}, limit=10)
    assert batch.deleted == 2
    assert await backend.count(TaskFilter()) == 0


@ON_BOTH
@pytest.mark.parametrize("zero", ["0000-00-00", "2026-00-00"])
@pytest.mark.parametrize("status", [0, 1])
async def test_a_row_with_a_zero_date_fails_alone(backend, database, zero, status):
    bad, good = await put(backend, 2)
    change(database, f"SET status = {status}, modified = '{zero}' WHERE id = '{_key(database, bad)}'")
    assert await _claim(backend, 1) == [good]
    await backend.fail_unreadable()
    if status == 1:
        change(database, f"SET status = 1, modified = '2020-01-01' WHERE id = '{_key(database, good)}'")
        found = (
            await backend.overdue(lease=1, foreign_lease=1)
            if backend.shape.migrated
            else await backend.rescue(lease=1, error="lost")
        )
        assert good in [lost.id for lost in found]
    assert _outcome(database, _key(database, bad))[0] == Status.FAILED


@ON_BOTH
async def test_a_zero_date_is_read_as_the_earliest_time(backend, database):
    [key] = await put(backend)
    change(database, "SET created = '0000-00-00', modified = '2026-00-00'")
    [record] = await backend.find(TaskFilter(), limit=10)
    assert (record.id, record.created.year, record.modified.year) == (key, 1, 1)


@cases("database", migrated(["mysql"]))
async def test_a_row_that_is_due_and_cannot_be_read_fails_alone_on_mysql(backend, database):
    bad, good = await put(backend, 2, delay=60.0)
    change(database, f"SET id = 'bad', links = 1 WHERE id = '{bad.hex}'")
    change(database, "SET run_after = '2020-01-01'")
    assert await _claim(backend) == [good]
    assert _outcome(database, "bad")[0] == Status.FAILED


@ON_MYSQL
async def test_a_list_leaves_out_what_it_cannot_read_on_mysql(backend, database):
    bad, good = await put(backend, 2)
    change(database, f"SET id = 'bad' WHERE id = '{bad.hex}'")
    assert [record.id for record in await backend.find(TaskFilter(), limit=10)] == [good]


TIMES = {
    "infinity": "'infinity'",
    "minus infinity": "'-infinity'",
    "before Christ": "'4000-01-01 BC'",
    "after 9999": "'12000-01-01'",
}


@pytest.fixture(params=TIMES)
def no_time(request) -> str:
    """A time as PostgreSQL writes it and Python has none."""
    return TIMES[request.param]


@ON_POSTGRESQL
async def test_a_queued_row_without_a_time_is_passed_over_and_fails(backend, database, no_time):
    bad, good, later = await put(backend, 3)
    database.execute(f"UPDATE {database.table} SET modified = {no_time} WHERE id = %s", bad)
    assert await _claim(backend, 1) == [good]
    assert await _claim(backend) == [later]
    assert await _claim(backend) == []
    await backend.fail_unreadable()
    status, error = _outcome(database, bad)
    assert (status, "from the year 1 to the year 9999" in error) == (Status.FAILED, True)
    assert await backend.requeue([bad]) == {bad}
    assert await _claim(backend) == [bad]


@ON_POSTGRESQL
async def test_a_running_row_without_a_time_hides_no_lost_one_and_fails(backend, database, no_time):
    bad, good = await put(backend, 2)
    database.execute(f"UPDATE {database.table} SET status = 1, modified = now() - interval '1 hour'")
    database.execute(f"UPDATE {database.table} SET modified = {no_time} WHERE id = %s", bad)
    if backend.shape.migrated:
        [lost] = await backend.overdue(lease=1, foreign_lease=1)
    else:
        [lost] = await backend.rescue(lease=1, error="lost")
    assert lost.id == good
    await backend.fail_unreadable()
    assert _outcome(database, bad)[0] == Status.FAILED


@ON_POSTGRESQL
async def test_what_can_be_read_is_not_failed(backend, database):
    ids = await put(backend, 3)
    database.execute(f"UPDATE {database.table} SET modified = '0001-01-02 00:00Z' WHERE id = %s", ids[0])
    database.execute(f"UPDATE {database.table} SET modified = '9999-12-29 00:00Z' WHERE id = %s", ids[2])
    await backend.fail_unreadable()
    assert await _claim(backend) == ids


@ON_POSTGRESQL
async def test_times_beyond_pythons_are_read_as_the_first_or_the_last(backend, database, no_time):
    [key] = await put(backend)
    database.execute(f"UPDATE {database.table} SET created = {no_time}, modified = {no_time}")
    [record] = await backend.find(TaskFilter(), limit=10)
    assert record.created.year in (1, 9999)
    assert [record] == await backend.get([key])


@cases("database", migrated(["postgresql"]))
async def test_a_row_that_is_due_at_no_time_stops_no_claim(backend, database, no_time):
    bad, good = await put(backend, 2)
    database.execute(f"UPDATE {database.table} SET status = 5, run_after = {no_time} WHERE id = %s", bad)
    assert good in await _claim(backend)
    assert (await backend.scheduled.until_due() or 1) > 0
