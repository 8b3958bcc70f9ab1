"""The workloads: each takes a contender and a place, and returns what it measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.catalogue import Contender
from benchmarks.probe import Probe
from benchmarks.programs import Workers, call, running
from benchmarks.servers import Place

Measured = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How much is done in a run."""

    enqueue: int = 5_000
    bulk: int = 50_000
    drain: int = 20_000
    #: Seconds after which a slow contender's run is ended, and its rate taken from what it has done.
    most_seconds: float = 5.0
    latency: int = 250


class Site:
    """A new database with a contender's tables."""

    def __init__(self, contender: Contender, place: Place, **environment: str) -> None:
        self.contender = contender
        self.dialect = place.dialect
        self.url = place.create()
        call(contender, "setup", self.url, **environment)
        self._place = place
        self._probe: Probe | None = None

    @property
    def probe(self) -> Probe:
        """The benchmark's own connection to it."""
        if self._probe is None:
            self._probe = Probe(self.url)
        return self._probe

    def remaining(self) -> int:
        """How many tasks have not ended."""
        return int(self.probe.value(self.contender.remaining[self.dialect]))

    def enqueue(self, how: str, tasks: int, *options: str, **environment: str) -> Measured:
        """Enqueue by the contender's program."""
        return call(self.contender, "enqueue", self.url, "--how", how, "--tasks", str(tasks), *options, **environment)

    def close(self) -> None:
        """Drop it."""
        if self._probe is not None:
            self._probe.close()
        self._place.drop(self.url)


@contextmanager
def site(contender: Contender, place: Place, **environment: str) -> Iterator[Site]:
    """A site for the time of a block."""
    made = Site(contender, place, **environment)
    try:
        yield made
    finally:
        made.close()


def enqueue_one(contender: Contender, place: Place, size: Size) -> Measured:
    """One caller, one call at a time."""
    return _enqueue(contender, place, "one", size.enqueue, size)


def enqueue_concurrent(contender: Contender, place: Place, size: Size) -> Measured:
    """50 concurrent callers of one client."""
    return _enqueue(contender, place, "concurrent", size.enqueue, size, "--callers", "50")


def enqueue_bulk(contender: Contender, place: Place, size: Size) -> Measured:
    """One bulk call."""
    return _enqueue(contender, place, "bulk", min(size.bulk, contender.most_bulk or size.bulk), size)


def _enqueue(contender: Contender, place: Place, how: str, tasks: int, size: Size, *options: str) -> Measured:
    with site(contender, place) as at:
        done = at.enqueue(how, tasks, "--limit-seconds", str(size.most_seconds), *options)
    return {"rate": done["tasks"] / done["seconds"], "tasks": done["tasks"]}


def drain(
    contender: Contender,
    place: Place,
    size: Size,
    *,
    kind: str = "noop",
    processes: int = 1,
    concurrency: int = 50,
    batch: float | None = None,
    tasks: int | None = None,
) -> Measured:
    """Tasks a second from the moment workers may begin until the table shows all of them ended."""
    tasks = min(tasks or size.drain, contender.most_tasks or 1 << 62)
    with site(contender, place) as at:
        at.enqueue("bulk", tasks, "--kind", kind)
        if contender.statistics:
            at.probe.rows("ANALYZE")
        environment = {"BENCH_BATCH": str(round(batch))} if batch else {}
        workers = Workers(contender, at.url, processes=processes, concurrency=concurrency, **environment)
        with workers:
            cpu = workers.cpu()
            began = workers.shared.open_gate()
            done, seconds = until_drained(at, workers, tasks, began, size.most_seconds)
            cpu, memory = workers.cpu() - cpu, workers.memory()
    measured = {"rate": done / seconds, "tasks": done, "cpu_us": cpu / done * 1e6, "memory_mb": memory}
    if workers.results:
        measured |= {"batch": statistics.mean(result["batch"] for result in workers.results)}
    return measured


def until_drained(at: Site, workers: Workers, tasks: int, began: int, most_seconds: float) -> tuple[int, float]:
    """Wait until all have ended, or time is up. Returns how many have, and after how many seconds."""
    end = began + int(most_seconds * 1e9)
    while workers.shared.count() < tasks and time.monotonic_ns() < end:
        time.sleep(0.001)
    if workers.shared.count() < tasks:
        workers.check()
        done = workers.shared.count()
        return max(1, done), (time.monotonic_ns() - began) / 1e9
    while at.remaining() > 0:
        time.sleep(0.002)
        if time.monotonic_ns() > end + 10**10:
            raise RuntimeError(f"{at.contender.name} has run every task, and its table does not show it")
    return tasks, (time.monotonic_ns() - began) / 1e9


def efficiency(contender: Contender, place: Place, size: Size, *, concurrency: int = 50) -> Measured:
    """Tasks that wait for 10 ms: the share of the rate that so many at once could reach."""
    ideal = concurrency / 0.01
    measured = drain(contender, place, size, kind="sleep", concurrency=concurrency)
    return {**measured, "share": measured["rate"] / ideal}


def latency(contender: Contender, place: Place, size: Size, *, background: int = 0) -> Measured:
    """Seconds from the return of enqueue to the beginning of the task, with one task every 20 ms."""
    with site(contender, place) as at, Workers(contender, at.url) as workers:
        workers.shared.open_gate()
        time.sleep(1.0)
        with _others(at, background, size.latency * 0.02 + 1) as coming:
            shared = {"BENCH_SHARED": workers.shared_path}
            at.enqueue("paced", size.latency, "--kind", "stamp", "--every", "0.02", **shared)
            end = time.monotonic() + 5
            while len(workers.shared.latencies(size.latency)) < size.latency and time.monotonic() < end:
                time.sleep(0.01)
                if coming():
                    end = time.monotonic() + 5
        taken = sorted(workers.shared.latencies(size.latency))
    if not taken:
        raise RuntimeError(f"{contender.name} began none of the tasks")
    milliseconds = [each * 1e3 for each in taken]
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return {
        "p50_ms": cuts[49],
        "p95_ms": cuts[94],
        "p99_ms": cuts[98],
        "began": len(taken),
        "milliseconds": [round(each, 3) for each in milliseconds],
    }


@contextmanager
def _others(at: Site, rate: int, seconds: float) -> Iterator[Callable[[], bool]]:
    """Enqueue other tasks beside a block, so many a second. Yields a function that says whether more are to come.

    The block's end is theirs: a peer that enqueues 150 a second would take most of a minute for what nobody waits for.
    """
    if not rate:
        yield lambda: False
        return
    paced = ("--how", "paced", "--tasks", str(int(rate * seconds)), "--every", str(1 / rate))
    with running(at.contender, "enqueue", at.url, *paced) as coming:
        time.sleep(0.5)
        yield coming
