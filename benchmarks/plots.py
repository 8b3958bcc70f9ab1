"""Draws the measurements."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from benchmarks.catalogue import LIMITS
from benchmarks.goals import Row

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "asyncqueue"  # the same figures give the same file

import matplotlib.pyplot as plt  # noqa: E402 - after the backend was chosen
from matplotlib.figure import Figure  # noqa: E402

_OURS, _LIMIT, _THEIRS = "#1f6feb", "#8c959f", "#d0a215"
_BARS = ("enqueue-one", "enqueue-concurrent", "enqueue-bulk", "drain")


def bars(rows: Sequence[Row], database: str, folder: Path) -> Path:
    """Rates of all contenders, workload by workload."""
    present = [name for name in _BARS if any(_key(row) == (database, name) for row in rows)]
    figure, axes = plt.subplots(1, max(1, len(present)), figsize=(3.4 * max(1, len(present)), 4), squeeze=False)
    for axis, workload in zip(axes[0], present, strict=False):
        rates: dict[str, list[float]] = {}
        for row in rows:
            if _key(row) == (database, workload) and "rate" in row["measured"]:
                rates.setdefault(row["contender"], []).append(row["measured"]["rate"])
        names = sorted(rates, key=lambda name: statistics.median(rates[name]))
        middles = [statistics.median(rates[name]) for name in names]
        colours = [_OURS if name == "asyncqueue" else _LIMIT if name in LIMITS else _THEIRS for name in names]
        spread = [
            [middle - min(rates[name]) for name, middle in zip(names, middles, strict=True)],
            [max(rates[name]) - middle for name, middle in zip(names, middles, strict=True)],
        ]
        axis.barh(names, middles, color=colours, xerr=spread, error_kw={"elinewidth": 0.8, "ecolor": "#57606a"})
        for position, middle in enumerate(middles):
            axis.text(middle, position, f" {middle:,.0f}", va="center", fontsize=7)
        axis.set_title(workload, fontsize=10)
        axis.set_xlim(0, max(middles, default=1) * 1.3)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("tasks a second", fontsize=8)
    return _save(figure, folder / f"rates-{database}.svg")


def latencies(rows: Sequence[Row], database: str, folder: Path) -> Path | None:
    """What share of tasks had begun after how many milliseconds."""
    figure, axis = plt.subplots(figsize=(7, 4))
    names = []
    for name in dict.fromkeys(row["contender"] for row in rows):
        values = sorted(
            value
            for row in rows
            if _key(row) == (database, "latency") and row["contender"] == name
            for value in row["measured"].get("milliseconds", ())
        )
        if values:
            names.append(name)
            shares = [(index + 1) / len(values) * 100 for index in range(len(values))]
            width = 2.2 if name == "asyncqueue" else 1.0
            axis.plot(values, shares, label=name, linewidth=width, color=_OURS if name == "asyncqueue" else None)
    if not names:
        plt.close(figure)
        return None
    axis.set_xscale("log")
    axis.set_xlabel("milliseconds from the return of enqueue to the beginning of the task")
    axis.set_ylabel("% of tasks")
    axis.legend(fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    return _save(figure, folder / f"latency-{database}.svg")


def backlog(rows: Sequence[Row], databases: Sequence[str], folder: Path) -> Path | None:
    """Rates over the number of queued rows."""
    figure, axis = plt.subplots(figsize=(7, 4))
    drawn = False
    for database in databases:
        for row in rows:
            rates = row["measured"].get("rates", {}) if _key(row) == (database, "backlog") else {}
            if rates:
                axis.plot(
                    [int(key.replace(",", "")) for key in rates], list(rates.values()), marker="o", label=database
                )
                drawn = True
    if not drawn:
        plt.close(figure)
        return None
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("tasks queued")
    axis.set_ylabel("tasks a second")
    axis.legend(fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    return _save(figure, folder / "backlog.svg")


def _key(row: Row) -> tuple[str, str]:
    return row["database"], row["workload"]


def _save(figure: Figure, path: Path) -> Path:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
