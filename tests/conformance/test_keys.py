"""Unique keys: one task at a time for each, whoever enqueues."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from asyncqueue.errors import ConfigurationError, DuplicateTask, MigrationRequired
from asyncqueue.model import ENDED, AttemptEnd, NewTask, Status, Unique
from tests.conformance.helpers import cleanup, done, failed, new, queued, row
from tests.conformance.transactions import transaction
from tests.servers.cases import DIALECTS, cases, migrated, shaped

MIGRATED = cases("database", migrated())


def keyed(key: str = "k", held_for: float = 0.0, on_conflict: Any = "return", **fields: Any) -> NewTask:
    values = {"task": "app.task", "args": "{}", **fields}
    return NewTask(uuid.uuid4(), unique=Unique(key, held_for, on_conflict), **values)


async def put(backend, *tasks: NewTask, **how: Any) -> list[uuid.UUID]:
    ids: list[uuid.UUID] = await backend.enqueue_unique(tasks, **how)
    return ids


async def end(backend, end=done) -> None:
    [claim] = await backend.claim(1, worker_pid=None)
    assert await backend.finish([end(claim)]) == {claim.id}


@MIGRATED
async def test_a_key_is_held_until_its_task_has_ended(backend):
    first = keyed()
    assert await put(backend, first) == [first.id]
    assert await put(backend, keyed()) == [first.id], "queued"
    [claim] = await backend.claim(5, worker_pid=None)
    assert claim.id == first.id
    assert await put(backend, keyed()) == [first.id], "running"
    await backend.finish([done(claim)])
    second = keyed()
    assert await put(backend, second) == [second.id]
    assert await put(backend, keyed("other")) != [second.id]
    assert (await backend.claim(1, worker_pid=None))[0].id == second.id


@MIGRATED
@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, None], ids=["failed", "cancelled", "deleted"])
async def test_a_task_that_did_not_complete_frees_its_key(backend, database, status):
    first = keyed(held_for=3600)
    await put(backend, first)
    if status == Status.FAILED:
        await end(backend, failed)
    elif status == Status.CANCELLED:
        await backend.cancel([first.id])
    else:
        database.execute(f"DELETE FROM {database.table}")
    second = keyed()
    assert await put(backend, second) == [second.id]


@MIGRATED
async def test_a_scheduled_task_holds_its_key_and_so_does_one_that_waits_for_its_next_attempt(backend):
    first = keyed(delay=3600.0)
    assert await put(backend, first) == [first.id]
    assert (await row(backend, first.id)).status == Status.SCHEDULED
    assert await put(backend, keyed()) == [first.id]
    await backend.requeue([first.id])
    [claim] = await backend.claim(1, worker_pid=None)
    retried = AttemptEnd(claim.id, claim.token, Status.SCHEDULED, None, "no", None, False, 3600.0, 1, claim.token)
    assert await backend.end_attempts([retried]) == {first.id}
    assert await put(backend, keyed()) == [first.id]


@MIGRATED
async def test_a_key_is_held_for_a_while_after_completion(backend):
    first, second = keyed(held_for=1.2), keyed(held_for=60.0)
    await put(backend, first)
    await end(backend)
    assert await put(backend, keyed()) == [first.id]
    await asyncio.sleep(1.3)
    assert await put(backend, second) == [second.id]
    await end(backend)
    assert await put(backend, keyed()) == [second.id], "as long as its own holder wanted, not whoever comes"


class Spring(tzinfo):
    """A zone whose clocks were put forward by an hour, ten minutes ago."""

    jump = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=10)

    def utcoffset(self, local: datetime | None) -> timedelta:
        return timedelta(hours=local is not None and local.replace(tzinfo=None) >= self.jump + timedelta(hours=1))

    def dst(self, local: datetime | None) -> timedelta:
        return self.utcoffset(local)

    def tzname(self, local: datetime | None) -> str:
        return "spring"

    def fromutc(self, utc: datetime) -> datetime:
        return utc + timedelta(hours=utc.replace(tzinfo=None) >= self.jump)


@cases("database", migrated(["mysql", "mariadb", "sqlite"]))
async def test_a_key_is_held_as_long_where_clocks_were_put_forward_meanwhile(another, database):
    """In a table of local time; on PostgreSQL there is none."""
    async with another(time_zone=Spring()) as backend:
        first = keyed(held_for=3600.0)
        await put(backend, first)
        await end(backend)
        half_an_hour_ago = (datetime.now(UTC) - timedelta(minutes=30)).replace(tzinfo=None)
        database.execute(f"UPDATE {database.table} SET modified = %s", str(half_an_hour_ago))
        assert await put(backend, keyed()) == [first.id]
        database.execute(f"UPDATE {database.table} SET modified = %s", str(half_an_hour_ago - timedelta(minutes=31)))
        assert await put(backend, keyed()) != [first.id]


@cases("database", migrated(["mysql", "mariadb", "sqlite"]))
async def test_a_clean_up_keeps_what_holds_its_key_where_clocks_were_put_forward_meanwhile(another, database):
    async with another(time_zone=Spring()) as backend:
        await put(backend, keyed(held_for=3600.0))
        await end(backend)
        for minutes, deleted in ((30, 0), (61, 1)):
            ended = (datetime.now(UTC) - timedelta(minutes=minutes)).replace(tzinfo=None)
            database.execute(f"UPDATE {database.table} SET modified = %s", str(ended))
            assert await cleanup(backend, older_than=60.0, statuses=ENDED) == deleted, minutes


@MIGRATED
async def test_whoever_wants_to_be_told_is(backend):
    first = keyed()
    await put(backend, first)
    with pytest.raises(DuplicateTask, match=f"task {first.id} holds the unique key 'k'") as caught:
        await put(backend, keyed("new"), keyed(on_conflict="raise"), new()[0])
    assert caught.value.task_id == first.id
    assert [task.id for task in await backend.claim(5, worker_pid=None)] == [first.id], "nothing else was enqueued"
    fresh = keyed("new")
    assert await put(backend, fresh) == [fresh.id]


@MIGRATED
async def test_a_scheduled_task_is_replaced(backend):
    first = keyed(delay=3600.0, queue="mail", priority=3)
    await put(backend, first)
    later = datetime.now(UTC) + timedelta(hours=2)
    given: dict[str, Any] = {"task": "app.other", "args": '{"é": 1}', "queue": "post", "priority": -3, "run_at": later}
    assert await put(backend, keyed(on_conflict="replace", **given)) == [first.id]
    record = await row(backend, first.id)
    assert (record.task, record.args, record.queue, record.priority) == ("app.other", '{"é": 1}', "post", -3)
    assert record.status == Status.SCHEDULED
    assert record.run_after is not None
    assert abs((record.run_after - later).total_seconds()) < 0.01
    assert await put(backend, keyed(on_conflict="replace", args='{"now": 1}')) == [first.id]
    [claim] = await backend.claim(5, worker_pid=None)
    assert (claim.id, claim.args, claim.queue) == (first.id, '{"now": 1}', "default")
    assert await put(backend, keyed(on_conflict="replace", args='{"late": 1}')) == [first.id]
    assert (await row(backend, first.id)).args == '{"now": 1}', "it runs already"


@MIGRATED
async def test_of_one_batch_the_first_gets_the_key(backend):
    a, b, plain, again = keyed("a"), keyed("b"), new()[0], keyed("a")
    assert await put(backend, a, plain, b, again) == [a.id, plain.id, b.id, a.id]
    assert [task.id for task in await backend.claim(5, worker_pid=None)] == [a.id, plain.id, b.id]
    with pytest.raises(DuplicateTask):
        await put(backend, keyed("c"), keyed("c", on_conflict="raise"))
    assert await backend.claim(5, worker_pid=None) == []


@MIGRATED
async def test_a_repetition_is_harmless(backend):
    """What was enqueued by an attempt whose reply was lost is found again."""
    tasks = [keyed("a"), new()[0], keyed("b", on_conflict="raise"), keyed("a")]
    assert await put(backend, *tasks) == await put(backend, *tasks) == [*(task.id for task in tasks[:3]), tasks[0].id]
    assert len(await backend.claim(10, worker_pid=None)) == 3


@MIGRATED
async def test_a_clean_up_keeps_what_holds_its_key(backend, database):
    first, second = keyed("a", held_for=3600.0), keyed("b")
    await put(backend, first, second)
    await backend.finish([done(claim) for claim in await backend.claim(2, worker_pid=None)])
    assert await cleanup(backend, older_than=-1, statuses=ENDED) == 1, "the other one"
    assert await put(backend, keyed("a")) == [first.id]
    await backend.requeue([first.id])
    await end(backend)
    assert await cleanup(backend, older_than=-1, statuses=ENDED) == 0
    assert await put(backend, keyed("a")) == [first.id], "again after it has run once more"
    database.execute(f"UPDATE {database.table} SET modified = %s", an_hour_ago(database))
    assert await cleanup(backend, older_than=-1, statuses=ENDED) == 1, "it is held no longer"
    again = keyed("a", held_for=3600.0)
    assert await put(backend, again) == [again.id]
    await end(backend, failed)
    assert await cleanup(backend, older_than=-1, statuses=ENDED) == 1, "a failed one holds nothing"


@MIGRATED
async def test_rows_that_hold_their_keys_keep_no_other_from_being_deleted(backend):
    await put(backend, *(keyed(f"k{number}", held_for=36525 * 86400.0) for number in range(5)))
    await queued(backend, 7)
    await backend.finish([done(claim) for claim in await backend.claim(12, worker_pid=None)])
    assert await cleanup(backend, older_than=-1, statuses=ENDED, limit=2) == 7
    assert await cleanup(backend, older_than=-1, statuses=ENDED, limit=2) == 0


def an_hour_ago(database) -> object:
    at = datetime.now(UTC) - timedelta(minutes=61)
    return at if database.dialect == "postgresql" else str(at.replace(tzinfo=None))


@MIGRATED
@pytest.mark.parametrize("within", [False, True], ids=["committed", "within"])
async def test_a_replacement_says_for_how_long_the_key_is_held(backend, database, within):
    await put(backend, long := keyed("long", delay=3600.0), short := keyed("short", held_for=3600.0, delay=3600.0))
    replacing = [keyed("long", 3600.0, "replace"), keyed("short", 0.0, "replace")]
    if within:
        async with transaction(database) as own:
            assert await put(backend, *replacing, connection=own.raw) == [long.id, short.id]
            await own.commit()
    else:
        assert await put(backend, *replacing) == [long.id, short.id]
    await backend.finish([done(claim) for claim in await backend.claim(2, worker_pid=None)])
    free = keyed("short")
    assert await put(backend, keyed("long"), free) == [long.id, free.id]
    assert await cleanup(backend, older_than=-1, statuses=ENDED) == 1
    assert (await row(backend, long.id)).status == Status.COMPLETED


@MIGRATED
async def test_a_replacement_that_comes_too_late_leaves_the_key_as_it_is(backend):
    await put(backend, first := keyed())
    assert await put(backend, keyed(held_for=3600.0, on_conflict="replace")) == [first.id]
    await end(backend)
    second = keyed()
    assert await put(backend, second) == [second.id]


@MIGRATED
async def test_a_repetition_is_answered_alike_after_the_task_has_ended_and_another_has_its_key(backend):
    first = [keyed("a", on_conflict="raise"), keyed("a")]
    assert await put(backend, *first) == [first[0].id] * 2
    await end(backend)
    second = keyed("a")
    assert await put(backend, second) == [second.id]
    assert await put(backend, *first) == [first[0].id] * 2
    assert await put(backend, keyed("a")) == [second.id], "and takes nothing from that"


@MIGRATED
async def test_fifty_at_once_make_one(backend, another):
    async with AsyncExitStack() as stack:
        backends = [backend, *[await stack.enter_async_context(another()) for _ in range(4)]]
        for _ in range(3):
            tasks = [keyed("k") for _ in range(50)]
            many = [keyed(f"m{number % 5}") for number in range(50)]
            both = zip(tasks, many, strict=True)
            made = await asyncio.gather(
                *(put(backends[number // 2 % 5], *pair[:: (-1) ** number]) for number, pair in enumerate(both))
            )
            ids = {task_id for pair in made for task_id in pair}
            claims = await backend.claim(100, worker_pid=None)
            assert {claim.id for claim in claims} == ids
            assert len(ids) == 6
            await backend.finish([done(claim) for claim in claims])


@cases("database", migrated())
async def test_a_connection_of_another_driver_is_refused(backend):
    with pytest.raises(ConfigurationError, match="connection= must be an"):
        await put(backend, keyed(), connection=object())


@cases("database", shaped(DIALECTS, [10]))
async def test_a_table_as_django_makes_it_has_no_keys(backend):
    with pytest.raises(MigrationRequired, match=r"a unique key needs .* run `asyncqueue migrate`"):
        await put(backend, keyed())
    assert len(await queued(backend)) == 1
