"""A table that something has made anew, without what `migrate` had added: missed, and healed by `migrate`."""

from __future__ import annotations

import pytest

from asyncqueue import Queue
from asyncqueue.backends.common.migration import COLUMNS
from asyncqueue.errors import SchemaError
from asyncqueue.model import Link, Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import done, queued, row
from tests.conformance.test_buckets import put
from tests.conformance.test_chains import HELD, followed, state, waiting
from tests.conformance.test_limits import admitted, declare, held
from tests.conformance.test_migrating import TEN, everything
from tests.servers.cases import DIALECTS, cases, shaped

REMEDY = r"lacks columns? queue.* Run `asyncqueue migrate` and start the workers again"
HEALED = "time of scheduled tasks"


def make_anew(database) -> None:
    """As Django's migrations do on SQLite. Elsewhere, what a person might do."""
    if database.dialect == "sqlite":
        database.django.make_anew()
        return
    where = "" if database.dialect == "postgresql" else f" ON {database.table}"
    for name in database.indexes():
        database.execute(f"DROP INDEX {name}{where}")
    lost = ", ".join(f"DROP COLUMN {name}" for name in COLUMNS)
    database.execute(f"ALTER TABLE {database.table} {lost}")


@cases("fresh_database", shaped(DIALECTS))
async def test_what_was_scheduled_is_due_once_the_columns_are_there_again(fresh_database):
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        whole = everything(fresh_database)
        [later] = await put(backend, 1, delay=3600.0)
        await declare(backend, 1)
        [limited] = await held(backend, 1, "a")
        [first] = followed()
        second = waiting(first.id)
        await backend.enqueue([first, second])
        assert await backend.pending() == [], "what is set aside as it should be is not in need of anything"
    make_anew(fresh_database)
    async with opened(fresh_database.url) as backend:
        assert backend.shape is None
        with pytest.raises(SchemaError, match=REMEDY):
            await backend.claim(1, worker_pid=1)
        with pytest.raises(SchemaError, match=REMEDY):
            await backend.migrate(indexes_only=True)
        planned = await backend.pending()
        assert HEALED in [change.name for change in planned]
        assert await backend.migrate() == planned
        assert backend.defect is None
        assert everything(fresh_database) == whole
        assert await backend.pending() == []
        claims = await backend.claim(10, worker_pid=1)
        assert {claim.id for claim in claims} == {later, first.id}
        assert await state(backend, second) == HELD, "it waits again for what it waited for"
        assert await backend.finish([done(claim) for claim in claims]) == {later, first.id}
        assert (await backend.dependencies.resolve([first.id])).released == {second.id}
        assert [claim.id for claim in await backend.claim(10, worker_pid=1)] == [second.id]
        assert await state(backend, limited) == (Status.SCHEDULED, Link.LIMITED, False), "and so does what is limited"
        assert (await row(backend, limited)).limit_key == "a"
        assert await admitted(backend, "app.task:a") == 1
        assert [claim.id for claim in await backend.claim(10, worker_pid=1)] == [limited]
        assert await admitted(backend, "app.task:a") == 0
        assert await backend.pending() == []


@TEN
async def test_who_has_lost_nothing_but_the_time_is_due_too(fresh_database):
    """Also where the migration that brought the column back has stopped there."""
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        [later] = await put(backend, 1, delay=3600.0)
        fresh_database.execute(f"UPDATE {fresh_database.table} SET run_after = NULL")
        assert [change.name for change in await backend.migrate()] == [HEALED]
        assert [claim.id for claim in await backend.claim(10, worker_pid=1)] == [later]
        assert await backend.migrate() == []


@TEN
async def test_a_queue_does_not_open(fresh_database):
    async with Queue(fresh_database.url) as queue:
        await queue.migrate()
    make_anew(fresh_database)
    before = everything(fresh_database)
    with pytest.raises(SchemaError, match=REMEDY):
        async with Queue(fresh_database.url):
            pass
    assert everything(fresh_database) == before, "nothing is made by itself where something is wrong"


@TEN
async def test_columns_that_are_lost_alone_are_made_again_alone(fresh_database):
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        whole = everything(fresh_database)
        [later] = await put(backend, 1, queue="mail", delay=3600.0)
        for name in "losses", "limit_key":
            fresh_database.execute(f"ALTER TABLE {fresh_database.table} DROP COLUMN {name}")
    async with opened(fresh_database.url) as backend:
        with pytest.raises(SchemaError, match=r"lacks columns? losses"):
            await backend.claim(1, worker_pid=None)
        names = [change.name for change in await backend.migrate()]
        one_by_one = fresh_database.dialect == "sqlite"
        assert names == [
            *(["column losses", "column limit_key"] if one_by_one else ["columns losses, limit_key"]),
            HEALED,
        ]
        assert everything(fresh_database) == whole
        kept = await row(backend, later)
        assert (kept.status, kept.queue) == (Status.SCHEDULED, "mail")
        assert kept.run_after is not None
        assert (kept.run_after - kept.created).total_seconds() > 3000, "it has kept its time"


@TEN
async def test_what_is_left_of_the_columns_is_taken_away(fresh_database):
    before = everything(fresh_database)
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        for name in "losses", "limit_key":
            fresh_database.execute(f"ALTER TABLE {fresh_database.table} DROP COLUMN {name}")
        await backend.migrate(down=True)
        assert everything(fresh_database) == before


@TEN
async def test_down_does_not_forget_who_was_scheduled_before(fresh_database):
    """At level 0 nobody could queue or cancel them any more."""
    before = everything(fresh_database)
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        [later] = await put(backend, 1, delay=3600.0)
    make_anew(fresh_database)
    async with opened(fresh_database.url) as backend:
        with pytest.raises(SchemaError, match=r"1 task is scheduled .*: run `asyncqueue migrate`.* and repeat"):
            await backend.migrate(down=True)
        await backend.migrate()
        assert await backend.cancel([later]) == {later}
        await backend.migrate(down=True)
        assert everything(fresh_database) == before
        assert (await row(backend, later)).status == Status.CANCELLED
        await queued(backend, 1)
