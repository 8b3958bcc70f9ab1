"""G12: what a database refuses is narrowed to its row. The others' results are kept, and the worker goes on."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from asyncqueue import Queue, Settings, Status, Worker
from asyncqueue.errors import DataRejected
from asyncqueue.model import Claimant, NewTask
from asyncqueue.running import redirect
from asyncqueue.worker.finishing import Finisher
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.ledger import Ledger
from asyncqueue.worker.signal import Signal
from asyncqueue.worker.unfound import Unfound
from tests.servers import client
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, Case, cases, migrated, shaped
from tests.servers.database import Database
from tests.worker import refused_tasks

EVERYWHERE = cases("database", [*shaped(DIALECTS, [10]), *migrated()])
MIGRATED = cases("database", migrated())
EMOJI = "gr\u00fc\u00df \U0001f600"
ESCAPED = "gr\u00fc\u00df \\U0001f600"


def _poison(database, column: str) -> str:
    """The condition that a column contains poison."""
    if database.dialect == "sqlite":
        return f"instr(NEW.{column}, 'poison') > 0"
    return f"position('poison' IN NEW.{column}) > 0"


@contextmanager
def guarded(database, condition: str, event: str = "UPDATE") -> Iterator[None]:
    """A user's trigger on the task table that raises an error for rows of which the condition holds."""
    table = database.table
    if database.dialect == "postgresql":
        body = f"BEGIN IF {condition} THEN RAISE EXCEPTION 'not here'; END IF; RETURN NEW; END"
        made = [
            f"CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
            f"CREATE TRIGGER guard BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION guard()",
        ]
        gone = [f"DROP TRIGGER guard ON {table}", "DROP FUNCTION guard()"]
    elif database.dialect == "sqlite":
        raised = "BEGIN SELECT RAISE(ABORT, 'not here'); END"
        made = [f"CREATE TRIGGER guard BEFORE {event} ON {table} WHEN {condition} {raised}"]
        gone = ["DROP TRIGGER guard"]
    else:
        body = f"IF {condition} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not here'; END IF"
        made = [f"CREATE TRIGGER guard BEFORE {event} ON {table} FOR EACH ROW BEGIN {body}; END"]
        gone = ["DROP TRIGGER guard"]
    run = (lambda sql: database.execute(sql)) if database.server is None else database.administer
    for sql in made:
        run(sql)
    try:
        yield
    finally:
        for sql in gone:
            run(sql)


async def _ended(queue: Queue, *handles) -> list[tuple[Status, str]]:
    records = [await handle.record() for handle in handles]
    return [(record.status, record.error or "") for record in records]


@EVERYWHERE
async def test_a_row_that_a_trigger_refuses_fails_alone_and_its_neighbours_keep_their_results(database, queue):
    tasks = [(refused_tasks.say, {"what": what}) for what in ("one", "poison", "two", "three")]
    handles = await queue.enqueue_many(tasks)
    with guarded(database, "NEW.output = 'poison'"):
        await Worker(queue).run(burst=True)
    ended = await _ended(queue, *handles)
    assert [status for status, _ in ended] == [Status.COMPLETED, Status.FAILED, Status.COMPLETED, Status.COMPLETED]
    assert "refused to store what it left" in ended[1][1]
    assert "not here" in ended[1][1]


@cases("database", shaped(["mysql", "mariadb"], [10]))
async def test_a_column_that_a_trigger_lacks_fails_its_row_alone(database, queue):
    """The servers report it as they report a column that our table lacks."""
    tasks = [(refused_tasks.say, {"what": what}) for what in ("one", "poison", "two", "three")]
    handles = await queue.enqueue_many(tasks)
    database.administer("CREATE TABLE audit_of_mine (what int)")
    body = "IF NEW.output = 'poison' THEN INSERT INTO audit_of_mine (lacking) VALUES (1); END IF;"
    database.administer(f"CREATE TRIGGER audit BEFORE UPDATE ON {database.table} FOR EACH ROW BEGIN {body} END")
    try:
        await asyncio.wait_for(Worker(queue).run(burst=True), 30)
    finally:
        database.administer("DROP TRIGGER audit")
        database.administer("DROP TABLE audit_of_mine")
    ended = await _ended(queue, *handles)
    assert [status for status, _ in ended] == [Status.COMPLETED, Status.FAILED, Status.COMPLETED, Status.COMPLETED]
    assert "lacking" in ended[1][1]


