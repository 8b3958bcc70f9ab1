"""Runs in a process of their own."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import signal
import sys
import tempfile
import uuid
from pathlib import Path

import anyio
import pytest

from asyncqueue.model import Status
from asyncqueue.running import redirect
from asyncqueue.running.application import Application
from asyncqueue.running.limits import Limits
from asyncqueue.running.mainthread import MainThread
from asyncqueue.running.run import Run
from asyncqueue.running.runner import Runner, RunResult
from tests.running.helpers import HERE, Recorder, claimed, run


async def test_a_process_returns_logs_and_knows_its_task(runner):
    result = await run(runner, "in_process", {"value": "a"})
    assert result.output == f"a {HERE}.in_process"
    assert result.log is not None
    assert "printed\n" in result.log
    assert "logged" in result.log


async def test_async_and_generator_functions_run_in_a_process_too(runner):
    assert int((await run(runner, "async_in_process")).output or 0) != os.getpid()
    stream = Recorder()
    result = await run(runner, "streams_in_process", None, stream)
    assert (result.status, result.keep_output, stream.texts) == (Status.COMPLETED, True, ["a", "𝄞"])


async def test_a_large_result_crosses_the_pipe(runner):
    assert (await run(runner, "large_in_process")).output == "é" * 1_000_000


async def test_an_error_in_a_process_is_its_own(runner):
    error = (await run(runner, "fails_in_process")).error or ""
    assert error.startswith("ValueError('in the child')\n\nTraceback")


async def test_a_process_that_dies_fails_only_its_task(runner):
    result = await run(runner, "exits")
    assert result.error == "Worker subprocess exited with code 7"
    assert result.log == "last words\n"


async def test_a_process_is_killed_by_its_timeout(runner):
    result = await run(runner, "hangs")
    assert result.error == "Task timed out after 1.5 seconds"


async def test_a_grandchild_that_holds_the_pipes_is_not_waited_for(runner):
    with anyio.fail_after(10):
        result = await run(runner, "leaves_a_child")
    assert result.status == Status.COMPLETED
    os.kill(int(result.output or 0), signal.SIGKILL)


async def test_a_process_ends_when_its_worker_is_gone(runner):
    """Its standard input is the sign: nobody else may go on with a task that is somebody else's by then."""
    request: dict[str, object] = {
        "id": str(uuid.uuid4()),
        "task": f"{HERE}.hangs",
        "args": None,
        "attempt": 0,
        "max_attempts": None,
        "limits": {},
        "grace": 0.0,
        "path": sys.path,
        "prepare": None,
        "queue": "default",
        "log_level": 30,
        "module": None,
        "worker_queue": None,
    }
    with tempfile.TemporaryFile() as told:
        told.write(json.dumps(request).encode())
        told.seek(0)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "asyncqueue.running.child", str(told.fileno()), "2"),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=(told.fileno(),),
        )
    assert process.stdin is not None
    await asyncio.sleep(0.3)
    assert process.returncode is None
    process.stdin.close()
    with anyio.fail_after(5):
        assert await process.wait() == 1


@pytest.mark.parametrize("how", ["stop", "_time_out"])
@pytest.mark.parametrize(
    "name", ["cleans_up", "cleans_up_async", "cleans_up_a_generator", "cleans_up_an_async_generator"]
)
async def test_a_task_cleans_up_before_its_process_is_ended(runner, tmp_path, name, how):
    """Cancelled or out of time, as the worker has it. The time is over when the test says so."""
    result, lines = await _ended_midway(runner, tmp_path / "witness", name, how)
    assert lines == ["start", "cleaned up"]
    if how == "stop":
        assert result is None
    else:
        assert result is not None
        assert (result.error or "").startswith("Task timed out")


@pytest.mark.parametrize("name", ["cleans_up", "cleans_up_async"])
async def test_a_cancelled_task_has_the_grace_time_before_its_process_is_killed(tmp_path, name):
    """Longer than the five seconds of one that is out of time."""
    runner = Runner(Application(), Limits(), grace=30.0)
    result, lines = await _ended_midway(runner, tmp_path / "witness", name, "stop", seconds=5.5)
    assert (result, lines) == (None, ["start", "cleaned up"])


@pytest.mark.parametrize("name", ["swallows_in_process", "swallows_in_process_as_a_plain_function"])
async def test_a_task_that_swallows_its_timeout_and_returns_has_failed(runner, tmp_path, name):
    result, lines = await _ended_midway(runner, tmp_path / "witness", name, "_time_out")
    assert lines == ["start", "goes on"]
    assert result is not None
    assert (result.status, result.output) == (Status.FAILED, None)
    assert (result.error or "").startswith("Task timed out after 600 seconds")


async def test_what_a_task_has_forked_ends_with_it(runner, tmp_path):
    _, lines = await _ended_midway(runner, tmp_path / "witness", "forks", "stop")
    assert lines == ["start"]


