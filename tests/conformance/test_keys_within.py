"""Unique keys within transactions of the caller's, which may see what was, and not what is."""

from __future__ import annotations

import asyncio
import contextlib
import uuid

import pytest

from asyncqueue.errors import DatabaseBusy, DuplicateTask
from tests.conformance.helpers import done, new
from tests.conformance.test_keys import MIGRATED, keyed, put
from tests.conformance.transactions import transaction
from tests.servers.cases import SERVER_DIALECTS, cases, migrated


@MIGRATED
async def test_within_the_callers_transaction(backend, database):
    first, second = keyed(), keyed("other")
    async with transaction(database) as own:
        assert await put(backend, first, connection=own.raw) == [first.id]
        assert await put(backend, keyed(), connection=own.raw) == [first.id]
        await own.rollback()
    assert await put(backend, second) == [second.id]
    async with transaction(database) as own:
        assert await put(backend, first, connection=own.raw) == [first.id]
        with pytest.raises(DuplicateTask):
            await put(backend, keyed("other", on_conflict="raise"), connection=own.raw)
        assert await put(backend, keyed("other"), keyed("é"), connection=own.raw) != [second.id]
        await own.commit()
    assert await put(backend, keyed()) == [first.id]
    assert len(await backend.claim(10, worker_pid=None)) == 3


@MIGRATED
async def test_fifty_callers_with_transactions_of_their_own_make_one(backend, database):
    """Each on a connection of its own, where a file has one writer ten at a time. Some think better of it.

    At REPEATABLE READ the gap locks of those that do may make a deadlock of MySQL's; who is told so begins anew.
    """
    places = asyncio.Semaphore(10 if database.dialect == "sqlite" else 50)

    async def call(number: int) -> uuid.UUID | None:
        while True:
            with contextlib.suppress(DatabaseBusy):
                return await once(number)
            assert database.dialect in ("mysql", "mariadb")

    async def once(number: int) -> uuid.UUID | None:
        async with places, transaction(database) as own:
            # Both keys in one call: those of several are locked in an order that is the same for all.
            ids = await put(backend, *[keyed("k"), keyed(f"m{number % 5}")][:: (-1) ** number], connection=own.raw)
            await backend.enqueue(new(), connection=own.raw)
            await asyncio.sleep(0)
            if number % 7 == 3:
                await own.rollback()
                return None
            await own.commit()
            return ids[number % 2]

    for _ in range(2):
        made = await asyncio.gather(*map(call, range(50)))
        ids = {task_id for task_id in made if task_id is not None}
        assert len(ids) == 1
        claims = await backend.claim(100, worker_pid=None)
        assert len(claims) == 1 + 5 + sum(task_id is not None for task_id in made)
        assert ids < {claim.id for claim in claims}
        assert {*await put(backend, keyed("k"))} == ids
        await backend.finish([done(claim) for claim in claims])


@cases("database", migrated(SERVER_DIALECTS))
@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "READ COMMITTED"])
async def test_a_caller_waits_for_a_transaction_with_the_same_key(backend, database, isolation):
    first = keyed()
    async with transaction(database, isolation) as own:
        await put(backend, first, connection=own.raw)
        waiting = asyncio.ensure_future(put(backend, keyed()))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await own.commit()
        assert await waiting == [first.id]


@cases("database", migrated(["mysql", "mariadb"]))
async def test_a_caller_whose_snapshot_is_older_than_the_holder_sees_it(backend, database):
    first = keyed()
    async with transaction(database, "REPEATABLE READ") as own:
        await own.execute(f"SELECT count(*) FROM {database.table}")
        await put(backend, first)
        assert await put(backend, keyed(), connection=own.raw) == [first.id]
        await own.commit()


@cases("database", migrated(["postgresql"]))
async def test_what_a_serializable_caller_is_told_is_true_now(backend, database):
    await told_what_is_true(backend, database, "SERIALIZABLE")


@cases("database", migrated(SERVER_DIALECTS))
@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "READ COMMITTED"])
async def test_what_a_caller_is_told_is_true_now_whatever_its_transaction_sees(backend, database, isolation):
    await told_what_is_true(backend, database, isolation)


async def told_what_is_true(backend, database, isolation: str) -> None:
    ending, running, waiting = keyed("ending"), keyed("running"), keyed("waiting", delay=3600.0)
    await put(backend, running, ending, waiting)
    claims = {claim.id: claim for claim in await backend.claim(2, worker_pid=None)}
    async with transaction(database, isolation) as own:
        await own.execute(f"SELECT count(*) FROM {database.table}")
        await own.execute("SELECT count(*) FROM asyncqueue_keys")
        assert await put(backend, keyed("ending"), connection=own.raw) == [ending.id]
        assert await backend.finish([done(claims[ending.id])]) == {ending.id}, "nobody waits for the caller"
        fresh, mine = keyed("ending"), keyed("mine")
        assert await put(backend, fresh, mine, connection=own.raw) == [fresh.id, mine.id]
        again = [keyed("ending"), keyed("mine"), keyed("running"), keyed("waiting")]
        ids = [fresh.id, mine.id, running.id, waiting.id]
        assert await put(backend, *again, connection=own.raw) == ids, "its own ones, too"
        assert await backend.finish([done(claims[running.id])]) == {running.id}
        await own.commit()
    assert await put(backend, keyed("ending"), keyed("mine")) == [fresh.id, mine.id]


@cases("database", migrated(SERVER_DIALECTS))
async def test_a_holder_that_was_deleted_since_the_caller_began_holds_nothing(backend, database):
    await put(backend, keyed("gone"))
    async with transaction(database, "REPEATABLE READ") as own:
        await own.execute(f"SELECT count(*) FROM {database.table}")
        database.execute(f"DELETE FROM {database.table}")
        fresh = keyed("gone")
        if database.dialect == "postgresql":
            with pytest.raises(DatabaseBusy, match=r"since the caller's transaction began.* use READ COMMITTED"):
                await put(backend, fresh, connection=own.raw)
        else:
            assert await put(backend, fresh, connection=own.raw) == [fresh.id]


@cases("database", migrated(["mariadb"]))
async def test_a_caller_whose_server_insists_on_its_snapshot_is_told(backend, database):
    async with transaction(database) as own:
        await own.rollback()
        await own.execute("SET SESSION innodb_snapshot_isolation = ON")
        await own.raw.begin()
        await own.execute(f"SELECT count(*) FROM {database.table}")
        await put(backend, first := keyed())
        with pytest.raises(DatabaseBusy, match="Record has changed since last read"):
            await put(backend, keyed(), connection=own.raw)
    assert await put(backend, keyed()) == [first.id]


@cases("database", migrated(["postgresql"]))
async def test_a_caller_that_cannot_see_who_has_taken_the_key_is_told_what_to_do(backend, database):
    async with transaction(database, "REPEATABLE READ") as own:
        await own.execute(f"SELECT count(*) FROM {database.table}")
        await put(backend, first := keyed())
        with pytest.raises(DatabaseBusy, match=r"since the caller's transaction began.* use READ COMMITTED"):
            await put(backend, keyed(), connection=own.raw)
        await put(backend, other := keyed("other"), connection=own.raw)
        await own.commit()
    assert await put(backend, keyed(), keyed("other")) == [first.id, other.id]
