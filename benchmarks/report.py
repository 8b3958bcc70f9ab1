"""Renders the measurements as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import catalogue, plots
from benchmarks.goals import Row, ratios, verdicts

_NAMES = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB", "sqlite": "SQLite"}
_RATES = (
    ("enqueue-one", "one caller"),
    ("enqueue-concurrent", "50 callers"),
    ("enqueue-bulk", "bulk"),
    ("drain", "drain"),
    ("drain-two", "drain, two workers"),
    ("drain-sync", "drain, plain functions"),
    ("efficiency-50", "waiting 10 ms, 50 at once"),
    ("efficiency-200", "waiting 10 ms, 200 at once"),
)


def write(results: dict[str, Any], folder: Path) -> Path:
    """Write `report.md` and its plots into a folder. Returns the report's path."""
    rows: list[Row] = results["rows"]
    databases = sorted({row["database"] for row in rows}, key=list(_NAMES).index)
    goals = "The goals" if results["durable"] else "The goals, which are for full durability"
    parts = ["# Benchmarks\n", _conditions(results), f"\n## {goals}\n", _goals(rows, databases)]
    for database in databases:
        servers = [run["servers"][database] for run in results["runs"] if database in run["servers"]]
        parts += [f"\n## {servers[-1]}\n", _rates(rows, database)]
        parts += [f"\n![Rates on {_NAMES[database]}]({plots.bars(rows, database, folder).name})\n"]
        parts += [_latency(rows, database), _own(rows, database)]
        drawn = plots.latencies(rows, database, folder)
        parts += [f"\n![Latencies on {_NAMES[database]}]({drawn.name})\n"] if drawn else []
    drawn = plots.backlog(rows, databases, folder)
    parts += ["\n## Rate over the size of the queue\n", f"\n![Rate over backlog]({drawn.name})\n"] if drawn else []
    parts += ["\n## How each was set up\n", _settings(rows), "\n## What went wrong\n", _errors(rows)]
    path = folder / "report.md"
    path.write_text("\n".join(part for part in parts if part).rstrip() + "\n")
    return path


def _conditions(results: dict[str, Any]) -> str:
    lines = []
    for number, run in enumerate(results["runs"], 1):
        machine = run["machine"]
        made_on = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}"
        lines.append((str(number), run["date"], f"`{run['command']}`", run.get("note", ""), made_on, _took(run)))
    return (
        f"Worker, enqueuer and server share the machine's cores. "
        f"{'Full durability' if results['durable'] else '**Durability relaxed**'}: {results['durability']}. "
        "Contenders take turns, round after round; a ratio is asyncqueue's figure over the other's in the same round, "
        "and what is given is the median of all rounds with the lowest and the highest. The figures themselves are in "
        "[results.json](results.json). They were made by these runs, and tables say by which:\n\n"
        + _table(("run", "date", "command", "of what", "machine", "minutes"), lines)
    )


def _took(run: dict[str, Any]) -> str:
    minutes = f"{run['seconds'] / 60:.0f}" if run["seconds"] else ""
    return f"{minutes} in {run['parts']} parts" if run.get("parts", 1) > 1 else minutes


def _goals(rows: Sequence[Row], databases: Sequence[str]) -> str:
    lines = []
    for database in databases:
        for verdict in verdicts(rows, database):
            spread = f"{min(verdict.ratios):.2f} to {max(verdict.ratios):.2f}"
            lines.append(
                (
                    _NAMES[database],
                    verdict.goal,
                    verdict.against,
                    f"{'at least' if verdict.higher else 'at most'} {verdict.wanted:g}",
                    f"{verdict.median:.2f}",
                    spread,
                    "reached" if verdict.reached else "**not reached**",
                    _runs(rows, database, verdict.workload),
                )
            )
    return _table(("database", "goal", "against", "wanted", "measured", "spread", "", "run"), lines)


def _rates(rows: Sequence[Row], database: str) -> str:
    names = _contenders(rows, database)
    workloads = [(key, title) for key, title in _RATES if _rows(rows, database, key)]
    lines = []
    for name in names:
        cells = [_spread(_values(rows, database, key, name, "rate")) for key, _ in workloads]
        if any(cells):
            lines.append((name, *cells))
    ratio_lines = [(name, *(_ratio(ratios(rows, database, key, name)) for key, _ in workloads)) for name in names[1:]]
    heads = ("tasks/s", *(title for _, title in workloads))
    lines.append(("run", *(_runs(rows, database, key) for key, _ in workloads)))
    return (
        _table(heads, lines)
        + "\n\nasyncqueue's rate over each other's:\n\n"
        + _table(("ratio", *heads[1:]), [line for line in ratio_lines if any(line[1:])])
    )