async def _ended_midway(
    runner, witness: Path, name: str, how: str, **args: float
) -> tuple[RunResult | None, list[str]]:
    redirect.install()
    ended = runner.prepare(claimed(name, {"witness": str(witness), **args}), Recorder)
    running = asyncio.create_task(runner.run(ended))
    with anyio.fail_after(60):
        while not witness.exists() or not witness.read_text():
            assert not running.done(), running.result()
            await asyncio.sleep(0.02)
        getattr(ended, how)()
        result = await running
    return result, witness.read_text().splitlines()


# -- where plain functions are called

ISOLATED = "tests.running.isolated"


@pytest.mark.parametrize(
    ("name", "output"),
    [("runs_a_loop", "answer"), ("gives_a_coroutine", "answer"), ("loops_in_the_main_thread", "True answer")],
)
async def test_no_event_loop_runs_where_a_plain_function_is_called(runner, name, output):
    """With one asyncio.run, async_to_sync and Django's ORM refuse to work."""
    result = await run(runner, f"{ISOLATED}.{name}")
    assert (result.error, result.output) == (None, output)


async def test_no_event_loop_runs_where_a_plain_generator_is_called(runner):
    stream = Recorder()
    result = await run(runner, f"{ISOLATED}.yields_from_a_loop", None, stream)
    assert (result.error, stream.texts) == (None, ["answer"])


def test_a_task_that_is_stopped_just_before_its_plain_function_is_called_does_not_run():
    main_thread = MainThread()
    called: list[str] = []

    async def work() -> bool:
        run = Run(claimed("echo"), Recorder, 1000)
        assert await main_thread.call(run, lambda: "result") == "result"
        main_thread.stopping = True
        with pytest.raises(asyncio.CancelledError):
            await main_thread.call(run, lambda: called.append("function"))
        return run.at_hand

    assert main_thread.serve(lambda: asyncio.run(work())) is False
    assert called == []


async def test_signals_can_be_handled_in_a_process_of_its_own(runner):
    error = (await run(runner, f"{ISOLATED}.is_alarmed")).error or ""
    assert error.startswith("TimeoutError('the alarm rang')")


async def test_a_signals_handler_may_print_while_the_task_prints():
    """It interrupts the task anywhere, and what either sends to the worker must arrive whole."""
    result = await run(Runner(Application(), Limits()), f"{ISOLATED}.prints_while_it_is_alarmed")
    assert result.error is None
    # print() writes the end of a line by itself: the handler may come between.
    assert (result.log or "").count("x" * 100) == int(result.output or 0)
    assert (result.log or "").count("ring") >= 20


# -- what it prints and logs


@pytest.mark.parametrize("name", ["speaks", "speaks_async", "speaks_in_another_thread"])
async def test_the_log_of_a_process_has_the_form_of_a_threads(runner, caplog, name):
    with caplog.at_level(logging.INFO):
        expected = (await run(runner, f"{ISOLATED}.speaks_in_a_thread")).log or ""
        in_thread = [record for record in caplog.records if record.name == "app.mail"]
        caplog.clear()
        result = await run(runner, f"{ISOLATED}.{name}")
        in_process = [record for record in caplog.records if record.name == "app.mail"]
    assert expected.startswith("one\nINFO app.mail: two of them\nthree\nERROR app.mail: four\nTraceback")
    assert expected.endswith("ValueError: on purpose\nfive\n")
    assert result.log == expected
    # And it reaches the worker's log like that of a thread.
    assert [record.getMessage() for record in in_process] == ["two of them", "four"]
    for one, other in zip(in_thread, in_process, strict=True):
        for attribute in ("name", "levelno", "levelname", "funcName", "lineno", "task_id", "attempt", "queue"):
            same = attribute != "task_id"
            assert hasattr(other, attribute)
            assert not same or getattr(one, attribute) == getattr(other, attribute)
    assert in_process[0].__dict__["order"] == 7
    assert in_process[0].__dict__["task"] == f"{ISOLATED}.{name}"
    assert "ValueError: on purpose" in (in_process[1].exc_text or "")


async def test_debug_lines_of_a_process_are_logged_where_those_of_a_thread_are(runner, caplog):
    with caplog.at_level(logging.WARNING):
        log = (await run(runner, f"{ISOLATED}.speaks")).log or ""
    assert "two of them" not in log
    assert "ERROR app.mail: four" in log


async def test_a_handler_that_the_task_sets_up_doubles_nothing(runner, caplog, tmp_path):
    with caplog.at_level(logging.INFO):
        result = await run(runner, f"{ISOLATED}.speaks_with_a_handler_of_its_own")
    assert result.log == "INFO app.mail: said once\n"
    assert caplog.text.count("said once") == 1


async def test_what_a_process_writes_to_a_file_of_its_own_the_worker_does_not_write_again(runner, tmp_path):
    path, own = tmp_path / "task.log", logging.FileHandler(tmp_path / "worker.log")
    logging.getLogger("app").addHandler(own)
    try:
        result = await run(runner, f"{ISOLATED}.logs_to_a_file", {"path": str(path)})
    finally:
        logging.getLogger("app").removeHandler(own)
        own.close()
    assert result.log == "WARNING app.mail: said once\n"
    assert path.read_text() == "said once\n"
    assert (tmp_path / "worker.log").read_text() == ""


