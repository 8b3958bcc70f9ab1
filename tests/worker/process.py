"""Real `asyncqueue run` processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from asyncqueue import Queue, Status
from tests.servers.database import Database

ROOT = Path(__file__).parent.parent.parent
DEADLINE = 60.0


def _can_be_written(path: str) -> bool:
    """Whether a transaction can be begun in a SQLite file within three seconds."""
    with closing(sqlite3.connect(path, timeout=3, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        return True


class WorkerProcess:
    """One worker of its own process, with its log in a file.

    Args:
        url: the database, None where the options lead to it.
        folder: where the log goes.
        options: further command line options of `asyncqueue run`.
        environment: further environment variables.
    """

    def __init__(self, url: str | None, folder: Path, *options: str, **environment: str) -> None:
        self.log = folder / f"worker-{time.monotonic_ns()}.log"
        self._out = self.log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "asyncqueue", "run", *(["--database-url", url] if url else []), *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            # The tests themselves may run where it is ignored, as under nohup, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._out.close()
        if error is not None:
            sys.stdout.write(f"--- {self.log.name}\n{self.text()[-6000:]}\n")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def text(self) -> str:
        """What it has logged so far."""
        return self.log.read_text("utf-8", "replace")

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def pause(self, database: Database) -> None:
        """Stop it by SIGSTOP. On SQLite not while it holds the lock of the file, for which all others would wait."""
        self.signal(signal.SIGSTOP)
        while database.dialect == "sqlite" and not _can_be_written(database.url.removeprefix("sqlite:///")):
            self.signal(signal.SIGCONT)
            await asyncio.sleep(0.05)
            self.signal(signal.SIGSTOP)

    async def wait(self, seconds: float = DEADLINE) -> int:
        """Wait for its end and return its exit code."""
        await until(lambda: self._process.poll() is not None, seconds, f"the end of worker {self.pid}")
        return int(self._process.returncode)

    async def wait_for_log(self, text: str, seconds: float = DEADLINE) -> None:
        await until(lambda: text in self.text(), seconds, f"{text!r} in the log of worker {self.pid}")


async def until(
    condition: Callable[[], bool | Awaitable[bool]], seconds: float = DEADLINE, what: str = "a condition"
) -> None:
    """Wait for something to become true, and fail by name when it does not in time."""
    deadline = time.monotonic() + seconds
    while True:
        met = condition()
        if not isinstance(met, bool):
            met = await met
        if met:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        await asyncio.sleep(0.03)


def lines(witness: Path) -> list[str]:
    """What the tasks have witnessed."""
    return witness.read_text().split("\n")[:-1] if witness.exists() else []


async def ended(queue: Queue) -> bool:
    """Whether no task is queued or in progress."""
    return await queue.count(status=(Status.QUEUED, Status.RUNNING)) == 0
