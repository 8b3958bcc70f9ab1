"""The benchmark suite: `python -m benchmarks run`, `report`, `list`."""

from __future__ import annotations

import itertools
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import catalogue, plan, report, store
from benchmarks.goals import Row
from benchmarks.servers import DIALECTS, Place, place
from benchmarks.workloads import Size

RESULTS = Path(__file__).parent / "results"
_QUICK = ["enqueue-one", "enqueue-bulk", "drain", "latency"]

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
    context: typer.Context,
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the folder's last run where it was interrupted.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for results.json, report.md and the plots.")] = RESULTS,
) -> None:
    """Measure, and write results and report. What a folder holds of other databases and workloads stays."""
    if resume:
        _refuse_other_options(context)
        results = store.resume(out)
        options = store.Options(**results["runs"][-1]["options"])
        planned = _planned(options)
    else:
        options = store.Options(
            databases=database or list(DIALECTS),
            workloads=workload or (_QUICK if quick else [each.name for each in plan.WORKLOADS]),
            contenders=contender,
            rounds=rounds or (2 if quick else 5),
            lone_rounds=lone_rounds,
            quick=quick,
        )
        planned = _planned(options)
        results = store.begin(out, options, durable=not relaxed)
        out.mkdir(parents=True, exist_ok=True)
        store.write(results, out)  # so that this is the run that is gone on with, wherever it is interrupted
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # so that workers and servers end too
    try:
        results = _measure_all(planned, results, options, out)
    except BaseException:
        where = "" if out == RESULTS else f" --out {shlex.quote(str(out))}"
        typer.echo(f"Not finished. This goes on with it: python -m benchmarks run --resume{where}", err=True)
        raise
    typer.echo(f"written: {report.write(results, out)}")


def _refuse_other_options(context: typer.Context) -> None:
    """An interrupted run goes on with the options it was begun with."""
    given = [
        f"--{name.replace('_', '-')}"
        for name in context.params
        if name not in ("resume", "out") and (source := context.get_parameter_source(name)) and source.name != "DEFAULT"
    ]
    if given:
        raise typer.BadParameter(f"--resume has its options from the run it goes on with: leave out {', '.join(given)}")


def _planned(options: store.Options) -> dict[str, list[plan.Run]]:
    """All measurements, database by database."""
    contenders = _chosen(catalogue.load(), options.contenders, ("asyncqueue", *catalogue.LIMITS), "contender")
    workloads = _chosen({each.name: each for each in plan.WORKLOADS}, options.workloads, (), "workload")
    planned = {}
    for dialect in _chosen(dict.fromkeys(DIALECTS), options.databases, (), "database"):
        part = contenders
        if options.quick and not options.contenders:
            part = {name: contenders[name] for name in ("asyncqueue", *catalogue.LIMITS, catalogue.FASTEST[dialect])}
        planned[dialect] = plan.runs(workloads.values(), part, dialect, options.rounds, options.lone_rounds)
    return planned


def _measure_all(
    planned: dict[str, list[plan.Run]], results: store.Results, options: store.Options, out: Path
) -> store.Results:
    """Measure what the last run lacks of them, and write the results after every workload of a database."""
    size = Size(enqueue=500, bulk=10_000, drain=10_000, most_seconds=3, latency=75) if options.quick else Size()
    run, measured = results["runs"][-1], store.measured(results)
    began, before = time.monotonic(), run["seconds"]
    with _progress() as progress:
        for dialect, of_all in planned.items():
            left = [each for each in of_all if (dialect, each.workload.name) not in measured]
            if not left:
                continue
            with place(dialect, durable=results["durable"]) as where:
                run["servers"][dialect] = where.title
                for rows in _workloads(left, where, size, progress):
                    run["seconds"] = before + round(time.monotonic() - began)
                    results = store.add(results, rows)
                    store.write(results, out)
    run["finished"] = True
    store.write(results, out)
    return results


def _workloads(planned: list[plan.Run], where: Place, size: Size, progress: Progress) -> Iterator[list[Row]]:
    """Measure on one database. Yields the rows of each workload when it is through."""
    bar = progress.add_task(where.dialect, total=len(planned), now="")
    batch: float | None = None
    for _, of_one in itertools.groupby(planned, key=lambda each: each.workload.name):
        rows = []
        for each in of_one:
            progress.update(bar, now=f"{each.workload.name}, {each.contender.name}")
            rows.append(_measured(each, where, size, batch))
            _show(rows[-1], each.workload.value, progress)
            if each.contender.name == "asyncqueue":
                batch = rows[-1]["measured"].get("batch", batch)
            progress.advance(bar)
        yield rows
    progress.update(bar, now="")


def _measured(each: plan.Run, where: Place, size: Size, batch: float | None) -> Row:
    began = time.monotonic()
    measured = plan.measure(each, where, size, batch)
    return {
        "database": where.dialect,
        "workload": each.workload.name,
        "contender": each.contender.name,
        "round": each.number,
        "seconds": round(time.monotonic() - began, 1),
        "measured": measured,
    }


def _show(row: Row, name: str, progress: Progress) -> None:
    value = row["measured"].get(name)
    shown = f"{value:,.2f}" if isinstance(value, float) else row["measured"].get("error", "")
    progress.console.print(
        f"{row['database']:<11}{row['workload']:<19}{row['contender']:<20}{shown}", highlight=False, markup=False
    )


@app.command("report")
def render(folder: Annotated[Path, typer.Argument(help="Where results.json is.")] = RESULTS) -> None:
    """Render report and plots from results once more."""
    results = store.read(folder)
    if results is None:
        raise typer.BadParameter(f"{folder / store.NAME} does not exist")
    typer.echo(f"written: {report.write(results, folder)}")


def _chosen(known: dict[str, Any], names: list[str] | None, always: tuple[str, ...], what: str) -> dict[str, Any]:
    for name in names or ():
        if name not in known:
            raise typer.BadParameter(f"{name!r} is no {what}: {', '.join(known)}")
    return {name: each for name, each in known.items() if not names or name in names or name in always}


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
