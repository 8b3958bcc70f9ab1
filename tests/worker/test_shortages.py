"""A worker whose process lacks descriptors, threads or memory hands back what it cannot begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncqueue import Queue, Status
from asyncqueue.errors import TaskFailed
from asyncqueue.handle import TaskHandle
from asyncqueue.running.runner import Runner
from tests.servers.cases import DIALECTS, cases, migrated, shaped
from tests.worker import sample_tasks, shortage_tasks
from tests.worker.process import WorkerProcess, until
from tests.worker.test_trouble import working

LEVELS = cases("database", [*shaped(DIALECTS, [10]), *migrated()])
SAID = "could not be begun and are queued again"
AGAIN = "can begin tasks again"

NEW = """
from asyncqueue import task
@task
async def new() -> str:
    return "new"
"""
#: Its import fails in the worker, whatever there is.
GREEDY = "raise OSError(24, 'Too many open files')"
#: The import fails only in the process of an isolated task, and as long as a file is there.
SHORT = """
import os, sys
from asyncqueue import task
if os.path.exists(os.environ["LACKING"]) and sys.modules["__main__"].__spec__.name == "asyncqueue.running.child":
    {}
@task(isolation="process")
def short() -> str:
    return "short"
"""


def _module(folder: Path, name: str, source: str) -> dict[str, str]:
    (folder / f"{name}.py").write_text(source)
    return {"PYTHONPATH": str(folder)}


async def _all_untouched(queue: Queue, handles: list[TaskHandle]) -> None:
    for record in await queue.backend.get([handle.id for handle in handles]):
        assert record.status != Status.FAILED, record.error
        assert record.attempt == 0


@LEVELS
async def test_what_cannot_be_begun_without_descriptors_is_queued_again(queue, database, tmp_path):
    """A module that is not imported yet needs one, an isolated task some."""
    held = tmp_path / "held"
    with WorkerProcess(database.url, tmp_path, **_module(tmp_path, "not_yet_imported", NEW)) as worker:
        # Of the worker's own: what it imports late, and a connection for its heartbeats.
        assert await (await queue.enqueue(shortage_tasks.innocent)).result(timeout=30) == "async"
        hog = await queue.enqueue(shortage_tasks.take_descriptors, {"witness": str(held)})
        await until(held.exists, what="the shortage")
        paths = ["not_yet_imported.new", shortage_tasks.innocent_isolated, shortage_tasks.innocent]
        handles = [await queue.enqueue(path) for path in paths * 5]
        await worker.wait_for_log(SAID)
        await _all_untouched(queue, handles)
        held.unlink()
        assert [await handle.result(timeout=30) for handle in handles] == ["new", "isolated", "async"] * 5
        await _all_untouched(queue, handles)
        assert await hog.status() == Status.COMPLETED
        await worker.wait_for_log(AGAIN)
        assert "Too many open files" in worker.text()


@LEVELS
async def test_what_cannot_be_begun_without_a_thread_is_queued_again(queue, database, tmp_path):
    held = tmp_path / "held"
    with WorkerProcess(database.url, tmp_path) as worker:
        assert await (await queue.enqueue(shortage_tasks.innocent)).result(timeout=30) == "async"
        await queue.enqueue(shortage_tasks.take_memory, {"witness": str(held)})
        await until(held.exists, what="the shortage")
        handles = [await queue.enqueue(shortage_tasks.innocent_plain, {"pause": 0.2}) for _ in range(5)]
        await worker.wait_for_log(SAID)
        await _all_untouched(queue, handles)
        held.unlink()
        assert [await handle.result(timeout=30) for handle in handles] == ["plain"] * 5
        await _all_untouched(queue, handles)
        await worker.wait_for_log(AGAIN)
        assert "can't start new thread" in worker.text()


@LEVELS
async def test_a_module_that_always_takes_more_than_there_is_fails_its_tasks(queue, database, tmp_path):
    """It is no shortage of the worker's, so its tasks do not come back for ever, and others run meanwhile."""
    with WorkerProcess(database.url, tmp_path, **_module(tmp_path, "greedy", GREEDY)) as worker:
        handles = [await queue.enqueue("greedy.task") for _ in range(5)]
        other = await queue.enqueue(shortage_tasks.innocent)
        for handle in handles:
            with pytest.raises(TaskFailed, match=r"(?s)could not be begun, in 5 attempts.*greedy raised OSError\(24"):
                await handle.result(timeout=90)
        assert await other.result(timeout=90) == "async"
        assert worker.text().count(SAID) <= 5
        late = await queue.enqueue("greedy.task")
        with pytest.raises(TaskFailed, match="could not be begun"):
            await late.result(timeout=90)


@cases("database", [*shaped(["sqlite"], [10]), *migrated(["postgresql"])])
@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("raise OSError(24, 'Too many open files')", "short raised OSError"),
        ("raise RuntimeError('no pool') from MemoryError()", "no pool"),
        ("print('MemoryError', file=sys.stderr, flush=True); os._exit(1)", "ended with code 1 before it could begin"),
    ],
)
async def test_what_the_process_of_an_isolated_task_lacks_is_no_failure_of_it(
    queue, database, tmp_path, statement, text
):
    lacking = tmp_path / "lacking"
    lacking.touch()
    environment = {"LACKING": str(lacking), **_module(tmp_path, "short", SHORT.format(statement))}
    with WorkerProcess(database.url, tmp_path, **environment) as worker:
        handle = await queue.enqueue("short.short")
        await worker.wait_for_log(SAID)
        assert text in worker.text()
        await _all_untouched(queue, [handle])
        lacking.unlink()
        assert await handle.result(timeout=30) == "short"


@cases("database", [*shaped(["sqlite"], [10]), *migrated(["postgresql"])])
async def test_what_a_function_raises_that_has_begun_is_its_own_failure(queue):
    handles = [
        await queue.enqueue(function, {"which": which}) for function in shortage_tasks.lacking for which in range(4)
    ]
    async with working(queue) as worker:
        for handle in handles:
            with pytest.raises(TaskFailed):
                await handle.result(timeout=30)
    assert (worker.progress.failed, worker.progress.released) == (len(handles), 0)


@cases("database", shaped(["sqlite"], [10]))
async def test_a_run_that_the_worker_has_no_memory_for_is_queued_again(queue, monkeypatch, caplog):
    prepare, failures = Runner.prepare, [MemoryError(), MemoryError(), MemoryError(), MemoryError()]

    def short(self, claimed, open_stream):
        if failures:
            raise failures.pop()
        return prepare(self, claimed, open_stream)

    monkeypatch.setattr(Runner, "prepare", short)
    handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
    async with working(queue) as worker:
        assert await handle.result(timeout=20) == 2
    assert worker.progress.released == 4
    assert caplog.text.count(SAID) == 4