@EVERYWHERE
async def test_a_column_that_a_trigger_lacks_is_no_matter_of_migrating_the_task_table(database, queue):
    """Whoever enqueues is told so at once, and in the words of the server."""
    run = database.execute if database.server is None else database.administer
    body, table = "INSERT INTO audit_of_mine (lacking) VALUES (1);", database.table
    run("CREATE TABLE audit_of_mine (what int)")
    try:
        if database.dialect == "postgresql":
            run(f"CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$")
            run(f"CREATE TRIGGER audit BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION audit()")
        else:
            run(f"CREATE TRIGGER audit BEFORE INSERT ON {table} FOR EACH ROW BEGIN {body} END")
        unique = {"unique_key": "one"} if queue.backend.shape.migrated else {}
        for call in (
            lambda: queue.enqueue(refused_tasks.say, {"what": "one"}, **unique),
            lambda: queue.enqueue_many([(refused_tasks.say, {"what": "one"})] * 2),
        ):
            with pytest.raises(DataRejected, match="lacking") as caught:
                await asyncio.wait_for(call(), 20)
            assert "has changed" not in str(caught.value)
            assert "migrate" not in str(caught.value)
    finally:
        run(f"DROP TRIGGER audit{f' ON {table}' if database.dialect == 'postgresql' else ''}")
        if database.dialect == "postgresql":
            run("DROP FUNCTION audit()")
        run("DROP TABLE audit_of_mine")


@MIGRATED
async def test_the_end_of_an_attempt_that_is_refused_says_so_and_the_next_one_follows(database, queue):
    bad, good = await queue.enqueue_many(
        [(refused_tasks.stutter, {"what": "poison"}), (refused_tasks.stutter, {"what": "fine"})]
    )
    with guarded(database, _poison(database, "error")):
        await Worker(queue).run(burst=True)
    [(status, error), (other, fine)] = await _ended(queue, bad, good)
    assert (status, other) == (Status.FAILED, Status.FAILED)
    assert "refused to store what it left" in error
    assert "Retry('fine'" in fine
    assert len(await bad.attempts()) == len(await good.attempts()) == 3


@EVERYWHERE
async def test_a_row_of_which_nothing_can_be_written_is_left_and_the_worker_goes_on(database, queue, caplog):
    handles = await queue.enqueue_many([(refused_tasks.say, {"what": what}) for what in ("one", "two", "three")])
    key = handles[1].id.hex
    mine = f"NEW.id = '{handles[1].id}'" if database.dialect in ("postgresql", "mariadb") else f"NEW.id = '{key}'"
    with guarded(database, f"{mine} AND NEW.status IN (2, 3)"), caplog.at_level(logging.ERROR):
        await Worker(queue).run(burst=True)
        assert await queue.count(status=Status.COMPLETED) == 2
        assert await handles[1].status() == Status.RUNNING
    [said] = [record.getMessage() for record in caplog.records if "Its row stays in progress" in record.getMessage()]
    assert str(handles[1].id) in said
    assert "not here" in said


@EVERYWHERE
async def test_a_yielded_text_that_is_refused_fails_its_task_alone(database, queue):
    bad, good = await queue.enqueue_many(
        [(refused_tasks.recite, {"what": "poison"}), (refused_tasks.recite, {"what": "second"})]
    )
    with guarded(database, _poison(database, "output")):
        await Worker(queue).run(burst=True)
    [(status, error), (other, _)] = await _ended(queue, bad, good)
    assert (status, other) == (Status.FAILED, Status.COMPLETED)
    assert "refused a yielded text" in error
    assert (await good.record()).output == "first second"


@EVERYWHERE
async def test_a_task_that_a_trigger_refuses_is_refused_to_its_caller_alone(database, queue):
    rows = [NewTask(uuid.uuid4(), path, "{}") for path in ("app.fine", "app.poison", "app.good")]
    with guarded(database, "NEW.task = 'app.poison'", event="INSERT"):
        with pytest.raises(DataRejected, match="not here"):
            await queue.backend.enqueue(rows)
        assert await queue.count() == 0
        await queue.backend.enqueue(rows[::2])
    assert await queue.count() == 2


@EVERYWHERE
async def test_a_release_that_a_trigger_refuses_keeps_no_other_row_from_the_queue(database, queue, caplog):
    handles = await queue.enqueue_many([(refused_tasks.say, {"what": str(number)}) for number in range(3)])
    ledger = Ledger(queue.backend, Leases(queue.settings, queue.backend))
    told: list[uuid.UUID] = []
    left: list[uuid.UUID] = []
    finisher = Finisher(
        *(queue.backend, ledger, Signal()),
        unfound=Unfound(
            queue.backend, patience=0, found_any=lambda: True, looking=lambda: False, pause=lambda seconds, ends: None
        ),
        on_written=lambda held: told.append(held.id),
        on_lost=lambda held: told.append(held.id),
        on_left=lambda held: left.append(held.id),
    )
    for claim in await queue.backend.claim(3, worker_pid=None):
        finisher.put(ledger.add(claim, 0.0))
    bad = handles[1].id
    as_text = str(bad) if database.dialect in ("postgresql", "mariadb") else bad.hex
    with guarded(database, f"NEW.id = '{as_text}'"), caplog.at_level(logging.ERROR):
        await finisher.write(finisher.gather(), claim=0, claimant=Claimant())
    assert left == [bad]
    assert set(told) == {handle.id for handle in handles} - {bad}
    assert finisher.unwritten == len(ledger) == 0
    assert await queue.count(status=Status.QUEUED) == 2


