"""A later version of the schema: new code on an older table, and old code on a newer one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from asyncqueue.backends.base import Backend, TaskFilter
from asyncqueue.backends.common import migration
from asyncqueue.backends.common.migration import Step
from asyncqueue.backends.common.statements import load, parse
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql import schema as of_mysql
from asyncqueue.backends.postgresql import schema as of_postgresql
from asyncqueue.backends.sqlite import schema as of_sqlite
from asyncqueue.errors import MigrationRequired, SchemaError
from tests.conformance.conftest import opened
from tests.conformance.helpers import claimed, done, row
from tests.conformance.test_buckets import put
from tests.conformance.test_migrating import TEN, everything
from tests.conformance.test_schema import columns

_HEAD = "-- Params: none\n-- Returns: nothing\n"


@contextmanager
def newer_code(dialect: str) -> Iterator[None]:
    """Within this the code knows a second version, which adds a column."""
    folder = "mysql" if dialect == "mariadb" else dialect
    module: Any = {"postgresql": of_postgresql, "mysql": of_mysql, "sqlite": of_sqlite}[folder]
    step = Step(2, "columns", ("later",), "what a later version needs", ("add_later",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migration, "NEWEST", 2)
        patch.setattr(module, "_STEPS", (*module._STEPS, step))
        for name, sql in (("add_later", "ADD COLUMN later integer"), ("drop_later", "DROP COLUMN later")):
            patch.setitem(load(folder).parsed, name, parse(name, f"{_HEAD}ALTER TABLE {{table}} {sql}"))
        yield


async def works(backend: Backend) -> None:
    """What level 1 has goes on."""
    [task_id] = await put(backend, 1, queue="mail", priority=7, delay=0.0)
    [claim] = await claimed(backend)
    assert await backend.finish([done(claim, "done")]) == {task_id}
    assert (await row(backend, task_id)).output == "done"


def version(backend: Backend) -> int:
    assert backend.shape is not None
    return backend.shape.version


def table(backend: Any) -> Table:
    found: Table = backend._table
    return found


@TEN
async def test_new_code_works_on_an_older_table_without_what_it_lacks(fresh_database):
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
    with newer_code(fresh_database.dialect):
        async with opened(fresh_database.url) as backend:
            assert version(backend) == 1
            await works(backend)
            with pytest.raises(MigrationRequired, match=r"a later thing needs columns .* `asyncqueue migrate`"):
                table(backend).require_migrated("a later thing", 2)
            planned = await backend.pending()
            assert [change.name for change in planned] == ["column later", "version 2"]
            assert await backend.migrate() == planned
            assert version(backend) == 2
            table(backend).require_migrated("a later thing", 2)
            assert await backend.pending() == []
            await works(backend)


@TEN
async def test_old_code_runs_on_a_newer_table(fresh_database):
    with newer_code(fresh_database.dialect):
        async with opened(fresh_database.url) as backend:
            await backend.migrate()
    newer = everything(fresh_database)
    async with opened(fresh_database.url) as backend:
        assert version(backend) == 1
        await works(backend)
        assert await backend.pending() == await backend.migrate() == []
        assert everything(fresh_database) == newer, "it takes nothing away that it does not know"


@TEN
async def test_a_column_of_a_later_version_that_is_gone_again_is_missed(fresh_database):
    with newer_code(fresh_database.dialect):
        async with opened(fresh_database.url) as backend:
            before = {name for name, *_ in columns(fresh_database)}
            await backend.migrate()
            fresh_database.execute(f"ALTER TABLE {fresh_database.table} DROP COLUMN later")
            await backend.refresh()
            with pytest.raises(SchemaError, match=r"was migrated and lacks column later now"):
                await backend.count(TaskFilter())
            assert (await backend.migrate())[0].name == "column later"
            await works(backend)
            await backend.migrate(down=True)
            assert {name for name, *_ in columns(fresh_database)} == before