@pytest.mark.parametrize("name", ["prints", "prints_to_the_interpreters_own_stream"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
async def test_a_process_prints_any_text_whatever_encoding_its_environment_wants(runner, monkeypatch, encoding, name):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    result = await run(runner, f"{ISOLATED}.{name}", {"text": "gr\u00fc\u00df \u4f60 \U0001f600"})
    assert (result.error, result.log) == (None, "gr\u00fc\u00df \u4f60 \U0001f600\n")
    result = await run(runner, f"{ISOLATED}.{name}", '{"text": "caf\\udce9"}')
    assert (result.error, result.log) == (None, "caf\\udce9\n")


async def test_what_a_process_says_before_it_dies_is_kept(runner):
    result = await run(runner, f"{ISOLATED}.says_and_dies")
    assert result.error == "Worker subprocess exited with code -9"
    assert result.log == "WARNING app.mail: about to die\nreally\n"


async def test_what_a_forked_process_prints_is_kept(runner):
    result = await run(runner, f"{ISOLATED}.has_a_forked_one_print")
    assert (result.error, result.output, result.log) == (None, "0", "from the forked one\n")


async def test_a_stopped_process_keeps_what_it_prints_while_it_cleans_up(runner, tmp_path):
    ended = runner.prepare(
        claimed(f"{ISOLATED}.prints_while_it_cleans_up", {"witness": str(tmp_path / "witness")}), Recorder
    )
    running = asyncio.create_task(runner.run(ended))
    with anyio.fail_after(60):
        while not (tmp_path / "witness").exists():
            await asyncio.sleep(0.02)
        ended.stop()
        assert await running is None
    assert ended.capture.text() == "began\ncleaned up\n"


# -- its descriptors


def _descriptors() -> set[str]:
    return {each.name for each in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_a_process_that_cannot_be_started_leaves_no_descriptor(runner, monkeypatch, number):
    """The first, second or third pipe cannot be made, or the process."""
    made, pipe = 0, os.pipe

    def few() -> tuple[int, int]:
        nonlocal made
        made += 1
        if made == number:
            raise OSError(errno.EMFILE, "Too many open files")
        return pipe()

    async def none(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    before = _descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(os, "pipe", few)
        if number == 4:
            patched.setattr(asyncio, "create_subprocess_exec", none)
        result = await run(runner, "in_process", {"value": "a"})
    assert "the process of the task cannot be started" in (result.error or "")
    await _closed(before)


async def test_a_start_that_is_cancelled_leaves_no_descriptor_and_no_process(runner):
    await run(runner, "in_process", {"value": "a"})  # what asyncio makes once
    before = _descriptors()
    for turns in range(8):
        row = claimed(f"{ISOLATED}.runs_a_loop")
        task = asyncio.create_task(runner.run(runner.prepare(row, Recorder)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await _closed(before)


async def _closed(before: set[str]) -> None:
    """Return when no more descriptors are open than before. A transport is closed some turns of the loop later."""
    with anyio.fail_after(10):
        while _descriptors() - before:
            await asyncio.sleep(0.02)


CLOSED = "The task has closed the pipe by which its process reports"


@pytest.mark.parametrize(
    "name", ["closes_descriptors", "closes_descriptors_async", "closes_descriptors_while_it_yields"]
)
async def test_a_process_that_cannot_report_any_more_fails_its_task_at_once(runner, name):
    with anyio.fail_after(30):  # its timeout is 60 seconds
        result = await run(runner, f"{ISOLATED}.{name}", None, Recorder())
    assert (result.error or "").startswith(CLOSED)


async def test_a_process_that_cannot_report_and_goes_on_is_ended(runner, tmp_path):
    witness = tmp_path / "witness"
    with anyio.fail_after(30):
        result = await run(runner, f"{ISOLATED}.closes_descriptors_and_goes_on", {"witness": str(witness)})
    assert (result.error or "").startswith(CLOSED)
    assert witness.read_text() == "cleaned up"


async def test_what_a_process_reports_never_gets_into_a_file_of_the_task(runner, tmp_path):
    path = tmp_path / "file"
    with anyio.fail_after(30):
        result = await run(runner, f"{ISOLATED}.closes_descriptors_and_opens_a_file", {"path": str(path)})
    assert (result.error or "").startswith(CLOSED)
    assert path.read_bytes() == b""


async def test_a_process_that_closes_its_streams_keeps_its_result(runner):
    result = await run(runner, f"{ISOLATED}.closes_its_streams")
    assert (result.error, result.output, result.log) == (None, "done", "printed\n")


@pytest.mark.parametrize(
    ("name", "output"),
    [("starts_a_reader", "b''"), ("starts_a_reader_in_a_loop", "b''"), ("forks_a_reader", "0")],
)
async def test_standard_input_has_ended_for_the_task_and_what_it_starts(runner, name, output):
    result = await run(runner, f"{ISOLATED}.{name}")
    assert (result.error, result.output) == (None, output)
