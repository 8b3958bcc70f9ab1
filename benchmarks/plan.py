"""What is measured, in which order: rounds in which all contenders take turns, so that ratios are of one minute."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks import migration, special, workloads
from benchmarks.catalogue import LIMITS, Contender
from benchmarks.servers import Place
from benchmarks.workloads import Measured, Size

Measure = Callable[[Contender, Place, Size], Measured]


@dataclass(frozen=True)
class Workload:
    """One row of the report."""

    name: str
    what: str
    measure: Measure
    #: What a contender must say it can take part in.
    needs: str
    #: The key of the measured value, and whether more of it is better.
    value: str = "rate"
    higher: bool = True
    #: Only asyncqueue itself, measured against an earlier state of itself.
    alone: bool = False
    #: Whether the bare driver takes part, at the batch size that asyncqueue had.
    limited: bool = False


def _partial(function: Any, **given: Any) -> Measure:
    return functools.partial(function, **given)


WORKLOADS = [
    Workload("enqueue-one", "one caller, one call at a time", workloads.enqueue_one, "enqueue-one", limited=True),
    Workload(
        "enqueue-concurrent",
        "50 concurrent callers of one client",
        workloads.enqueue_concurrent,
        "enqueue-concurrent",
        limited=True,
    ),
    Workload("enqueue-bulk", "one bulk call of 50,000", workloads.enqueue_bulk, "enqueue-bulk", limited=True),
    Workload("drain", "no-op async tasks, one worker, 50 at once", workloads.drain, "drain", limited=True),
    Workload("drain-two", "the same with two workers", _partial(workloads.drain, processes=2), "drain"),
    Workload("drain-sync", "plain functions in threads", _partial(workloads.drain, kind="noop_sync"), "drain-sync"),
    Workload("efficiency-50", "tasks that wait 10 ms, 50 at once: ideal 5,000", workloads.efficiency, "efficiency"),
    Workload(
        "efficiency-200",
        "the same, 200 at once: ideal 20,000",
        _partial(workloads.efficiency, concurrency=200),
        "efficiency",
    ),
    Workload("latency", "one task every 20 ms, idle worker", workloads.latency, "latency", "p99_ms", higher=False),
    Workload(
        "latency-busy",
        "the same beside 1,000 other tasks a second",
        _partial(workloads.latency, background=1000),
        "latency",
        "p99_ms",
        higher=False,
    ),
    Workload("backlog", "the first 20,000 of many queued rows", special.backlog, "backlog", "lowest_share", alone=True),
    Workload("finished", "20,000 beside millions of finished rows", special.finished, "backlog", "share", alone=True),
    Workload("levels", "level 1 against the table as Django makes it", special.levels, "backlog", "share", alone=True),
    Workload("scheduled", "20,000 beside a million due tomorrow", special.scheduled, "backlog", "share", alone=True),
    Workload("limited", "20,000 beside 100,000 held by a limit", special.limited, "backlog", "share", alone=True),
    Workload("fan", "10,000 after one, and one after 10,000", special.fan, "backlog", "share", alone=True),
    Workload(
        "migration",
        "the longest statement while a million rows are migrated",
        migration.migration,
        "backlog",
        "seconds",
        higher=False,
        alone=True,
    ),
    Workload("held-snapshot", "an old transaction stays open", special.held_snapshot, "held", "share", alone=True),
    Workload("idle", "a worker without work", special.idle, "idle", "statements", higher=False, alone=True),
    Workload("scale-out", "1, 2, 4 and 8 workers", special.scale_out, "scale", "two_to_one", alone=True),
]


@dataclass(frozen=True)
class Run:
    """One measurement to make."""

    workload: Workload
    contender: Contender
    number: int


def runs(
    chosen: Iterable[Workload], contenders: dict[str, Contender], dialect: str, rounds: int, lone_rounds: int
) -> list[Run]:
    """All measurements on one database: asyncqueue, then each of the others, again and again."""
    planned = []
    for workload in chosen:
        if workload.alone:
            planned += [Run(workload, contenders["asyncqueue"], number) for number in range(lone_rounds)]
            continue
        part = [
            each
            for each in contenders.values()
            if dialect in each.databases
            and (each.name == "asyncqueue" or workload.needs in each.workloads)
            and (each.name not in LIMITS or workload.limited)
        ]
        planned += [Run(workload, each, number) for number in range(rounds) for each in part]
    return planned


def measure(run: Run, place: Place, size: Size, batch: float | None) -> Measured:
    """Make one; an error of whichever kind is what was measured then, and the others go on."""
    measuring = run.workload.measure
    if run.contender.name in LIMITS and run.workload.name == "drain" and batch:
        measuring = functools.partial(workloads.drain, batch=batch)
    try:
        return measuring(run.contender, place, size)
    except Exception as error:  # noqa: BLE001 - hours of other measurements are not to be lost
        return {"error": f"{type(error).__name__}: {error}"[-500:]}
