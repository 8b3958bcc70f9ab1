"""Level 1: workers that are killed or paused, really, and what becomes of their tasks within seconds."""

from __future__ import annotations

import signal
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

from asyncqueue import Queue, Settings, Status
from asyncqueue.worker import rescuing
from asyncqueue.worker.ledger import Ledger
from asyncqueue.worker.rescuing import Rescuer
from asyncqueue.worker.strays import Strays
from tests.conformance.test_buckets import LEVEL_0, MIGRATED
from tests.servers.cases import cases, migrated, shaped
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, ended, lines, until
from tests.worker.test_fleet import LEASE

#: The lease, a quarter of it until somebody looks, and what a busy machine takes.
SOON = 15.0


def _slow(witness, key, seconds):
    return {"witness": str(witness), "key": key, "seconds": seconds}


@MIGRATED
async def test_a_task_of_a_killed_worker_runs_again_within_seconds(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 2))
    with (
        WorkerProcess(database.url, tmp_path, *LEASE) as killed,
        WorkerProcess(database.url, tmp_path, *LEASE) as other,
    ):
        await until(lambda: lines(witness) == ["start a"], what="the start")
        [running] = [state for state in await queue.backend.workers() if state.running]
        victim, rescuer = (killed, other) if running.info.pid == killed.pid else (other, killed)
        victim.signal(signal.SIGKILL)
        await victim.wait()
        began = time.monotonic()
        await until(lambda: len(lines(witness)) >= 2, what="the second start")
        assert time.monotonic() - began < SOON
        assert await handle.result(timeout=30) == "a"
        assert lines(witness) == ["start a", "start a", "end a"]
        lost, completed = await queue.backend.attempts(handle.id)
        assert (lost.outcome, lost.worker) == ("lost", running.info.name)
        assert (completed.outcome, completed.error) == ("completed", None), "what follows is kept, too"
        listed = {state.info.pid: state.lost for state in await queue.backend.workers()}
        assert listed == {victim.pid: True, rescuer.pid: False}
        rescuer.signal(signal.SIGTERM)
        await rescuer.wait()
    assert [state.info.pid for state in await queue.backend.workers()] == [victim.pid], "who ends leaves the list"


@MIGRATED
async def test_a_plain_function_fails_as_django_has_it(queue, database, tmp_path):
    witness = tmp_path / "witness"
    options = (*LEASE, "--allow", "tests.worker.sample_tasks.*")
    handle = await queue.enqueue("tests.worker.sample_tasks.plain_slow", _slow(witness, "a", 60))
    with WorkerProcess(database.url, tmp_path, *options) as killed:
        await until(lambda: lines(witness) == ["start a"], what="the start")
        killed.signal(signal.SIGKILL)
        await killed.wait()
    with WorkerProcess(database.url, tmp_path, *options):
        await until(lambda: ended(queue), what="the rescue")
    record = await handle.record()
    assert record.status == Status.FAILED
    assert "did not renew the claim for 3 seconds" in (record.error or "")
    assert lines(witness) == ["start a"]


@cases("database", migrated(["postgresql", "sqlite"]))
async def test_a_task_that_ends_every_worker_is_given_up(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.kill_the_worker, {"witness": str(witness)})
    for number in range(1, 4):
        with WorkerProcess(database.url, tmp_path, *LEASE) as worker:
            await worker.wait()
            assert len(lines(witness)) == number
    with WorkerProcess(database.url, tmp_path, *LEASE) as worker:
        await until(lambda: ended(queue), what="the last rescue")
        assert worker.alive
    record = await handle.record()
    assert record.status == Status.FAILED
    assert "3 workers were lost with it" in (record.error or "")
    assert len(lines(witness)) == 3
    assert [attempt.outcome for attempt in await queue.backend.attempts(handle.id)] == ["lost"] * 3


@MIGRATED
async def test_a_paused_worker_that_wakes_up_is_fenced(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 2))
    with WorkerProcess(database.url, tmp_path, *LEASE) as paused:
        await until(lambda: lines(witness) == ["start a"], what="the start")
        await paused.pause(database)
        with WorkerProcess(database.url, tmp_path, *LEASE):
            await until(lambda: ended(queue), what="the second run")
        before = await handle.record()
        paused.signal(signal.SIGCONT)
        await until(lambda: len(lines(witness)) == 4, what="the end of the first run")
        paused.signal(signal.SIGTERM)
        await paused.wait()
    assert before.status == Status.COMPLETED
    assert await handle.record() == before
    assert lines(witness)[:3] == ["start a", "start a", "end a"]


