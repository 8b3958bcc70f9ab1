"""G12: a trigger of the user's that waits in vain for one row, or loses every deadlock, holds up no other row.

The database is as well as before, and the row may be written later: nothing fails by that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from asyncqueue import Status
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.ledger import Ledger
from tests.conformance.transactions import native
from tests.servers.cases import SERVER_DIALECTS, cases, migrated, shaped
from tests.worker import refused_tasks
from tests.worker.process import until
from tests.worker.test_trouble import working

AT_EITHER_LEVEL = cases("database", [*shaped(SERVER_DIALECTS, [10]), *migrated(SERVER_DIALECTS)])
SHORT = {"lease": 6.0, "heartbeat": 1.0, "poll_max": 0.1}

#: What a function raises for others as well as for itself; and what the server raises inside of one.
RAISED = "RAISE EXCEPTION 'not now' USING ERRCODE = '{}';"
SIGNALLED = "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {}, MESSAGE_TEXT = '{}';"
WAYS = {
    "deadlock": (RAISED.format("40P01"), SIGNALLED.format(1213, "not now")),
    "lock timeout": (RAISED.format("55P03"), SIGNALLED.format(1205, "not now")),
    "statement timeout": (RAISED.format("57014"), SIGNALLED.format(3024, "not now")),
    "resources": ("COPY (SELECT 1) TO '/nowhere/at/all';", SIGNALLED.format(1114, "The table ''audit'' is full")),
}


@contextmanager
def waiting(database, condition: str, way: str = "deadlock") -> Iterator[None]:
    """With a trigger that never gets to its end for rows of which the condition holds."""
    table, (on_postgresql, elsewhere) = database.table, WAYS[way]
    if database.dialect == "postgresql":
        body = f"BEGIN IF {condition} THEN {on_postgresql} END IF; RETURN NEW; END"
        made = [
            f"CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ {body} $$",
            f"CREATE TRIGGER waits BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION waits()",
        ]
        gone = [f"DROP TRIGGER waits ON {table}", "DROP FUNCTION waits()"]
    else:
        body = f"IF {condition} THEN {elsewhere} END IF;"
        made = [f"CREATE TRIGGER waits BEFORE UPDATE ON {table} FOR EACH ROW BEGIN {body} END"]
        gone = ["DROP TRIGGER waits"]
    for sql in made:
        database.administer(sql)
    try:
        yield
    finally:
        for sql in gone:
            _administer_at_last(database, sql)


def _administer_at_last(database, sql: str) -> None:
    """Run a statement that needs the table for itself, while the worker's statements follow each other on it."""
    for tries_left in reversed(range(20)):
        try:
            database.administer(sql)
            break
        except Exception as error:
            if "Lock wait timeout" not in str(error) or not tries_left:
                raise


@AT_EITHER_LEVEL
@pytest.mark.parametrize("way", WAYS)
async def test_an_end_whose_trigger_waits_in_vain_holds_up_no_other(database, queue, caplog, way):
    async with working(queue, concurrency=5, **SHORT):
        with waiting(database, "NEW.output = 'poison'", way):
            what = ("one", "poison", "two", "three")
            handles = await queue.enqueue_many([(refused_tasks.say, {"what": each}) for each in what])
            for each, handle in zip(what, handles, strict=True):
                if each != "poison":
                    assert await handle.result(timeout=30) == each
            later = await queue.enqueue(refused_tasks.say, {"what": "later"})
            assert await later.result(timeout=30) == "later", "and tasks are claimed"
            assert await handles[1].status() == Status.RUNNING
            await until(lambda: str(handles[1].id) in caplog.text, what="the worker's word")
        assert await handles[1].result(timeout=30) == "poison", "as soon as it can be written"


@AT_EITHER_LEVEL
async def test_a_renewal_whose_trigger_waits_in_vain_costs_no_other_task_its_lease(database, queue):
    handles = await queue.enqueue_many([(refused_tasks.say, {"what": str(number)}) for number in range(9)])
    ledger = Ledger(queue.backend, Leases(queue.settings, queue.backend))
    held = {claim.id: ledger.add(claim, 0.0) for claim in await queue.backend.claim(9, worker_pid=None)}
    bad = handles[4].id
    with waiting(database, f"NEW.id = '{bad if native(database) else bad.hex}'"):
        for _ in range(2):
            renewal = await ledger.renew(None, older=0.0)
            assert (renewal.locked, renewal.refused) == (1, 0)
        assert {key for key, each in held.items() if each.renewed_at > 0} == set(held) - {bad}
    assert (await ledger.renew(None, older=0.0)).locked == 0
    assert held[bad].renewed_at > 0


@AT_EITHER_LEVEL
async def test_a_stream_whose_trigger_waits_in_vain_holds_up_no_other(database, queue):
    async with working(queue, concurrency=5, **SHORT):
        with waiting(database, "NEW.status = 1 AND position('poison' IN NEW.output) > 0"):
            bad, good = await queue.enqueue_many(
                [(refused_tasks.recite, {"what": "poison"}), (refused_tasks.recite, {"what": "second"})]
            )
            await good.result(timeout=30)
            assert (await good.record()).output == "first second"
            assert await bad.status() == Status.RUNNING
        await bad.result(timeout=30)
