"""What a database's errors mean, each raised for real: this row, the schema, a lock, or the connection."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from asyncqueue.errors import DatabaseBusy, DatabaseError, DatabaseUnavailable, DataRejected, SchemaError
from asyncqueue.model import Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import claimed, done, new, row
from tests.conformance.transactions import holding, transaction
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, cases, shaped

EVERYWHERE = cases("database", shaped(DIALECTS, [10]))
ON_SERVERS = cases("database", shaped(SERVER_DIALECTS, [10]))


@contextmanager
def _auditing(database, insert="INSERT INTO audit_of_mine VALUES (1);", definer=""):
    """A user's trigger that does this for each row. By default it writes to a table which has gone."""
    run = database.execute if database.server is None else database.administer
    if database.dialect == "postgresql":
        run(f"CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insert} RETURN NEW; END $$")
        run(f"CREATE TRIGGER audit BEFORE UPDATE ON {database.table} FOR EACH ROW EXECUTE FUNCTION audit()")
    else:
        each = "" if database.dialect == "sqlite" else "FOR EACH ROW"
        run(f"CREATE {definer} TRIGGER audit BEFORE UPDATE ON {database.table} {each} BEGIN {insert} END")
    try:
        yield
    finally:
        on = f" ON {database.table}" if database.dialect == "postgresql" else ""
        run(f"DROP TRIGGER audit{on}")
        if database.dialect == "postgresql":
            run("DROP FUNCTION audit()")


@EVERYWHERE
async def test_what_somebodys_trigger_lacks_is_not_taken_for_the_task_table(database, backend, another):
    [claim] = await claimed(backend)
    with _auditing(database), pytest.raises(DataRejected, match="audit_of_mine"):
        await backend.finish([done(claim)])
    async with another() as other:  # an open connection of SQLite may still know of the trigger
        assert await other.finish([done(claim)]) == {claim.id}


@EVERYWHERE
async def test_a_table_whose_name_contains_one_of_ours_is_not_taken_for_it(database, backend, another):
    [claim] = await claimed(backend)
    for name in (f"{database.table}_audit", f"my_{database.table}", "asyncqueue_attempts_of_mine"):
        with _auditing(database, f"INSERT INTO {name} VALUES (1);"):
            async with another() as other:
                with pytest.raises(DataRejected, match=name):
                    await other.finish([done(claim)])
    assert (await row(backend, claim.id)).status == Status.RUNNING


@cases("database", shaped(["mysql", "mariadb"], [10]))
async def test_what_somebodys_trigger_may_not_do_or_cannot_call_is_a_rows_fault(database, backend):
    [claim] = await claimed(backend)
    table = f"{database.url.rpartition('/')[2]}.{database.table}"
    poor = f"poor_{database.url[-8:]}"
    database.administer(f"CREATE USER {poor}")
    database.administer(f"GRANT TRIGGER, SELECT, UPDATE ON {table} TO {poor}")
    database.administer("CREATE TABLE audit_of_mine (what int)")
    try:
        for trigger, definer, said in (
            ("INSERT INTO audit_of_mine VALUES (1);", f"DEFINER = {poor}", "1142"),
            ("SET @found = function_of_mine(1);", "", "1305"),
            ("SET @found = 1;", "DEFINER = nobody_at_all", "1449"),
        ):
            with _auditing(database, trigger, definer), pytest.raises(DataRejected, match=said):
                await backend.finish([done(claim)])
    finally:
        database.administer("DROP TABLE audit_of_mine")
        database.administer(f"DROP USER {poor}")
    assert await backend.finish([done(claim)]) == {claim.id}


@cases("database", shaped(["postgresql"], [10]))
async def test_what_a_function_raises_is_no_matter_of_the_connection(database, backend):
    [claim] = await claimed(backend)
    for code in ("08006", "53100", "57P01", "58030", "25006", "40003", "XX000"):
        raising = _auditing(database, f"RAISE EXCEPTION 'not here' USING ERRCODE = '{code}';")
        with raising, pytest.raises(DataRejected, match="not here"):
            await backend.finish([done(claim)])
    with _auditing(database, "RAISE EXCEPTION 'not now' USING ERRCODE = '40001';"), pytest.raises(DatabaseBusy):
        await backend.finish([done(claim)])
    assert await backend.finish([done(claim)]) == {claim.id}


@ON_SERVERS
async def test_a_right_that_is_lacking_is_no_rows_fault(database, backend, another):
    """Else a batch would be refused row by row, for ever."""
    [claim] = await claimed(backend)
    user, table = database.server.user, database.table
    name = database.url.rpartition("/")[2]
    if database.dialect == "postgresql":
        owner = database.execute(f"SELECT tableowner FROM pg_tables WHERE tablename = '{table}'")[0][0]
        taken, given = f"REVOKE UPDATE ON {table} FROM {owner}", f"GRANT UPDATE ON {table} TO {owner}"
    else:
        taken = f"REVOKE ALL ON {name}.* FROM {user}"
        given = f"GRANT ALL ON {name}.* TO {user}"
        database.administer(f"GRANT SELECT ON {name}.{table} TO {user}")
    database.administer(taken)
    try:
        # MySQL's rights in a database are those of the moment when a session has begun to use it.
        async with another() as other:
            with pytest.raises(DatabaseError) as caught:
                await other.finish([done(claim)])
    finally:
        database.administer(given)
    assert type(caught.value) is DatabaseError
    assert await backend.finish([done(claim)]) == {claim.id}


@ON_SERVERS
async def test_a_row_that_is_locked_is_a_matter_of_waiting(database, another):
    async with another(statement_timeout=2.0) as backend:
        [claim] = await claimed(backend)
        async with holding(database, claim.id):
            with pytest.raises(DatabaseUnavailable) as caught:
                await backend.finish([done(claim)])
        assert isinstance(caught.value, DatabaseBusy) or "within 2 seconds" in str(caught.value)
        assert (await row(backend, claim.id)).status == Status.RUNNING
        assert await backend.finish([done(claim)]) == {claim.id}


@cases("database", shaped(["sqlite"], [10]))
async def test_a_file_that_is_locked_is_a_matter_of_waiting(database, another):
    async with another(statement_timeout=1.0) as backend, transaction(database) as other:
        await other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match="holds the lock"):
            await backend.enqueue(new(1))
        await other.rollback()
        await backend.enqueue(new(1))


@cases("fresh_database", shaped(DIALECTS, [10]))
async def test_a_table_that_is_gone_is_a_matter_of_the_schema(fresh_database):
    async with opened(fresh_database.url) as backend:
        [claim] = await claimed(backend)
        fresh_database.execute(f"DROP TABLE {fresh_database.table}")
        with pytest.raises(SchemaError, match="asyncqueue migrate"):
            await backend.finish([done(claim)])
        with pytest.raises(SchemaError, match="asyncqueue migrate"):
            await backend.enqueue(new(1))
