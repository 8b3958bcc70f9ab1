"""Runs one task in a process of its own."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any

import anyio

from asyncqueue import background, logs
from asyncqueue.running import lifeline, redirect, worker_queue
from asyncqueue.running.capture import Capture
from asyncqueue.running.limits import Limits
from asyncqueue.running.run import Run
from asyncqueue.running.shortage import CannotBegin, beginning, is_over, lacking_by

#: Seconds in which the system ends a process that was killed.
_KILL = 5.0
#: Seconds to read what is left in the pipes of a process that has ended.
_DRAIN = 1.0
_LENGTH = 4
#: The exit code of a child that has noticed that it cannot report. Few others would choose it.
CANNOT_REPORT = 98
_CLOSED = (
    "The task has closed the pipe by which its process reports to the worker, so its end cannot be known, and the "
    "process was ended. Look for os.closerange() or os.close() in it: it must leave descriptors alone that it has not "
    "opened"
)


class TaskProcessError(Exception):
    """The text of an error that happened in the child.

    `retry_in` is what the child decided, where the exception itself was: only texts cross the pipe.
    """

    def __init__(self, text: str, retry_in: float | None) -> None:
        super().__init__(text)
        self.retry_in = retry_in


class TaskProcessDied(ChildProcessError):
    """The child ended without a report: it was killed, crashed, or ended itself."""


async def run_in_process(run: Run, limits: Limits, *, prepare: str | None, module: str | None = None) -> str | None:
    """Run a task in a child and return its output; what a generator yields is written as it comes.

    When the caller is cancelled the child, and what it started, is terminated and after `run.patience` seconds killed:
    its grace time where it was stopped, five, as in Django's worker, where it is out of time. Until then the task can
    clean up behind itself: an async one is cancelled, in a plain one CancelledError is raised.

    Where the task's path is a name of its function, the child imports `module`, which declares that.

    Whatever else is in the child's process group then ends with it, unless it ends in order.

    Raises TaskProcessError with the task's error, TaskProcessDied with what became of the child; CannotBegin where the
    function was not called because this process, or the child, lacks something.
    """
    request = {
        "id": str(run.claimed.id),
        "task": run.claimed.task,
        "module": module,
        "args": run.claimed.args,
        "attempt": run.claimed.attempt,
        "max_attempts": run.claimed.max_attempts,
        "queue": run.claimed.queue,
        "limits": asdict(limits),
        "grace": run.grace,
        "path": sys.path,
        "prepare": prepare,
        "log_level": logging.getLogger().level,
        "worker_queue": worker_queue.tell(),
    }
    frames = _Frames(run)
    async with AsyncExitStack() as stack:
        process, reports, printed = await _start(request, stack)
        reading = background.create_task(frames.read(reports), name="asyncqueue process")
        readers = [reading, background.create_task(_collect(printed, run.capture), name="asyncqueue process")]
        ended = background.create_task(process.wait(), name="asyncqueue process")
        closed = False
        try:
            await asyncio.wait([ended, reading], return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and frames.end is None:
                # It is ending, or it goes on and cannot tell its end.
                await asyncio.wait([ended], timeout=_DRAIN)
                closed = not ended.done()
                if closed:
                    await _surely(_end(process, run.patience, readers))
            await process.wait()
            # Something the task started may still hold the pipes open; it is not waited for.
            await asyncio.wait(readers, timeout=_DRAIN)
            if frames.end is None:
                _tell_group(process, signal.SIGKILL)
        except BaseException as error:
            # Once the child has told the task's end, no cancellation changes that. It only hastens the child's own end.
            told = frames.end is not None and isinstance(error, asyncio.CancelledError)
            await _surely(_end(process, run.patience, readers))
            if not told:
                raise
        finally:
            await _surely(_cancelled(*readers, ended))
    if frames.end is None:
        code = process.returncode
        if not (run.begun or closed) and (lacking_by(run.capture.text() or "") or not is_over()):
            raise CannotBegin(f"the process of the task ended with code {code} before it could begin")
        closed |= code == CANNOT_REPORT
        raise TaskProcessDied(_CLOSED if closed else f"Worker subprocess exited with code {code}")
    if frames.end["lacking"]:
        raise CannotBegin(frames.end["error"])
    if frames.end["error"] is not None:
        raise TaskProcessError(frames.end["error"], frames.end["retry_in"])
    output: str | None = frames.end["output"]
    return output


async def _start(
    request: dict[str, Any], stack: AsyncExitStack
) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.StreamReader]:
    """Start the child; return it with the pipes of its reports and of what it prints.

    None of the pipes is asyncio's own, because its `wait` waits for those to be closed, by grandchildren too. Standard
    input is the lifeline.
    """
    with beginning("the process of the task"), contextlib.ExitStack() as theirs, tempfile.TemporaryFile() as told:
        # Each descriptor has somebody who closes it before the next one is made, which may fail.
        alive, keep = lifeline.make()
        theirs.callback(os.close, alive)
        stack.callback(lifeline.close, keep)
        reports, report_to = await _pipe(theirs, stack)
        printed, print_to = await _pipe(theirs, stack)
        told.write(json.dumps(request).encode())
        told.seek(0)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "asyncqueue.running.child", str(told.fileno()), str(report_to)),
            stdin=alive,
            stdout=print_to,
            stderr=print_to,
            pass_fds=(told.fileno(), report_to),
            start_new_session=True,
        )
    return process, reports, printed


async def _pipe(theirs: contextlib.ExitStack, ours: AsyncExitStack) -> tuple[asyncio.StreamReader, int]:
    """A pipe that the child writes to: its reader, and the descriptor of its other end."""
    descriptor, other = os.pipe()
    theirs.callback(os.close, other)
    file = os.fdopen(descriptor, "rb", buffering=0)
    reader = asyncio.StreamReader()
    try:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), file
        )
    except BaseException:
        file.close()
        raise
    ours.callback(transport.close)
    return reader, other


async def _surely(work: Coroutine[Any, Any, None]) -> None:
    """Do what takes a bounded time, to its end: a further cancellation is not needed, because this one has begun it."""
    await background.surely(work, name="asyncqueue process")


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for each in tasks:
        background.cancel(each)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _end(process: asyncio.subprocess.Process, patience: float, readers: list[asyncio.Task[None]]) -> None:
    """End the process, then what is left of its group, and read what it has said on the way."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, _KILL)):
        _tell_group(process, number)
        with anyio.move_on_after(seconds):
            await process.wait()
            break
    _tell_group(process, signal.SIGKILL)
    await asyncio.wait(readers, timeout=_DRAIN)


def _tell_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to the process and to all that it has started, where that has not left its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


async def _collect(printed: asyncio.StreamReader, capture: Capture) -> None:
    """What others write to the child's standard output, its own processes and a crashing interpreter among them."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    while data := await printed.read(65536):
        capture.write(decoder.decode(data))
    if rest := decoder.decode(b"", final=True):
        capture.write(rest)


class _Frames:
    """The child's reports: a length and that much JSON, each."""

    def __init__(self, run: Run) -> None:
        self.end: dict[str, Any] | None = None
        self._run = run

    async def read(self, reports: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                length = int.from_bytes(await reports.readexactly(_LENGTH), "big")
                self._take(json.loads(await reports.readexactly(length)))

    def _take(self, frame: dict[str, Any]) -> None:
        if "text" in frame:
            self._run.write(frame["text"])
        elif "printed" in frame:
            self._run.capture.write(frame["printed"])
        elif "record" in frame:
            record = logs.unpacked(frame["record"])
            redirect.log(self._run, record)
            logs.show(record, elsewhere=frame["elsewhere"])
        elif "begun" in frame:
            self._run.begun = True
        else:
            self.end = frame
