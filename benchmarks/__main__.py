"""The benchmark suite: `python -m benchmarks run`, `report`, `list`."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import catalogue, plan, report
from benchmarks.servers import DIALECTS, Place, place
from benchmarks.workloads import Size

RESULTS = Path(__file__).parent / "results"
_DURABILITY = "fsync and synchronous_commit on (PostgreSQL), flush at commit (InnoDB), synchronous = FULL (SQLite)"
_RELAXED = "fsync and synchronous_commit off (PostgreSQL), no flush at commit (InnoDB)"

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.command("list")
def list_all() -> None:
    """Show the workloads and the contenders."""
    for workload in plan.WORKLOADS:
        typer.echo(f"{workload.name:<20} {workload.what}")
    typer.echo("")
    for contender in catalogue.load().values():
        typer.echo(f"{contender.name:<20} {', '.join(contender.databases)}")


@app.command()
def run(
    database: Annotated[list[str] | None, typer.Option("--database", "-b", help="Which; all four by default.")] = None,
    workload: Annotated[list[str] | None, typer.Option("--workload", "-w", help="Which; all by default.")] = None,
    contender: Annotated[
        list[str] | None, typer.Option("--contender", "-c", help="Which peers; all by default.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds of every comparison: 5, with --quick 2.")] = None,
    lone_rounds: Annotated[int, typer.Option(help="Rounds of what asyncqueue does alone.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller, against the limit and the fastest peers only.")
    ] = False,
    relaxed: Annotated[bool, typer.Option("--relaxed", help="With durability switched off on the servers.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for results.json, report.md and the plots.")] = RESULTS,
) -> None:
    """Measure, and write results and report. What a folder holds of other databases and workloads stays."""
    size = Size(enqueue=500, bulk=10_000, drain=10_000, most_seconds=3, latency=75) if quick else Size()
    rounds = rounds or (2 if quick else 5)
    contenders = _chosen(catalogue.load(), contender, ("asyncqueue", *catalogue.LIMITS), "contender")
    chosen = list(_chosen({each.name: each for each in plan.WORKLOADS}, workload, (), "workload").values())
    if quick and not workload:
        chosen = [each for each in chosen if each.name in ("enqueue-one", "enqueue-bulk", "drain", "latency")]
    dialects = database or list(DIALECTS)
    for dialect in dialects:
        if dialect not in DIALECTS:
            raise typer.BadParameter(f"{dialect!r} is none of {', '.join(DIALECTS)}")
    out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that workers and servers end too
    began = time.monotonic()
    results = _head(relaxed)
    earlier = _earlier(out, dialects, [each.name for each in chosen], relaxed)
    with _progress() as progress:
        for dialect in dialects:
            with place(dialect, durable=not relaxed) as where:
                results["runs"][0]["servers"][dialect] = where.title
                part = contenders
                if quick and not contender:
                    part = {
                        name: contenders[name] for name in ("asyncqueue", *catalogue.LIMITS, catalogue.FASTEST[dialect])
                    }
                planned = plan.runs(chosen, part, dialect, rounds, lone_rounds)
                _measure(planned, where, size, results, progress)
            results["runs"][0]["seconds"] = round(time.monotonic() - began)
            merged = _merged(earlier, results)
            (out / "results.json").write_text(json.dumps(merged, indent=1) + "\n")
    typer.echo(f"written: {report.write(json.loads((out / 'results.json').read_text()), out)}")


def _earlier(out: Path, dialects: list[str], workloads: list[str], relaxed: bool) -> dict[str, Any] | None:
    """What a folder holds, without what is about to be measured again."""
    path = out / "results.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text())
    if found["durable"] == relaxed:
        raise typer.BadParameter(f"{path} is of the other durability: name another folder with --out")
    found["rows"] = [row for row in found["rows"] if not (row["database"] in dialects and row["workload"] in workloads)]
    return found


def _merged(earlier: dict[str, Any] | None, results: dict[str, Any]) -> dict[str, Any]:
    """The rows of both, and the runs that made them; an earlier run of which nothing is left is forgotten."""
    if earlier is None:
        return results
    left = sorted({row["run"] for row in earlier["rows"]})
    return {
        **results,
        "runs": [*(earlier["runs"][number] for number in left), *results["runs"]],
        "rows": [
            *({**row, "run": left.index(row["run"])} for row in earlier["rows"]),
            *({**row, "run": len(left)} for row in results["rows"]),
        ],
    }


def _measure(planned: list[plan.Run], where: Place, size: Size, results: dict[str, Any], progress: Progress) -> None:
    bar = progress.add_task(where.dialect, total=len(planned), now="")
    batch: float | None = None
    for each in planned:
        progress.update(bar, now=f"{each.workload.name}, {each.contender.name}")
        began = time.monotonic()
        measured = plan.measure(each, where, size, batch)
        if each.contender.name == "asyncqueue":
            batch = measured.get("batch", batch)
        results["rows"].append(
            {
                "database": where.dialect,
                "workload": each.workload.name,
                "contender": each.contender.name,
                "round": each.number,
                "run": 0,
                "seconds": round(time.monotonic() - began, 1),
                "measured": measured,
            }
        )
        value = measured.get(each.workload.value)
        shown = f"{value:,.2f}" if isinstance(value, float) else measured.get("error", "")
        progress.console.print(
            f"{where.dialect:<11}{each.workload.name:<19}{each.contender.name:<20}{shown}",
            highlight=False,
            markup=False,
        )
        progress.advance(bar)
    progress.update(bar, now="")


@app.command("report")
def render(folder: Annotated[Path, typer.Argument(help="Where results.json is.")] = RESULTS) -> None:
    """Render report and plots from results once more."""
    results = json.loads((folder / "results.json").read_text())
    typer.echo(f"written: {report.write(results, folder)}")


def _chosen(known: dict[str, Any], names: list[str] | None, always: tuple[str, ...], what: str) -> dict[str, Any]:
    for name in names or ():
        if name not in known:
            raise typer.BadParameter(f"{name!r} is no {what}: {', '.join(known)}")
    return {name: each for name, each in known.items() if not names or name in names or name in always}


def _without_out(words: list[str]) -> list[str]:
    """The options without the folder, which says nothing of the measurement."""
    kept = [word for word in words if not word.startswith("--out=")]
    if "--out" in kept:
        place = kept.index("--out")
        del kept[place : place + 2]
    return kept


def _head(relaxed: bool) -> dict[str, Any]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    run = {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"python -m benchmarks {' '.join(_without_out(sys.argv[1:]))}",
        "machine": {
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "processor": cpu,
            "system": f"{platform.system()} {platform.release().split('-')[0]}",
            "python": platform.python_version(),
        },
        "servers": {},
        "seconds": 0,
    }
    return {"durable": not relaxed, "durability": _RELAXED if relaxed else _DURABILITY, "runs": [run], "rows": []}


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[now]}"),
        console=Console(stderr=True),
    )


if __name__ == "__main__":
    app()
