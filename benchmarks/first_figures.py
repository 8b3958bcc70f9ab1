"""First figures: how fast one worker drains no-op tasks, and how fast enqueue() is, on each database.

    python -m benchmarks.first_figures sqlite:///bench.sqlite3 postgresql://postgres@127.0.0.1/bench ...

Each database should be an empty scratch one on a server with its default, durable settings: every run makes a task
table of its own in it. The databases take turns, so that a change in the machine's speed meets all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import uvloop

from asyncqueue import Queue, Settings, Status, Worker
from benchmarks.tasks import noop


async def drain(queue: Queue, tasks: int) -> float:
    """Tasks a second from the first claim until the table shows all of them completed."""
    await queue.enqueue_many([(noop, {})] * tasks)
    worker = Worker(queue)
    began = time.perf_counter()
    await worker.run(burst=True)
    took = time.perf_counter() - began
    done = await queue.count(status=Status.COMPLETED)
    if done != tasks:
        raise SystemExit(f"{done} of {tasks} tasks completed: the figure would mean nothing")
    return tasks / took


async def enqueue_one(queue: Queue, tasks: int) -> float:
    """Tasks a second through enqueue(), one call after the other, each committed when it returns."""
    began = time.perf_counter()
    for _ in range(tasks):
        await queue.enqueue(noop, {})
    return tasks / (time.perf_counter() - began)


async def measure(workload: str, url: str, tasks: int, concurrency: int) -> dict[str, Any]:
    """One run of one workload in this process."""
    table = f"bench_{uuid.uuid4().hex[:12]}"
    settings = Settings(database_url=url, table=table, concurrency=concurrency)
    async with Queue(settings=settings) as queue:
        await queue.migrate()
        rate = await (drain(queue, tasks) if workload == "drain" else enqueue_one(queue, tasks))
        server = queue.backend.server
    return {"workload": workload, "product": server.product, "version": server.version, "rate": rate}


def fresh(workload: str, url: str, tasks: int, concurrency: int) -> dict[str, Any]:
    """One run in a process of its own, with uvloop as `asyncqueue run` has it."""
    how = ["--one", workload, "--tasks", str(tasks), "--concurrency", str(concurrency)]
    command = [sys.executable, "-m", "benchmarks.first_figures", url, *how]
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root})
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(runs: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    """Medians and spreads of all runs."""
    figures = []
    for workload in ("drain", "enqueue-one"):
        for product in dict.fromkeys(run["product"] for run in runs):
            mine = [run for run in runs if (run["workload"], run["product"]) == (workload, product)]
            rates = sorted(run["rate"] for run in mine)
            figures.append(
                {
                    "workload": workload,
                    "database": f"{product} {mine[0]['version']}",
                    "median": round(statistics.median(rates)),
                    "lowest": round(rates[0]),
                    "highest": round(rates[-1]),
                    "runs": len(rates),
                }
            )
    return {
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "concurrency": options.concurrency,
        "tasks": {"drain": options.tasks, "enqueue-one": options.enqueues},
        "figures": figures,
    }


def markdown(figures: dict[str, Any]) -> str:
    """The same for people."""
    tasks = figures["tasks"]
    head = (
        "# First figures\n\n"
        f"Tasks a second on {figures['date']}, on {figures['cores']} shared cores that also ran the database, Python "
        f"{figures['python']}, with full durability. One worker process at concurrency {figures['concurrency']} drains "
        f"{tasks['drain']:,} no-op async tasks until the table shows all of them completed; one caller enqueues "
        f"{tasks['enqueue-one']:,} tasks one call at a time, each committed when its call returns. Made with "
        "`python -m benchmarks.first_figures`; the databases took turns.\n\n"
        "| workload | database | median | lowest | highest | runs |\n|---|---|---:|---:|---:|---:|\n"
    )
    rows = (
        f"| {row['workload']} | {row['database']} | {row['median']:,} | {row['lowest']:,} | {row['highest']:,} "
        f"| {row['runs']} |\n"
        for row in figures["figures"]
    )
    return head + "".join(rows)


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument("--tasks", type=int, default=20_000, help="tasks to drain (default 20000)")
    parser.add_argument("--enqueues", type=int, default=2_000, help="sequential enqueue() calls (default 2000)")
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5, help="runs of each workload on each database (default 5)")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file, and beside it to a Markdown one")
    parser.add_argument("--one", choices=("drain", "enqueue-one"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            measured = measure(options.one, options.urls[0], options.tasks, options.concurrency)
            print(json.dumps(runner.run(measured)))
        return
    runs = []
    for number in range(options.runs):
        for url in options.urls:
            for workload, tasks in (("drain", options.tasks), ("enqueue-one", options.enqueues)):
                run = fresh(workload, url, tasks, options.concurrency)
                runs.append(run)
                print(f"run {number + 1}: {run['product']:<10} {workload:<12} {run['rate']:>9,.0f} tasks/s", flush=True)
    figures = report(runs, options)
    print(json.dumps(figures, indent=2))
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n")
        options.out.with_suffix(".md").write_text(markdown(figures))


if __name__ == "__main__":
    main()