@MIGRATED
async def test_a_task_of_another_service_is_left_to_it(queue, database, tmp_path):
    """A worker that cannot import a function does not know what becomes of its lost tasks."""
    witness, library = tmp_path / "witness", tmp_path / "library"
    library.mkdir()
    (library / "of_one_service.py").write_text("from tests.worker.sample_tasks import slow\n")
    handle = await queue.enqueue("of_one_service.slow", _slow(witness, "a", 2), queue="theirs")

    def theirs() -> WorkerProcess:
        return WorkerProcess(database.url, tmp_path, *LEASE, "--queue", "theirs", PYTHONPATH=str(library))

    with WorkerProcess(database.url, tmp_path, *LEASE, "--queue", "ours") as ours:
        with theirs() as killed:
            await until(lambda: lines(witness) == ["start a"], what="the start")
            killed.signal(signal.SIGKILL)
            await killed.wait()
        await ours.wait_for_log("of_one_service.slow cannot run here")
        assert (await handle.record()).status == Status.RUNNING
        with theirs():
            assert await handle.result(timeout=60) == "a"
    assert lines(witness) == ["start a", "start a", "end a"]


def _rescuer(queue, leases: Any, **known: bool) -> Rescuer:
    async def declared(path: str) -> bool | None:
        return known.get(path.partition(".")[2])

    heartbeat: Any = SimpleNamespace(can_rescue=True)
    ledger = Ledger(queue.backend, leases)
    return Rescuer(
        *(queue.backend, heartbeat, leases),
        ledger=ledger,
        strays=Strays(queue.backend, "me", ledger, leases),
        on_lost="fail",
        max_losses=3,
        declared=declared,
        on_rescued=lambda task, failed: None,
    )


@MIGRATED
async def test_what_is_not_known_here_waits_for_both_leases_and_is_in_nobodys_way(queue, monkeypatch):
    monkeypatch.setattr(rescuing, "_LIMIT", 3)
    unknown = [await queue.enqueue(f"app.{name}", {}) for name in ("far", "far", "far", "away")]
    known = [await queue.enqueue("app.known", {}) for _ in range(2)]
    assert len(await queue.backend.claim(10, worker_pid=None)) == 6
    leases = SimpleNamespace(own=-1.0, foreign=3600.0)
    rescuer = _rescuer(queue, leases, known=True)
    looks = 0
    while await rescuer._look():
        looks += 1
        assert looks < 10, "it never ends"
    assert [(await handle.record()).status for handle in known] == [Status.QUEUED] * 2
    assert [(await handle.record()).status for handle in unknown] == [Status.RUNNING] * 4
    assert not await rescuer._look(), "no second look at what is left to others"
    leases.own, leases.foreign = 3600.0, -1.0
    assert not await rescuer._look()
    assert (await unknown[0].record()).status == Status.RUNNING
    leases.own = -1.0
    while await rescuer._look():
        pass
    assert [(await handle.record()).status for handle in unknown] == [Status.FAILED] * 4


@MIGRATED
async def test_a_rescuer_that_is_not_well_any_more_writes_nothing(queue):
    """A beat has become late since it looked: the others may not have had the time to renew."""
    handle = await queue.enqueue("app.known", {})
    assert len(await queue.backend.claim(1, worker_pid=None)) == 1
    rescuer: Any = _rescuer(queue, SimpleNamespace(own=-1.0, foreign=None), known=True)
    heartbeat: Any = rescuer._heartbeat
    heartbeat.can_rescue = False
    await rescuer._look()
    assert await handle.status() == Status.RUNNING
    heartbeat.can_rescue = True
    await rescuer._look()
    assert await handle.status() == Status.QUEUED


