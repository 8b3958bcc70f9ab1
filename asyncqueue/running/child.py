"""The other end of `process`: runs the task that is told in one open file, and reports into another."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import UUID

import anyio

from asyncqueue.model import ClaimedTask
from asyncqueue.running.application import Application
from asyncqueue.running.limits import Limits
from asyncqueue.running.resolve import AllowRule
from asyncqueue.running.run import Run
from asyncqueue.running.runner import Runner, RunResult


class _Reports:
    """Writes frames, as the task's stream and for its end."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = os.fdopen(descriptor, "wb")

    def send(self, **frame: Any) -> None:
        data = json.dumps(frame).encode()
        self._pipe.write(len(data).to_bytes(4, "big") + data)
        self._pipe.flush()

    def write(self, text: str) -> None:
        self.send(text=text)

    async def flush(self) -> None:
        """Every frame was flushed when it was written."""


def main() -> None:
    """Run the task and report."""
    told, report_to = map(int, sys.argv[1:])
    os.set_inheritable(report_to, False)
    with os.fdopen(told, "rb") as file:
        request = json.load(file)
    threading.Thread(target=_die_with_the_worker, daemon=True).start()
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - for the life of the process
    sys.path[:] = request["path"]
    reports = _Reports(report_to)
    if request["prepare"]:
        module, _, name = request["prepare"].rpartition(".")
        getattr(import_module(module), name)()
    # The worker has asked its own allow rule already.
    application, limits = Application(allow=AllowRule(everything=True)), Limits(**request["limits"])
    runner = Runner(application, limits, inline=True, grace=request["grace"])
    claimed = ClaimedTask(
        UUID(request["id"]), request["task"], request["args"], "", "", request["attempt"], request["max_attempts"]
    )
    result = anyio.run(_run, runner, runner.prepare(claimed, lambda: reports))
    sys.stdout.flush()
    sys.stderr.flush()
    if result is None:
        _end_as_told()
    else:
        reports.send(output=result.output, error=result.error, retry_in=result.retry_in)


async def _run(runner: Runner, run: Run) -> RunResult | None:
    """Run the task. SIGTERM stops it, once and so that its own clean-up is done; then nothing is returned."""
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        if run.task is None:  # it has not begun
            _end_as_told()
        elif run.at_hand and not run.stopping:
            run.stopping = True
            raise asyncio.CancelledError
        else:
            loop.call_soon_threadsafe(run.stop)

    signal.signal(signal.SIGTERM, stop)
    # What the task forks ends as it did before, by the signal that its group is sent.
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    try:
        return await runner.run(run)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_as_told() -> None:
    """End by the signal, as a process does that knows no better."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def _die_with_the_worker() -> None:
    """Wait for the end of standard input: the worker is gone, and the task is somebody else's soon."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
