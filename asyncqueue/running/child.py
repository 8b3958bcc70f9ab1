"""The other end of `process`: runs the task that is told in one open file, and reports into another.

A plain function is called in the main thread, without an event loop there: so it can run one of its own, use Django's
ORM, and handle Unix signals. An async function runs in an event loop in the main thread.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from importlib import import_module
from queue import SimpleQueue
from types import FrameType
from typing import Any, TextIO, cast
from uuid import UUID

import anyio

from asyncqueue import logs
from asyncqueue.model import ClaimedTask
from asyncqueue.running import forks, lifeline, worker_queue
from asyncqueue.running.application import Application
from asyncqueue.running.boundary import Raised, call, was_cut_short
from asyncqueue.running.context import TaskInfo
from asyncqueue.running.hooks import Hooks
from asyncqueue.running.limits import Limits
from asyncqueue.running.mainthread import MainThread
from asyncqueue.running.process import CANNOT_REPORT
from asyncqueue.running.resolve import AllowRule
from asyncqueue.running.run import Run
from asyncqueue.running.runner import Runner, RunResult


class _Reports:
    """Sends frames to the worker: what the task yields, prints and logs, and how it ends.

    A thread of its own writes them, because the handler of a signal, which may raise, interrupts the main thread
    anywhere: in the middle of a frame, too. SimpleQueue is made for handlers that put something in.
    """

    def __init__(self, descriptor: int, max_log_size: int) -> None:
        self._descriptor = descriptor
        self._file = _file(descriptor)
        self._printable = max_log_size + 1
        self._frames: SimpleQueue[bytes | threading.Event] = SimpleQueue()
        #: False in a process that the task has forked: no thread sends anything there.
        self.open = True
        threading.Thread(target=self._send, name="asyncqueue-reports", daemon=True).start()
        os.register_at_fork(after_in_child=self._leave)

    @property
    def closed(self) -> bool:
        """Whether the task has closed the descriptor. Its number may be that of another file by now."""
        return self.open and _file(self._descriptor) != self._file

    def check(self) -> None:
        """Raise _CannotReport if it is closed."""
        if self.closed:
            raise _CannotReport

    def put(self, **frame: Any) -> None:
        data = json.dumps(frame).encode()
        self._frames.put(len(data).to_bytes(4, "big") + data)

    def wait(self) -> None:
        """Return when all that was put in is in the pipe: then it outlives this process, however that ends."""
        if self.open:
            sent = threading.Event()
            self._frames.put(sent)
            sent.wait()

    async def begun(self, _info: TaskInfo) -> None:
        """Say that the function is about to be called: what becomes of this process now is the task's own end."""
        self.put(begun=True)
        self.wait()

    def write(self, text: str) -> None:
        """Take what the task yields: it is the stream of its output."""
        self.put(text=text)

    async def flush(self) -> None:
        """Return at once: the end of the task comes after its texts in any case."""

    def printed(self, text: str) -> None:
        """Take what the task prints. The worker cuts its log: no more of it has to cross the pipe."""
        text = text[: self._printable]
        if text:
            self._printable -= len(text)
            self.put(printed=text)

    def logged(self, record: logging.LogRecord) -> None:
        if not self.open:
            return
        try:
            self.put(record=logs.portable(record), elsewhere=not logs.handled_elsewhere(record))
        except Exception:  # noqa: BLE001 - logging's own way with a record that cannot be formatted
            logging.Handler().handleError(record)
        self.wait()

    def _send(self) -> None:
        while True:
            frame = self._frames.get()
            if isinstance(frame, threading.Event):
                frame.set()
                continue
            while frame and not self.closed:
                try:
                    frame = frame[os.write(self._descriptor, frame) :]
                except OSError:  # the worker is gone, and this process ends as well
                    break

    def _leave(self) -> None:
        closed, self.open = self.closed, False
        if not closed:
            os.close(self._descriptor)


