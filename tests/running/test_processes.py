"""Runs in a process of their own."""

from __future__ import annotations

import asyncio
import json
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
