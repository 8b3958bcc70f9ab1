"""Runs one task in a process of its own."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import anyio

from asyncqueue.errors import InvalidTask
from asyncqueue.model import ClaimedTask
from asyncqueue.running.capture import current_capture
from asyncqueue.running.limits import Limits

#: Seconds between SIGTERM and SIGKILL, as Django's worker has it.
_TERMINATE = 5.0
#: Seconds to read what is left in the pipes of a process that has ended.
_DRAIN = 1.0
_LENGTH = 4


class TaskProcessError(InvalidTask):
    """The text of an error that happened in the child, or of the child's own end."""


async def run_in_process(
    claimed: ClaimedTask, limits: Limits, *, prepare: str | None, write: Callable[[str], None]
) -> str | None:
    """Run a task in a child and return its output; `write` gets what a generator yields.

    When the caller is cancelled the child, and what it started, is terminated and after five seconds killed.

    Raises TaskProcessError with the task's error, or with what became of the child.
    """
    read_end, write_end = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "asyncqueue.running.child", str(write_end)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(write_end,),
            start_new_session=True,
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    frames = _Frames(write)
    readers = [asyncio.create_task(frames.read(read_end)), asyncio.create_task(_collect(process.stdout))]
    try:
        request = {
            "id": str(claimed.id),
            "task": claimed.task,
            "args": claimed.args,
            "limits": asdict(limits),
            "path": sys.path,
            "prepare": prepare,
        }
        assert process.stdin is not None  # noqa: S101 - it was asked for
        with contextlib.suppress(ConnectionError):
            # The pipe stays open: its end tells the child that this worker is gone.
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
        code = await process.wait()
        # Something the task started may still hold the pipes open; it is not waited for.
        await asyncio.wait(readers, timeout=_DRAIN)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await _end(process)
        raise
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        if process.stdin is not None:
            process.stdin.close()
    if frames.end is None:
        raise TaskProcessError(f"Worker subprocess exited with code {code}")
    if frames.end["error"] is not None:
        raise TaskProcessError(frames.end["error"])
    output: str | None = frames.end["output"]
    return output


async def _end(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with anyio.move_on_after(_TERMINATE):
            await process.wait()
            return


async def _collect(stream: asyncio.StreamReader | None) -> None:
    """What the child prints, and what a crashing interpreter has to say, goes to the task's log."""
    capture, decoder = current_capture.get(), codecs.getincrementaldecoder("utf-8")("backslashreplace")
    while stream is not None and (data := await stream.read(65536)):
        if capture is not None:
            capture.write(decoder.decode(data))


class _Frames:
    """The child's reports: a length and that much JSON, each."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.end: dict[str, Any] | None = None
        self._write = write

    async def read(self, descriptor: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
                frame = json.loads(await reader.readexactly(length))
                if "text" in frame:
                    self._write(frame["text"])
                else:
                    self.end = frame
        except asyncio.IncompleteReadError:
            return
        finally:
            transport.close()
