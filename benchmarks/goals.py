"""What asyncqueue must reach, as ratios within one run, and whether it did."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.catalogue import LIMITS

#: A measurement: database, workload, contender, round, and what was measured.
Row = dict[str, Any]

_SLOWER = ("enqueue-one", "enqueue-concurrent", "enqueue-bulk", "drain", "drain-two", "drain-sync")


@dataclass(frozen=True)
class Verdict:
    """One goal on one database: the ratios of all rounds, and whether their median reaches it."""

    database: str
    workload: str
    goal: str
    against: str
    ratios: Sequence[float]
    wanted: float
    higher: bool = True

    @property
    def median(self) -> float:
        """Of the ratios."""
        return statistics.median(self.ratios)

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.median >= self.wanted if self.higher else self.median <= self.wanted


def ratios(rows: Sequence[Row], database: str, workload: str, contender: str, value: str = "rate") -> list[float]:
    """Our value over the contender's, round by round."""
    ours, theirs = (
        {
            row["round"]: row["measured"][value]
            for row in rows
            if (row["database"], row["workload"], row["contender"]) == (database, workload, name)
            and value in row["measured"]
        }
        for name in ("asyncqueue", contender)
    )
    return [ours[number] / theirs[number] for number in sorted(ours.keys() & theirs.keys()) if theirs[number]]


def fastest(rows: Sequence[Row], database: str, workload: str, among: Callable[[str], bool]) -> str | None:
    """The peer with the best median rate."""
    rates: dict[str, list[float]] = {}
    for row in rows:
        name = row["contender"]
        if (row["database"], row["workload"]) == (database, workload) and among(name) and "rate" in row["measured"]:
            rates.setdefault(name, []).append(row["measured"]["rate"])
    return max(rates, key=lambda name: statistics.median(rates[name]), default=None)


def verdicts(rows: Sequence[Row], database: str) -> list[Verdict]:
    """Every goal that the rows say something about."""
    return [verdict for verdict in _all(rows, database) if verdict.ratios]


def _peer(name: str) -> bool:
    return name not in ("asyncqueue", *LIMITS)


def _bounded_peer(name: str) -> bool:
    return _peer(name) and not name.endswith("-unlimited")


def _all(rows: Sequence[Row], database: str) -> Iterable[Verdict]:
    def against(goal: str, workload: str, contender: str | None, wanted: float) -> Iterable[Verdict]:
        if contender is not None:
            yield Verdict(database, workload, goal, contender, ratios(rows, database, workload, contender), wanted)

    def own(goal: str, workload: str, value: str, wanted: float, *, higher: bool = True) -> Iterable[Verdict]:
        measured = [
            row["measured"]
            for row in rows
            if (row["database"], row["workload"], row["contender"]) == (database, workload, "asyncqueue")
            and value in row["measured"]
        ]
        # Where one measurement has rounds of its own, the share is their median.
        values = [
            float(one)
            for each in measured
            for one in (each.get("ratios") if value == "share" else None) or [each[value]]
        ]
        yield Verdict(database, workload, goal, "itself", values, wanted, higher)

    postgresql = database == "postgresql"
    best = fastest(rows, database, "drain", _bounded_peer)
    yield from against("drain, fastest peer at 50 at once", "drain", best, 3 if postgresql else 10)
    if postgresql:
        best = fastest(rows, database, "drain", _peer)
        yield from against("drain, fastest peer at any setting", "drain", best, 2)
    for limit in LIMITS:
        yield from against(f"drain, {limit}", "drain", limit, 0.5 if database == "sqlite" else 0.7)
    yield from against("enqueue-one, bare INSERT", "enqueue-one", "limit", 0.8)
    for workload, wanted in (("enqueue-one", 1.0), ("enqueue-concurrent", 5.0), ("enqueue-bulk", 2.0)):
        yield from against(f"{workload}, fastest peer", workload, fastest(rows, database, workload, _peer), wanted)
    yield from against("enqueue-bulk, bare", "enqueue-bulk", "limit", 0.7)
    yield from own("efficiency at 50", "efficiency-50", "share", 0.95)
    yield from own("efficiency at 200", "efficiency-200", "share", 0.9)
    yield from _latency(rows, database)
    yield from own("backlog of a million", "backlog", "lowest_share", 0.8)
    yield from own("5 million finished rows", "finished", "share", 0.8)
    yield from own("level 1, three queues and five priorities", "levels", "share", 0.9)
    yield from own("a million scheduled rows", "scheduled", "share", 0.9)
    yield from own("100,000 rows held by a limit", "limited", "share", 0.8)
    yield from own("held snapshot", "held-snapshot", "share", 0.8)
    yield from own("idle, statements a second", "idle", "statements", 2.0, higher=False)
    yield from own("memory at 50, MB", "idle", "memory_mb_50", 60, higher=False)
    yield from own("memory at 500, MB", "idle", "memory_mb_500", 80, higher=False)
    yield from own("two workers over one", "scale-out", "two_to_one", 1.6)
    yield from own("eight workers over two", "scale-out", "eight_to_two", 1.0)


def _latency(rows: Sequence[Row], database: str) -> Iterable[Verdict]:
    ours = [row for row in rows if (row["database"], row["workload"]) == (database, "latency")]
    values = [
        row["measured"]["p99_ms"] for row in ours if row["contender"] == "asyncqueue" and "p99_ms" in row["measured"]
    ]
    if database == "sqlite":
        yield Verdict(database, "latency", "latency p99, ms", "itself", values, 15, higher=False)
    elif database in ("mysql", "mariadb"):
        goal = "latency p99 within its slowest poll, ms"
        yield Verdict(database, "latency", goal, "itself", values, 1000, higher=False)
    else:
        for peer in sorted({row["contender"] for row in ours if _peer(row["contender"])}):
            for cut in ("p50_ms", "p99_ms"):
                found = ratios(rows, database, "latency", peer, cut)
                goal = f"latency {cut[:3]}, over the peer's"
                yield Verdict(database, "latency", goal, peer, found, 1.0, higher=False)
