"""What looks like a shortage of the process and is none; and rows that cannot be begun again and again."""

from __future__ import annotations

import uuid

import pytest

from asyncqueue import Status
from asyncqueue.errors import TaskFailed, TaskNotImportable
from asyncqueue.model import NewTask
from asyncqueue.running.shortage import lacking
from tests.servers.cases import DIALECTS, cases, migrated, shaped
from tests.worker import shortage_tasks
from tests.worker.process import WorkerProcess, lines, until
from tests.worker.test_trouble import working

LEVELS = cases("database", [*shaped(DIALECTS, [10]), *migrated()])
SAID = "could not be begun and are queued again"

#: In the process of an isolated task the import fails as long as there is a file.
SHORT = """
import os, sys, time
from asyncqueue import task
from tests.worker.sample_tasks import witnessed
if os.path.exists(os.environ["LACKING"]) and sys.modules["__main__"].__spec__.name == "asyncqueue.running.child":
    raise MemoryError
@task(isolation="process")
def short(witness: str) -> str:
    witnessed(witness, "begun")
    while os.path.exists(witness):
        time.sleep(0.01)
    return "short"
"""


def _short(folder):
    (folder / "short.py").write_text(SHORT)
    return folder / "lacking", {"PYTHONPATH": str(folder), "LACKING": str(folder / "lacking")}


@LEVELS
async def test_what_a_validator_raises_is_a_failed_attempt(queue):
    """Its function has not begun, but the process lacks nothing."""
    handles = [
        await queue.enqueue(function, {"which": which}) for function in shortage_tasks.validating for which in range(4)
    ]
    async with working(queue) as worker:
        for handle in handles:
            with pytest.raises(TaskFailed):
                await handle.result(timeout=30)
    assert worker.progress.released == 0
    for record in await queue.backend.get([handle.id for handle in handles]):
        assert record.attempt == (2 if queue.backend.shape.migrated else 0)
        assert any(text in (record.error or "") for text in ("Error(", "can't start new thread"))


@cases("database", migrated())
async def test_what_a_limit_key_raises_is_the_failure_of_its_task(queue):
    key = uuid.uuid4()
    await queue.backend.enqueue([NewTask(key, f"{shortage_tasks.__name__}.without_key", "{}")])
    async with working(queue) as worker:
        with pytest.raises(TaskFailed, match="no limit_key for these arguments: MemoryError"):
            await queue.handle(key).result(timeout=30)
    assert worker.progress.released == 0


def test_an_exception_that_is_raised_from_none_hides_what_was_before():
    def import_error(*, hides: bool) -> TaskNotImportable:
        try:
            try:
                raise OSError(24, "Too many open files")
            except OSError as error:
                raise KeyError("no setting") from (None if hides else error)
        except KeyError as error:
            failure = TaskNotImportable("it cannot be imported")
            failure.__cause__ = error
            return failure

    assert lacking(import_error(hides=False)) is not None
    assert lacking(import_error(hides=True)) is None


@LEVELS
async def test_a_row_that_cannot_be_begun_keeps_no_other_from_running(queue, database, tmp_path):
    """Not even one of a lower priority, while a task of the same path runs, so that nothing is counted against it."""
    lacking, environment = _short(tmp_path)
    witnesses = [tmp_path / name for name in ("first", "second", "third")]
    urgent = {"priority": 5} if queue.backend.shape.migrated else {}
    with WorkerProcess(database.url, tmp_path, "--concurrency", "2", **environment) as worker:
        first = await queue.enqueue("short.short", {"witness": str(witnesses[0])}, **urgent)
        await until(lambda: lines(witnesses[0]) == ["begun"], what="the first one")
        lacking.touch()
        others = [await queue.enqueue("short.short", {"witness": str(witness)}, **urgent) for witness in witnesses[1:]]
        await worker.wait_for_log(SAID)
        innocent = [await queue.enqueue(shortage_tasks.innocent) for _ in range(5)]
        assert [await handle.result(timeout=60) for handle in innocent] == ["async"] * 5
        assert await first.status() == Status.RUNNING
        for record in await queue.backend.get([handle.id for handle in others]):
            assert record.status in (Status.QUEUED, Status.RUNNING)
            assert record.attempt == 0
        lacking.unlink()
        witnesses[0].unlink()
        for handle, witness in zip(others, witnesses[1:], strict=True):
            await until(witness.exists, 60, "one that could not be begun")
            witness.unlink()
            assert await handle.result(timeout=30) == "short"


@cases("database", [*shaped(["sqlite"], [10]), *migrated(["postgresql"])])
async def test_tasks_whose_processes_cannot_begin_fail_also_several_at_once(queue, database, tmp_path):
    """That one of them is being begun does not mean that another one can."""
    lacking, environment = _short(tmp_path)
    lacking.touch()
    with WorkerProcess(database.url, tmp_path, "--concurrency", "4", **environment):
        handles = [await queue.enqueue("short.short", {"witness": "never"}) for _ in range(4)]
        for handle in handles:
            with pytest.raises(TaskFailed, match=r"could not be begun, in 5 attempts"):
                await handle.result(timeout=90)