@MIGRATED
async def test_a_rescuer_takes_nothing_that_it_holds_itself(queue):
    """Also where nobody has heard of its beats for longer than its lease, as after a lock on the list of workers."""
    handles = await queue.enqueue_many([("app.known", {})] * 2)
    claims = await queue.backend.claim(2, worker_pid=None)
    rescuer = _rescuer(queue, SimpleNamespace(own=-1.0, foreign=None), known=True)
    rescuer._ledger.add(next(claim for claim in claims if claim.id == handles[0].id), time.monotonic())
    await rescuer._look()
    assert [await handle.status() for handle in handles] == [Status.RUNNING, Status.QUEUED]


@MIGRATED
async def test_the_line_about_a_lost_task_has_its_fields(queue, caplog):
    handle = await queue.enqueue("app.known", {}, queue="mail")
    assert len(await queue.backend.claim(1, worker_pid=None)) == 1
    await _rescuer(queue, SimpleNamespace(own=-1.0, foreign=None), known=True)._look()
    [line] = [record for record in caplog.records if "was lost by its worker" in record.getMessage()]
    assert (line.task_id, line.task, line.attempt, line.queue) == (str(handle.id), "app.known", 1, "mail")


@LEVEL_0
async def test_a_rescuer_takes_nothing_that_it_holds_itself_where_the_lease_alone_decides(queue):
    handles = await queue.enqueue_many([("app.known", {})] * 2)
    claims = await queue.backend.claim(2, worker_pid=None)
    rescuer = _rescuer(queue, SimpleNamespace(own=-1.0, foreign=None), known=True)
    rescuer._ledger.add(next(claim for claim in claims if claim.id == handles[0].id), time.monotonic())
    await rescuer._look()
    assert [await handle.status() for handle in handles] == [Status.RUNNING, Status.FAILED]


@MIGRATED
async def test_a_worker_releases_nothing_that_it_holds(queue):
    """Also where it could not renew it for a lease."""
    handles = await queue.enqueue_many([("app.known", {})] * 2)
    claims = await queue.backend.claim(2, worker_pid=None, worker="me")
    leases: Any = SimpleNamespace(own=-1.0, foreign=None)
    ledger = Ledger(queue.backend, leases)
    ledger.add(next(claim for claim in claims if claim.id == handles[0].id), time.monotonic())
    await Strays(queue.backend, "me", ledger, leases).look()
    assert [await handle.status() for handle in handles] == [Status.RUNNING, Status.QUEUED]


@MIGRATED
async def test_what_would_fail_for_good_has_three_leases(queue):
    """Its worker may only have been blocked for a while, and then has the result, or has not begun it."""
    handle = await queue.enqueue("app.plain", {})
    assert len(await queue.backend.claim(1, worker_pid=None)) == 1
    leases = SimpleNamespace(own=0.2, foreign=None)
    rescuer = _rescuer(queue, leases, plain=False)
    await until(lambda: queue.backend.overdue(lease=0.2, foreign_lease=None), what="the end of the lease")
    [lost] = await queue.backend.overdue(lease=0.2, foreign_lease=None)
    leases.own = lost.silent - 0.01
    await rescuer._look()
    assert (await handle.record()).status == Status.RUNNING
    leases.own = 0.05
    await rescuer._look()
    assert (await handle.record()).status == Status.FAILED


@cases("database", [*shaped(shapes=[10]), *migrated()])
async def test_a_rescuer_takes_nothing_that_its_own_worker_holds(queue):
    """Not even where its renewals have failed for longer than a lease, and no beat of its own is seen."""
    handle = await queue.enqueue("app.known", {})
    [claim] = await queue.backend.claim(1, worker_pid=None)
    rescuer = _rescuer(queue, SimpleNamespace(own=-1.0, foreign=-1.0), known=True)
    held = rescuer._ledger.add(claim, 0.0)
    assert not await rescuer._look()
    assert (await handle.record()).status == Status.RUNNING
    rescuer._ledger.remove(held)
    await rescuer._look()
    assert (await handle.record()).status != Status.RUNNING


