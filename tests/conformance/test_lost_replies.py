"""Statements that took effect and whose reply was lost: G4."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from asyncqueue import Settings
from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import OutcomeUnknown
from asyncqueue.model import Claimant, NewTask, Status, Unique
from asyncqueue.running.runner import RunResult
from asyncqueue.worker.finishing import Finisher
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.ledger import Ledger
from asyncqueue.worker.signal import Signal
from asyncqueue.worker.unfound import Unfound
from tests.conformance.helpers import chunk, claimed, done, log_chunk, new, queued, release, row
from tests.conformance.proxied import hang_up_on, proxied
from tests.servers.cases import SERVER_DIALECTS, cases, migrated, shaped

INNODB = ("mysql", "mariadb")
ON_SERVERS = cases("database", shaped(SERVER_DIALECTS, [10]))
KNOWN_BEFORE_THE_COMMIT = cases("database", [*shaped(INNODB, [10]), *migrated(INNODB)])
QUEUED = TaskFilter(statuses=[Status.QUEUED])
RUNNING = TaskFilter(statuses=[Status.RUNNING])
#: What only the question holds which ends stand in the table.
QUESTION = {
    "postgresql": b"IS NOT DISTINCT FROM d.output",
    **dict.fromkeys(INNODB, b"CAST(CONVERT(t.output"),
}


@ON_SERVERS
async def test_a_finish_whose_reply_was_lost_is_repeated_safely(database, backend):
    """G4. The repetition finds its own work done and knows it, and knows what somebody else has changed since."""
    *claims, earlier = await claimed(backend, 4)
    async with proxied(database) as (proxy, cut):
        assert await cut.finish([done(earlier)]) == {earlier.id}  # so that what is lost is not the reply to a PREPARE
        await hang_up_on(proxy, lambda: cut.finish([done(claim) for claim in claims]))
        assert {(await row(backend, claim.id)).status for claim in claims} == {Status.COMPLETED}
        await backend.requeue([claims[2].id])
        assert await cut.finish([done(claim) for claim in claims]) == {claims[0].id, claims[1].id}
    assert (await row(backend, claims[2].id)).status == Status.QUEUED


@ON_SERVERS
async def test_an_enqueue_whose_reply_was_lost_inserts_once(database, backend):
    rows = new(3)
    async with proxied(database) as (proxy, cut):
        await hang_up_on(proxy, lambda: cut.enqueue(rows))
        assert await backend.count(QUEUED) == 3
        await cut.enqueue(rows)
    assert await backend.count(QUEUED) == 3


@cases("database", migrated(SERVER_DIALECTS))
@pytest.mark.parametrize("held", [False, True], ids=["free", "held"])
@pytest.mark.parametrize("lost", [b"COMMIT", b"asyncqueue_keys"], ids=["commit", "statement"])
async def test_a_unique_key_whose_reply_was_lost_is_given_once(database, backend, lost, held):
    first, second, third = (NewTask(uuid.uuid4(), "app.task", "{}", unique=Unique("key")) for _ in range(3))
    async with proxied(database) as (proxy, cut):
        if held:
            await backend.enqueue_unique([first])
        tasks = [second, *new(1)]
        proxy.deaf_after = lost
        ids = await cut.enqueue_unique(tasks)
        assert proxy.swallowed == 1, "the reply was not lost: the test shows nothing"
    assert ids == [first.id if held else second.id, tasks[1].id]
    assert await backend.enqueue_unique([third]) == ids[:1]
    assert await backend.count(QUEUED) == 2


@ON_SERVERS
async def test_streamed_text_and_releases_whose_reply_was_lost_are_repeated_safely(database, backend):
    streaming, released, earlier = await claimed(backend, 3)
    async with proxied(database) as (proxy, cut):
        await cut.append_output([chunk(streaming, 0, "just ")])
        await hang_up_on(proxy, lambda: cut.append_output([chunk(streaming, 5, "once")]))
        assert (await row(backend, streaming.id)).output == "just once"
        assert await cut.append_output([chunk(streaming, 5, "once")]) == {streaming.id}
        await cut.release([release(earlier)])
        await backend.cancel([earlier.id])
        await hang_up_on(proxy, lambda: cut.release([release(released)]))
        assert (await row(backend, released.id)).status == Status.QUEUED
        await cut.release([release(released)])
    assert (await row(backend, streaming.id)).output == "just once"
    record = await row(backend, released.id)
    assert record.status == Status.QUEUED
    assert [claim.queued_at for claim in await backend.claim(5, worker_pid=None)] == [released.queued_at]


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_a_log_whose_reply_was_lost_is_repeated_safely(database, backend):
    running, cancelled = await claimed(backend, 2)
    in_one_statement = database.dialect == "postgresql"
    async with proxied(database) as (proxy, cut):
        await cut.append_log([log_chunk(running, 0, "just ")])
        proxy.deaf_after = b"once" if in_one_statement else b"COMMIT"
        assert await cut.append_log([log_chunk(running, 5, "once")]) == {running.id}
        assert proxy.swallowed == 1, "the reply was not lost: the test shows nothing"
        await backend.cancel([cancelled.id])
        _, modified = (await backend.observe([cancelled.id])).rows[cancelled.id]
        proxy.deaf_after = b"the last" if in_one_statement else b"COMMIT"
        await cut.append_log([log_chunk(cancelled, 0, "the last", modified)])
        assert proxy.swallowed == 2
    assert [(await row(backend, each.id)).log for each in (running, cancelled)] == ["just once", "the last"]


@cases("database", shaped(["postgresql"], [10]))
async def test_a_claim_whose_reply_was_lost_expires_with_its_lease(database, backend):
    """G4, on an unmigrated table: the row is in progress, nobody runs it, and no second claim can have it meanwhile."""
    [task_id] = await queued(backend)
    async with proxied(database) as (proxy, cut):
        await hang_up_on(proxy, lambda: cut.claim(1, worker_pid=None))
    assert (await row(backend, task_id)).status == Status.RUNNING
    assert await backend.claim(1, worker_pid=None) == []
    await asyncio.sleep(0.2)
    assert [lost.id for lost in await backend.rescue(lease=0.1, error=None)] == [task_id]
    assert [claim.id for claim in await backend.claim(1, worker_pid=None)] == [task_id]


@KNOWN_BEFORE_THE_COMMIT
async def test_a_claim_whose_reply_was_lost_is_found_again(database, backend):
    """G4. There the rows and the token are known before the COMMIT, so the same call recovers them."""
    ids = await queued(backend, 3)
    async with proxied(database) as (proxy, cut):
        commit = asyncio.create_task(cut.claim(2, worker_pid=None))
        proxy.deaf_after = b"COMMIT"
        claims = await commit
        assert proxy.swallowed, "the reply was not lost: the test shows nothing"
        assert [claim.id for claim in claims] == ids[:2]
        assert await cut.finish([done(claim) for claim in claims]) == set(ids[:2])
    assert [claim.id for claim in await backend.claim(5, worker_pid=None)] == ids[2:]


@ON_SERVERS
async def test_an_exchange_whose_reply_was_lost_has_written_its_ends(database, backend):
    """G4. The ends are known by the repetition; what it had claimed is found again, or expires with its lease."""
    *claims, earlier = await claimed(backend, 3)
    waiting = await queued(backend, 4)
    async with proxied(database) as (proxy, cut):
        written, first = await cut.exchange([done(earlier)], 1, worker_pid=None)
        assert (written, [claim.id for claim in first]) == ({earlier.id}, waiting[:1])
        await hang_up_on(proxy, lambda: cut.exchange([done(claim) for claim in claims], 1, worker_pid=None))
        written, second = await cut.exchange([done(claim) for claim in claims], 1, worker_pid=None)
        assert written == {claim.id for claim in claims}
    third = await backend.claim(5, worker_pid=None)
    handed_out = [claim.id for claim in (*first, *second, *third)]
    assert len(set(handed_out)) == len(handed_out)
    lost = set(waiting) - set(handed_out)
    await asyncio.sleep(0.2)
    rescued = {task.id for task in await backend.rescue(lease=0.1, error=None)}
    assert lost <= rescued


@KNOWN_BEFORE_THE_COMMIT
async def test_an_exchange_whose_reply_was_lost_is_found_again(database, backend):
    [claim] = await claimed(backend)
    waiting = await queued(backend, 3)
    async with proxied(database) as (proxy, cut):
        commit = asyncio.create_task(cut.exchange([done(claim)], 2, worker_pid=None))
        proxy.deaf_after = b"COMMIT"
        written, claims = await commit
        assert proxy.swallowed, "the reply was not lost: the test shows nothing"
    assert written == {claim.id}
    assert [claim.id for claim in claims] == waiting[:2]
    assert [claim.id for claim in await backend.claim(5, worker_pid=None)] == waiting[2:]


@cases("database", migrated(INNODB))
async def test_a_promotion_whose_reply_was_lost_is_repeated_safely(database, backend):
    ids = [one.id for one in new(3)]
    await backend.enqueue([NewTask(key, "app.task", "{}", delay=0.3) for key in ids])
    await asyncio.sleep(0.4)
    async with proxied(database) as (proxy, cut):
        claim = asyncio.create_task(cut.claim(5, worker_pid=None))
        proxy.deaf_after = b"COMMIT"
        claims = await claim
        assert proxy.swallowed, "the reply was not lost: the test shows nothing"
    assert sorted(claim.id for claim in claims) == sorted(ids)


def _executed(database, key: uuid.UUID) -> bytes:
    """What the request holds by which a steering verb takes effect."""
    return key.bytes if database.dialect == "postgresql" else b"COMMIT"


@ON_SERVERS
async def test_a_requeue_whose_reply_was_lost_is_not_repeated(database, backend):
    """G4. What it has queued may have run since; whoever asked is told that nobody knows."""
    [claim, other] = await claimed(backend, 2)
    assert await backend.finish([done(claim)]) == {claim.id}
    async with proxied(database) as (proxy, cut):
        assert await cut.requeue([uuid.uuid4()]) == set()  # so that what is lost is not the reply to a PREPARE
        proxy.deaf_after = _executed(database, claim.id)
        with pytest.raises(OutcomeUnknown, match="it is not known whether these tasks were queued again"):
            await cut.requeue([claim.id])
        assert proxy.swallowed == 1, "the reply was not lost: the test shows nothing"
        [again] = await backend.claim(5, worker_pid=None)
        assert again.id == claim.id
        proxy.cut()
        assert await cut.requeue([other.id]) == set(), "a connection that died before is none that may have done it"


@ON_SERVERS
async def test_a_cancellation_whose_reply_was_lost_is_repeated_and_knows_its_work(database, backend):
    [claim] = await claimed(backend)
    [waiting] = await queued(backend)
    async with proxied(database) as (proxy, cut):
        proxy.deaf_after = _executed(database, waiting)
        assert await cut.cancel([waiting, claim.id]) == {waiting, claim.id}
        assert proxy.swallowed == 1, "the reply was not lost: the test shows nothing"
        assert await cut.cancel([waiting, claim.id]) == set(), "without a doubt nothing is counted twice"
    assert {(await row(backend, key)).status for key in (waiting, claim.id)} == {Status.CANCELLED}


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_what_was_claimed_reaches_the_caller_though_the_question_about_ends_failed(database, backend):
    """Else those rows would be in nobody's hands until their lease ends, and fail where that is the end of a task."""
    mine, taken, *_ = await claimed(backend, 3)
    await backend.cancel([taken.id])
    waiting = await queued(backend, 2)
    async with proxied(database) as (proxy, cut):
        await cut.finish([done(claim) for claim in await cut.claim(0, worker_pid=None)])
        proxy.refusing = True
        proxy.deaf_after = QUESTION[database.dialect]
        written, claims = await cut.exchange([done(mine), done(taken)], 2, worker_pid=None)
        assert proxy.swallowed == 1, "the reply was not lost: the test shows nothing"
        assert written is None, "nobody knows yet"
        assert [claim.id for claim in claims] == waiting
        proxy.refusing = False
        assert await cut.finish([done(mine), done(taken)]) == {mine.id}, "and this tells it"
        assert await cut.finish([done(claim) for claim in claims]) == set(waiting)


