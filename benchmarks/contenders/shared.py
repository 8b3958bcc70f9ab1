"""What the programs of all contenders share. Standard library only: each runs in an environment of its own.

A contender is a task queue, or the bare database. Its program, `run_<name>.py`, defines an `Adapter` and ends with
`main(MyAdapter)`, which gives it this command line::

    run_<name>.py setup URL                           make its tables in an empty database
    run_<name>.py enqueue URL --how one ...           enqueue tasks, print {"tasks": 5000, "seconds": 1.23}
    run_<name>.py work URL --concurrency 50           run one worker process until SIGTERM

URL is `postgresql://user@host:port/db`, `mysql://user@host:port/db` (MariaDB too) or `sqlite:////path`.

Programs tell the benchmark what happens through a file of shared memory, named by the variable BENCH_SHARED: how many
tasks a worker has run, when each task of a latency measurement was committed and when it began.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import inspect
import json
import mmap
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

#: Processes that may take part, and tasks of a latency measurement.
PROCESSES = 64
STAMPS = 200_000
_GATE = 0
_READY = 1
_COUNTS = 1 + PROCESSES
_COMMITTED = _COUNTS + PROCESSES
_STARTED = _COMMITTED + STAMPS
_CELLS = _STARTED + STAMPS


class Shared:
    """Numbers of 64 bits that several processes see. Times are CLOCK_MONOTONIC's nanoseconds, which all share."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:  # noqa: PTH123 - standard library of any version
            self._map = mmap.mmap(file.fileno(), _CELLS * 8)
        self.cells = memoryview(self._map).cast("Q")

    def close(self) -> None:
        """Let go of the memory."""
        self.cells.release()
        self._map.close()

    @staticmethod
    def create(path: str) -> Shared:
        """Make the file, all zero."""
        with open(path, "wb") as file:  # noqa: PTH123
            file.truncate(_CELLS * 8)
        return Shared(path)

    # -- the worker's side

    def ready(self, slot: int) -> None:
        """Say that this worker is about to claim, and wait until the benchmark lets all of them begin."""
        self.cells[_READY + slot] = 1
        while not self.cells[_GATE]:
            time.sleep(0.002)

    def done(self, slot: int, number: int = 1) -> None:
        """Count tasks that were run on the event loop."""
        self.cells[_COUNTS + slot] += number

    def done_in_thread(self, slot: int) -> None:
        """Count a task that was run in a thread."""
        with _LOCK:
            self.cells[_COUNTS + slot] += 1

    def started(self, number: int) -> None:
        """Note when a task began."""
        self.cells[_STARTED + number] = time.monotonic_ns()

    # -- the enqueuer's side

    def committed(self, number: int) -> None:
        """Note when a task's enqueue call had returned."""
        self.cells[_COMMITTED + number] = time.monotonic_ns()

    # -- the benchmark's side

    def ready_workers(self) -> int:
        """How many workers wait at the gate."""
        return sum(self.cells[_READY : _READY + PROCESSES])

    def open_gate(self) -> int:
        """Let the workers begin. Returns the time."""
        now = time.monotonic_ns()
        self.cells[_GATE] = 1
        return now

    def count(self) -> int:
        """How many tasks all workers have run."""
        return sum(self.cells[_COUNTS : _COUNTS + PROCESSES])

    def latencies(self, number: int, first: int = 0) -> list[float]:
        """Seconds from commit to beginning of those tasks that have begun."""
        pairs = (
            (self.cells[_COMMITTED + index], self.cells[_STARTED + index]) for index in range(first, first + number)
        )
        return [max(0, started - committed) / 1e9 for committed, started in pairs if started and committed]


_LOCK = threading.Lock()
_SHARED: Shared | None = None
_SLOT = int(os.environ.get("BENCH_SLOT", "0"))


def shared() -> Shared:
    """The shared memory of this run."""
    global _SHARED
    if _SHARED is None:
        _SHARED = Shared(os.environ["BENCH_SHARED"])
    return _SHARED


def ready() -> None:
    """For `Adapter.work`: call it when everything is connected and the next thing is the worker's loop."""
    shared().ready(_SLOT)


# -- the tasks, the same for every contender: its own task functions call these and do nothing else


async def noop() -> None:
    """Do nothing."""
    shared().done(_SLOT)


def noop_sync() -> None:
    """Do nothing, in a thread."""
    shared().done_in_thread(_SLOT)


async def sleep(seconds: float) -> None:
    """Wait as for a network."""
    await asyncio.sleep(seconds)
    shared().done(_SLOT)


async def stamp(number: int) -> None:
    """Note when it began."""
    shared().started(number)
    shared().done(_SLOT)


def stamp_sync(number: int) -> None:
    """The same in a thread, for contenders that run plain functions only."""
    shared().started(number)
    shared().done_in_thread(_SLOT)