@cases("database", migrated())
async def test_a_renewal_that_a_trigger_refuses_costs_no_other_task_its_lease(database, queue, caplog):
    handles = await queue.enqueue_many([(refused_tasks.say, {"what": str(number)}) for number in range(3)])
    ledger = Ledger(queue.backend, Leases(queue.settings, queue.backend))
    held = {claim.id: ledger.add(claim, 0.0) for claim in await queue.backend.claim(3, worker_pid=None)}
    bad = handles[1].id
    as_text = str(bad) if database.dialect in ("postgresql", "mariadb") else bad.hex
    with guarded(database, f"NEW.id = '{as_text}'"), caplog.at_level(logging.ERROR):
        renewal = await ledger.renew(None, older=0.0)
        again = await ledger.renew(None, older=0.0)
    assert (renewal.locked, renewal.refused) == (again.locked, again.refused) == (0, 1)
    assert caplog.text.count("refuses to renew the lease") == 1
    assert {key for key, each in held.items() if each.renewed_at > 0} == set(held) - {bad}


@EVERYWHERE
async def test_a_lost_row_that_is_refused_keeps_no_other_from_being_rescued(database, queue, caplog):
    handles = await queue.enqueue_many([(refused_tasks.say, {"what": str(number)}) for number in range(7)])
    await queue.backend.claim(7, worker_pid=None)
    bad = {handles[0].id, handles[4].id}
    as_text = str if database.dialect in ("postgresql", "mariadb") else (lambda key: key.hex)
    listed = ", ".join(f"'{as_text(key)}'" for key in bad)
    with guarded(database, f"NEW.id IN ({listed})"), caplog.at_level(logging.ERROR):
        await asyncio.sleep(0.01)
        rescued = await queue.backend.rescue(lease=0.0, error="lost")
        assert {task.id for task in rescued} == {handle.id for handle in handles} - bad
        assert await queue.backend.rescue(lease=0.0, error="lost") == []
    assert await queue.count(status=Status.FAILED) == 5
    assert "not here" in caplog.text


@pytest.fixture(params=["latin1", "utf8mb3"])
def narrow(request, empty_database) -> Iterator[tuple[str, Database, str]]:
    """The URL of a database whose columns for texts hold fewer characters than there are."""
    database, charset = empty_database, request.param
    if database.dialect != "postgresql":
        yield database.url, database, charset
        return
    name = f"narrow_{uuid.uuid4().hex[:8]}"
    owner = urlsplit(database.url).username
    database.administer(
        f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0 OWNER {owner}"
    )
    yield urlunsplit(urlsplit(database.url)._replace(path=f"/{name}")), database, charset
    database.administer(f"DROP DATABASE {name} WITH (FORCE)")


@cases("empty_database", [Case(dialect) for dialect in SERVER_DIALECTS])
async def test_a_printed_emoji_leaves_a_success_a_success_and_an_error_names_what_was_raised(narrow):
    """What the columns for log and error cannot hold is escaped; what they can is kept as it is."""
    url, database, charset = narrow
    if database.dialect == "postgresql" and charset != "latin1":
        return  # PostgreSQL has no such character set: one of the two has told all
    async with Queue(settings=Settings(database_url=url)) as queue:
        await queue.migrate()
        if database.dialect != "postgresql":
            columns = (
                f"MODIFY {column} longtext CHARACTER SET {charset} NULL" for column in ("log", "error", "output")
            )
            client.execute(url, f"ALTER TABLE {database.table} {', '.join(columns)}")
        spoken, raised, returned, fine = await queue.enqueue_many(
            [
                (refused_tasks.speak, {"what": EMOJI}),
                (refused_tasks.shout, {"what": EMOJI}),
                (refused_tasks.say, {"what": EMOJI}),
                (refused_tasks.say, {"what": "fine"}),
            ]
        )
        redirect.install()
        try:
            await Worker(queue).run(burst=True)
        finally:
            redirect.uninstall()
        record = await spoken.record()
        assert (record.status, record.output, record.log) == (Status.COMPLETED, "said", f"{ESCAPED}\n")
        record = await raised.record()
        assert record.status == Status.FAILED
        assert (record.error or "").startswith(f"ValueError('{ESCAPED}')\n")
        record = await returned.record()
        assert record.status == Status.FAILED, "a result is not to be changed"
        assert "refused to store what it left" in (record.error or "")
        assert await fine.result() == "fine"