@cases("database", migrated(["postgresql"]))
async def test_ends_of_which_it_is_not_known_whether_they_were_written_are_written_again(database, backend):
    """What was claimed with them begins at once, and no end is lost or counted twice."""
    mine, taken, gone = await claimed(backend, 3)
    await backend.cancel([taken.id])
    waiting = await queued(backend, 2)
    written: list[uuid.UUID] = []
    lost: list[uuid.UUID] = []
    async with proxied(database) as (proxy, cut):
        ledger = Ledger(cut, Leases(Settings(), cut))
        finisher = Finisher(
            cut,
            ledger,
            Signal(),
            unfound=Unfound(
                cut, patience=0, found_any=lambda: True, looking=lambda: False, pause=lambda seconds, ends_burst: None
            ),
            on_written=lambda held: written.append(held.id),
            on_lost=lambda held: lost.append(held.id),
            on_left=lambda held: lost.append(held.id),
        )
        for claim in mine, taken, gone:
            held = ledger.add(claim, 0.0)
            held.result = None if claim is gone else RunResult(Status.COMPLETED, output="done")
            finisher.put(held)
        proxy.refusing = True
        proxy.deaf_after = QUESTION[database.dialect]
        batch = finisher.gather()
        claims = await finisher.write(batch, claim=3, claimant=Claimant())
        assert [claim.id for claim in claims or ()] == [gone.id, *waiting]
        assert (written, lost, [held.id for held in batch]) == ([gone.id], [], [mine.id, taken.id])
        finisher.take_back(batch)
        proxy.refusing = False
        assert await finisher.write(finisher.gather(), claim=0, claimant=Claimant()) is None
    assert (written, lost, finisher.unwritten) == ([gone.id, mine.id], [taken.id], 0)


@cases("database", [*shaped(SERVER_DIALECTS, [10]), *migrated(SERVER_DIALECTS)])
async def test_what_was_claimed_reaches_the_caller_though_asking_for_more_failed(database, backend, monkeypatch):
    """A claim that came back short asks again, for what lies before its claim cursor or in other buckets."""
    async with proxied(database) as (proxy, cut):
        running, lost = 0, False
        run = cut._engine.run

        async def losing(work, **how):
            nonlocal lost
            if await backend.count(RUNNING) > running:
                lost = proxy.refusing = True
                proxy.cut()
            return await run(work, **how)

        for _ in range(20):  # once a second a claim looks at everything at once
            first, second = await queued(backend, 2)
            assert [claim.id for claim in await cut.claim(1, worker_pid=None)] == [first]
            running = await backend.count(RUNNING)
            with monkeypatch.context() as patched:
                patched.setattr(cut._engine, "run", losing)
                claims = await cut.claim(5, worker_pid=None)
            assert [claim.id for claim in claims] == [second]
            if lost:
                return
    raise AssertionError("no claim asked again: the test shows nothing")