def _latency(rows: Sequence[Row], database: str) -> str:
    lines = []
    for workload, title in (("latency", "idle"), ("latency-busy", "1,000 others a second")):
        for name in _contenders(rows, database):
            cells = [_spread(_values(rows, database, workload, name, f"{cut}_ms"), 1) for cut in ("p50", "p95", "p99")]
            if any(cells):
                lines.append((title, name, *cells))
    return "\n" + _table(("latency, ms", "", "p50", "p95", "p99"), lines) if lines else ""


def _own(rows: Sequence[Row], database: str) -> str:
    lines = []
    for row in _rows(rows, database, "drain"):
        if row["contender"] == "asyncqueue" and "cpu_us" in row["measured"]:
            measured = row["measured"]
            lines.append(
                (
                    "drain",
                    f"{measured['cpu_us']:.0f} µs of processor time a task, {measured['batch']:.0f} tasks an exchange",
                )
            )
            break
    for workload in ("backlog", "finished", "scale-out", "levels", "scheduled", "limited", "fan"):
        for row in _rows(rows, database, workload):
            rates = row["measured"].get("rates", {})
            lines.append((workload, ", ".join(f"{key}: {rate:,.0f}/s" for key, rate in rates.items())))
    lines += _migrations(rows, database)
    for row in _rows(rows, database, "held-snapshot"):
        measured = row["measured"]
        if "before" in measured:
            during = measured["during"]
            text = (
                f"{measured['before']:,.0f}/s before, {during[0]:,.0f}/s at first, {during[-1]:,.0f}/s at the end, "
                f"after {measured['churned']:,} tasks"
            )
            lines.append(("held-snapshot", text))
    for row in _rows(rows, database, "idle"):
        measured = row["measured"]
        if "statements" in measured:
            text = (
                f"{measured['statements']:.1f} statements and {measured['cpu_percent']:.1f} % of a core a second; "
                f"{measured['memory_mb_50']:.0f} MB at 50, {measured['memory_mb_500']:.0f} MB at 500 at once"
            )
            lines.append(("idle", text))
    return "\n" + _table(("asyncqueue alone", ""), lines) if lines else ""


def _migrations(rows: Sequence[Row], database: str) -> list[tuple[str, str]]:
    lines = []
    for row in _rows(rows, database, "migration"):
        measured = row["measured"]
        if "during_ms" in measured:
            waits = ", ".join(
                f"longest {name} {measured['before_ms'][name]:.0f} ms before and {took:.0f} ms meanwhile"
                for name, took in measured["during_ms"].items()
            )
            lines.append(("migration", f"{measured['rows']:,} rows in {measured['seconds']:.1f} s; {waits}"))
    return lines


def _settings(rows: Sequence[Row]) -> str:
    named = {row["contender"] for row in rows}
    lines = []
    for name, contender in catalogue.load().items():
        if name in named:
            pinned = f" ({', '.join(contender.requirements)})" if contender.requirements else ""
            lines.append(f"- **{name}**{pinned}: {' '.join(contender.setting.split())}")
    return "\n".join(lines)


def _errors(rows: Sequence[Row]) -> str:
    lines = [
        f"- {row['database']}, {row['workload']}, {row['contender']}, round {row['round']}: "
        f"{' '.join(row['measured']['error'].split())[-200:]}"
        for row in rows
        if "error" in row["measured"]
    ]
    return "\n".join(lines) or "Nothing."


def _contenders(rows: Sequence[Row], database: str) -> list[str]:
    names = dict.fromkeys(row["contender"] for row in rows if row["database"] == database)
    return sorted(names, key=lambda name: (name != "asyncqueue", name in catalogue.LIMITS, name))


def _rows(rows: Sequence[Row], database: str, workload: str) -> list[Row]:
    return [row for row in rows if (row["database"], row["workload"]) == (database, workload)]


def _runs(rows: Sequence[Row], database: str, workload: str) -> str:
    """The runs that measured it, as they are numbered in the report."""
    return ", ".join(str(number + 1) for number in sorted({row["run"] for row in _rows(rows, database, workload)}))


def _values(rows: Sequence[Row], database: str, workload: str, contender: str, value: str) -> list[float]:
    return [
        row["measured"][value]
        for row in _rows(rows, database, workload)
        if row["contender"] == contender and value in row["measured"]
    ]


def _spread(values: Sequence[float], digits: int = 0) -> str:
    if not values:
        return ""
    middle = f"{statistics.median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def _ratio(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})" if values else ""


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    head = f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}"
    return "\n".join([head, *(f"| {' | '.join(line)} |" for line in lines)])