@MIGRATED
async def test_a_rescuer_that_is_not_well_any_more_when_it_comes_to_write_takes_nothing(queue):
    """It has found what was lost, has looked functions up, and meanwhile one of its own heartbeats is late."""
    handle = await queue.enqueue("app.known", {})
    assert len(await queue.backend.claim(1, worker_pid=None)) == 1
    rescuer = _rescuer(queue, SimpleNamespace(own=-1.0, foreign=None), known=True)
    declared = rescuer._declared
    heartbeat: Any = rescuer._heartbeat

    async def slowly(path: str) -> bool | None:
        heartbeat.can_rescue = False
        return await declared(path)

    rescuer._declared = slowly
    await rescuer._look()
    assert (await handle.record()).status == Status.RUNNING
    heartbeat.can_rescue, rescuer._declared = True, declared
    await rescuer._look()
    assert (await handle.record()).status == Status.QUEUED


@MIGRATED
async def test_what_a_blocked_worker_holds_is_not_failed_while_it_may_go_on(queue, database, tmp_path):
    """None of these functions may run twice. One runs in a thread meanwhile, three have not begun."""
    witness, module = tmp_path / "witness", "tests.worker.sample_tasks"
    options = ("--lease", "4", "--heartbeat", "0.5", "--timeout", "60", "--allow", f"{module}.*")
    running = await queue.enqueue(f"{module}.plain_threaded", _slow(witness, "running", 1))
    blocking = {"witness": str(witness), "after": "running", "seconds": 7}
    blocked = await queue.enqueue(f"{module}.plain_blocking", blocking)
    ahead = [await queue.enqueue(f"{module}.plain_threaded", _slow(witness, f"ahead {n}", 0)) for n in range(3)]
    with WorkerProcess(database.url, tmp_path, *options, "--queue", "elsewhere"):
        await until(lambda: _listed(queue, 1), what="who might rescue them")
        with WorkerProcess(database.url, tmp_path, *options, "--concurrency", "2", "--prefetch", "3") as worker:
            await until(lambda: "start blocking" in lines(witness), what="the blockage")
            assert await queue.count(status=Status.RUNNING) == 5
            for handle in (running, blocked, *ahead):
                assert await handle.result(timeout=60) in ("running", "done", "ahead 0", "ahead 1", "ahead 2")
            assert worker.alive
    assert Counter(line.split()[0] for line in lines(witness)) == {"start": 5, "end": 5}
    assert [await queue.backend.attempts(handle.id) for handle in (running, blocked, *ahead)] == [[]] * 5


async def _listed(queue, number: int) -> bool:
    return len(await queue.backend.workers()) == number


@MIGRATED
async def test_losses_begin_anew_where_django_has_queued_a_task_again(queue, database):
    handle = await queue.enqueue("app.known", {})
    rescuer = _rescuer(queue, SimpleNamespace(own=-1.0, foreign=None), known=True)

    async def lose() -> Any:
        assert len(await queue.backend.claim(1, worker_pid=None)) == 1
        await rescuer._look()
        return (await handle.record()).status

    for _ in range(2):
        assert [await lose() for _ in range(3)] == [Status.QUEUED, Status.QUEUED, Status.FAILED]
        assert "3 workers were lost with it" in ((await handle.record()).error or "")
        database.django.save_status(str(handle.id), Status.QUEUED)


@cases("database", migrated(["postgresql"]))
async def test_a_cancelled_task_is_stopped_at_once_where_it_can_be_heard(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, _slow(witness, "a", 60))
    with WorkerProcess(database.url, tmp_path, "--heartbeat", "30"):
        await until(lambda: lines(witness) == ["start a"], what="the start")
        began = time.monotonic()
        assert await handle.cancel()
        await until(lambda: lines(witness) == ["start a", "stopped a"], what="its end")
        assert time.monotonic() - began < 10, "long before the next heartbeat"


@cases("fresh_database", shaped(["postgresql", "sqlite"], [10]))
async def test_an_idle_worker_sees_that_its_table_was_migrated(fresh_database, tmp_path):
    async with Queue(settings=Settings(database_url=fresh_database.url)) as queue:
        with WorkerProcess(fresh_database.url, tmp_path, *LEASE) as worker:
            await worker.wait_for_log("worker")
            await queue.migrate()

            async def listed() -> bool:
                return [state.info.pid for state in await queue.workers()] == [worker.pid]

            await until(listed, 20, "a worker of level 1")
            handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2}, priority=5)
            assert await handle.result(timeout=20) == 3