def _file(descriptor: int) -> tuple[int, int] | None:
    """Which file this is the descriptor of, None if of none."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class _CannotReport(Exception):
    """The task has closed the descriptor by which its end is reported."""


class _Printed:
    """Stands for sys.stdout or sys.stderr: what is written goes to the task's log, in order with what it logs.

    Texts cross as texts, so the encoding that the environment wants for the stream does not matter. What handlers of
    logging write is dropped: the worker gets the record, and writes it to its own log.
    """

    def __init__(self, stream: TextIO, reports: _Reports, *, at_once: bool) -> None:
        self.stream = stream
        self._reports = reports
        self._at_once = at_once

    def write(self, text: str) -> int:
        if not self._reports.open:
            return self.stream.write(text)
        if not logs.delivering.get():
            self._reports.printed(text)
            if self._at_once:
                self._reports.wait()
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self.stream.flush()  # something may have been written to its buffer
        self._reports.wait()

    def close(self) -> None:
        """Do nothing: what is printed later, and a traceback of the interpreter, belong to the log as well."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def main() -> None:
    """Run the task and report."""
    told, report_to = map(int, sys.argv[1:])
    os.set_inheritable(report_to, False)
    with os.fdopen(told, "rb") as file:
        request = json.load(file)
    lifeline.follow()
    forks.protect([signal.SIGTERM])
    sys.path[:] = request["path"]
    worker_queue.told(request.get("worker_queue"))
    limits = Limits(**request["limits"])
    reports = _Reports(report_to, limits.max_log_size)
    streams = sys.stdout, sys.stderr
    for stream in streams:
        # Whatever the environment wants: the worker reads UTF-8.
        cast("io.TextIOWrapper", stream).reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.stdout, sys.stderr = _Printed(streams[0], reports, at_once=False), _Printed(streams[1], reports, at_once=True)
    logging.getLogger().setLevel(request["log_level"])
    logs.watch(reports.logged)
    result: RunResult | None = None
    try:
        result = _result(request, limits, reports)
    except BaseException:
        if not reports.closed:  # else an event loop was closed as well, perhaps
            raise
    finally:
        for each in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # the task may have closed it
                each.flush()
        sys.stdout, sys.stderr = streams
    if reports.closed:
        os._exit(CANNOT_REPORT)
    if result is None:
        _end_as_told(reports)
    else:
        reports.put(output=result.output, error=result.error, retry_in=result.retry_in, lacking=result.lacking)
        reports.wait()


def _result(request: dict[str, Any], limits: Limits, reports: _Reports) -> RunResult | None:
    """Run the task. SIGTERM stops it, once and so that its own clean-up is done; then nothing is returned."""
    if request["prepare"]:
        module, _, name = request["prepare"].rpartition(".")
        getattr(import_module(module), name)()
    if request["module"]:
        with suppress(Raised):  # then the look-up says what is missing
            call(import_module, request["module"])
    main_thread = MainThread()
    # The worker has asked its own allow rule already, and sees to the timeout.
    application = Application(hooks=Hooks(before_job=(reports.begun,)), allow=AllowRule(everything=True))
    runner = Runner(application, limits, inline=main_thread.call, grace=request["grace"])
    claimed = ClaimedTask(
        *(UUID(request["id"]), request["task"], request["args"], "", "", request["attempt"], request["max_attempts"]),
        queue=request["queue"],
    )
    run = runner.prepare(claimed, lambda: reports)
    signal.signal(signal.SIGTERM, partial(_stop, run, main_thread, reports))
    try:
        if runner.is_plain(claimed.task):
            return main_thread.serve(partial(anyio.run, _run, runner, run), reports.check)
        result = anyio.run(_run, runner, run)
        if forks.in_child:
            forks.leave_child(None)
        return result
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


async def _run(runner: Runner, run: Run) -> RunResult | None:
    """Run it in an asyncio task whose outermost coroutine is ours."""

    async def outermost() -> RunResult | None:
        try:
            return await runner.run(run)
        except (GeneratorExit, RuntimeError) as error:
            if not was_cut_short(run.task, error):
                raise
            return await runner.cut_short(run, error)

    return await asyncio.create_task(outermost())


def _stop(run: Run, main_thread: MainThread, reports: _Reports, number: int, frame: FrameType | None) -> None:
    """Handle SIGTERM."""
    main_thread.stopping = True
    task = run.task
    if task is None:  # it has not begun
        _end_as_told(reports)
    elif run.at_hand and not run.stopping:
        run.stopping = True
        raise asyncio.CancelledError
    else:
        task.get_loop().call_soon_threadsafe(run.stop)


def _end_as_told(reports: _Reports) -> None:
    """End by the signal, as a process does that knows no better."""
    reports.wait()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
