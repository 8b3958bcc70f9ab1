"""results.json: what a folder holds of all its runs, and where the last of them stands.

It is written after every workload, so that an interrupted run loses no more than one and can be gone on with.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from benchmarks.goals import Row

NAME = "results.json"
_DURABILITY = "fsync and synchronous_commit on (PostgreSQL), flush at commit (InnoDB), synchronous = FULL (SQLite)"
_RELAXED = "fsync and synchronous_commit off (PostgreSQL), no flush at commit (InnoDB)"

#: Whether servers were durable, the runs (the last may be under way), and rows, which name their run by its index.
Results = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What a run was told to measure; its entry keeps it, so that it can be gone on with."""

    databases: list[str]
    workloads: list[str]
    #: All that take part, where none were named.
    contenders: list[str] | None
    rounds: int
    lone_rounds: int
    quick: bool


def read(folder: Path) -> Results | None:
    """What a folder holds, if anything."""
    path = folder / NAME
    found: Results | None = json.loads(path.read_text()) if path.exists() else None
    return found


def write(results: Results, folder: Path) -> None:
    """Replace what a folder holds at once: who is interrupted meanwhile has either the old results or the new."""
    new = folder / f"{NAME}.new"
    new.write_text(json.dumps(results, indent=1) + "\n")
    new.replace(folder / NAME)


def begin(folder: Path, options: Options, *, durable: bool) -> Results:
    """What a folder holds, and a new run that has measured nothing yet."""
    held = read(folder) or {"durable": durable, "runs": [], "rows": []}
    if held["durable"] != durable:
        raise typer.BadParameter(f"{folder / NAME} is of the other durability: name another folder with --out")
    run = {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"python -m benchmarks {' '.join(_without_out(sys.argv[1:]))}",
        "options": asdict(options),
        "machine": machine(),
        "servers": {},
        "seconds": 0,
        "parts": 1,
        "finished": False,
    }
    return _tidy(
        {
            "durable": durable,
            "durability": _DURABILITY if durable else _RELAXED,
            "runs": [*held["runs"], run],
            "rows": held["rows"],
        }
    )


def resume(folder: Path) -> Results:
    """What a folder holds, whose last run is to be gone on with."""
    results = read(folder)
    if results is None:
        raise typer.BadParameter(f"{folder / NAME} does not exist, so no run can go on: begin one without --resume")
    run, path = results["runs"][-1], folder / NAME
    if run.get("finished", True):  # runs of before that was noted were written only at their end
        raise typer.BadParameter(
            f"the last run in {path} is finished: measure anew without --resume, or name another folder with --out"
        )
    if run["machine"] != machine():
        raise typer.BadParameter(
            f"the last run in {path} was made on another machine ({_differences(run['machine'])}): go on there, "
            "or begin a new run without --resume"
        )
    run["parts"] += 1
    return results


def measured(results: Results) -> set[tuple[str, str]]:
    """The databases and workloads that the last run is through with."""
    last = len(results["runs"]) - 1
    return {_place(row) for row in results["rows"] if row["run"] == last}


def add(results: Results, rows: Sequence[Row]) -> Results:
    """The same with all rows of a workload that the last run has measured, in place of those that older runs had."""
    places = {_place(row) for row in rows}
    last = len(results["runs"]) - 1
    kept = [row for row in results["rows"] if _place(row) not in places]
    return _tidy({**results, "rows": [*kept, *({**row, "run": last} for row in rows)]})


def machine() -> dict[str, Any]:
    """The machine this runs on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "processor": cpu,
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }


def _differences(other: dict[str, Any]) -> str:
    """What a machine has that this one has not."""
    here = machine()
    return ", ".join(f"{name} {value}" for name, value in other.items() if here.get(name) != value)


def _place(row: Row) -> tuple[str, str]:
    """Where a row belongs: a workload on a database is replaced as a whole."""
    return row["database"], row["workload"]


def _tidy(results: Results) -> Results:
    """Without runs of which no row is left; the last one is under way and may have none yet."""
    runs = results["runs"]
    kept = sorted({*(row["run"] for row in results["rows"]), len(runs) - 1})
    return {
        **results,
        "runs": [runs[number] for number in kept],
        "rows": [{**row, "run": kept.index(row["run"])} for row in results["rows"]],
    }


def _without_out(words: list[str]) -> list[str]:
    """The options without the folder, which says nothing of the measurement."""
    kept = [word for word in words if not word.startswith("--out=")]
    if "--out" in kept:
        place = kept.index("--out")
        del kept[place : place + 2]
    return kept