class Adapter:
    """One contender. Every method but the constructor may be plain or `async`.

    `kind` is one of `noop`, `noop_sync`, `sleep` (arguments {"seconds": 0.01}) and `stamp` ({"number": 7}).
    """

    #: Whether callers of `enqueue` run in threads, because the library has no asynchronous one.
    threads = False

    def __init__(self, url: str) -> None:
        self.url = url

    def setup(self) -> Any:
        """Make the tables in an empty database, tuned as the contender's documentation says."""
        raise NotImplementedError

    def open(self, callers: int) -> Any:
        """Connect for `callers` concurrent calls of `enqueue`."""
        raise NotImplementedError

    def close(self) -> Any:
        """Disconnect."""
        raise NotImplementedError

    def enqueue(self, kind: str, args: dict[str, Any]) -> Any:
        """Enqueue one task; it is committed on return."""
        raise NotImplementedError

    def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> Any:
        """Enqueue many by the library's bulk call; all are committed on return."""
        raise NotImplementedError

    def work(self, concurrency: int) -> Any:
        """Connect, call `ready`, and run one worker until SIGTERM. May be ended by SIGKILL five seconds later."""
        raise NotImplementedError


def main(adapter: type[Adapter]) -> None:
    """The command line of a contender's program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=("setup", "enqueue", "work"))
    parser.add_argument("url")
    parser.add_argument("--how", choices=("one", "concurrent", "bulk", "paced"), default="one")
    parser.add_argument("--kind", choices=("noop", "noop_sync", "sleep", "stamp"), default="noop")
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--callers", type=int, default=50)
    parser.add_argument("--every", type=float, default=0.02, help="seconds between two calls, with --how paced")
    parser.add_argument("--seconds", type=float, default=0.01, help="how long a task of the kind sleep takes")
    parser.add_argument("--first", type=int, default=0, help="number of the first task of the kind stamp")
    parser.add_argument("--chunk", type=int, default=50_000, help="tasks of one bulk call")
    parser.add_argument("--limit-seconds", type=float, default=3600, help="stop enqueueing then, and say how many")
    parser.add_argument("--concurrency", type=int, default=50)
    options = parser.parse_args()
    made = adapter(options.url)
    if options.verb == "work":
        result = _call(made.work, options.concurrency)
    elif options.verb == "enqueue":
        result = _with_loop(_enqueue(made, options))
    else:
        result = _call(made.setup)
    if result is not None:
        print(json.dumps(result), flush=True)


def arguments(kind: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The arguments of each task to enqueue."""
    if kind == "sleep":
        return [{"seconds": options.seconds}] * options.tasks
    if kind == "stamp":
        return [{"number": options.first + index} for index in range(options.tasks)]
    return [{}] * options.tasks


async def _enqueue(made: Adapter, options: argparse.Namespace) -> dict[str, Any]:
    callers = options.callers if options.how == "concurrent" else 1
    pending = arguments(options.kind, options)
    done = 0
    await _await(made.open(callers))
    try:
        began = time.perf_counter()
        if options.how == "bulk":
            for start in range(0, len(pending), options.chunk):
                await _await(made.enqueue_bulk(options.kind, pending[start : start + options.chunk]))
                done += len(pending[start : start + options.chunk])
        elif options.how == "paced":
            done = await _paced(made, options, pending)
        elif made.threads:
            done = await _in_threads(made, options.kind, pending, callers, began + options.limit_seconds)
        else:
            done = await _on_the_loop(made, options.kind, pending, callers, began + options.limit_seconds)
        seconds = time.perf_counter() - began
    finally:
        await _await(made.close())
    return {"tasks": done, "seconds": seconds}


async def _on_the_loop(made: Adapter, kind: str, pending: list[dict[str, Any]], callers: int, end: float) -> int:
    queue = iter(pending)
    done = 0

    async def caller() -> None:
        nonlocal done
        for args in queue:
            await _await(made.enqueue(kind, args))
            done += 1
            if time.perf_counter() > end:
                return

    await asyncio.gather(*(caller() for _ in range(callers)))
    return done


async def _in_threads(made: Adapter, kind: str, pending: list[dict[str, Any]], callers: int, end: float) -> int:
    shares = [pending[index::callers] for index in range(callers)]
    done = [0] * callers

    def caller(index: int) -> None:
        for args in shares[index]:
            made.enqueue(kind, args)
            done[index] += 1
            if time.perf_counter() > end:
                return

    threads = [threading.Thread(target=caller, args=(index,)) for index in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    return sum(done)


async def _paced(made: Adapter, options: argparse.Namespace, pending: list[dict[str, Any]]) -> int:
    """One call every `every` seconds, by the clock and not after the last call, and the time each was committed."""
    began = time.perf_counter()
    for index, args in enumerate(pending):
        await asyncio.sleep(max(0.0, began + index * options.every - time.perf_counter()))
        await _await(made.enqueue(options.kind, args))
        if options.kind == "stamp":
            shared().committed(args["number"])
    return len(pending)


async def _await(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def _call(method: Any, *args: Any) -> Any:
    if not inspect.iscoroutinefunction(method):
        return method(*args)
    return _with_loop(method(*args))


def _with_loop(coroutine: Any) -> Any:
    with contextlib.suppress(ImportError):
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(coroutine)
    return asyncio.run(coroutine)
