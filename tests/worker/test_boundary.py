"""G8 and G12: what tasks raise, or ignore, is theirs alone, wherever their code is called."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from asyncqueue import AllowRule, Application, Settings, Status, Worker
from asyncqueue.errors import TaskFailed
from asyncqueue.model import NewTask
from tests.servers.cases import DIALECTS, Case, cases, migrated, shaped
from tests.worker import misbehaving_tasks, sample_tasks
from tests.worker.process import WorkerProcess, lines, until

HERE = "tests.worker.misbehaving_tasks"
EVERYWHERE = cases("database", shaped(DIALECTS, [10]))


@asynccontextmanager
async def working(queue, **settings):
    application = Application(allow=AllowRule(patterns=[f"{HERE}.laz*"]))
    worker = Worker(queue, settings=queue.settings.model_copy(update=settings), application=application)
    async with anyio.create_task_group() as group:
        group.start_soon(worker.run)
        try:
            yield worker
        finally:
            worker.stop()
            worker.stop()


@pytest.fixture
def impatient(monkeypatch):
    """The second cancellation comes soon, and the end soon after."""
    monkeypatch.setattr("asyncqueue.running.run._AGAIN", 0.2)
    monkeypatch.setattr("asyncqueue.running.run._LAST", 0.2)


async def _begun(witness: Path, *what: str) -> None:
    await until(lambda: set(what) <= set(lines(witness)), what=f"the start of {what}")


# -- rows


@cases("database", migrated())
async def test_a_lost_row_whose_look_up_raises_ends_no_rescuer_and_is_failed_at_last(queue, monkeypatch, caplog):
    """Each worker that looks for lost tasks asks what their functions are declared with."""
    caplog.set_level(logging.INFO)
    bad = [await queue.enqueue(f"{HERE}.{name}") for name in ("lazy", "lazier")]
    without_schema = await queue.enqueue(misbehaving_tasks.unwieldy, {"x": 1})
    assert len(await queue.backend.claim(10, worker_pid=None)) == 3
    settings = {"lease": 0.6, "heartbeat": 0.1}
    for _ in range(5):
        caplog.clear()
        async with working(queue, **settings) as worker:
            await until(lambda: caplog.text.count("cannot run here") == 2, what="the questions of a rescuer")
            assert await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=20) == 2
    await until(partial(_is, without_schema, Status.FAILED), what="the end of what can be looked up")
    assert "KeyError('no schema')" in ((await without_schema.record()).error or "")
    monkeypatch.setattr(Settings, "foreign_lease", property(lambda _: 0.6))
    async with working(queue, **settings) as worker:
        await until(partial(_counts, queue, Status.FAILED, 3), what="the end of what no worker can look up")
        assert worker.progress.rescued == 2
    assert ["did not renew the claim" in ((await handle.record()).error or "") for handle in bad] == [True] * 2


@cases("database", migrated(["postgresql", "sqlite"]))
async def test_an_import_that_ends_the_process_ends_no_more_workers_than_max_losses_says(queue, database, tmp_path):
    """The worker that claims it dies of it. One that looks for lost tasks must not: it could not count the loss."""
    (tmp_path / "ends_its_importer.py").write_text("import os\nos._exit(3)\n")
    often = ("--lease", "1.2", "--heartbeat", "0.3", "--max-losses", "2")
    handle = await queue.enqueue("ends_its_importer.f")
    assert len(await queue.backend.claim(1, worker_pid=None)) == 1
    with WorkerProcess(database.url, tmp_path, *often, PYTHONPATH=str(tmp_path)) as worker:
        assert await worker.wait() == 3, "it has rescued and claimed the task"
    with WorkerProcess(database.url, tmp_path, *often, PYTHONPATH=str(tmp_path)) as worker:
        await until(partial(_is, handle, Status.FAILED), what="the last rescue")
        assert await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=20) == 2
        assert "the import of ends_its_importer crashes" in worker.text()
    assert "2 workers were lost with it" in ((await handle.record()).error or "")


def _module_that_ends_its_importer(folder):
    """Returns where it writes a line for each of its imports."""
    imports = folder / "imports"
    (folder / "ends_its_importer.py").write_text(
        f"import os\nwith open({str(imports)!r}, 'a') as file:\n    file.write('import\\n')\nos._exit(3)\n"
    )
    return imports


@cases("database", shaped())
async def test_without_counted_losses_an_import_that_ends_the_process_ends_one_worker(queue, database, tmp_path):
    """Its row fails when the lease has ended, and the worker that rescues it looks nothing up."""
    imports = _module_that_ends_its_importer(tmp_path)
    often = ("--lease", "1.2", "--heartbeat", "0.3")
    handle = await queue.enqueue("ends_its_importer.f")
    with WorkerProcess(database.url, tmp_path, *often, PYTHONPATH=str(tmp_path)) as worker:
        assert await worker.wait() == 3
    with WorkerProcess(database.url, tmp_path, *often, PYTHONPATH=str(tmp_path)) as worker:
        await until(partial(_is, handle, Status.FAILED), what="the rescue")
        assert await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=20) == 2
        assert worker.alive
    assert lines(imports) == ["import"]


@cases("database", shaped())
async def test_without_counted_losses_what_runs_again_is_imported_in_another_process_first(queue, database, tmp_path):
    """With --on-lost requeue one worker after the other would end by it."""
    imports = _module_that_ends_its_importer(tmp_path)
    often = ("--lease", "1.2", "--heartbeat", "0.3", "--on-lost", "requeue")
    handles = await queue.enqueue_many([("ends_its_importer.f", {})] * 5)
    assert len(await queue.backend.claim(5, worker_pid=None)) == 5
    with WorkerProcess(database.url, tmp_path, *often, PYTHONPATH=str(tmp_path)) as worker:
        assert await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=20) == 2
        for handle in handles:
            with pytest.raises(TaskFailed, match="the import of ends_its_importer crashes, or ends it"):
                await handle.result(timeout=30)
        assert worker.alive
    assert lines(imports) == ["import"], "once for all that wait for it"


@cases("database", migrated())
async def test_a_limit_key_that_exits_fails_its_row_alone(queue):
    await queue.backend.enqueue([NewTask(uuid.uuid4(), f"{HERE}.without_key", "{}")])
    async with working(queue):
        assert await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=20) == 2
        await until(partial(_counts, queue, Status.FAILED, 1), what="the failure")
    [record] = await queue.list(status=Status.FAILED)
    assert "no limit_key for these arguments: SystemExit(3)" in (record.error or "")


# -- interruptions


@cases("database", [*shaped(DIALECTS, [10]), *migrated()])
async def test_an_interrupted_task_is_queued_again_whatever_it_raises(queue, tmp_path):
    """Drivers, task groups and clean-ups make other exceptions of the CancelledError that a task is sent."""
    witness = tmp_path / "witness"
    level_1 = queue.backend.shape.migrated
    more = {"max_attempts": 2} if level_1 else {}
    handles = [await queue.enqueue(each, {"witness": str(witness)}, **more) for each in misbehaving_tasks.INTERRUPTED]
    async with working(queue, grace=0.0):
        await _begun(witness, *(f"start {each.__name__}" for each in misbehaving_tasks.INTERRUPTED))
    Path(f"{witness}.let-go").touch()
    for handle in handles:
        record = await handle.record()
        assert (record.status, record.attempt) == (Status.QUEUED, 0), record.task
        if level_1:
            assert await handle.attempts() == [], "no attempt is used up"


@cases("database", [Case("sqlite", 10)])
async def test_what_the_end_of_the_program_cancels_is_queued_again(queue, tmp_path):
    """As asyncio does when the program around a worker is torn down: it cancels every task that there is."""
    witness = tmp_path / "witness"
    handles = [await queue.enqueue(sample_tasks.slow, _slow(witness, key)) for key in "ab"]
    worker = asyncio.create_task(Worker(queue).run())
    await _begun(witness, "start a", "start b")
    for each in asyncio.all_tasks() - {asyncio.current_task()}:
        each.cancel()
    await asyncio.wait([worker])
    assert [await handle.status() for handle in handles] == [Status.QUEUED] * 2
    assert lines(witness)[2:] in (["stopped a", "stopped b"], ["stopped b", "stopped a"])


# -- tasks that ignore their cancellation


@EVERYWHERE
async def test_a_task_that_ignores_its_timeout_fails_and_frees_its_place(queue, tmp_path, impatient, caplog):
    witness = tmp_path / "witness"
    stuck = await queue.enqueue(misbehaving_tasks.stubborn_in_time, {"witness": str(witness)})
    after = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
    async with working(queue, concurrency=1) as worker:
        assert await after.result(timeout=30) == 2
        record = await stuck.record()
        assert record.status == Status.FAILED
        assert (record.error or "").startswith("Task timed out after 0.3 seconds\n\nIt ignores its cancellation")
        assert worker.progress.abandoned_runs == 1
        said = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
        assert [f"{stuck.id} ({HERE}.stubborn_in_time) ignores its cancellation" in each for each in said] == [True]
        assert lines(witness).count("ignored") >= 2, "it was cancelled twice before"
        Path(f"{witness}.let-go").touch()
        await until(lambda: worker.progress.abandoned_runs == 0, what="its late end")
        assert "abandoned earlier, has ended" in caplog.text
    assert await stuck.record() == record, "and its late result changes nothing"


@cases("database", migrated())
async def test_a_task_that_ignores_its_timeout_is_tried_again_where_attempts_are_left(queue, tmp_path, impatient):
    witness = tmp_path / "witness"
    stuck = await queue.enqueue(misbehaving_tasks.stubborn_in_time, {"witness": str(witness)}, max_attempts=2)
    async with working(queue, concurrency=1) as worker:
        await until(partial(_is, stuck, Status.SCHEDULED), what="the end of the first attempt")
        assert [each.outcome for each in await stuck.attempts()] == ["failed"]
        assert worker.progress.abandoned_runs == 1
        assert await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=30) == 2
        Path(f"{witness}.let-go").touch()
        await until(lambda: worker.progress.abandoned_runs == 0, what="its late end")
        await queue.backend.scheduled.advance(3_600_000_000)
        assert await stuck.result(timeout=30) == "too late", "the second attempt is in time"
    assert [each.outcome for each in await stuck.attempts()] == ["failed", "completed"]


@EVERYWHERE
async def test_a_task_that_ignores_that_it_was_cancelled_frees_its_place(queue, tmp_path, impatient, caplog):
    witness = tmp_path / "witness"
    stuck = await queue.enqueue(misbehaving_tasks.stubborn, {"witness": str(witness)})
    async with working(queue, concurrency=1, grace=0.0, heartbeat=0.2) as worker:
        await _begun(witness, "start")
        after = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
        assert await stuck.cancel()
        assert await after.result(timeout=30) == 2
        assert worker.progress.abandoned_runs == 1
        assert f"{stuck.id} ({HERE}.stubborn) ignores its cancellation" in caplog.text
        Path(f"{witness}.let-go").touch()
        await until(lambda: worker.progress.abandoned_runs == 0, what="its late end")
    assert await stuck.status() == Status.CANCELLED
    assert worker.progress.cancelled == 1


@cases("database", [Case("sqlite", 10), *migrated(["postgresql"])])
async def test_what_a_stubborn_generator_has_yielded_is_kept(queue, tmp_path, impatient):
    witness = tmp_path / "witness"
    stuck = await queue.enqueue(misbehaving_tasks.stubborn_generator, {"witness": str(witness)})
    async with working(queue):
        await until(partial(_is, stuck, Status.FAILED), what="the failure")
        Path(f"{witness}.let-go").touch()
    assert (await stuck.record()).output == "first "


@cases("database", [Case("sqlite", 10), *migrated(["postgresql"])])
async def test_a_timed_out_task_that_ignores_it_is_not_queued_again_at_shutdown(queue, tmp_path, monkeypatch):
    monkeypatch.setattr("asyncqueue.worker.worker._UNWIND", 0.3)
    witness = tmp_path / "witness"
    late = await queue.enqueue(misbehaving_tasks.stubborn_in_time, {"witness": str(witness)})
    other = await queue.enqueue(misbehaving_tasks.stubborn, {"witness": str(witness)})
    async with working(queue, grace=0.0) as worker:
        await until(lambda: lines(witness).count("start") == 2, what="both starts")
        await until(lambda: "ignored" in lines(witness), what="the timeout")
    assert worker.progress.abandoned_runs == 2
    assert await late.status() == Status.FAILED
    assert await other.status() == Status.QUEUED, "the worker interrupted it, and it had time left"
    Path(f"{witness}.let-go").touch()
    await until(lambda: worker.progress.abandoned_runs == 0, what="their ends")


@cases("database", [Case("sqlite", 10), *migrated(["postgresql"])])
async def test_a_task_that_swallows_its_timeout_and_returns_has_failed(queue, caplog):
    handle = await queue.enqueue(misbehaving_tasks.swallows_its_timeout)
    async with working(queue):
        await until(partial(_is, handle, Status.FAILED), what="the failure")
    record = await handle.record()
    assert record.output is None
    assert (record.error or "").startswith("Task timed out after 0.2 seconds\n\nIt went on and returned")
    assert f"{handle.id} ({HERE}.swallows_its_timeout) returned after its timeout" in caplog.text


def _slow(witness: Path, key: str) -> dict[str, object]:
    return {"witness": str(witness), "key": key, "seconds": 600}


async def _is(handle, status: Status) -> bool:
    return bool(await handle.status() == status)


async def _counts(queue, status: Status, number: int) -> bool:
    return bool(await queue.count(status=status) == number)


@EVERYWHERE
async def test_a_generator_exit_that_a_future_carries_fails_its_row_alone(queue):
    """asyncio throws it into the outermost coroutine of the run, which closes all the others."""
    handles = [await queue.enqueue(function) for function in misbehaving_tasks.closing]
    async with working(queue) as worker:
        for handle in handles:
            with pytest.raises(TaskFailed, match="GeneratorExit"):
                await handle.result(timeout=20)
        assert await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=20) == 2
    progress = worker.progress
    assert (progress.failed, progress.retried, progress.released) == (len(handles), 0, 0)
    records = [await handle.record() for handle in handles]
    assert [each.output for each in records if "a_generator" in each.task] == ["yielded", "yielded"]


@cases("database", migrated())
async def test_a_generator_exit_that_a_future_carries_counts_as_an_attempt(queue):
    handle = await queue.enqueue(misbehaving_tasks.closes_itself_again)
    async with working(queue) as worker:
        with pytest.raises(TaskFailed, match="GeneratorExit"):
            await handle.result(timeout=20)
    assert worker.progress.retried == 1


@EVERYWHERE
async def test_a_row_whose_run_ends_without_a_result_again_and_again_fails(queue, monkeypatch):
    """No run is known to do so: the worker's own part is broken here."""

    async def nothing(self, run):
        current_runs.append(run.claimed.id)

    current_runs: list[uuid.UUID] = []
    monkeypatch.setattr("asyncqueue.running.runner.Runner.run", nothing)
    handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
    async with working(queue):
        with pytest.raises(TaskFailed, match="ended without a result"):
            await handle.result(timeout=20)
    assert current_runs == [handle.id] * 3


@EVERYWHERE
async def test_a_row_that_cannot_be_begun_again_and_again_fails(queue, monkeypatch):
    """Nor is any row known that the worker cannot begin."""

    def prepare(self, claimed, open_stream):
        attempts.append(claimed.id)
        raise ZeroDivisionError

    attempts: list[uuid.UUID] = []
    monkeypatch.setattr("asyncqueue.running.runner.Runner.prepare", prepare)
    handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
    async with working(queue):
        with pytest.raises(TaskFailed, match="ended without a result"):
            await handle.result(timeout=20)
    assert attempts == [handle.id] * 3
