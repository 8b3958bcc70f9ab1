"""Handlers, filters and factories of the application that raise end no worker, and fail no other task."""

from __future__ import annotations

import asyncio
import logging

import pytest

from asyncqueue import Queue, Settings, Status, Worker
from tests.servers.cases import DIALECTS, cases, migrated, shaped
from tests.worker import sample_tasks
from tests.worker.test_logs import project, worked

SQLITE = cases("database", shaped(["sqlite"], [10]))
EVERYWHERE = cases("database", shaped(DIALECTS, [10]) + migrated())

JOBS = """
    import asyncio, logging, logging.handlers, sys
    from asyncqueue import task

    class Broken(logging.Handler):
        def __init__(self, error):
            super().__init__()
            self.error = error

        def emit(self, record):
            raise self.error

    def broken(*_, **__):
        raise RuntimeError("not available")

    class Own(logging.FileHandler):
        pass

    root, ours = logging.getLogger(), logging.getLogger("asyncqueue")
    own = Own("own.log", delay=True)
    if not sys.argv[0].endswith("child.py"):  # where an isolated task's own logging calls are
        {}
        root.addHandler(own)

    @task
    async def works() -> None:
        await asyncio.sleep(0.5)

    @task
    async def fails() -> None:
        raise ValueError("of the task")

    @task
    def fails_in_thread() -> None:
        raise ValueError("of the task")

    @task(isolation="process")
    def logs_in_process() -> None:
        logging.getLogger("shop").warning("logged in a process")

    @task
    async def leaves_a_callback() -> None:
        asyncio.get_running_loop().call_soon(broken)
        await asyncio.sleep(0.1)

    @task
    async def logs() -> None:
        logging.getLogger("shop").warning("logged")
"""
BREAKS = {
    "handler": "root.addHandler(Broken(ConnectionError('the host is away')))",
    "handler_that_exits": "root.addHandler(Broken(SystemExit(9)))",
    "handler_that_cancels": "root.addHandler(Broken(asyncio.CancelledError()))",
    "handler_of_ours": "ours.addHandler(Broken(SystemExit(9)))",
    "filter_of_a_handler": "root.addHandler(logging.NullHandler()); [h.addFilter(broken) for h in root.handlers]",
    "filter_of_a_logger": "logging.getLogger('asyncqueue.worker').addFilter(broken)",
    "factory": "logging.setLogRecordFactory(broken)",
    "factory_of_nothing": "logging.setLogRecordFactory(lambda *_, **__: None)",
}
#: Ways that break the lines of the application as well.
_THEIRS = [how for how in BREAKS if how not in ("handler_of_ours", "filter_of_a_logger")]
_FAILING = ("fails", "fails_in_thread")


@SQLITE
@pytest.mark.parametrize("how", BREAKS)
async def test_logging_that_raises_ends_no_worker(database, tmp_path, how):
    project(tmp_path, jobs=JOBS.format(BREAKS[how]))
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        passing = ("works", "logs_in_process", "leaves_a_callback", "works")
        passed = [await queue.enqueue(f"jobs.{name}") for name in passing]
        failed = [await queue.enqueue(f"jobs.{name}") for name in _FAILING]
        logging_itself = await queue.enqueue("jobs.logs")
        written = worked(tmp_path, database.url)
        assert [await handle.status() for handle in passed] == [Status.COMPLETED] * len(passed), written
        for handle in failed:
            record = await queue.get(handle.id)
            assert record is not None
            assert record.status == Status.FAILED
            assert "of the task" in (record.error or "")
        of_the_task = Status.FAILED if how in _THEIRS else Status.COMPLETED
        assert await logging_itself.status() == of_the_task, "what a task's own logging call raises is its error"
    own = (tmp_path / "own.log").read_text()
    if how != "filter_of_a_handler":
        assert written.count("failed: ValueError('of the task')") == 2, written
    assert own.count("failed: ValueError('of the task')") == 2, "another handler has the line all the same"
    assert "ended after" in own
    assert written.count("this is said once") == len({line for line in written.splitlines() if "said once" in line})
    assert "this is said once" in written


class Broken(logging.Handler):
    """A host for log lines that is away."""

    def emit(self, record: logging.LogRecord) -> None:
        raise ConnectionError("the host is away")


@EVERYWHERE
async def test_a_handler_that_raises_does_not_end_a_worker_of_a_program(queue, caplog, capfd):
    broken = Broken()
    logging.getLogger().handlers.insert(0, broken)  # before that of the test
    try:
        failing = await queue.enqueue(sample_tasks.fail)
        others = [await queue.enqueue(sample_tasks.add, {"a": n, "b": 0}) for n in range(3)]
        await asyncio.wait_for(Worker(queue).run(burst=True), 30)
    finally:
        logging.getLogger().removeHandler(broken)
    assert await failing.status() == Status.FAILED
    assert [await handle.status() for handle in others] == [Status.COMPLETED] * 3
    assert f"task {failing.id} " in caplog.text


@cases("database", migrated())
async def test_a_worker_leaves_the_list_before_it_says_what_is_left(queue, monkeypatch):
    worker = Worker(queue)
    monkeypatch.setattr(worker, "_say_what_is_left", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(worker.run(burst=True), 30)
    assert await queue.workers() == []


@SQLITE
@pytest.mark.parametrize(
    "how",
    [
        "logging.disable(logging.CRITICAL)",
        "logging.Logger.isEnabledFor = broken",
        "logging.Logger.getEffectiveLevel = broken",
    ],
)
async def test_what_an_application_does_to_logging_as_a_whole_silences_no_worker(database, tmp_path, how):
    project(tmp_path, jobs=JOBS.format(how))
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        await queue.enqueue("jobs.fails")
        written = worked(tmp_path, database.url, "--import", "jobs")
        assert await queue.count(status=Status.FAILED) == 1
    for line in (" on SQLite ", "failed: ValueError", "ended after"):
        assert written.count(line) == 1, written
    assert " DEBUG " not in written
