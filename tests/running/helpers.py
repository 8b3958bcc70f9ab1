"""What the tests of runs share: a runner, rows to run, and what their streams got."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from asyncqueue.model import ClaimedTask
from asyncqueue.running import redirect
from asyncqueue.running.runner import Runner, RunResult
from asyncqueue.running.stream import StreamLost

HERE = "tests.running.sample"


class Recorder:
    """A stream that keeps what it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.flushed = 0
        self.lost = False

    def write(self, text: str) -> None:
        self.texts.append(text)

    async def flush(self) -> None:
        if self.lost:
            raise StreamLost("gone")
        self.flushed += 1


def claimed(name: str, args: Any = None) -> ClaimedTask:
    text = args if isinstance(args, str) or args is None else json.dumps(args)
    return ClaimedTask(uuid.uuid4(), name if "." in name else f"{HERE}.{name}", text, "t1", "t0")


async def start(runner: Runner, row: ClaimedTask, stream: Recorder | None = None) -> RunResult | None:
    redirect.install()  # here and not in a fixture, because pytest puts its own streams in place for each phase
    return await asyncio.create_task(runner.run(runner.prepare(row, lambda: stream or Recorder())))


async def run(runner: Runner, name: str, args: Any = None, stream: Recorder | None = None) -> RunResult:
    result = await start(runner, claimed(name, args), stream)
    assert result is not None
    return result
