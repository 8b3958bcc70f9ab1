"""What `make run` shows: a few thousand tasks of every kind, one worker, and what became of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from asyncqueue import Queue, Settings, Status

HERE = Path(__file__).parent
DATABASE = Path("asyncqueue-demo.sqlite3")
#: A task whose code no worker has yet is scheduled again.
_STATUSES = ("completed", "failed", "scheduled")

TASKS: list[tuple[str, dict[str, object]]] = [
    *(("demo_tasks.greet", {"name": f"visitor {number}"}) for number in range(4000)),
    *(("demo_tasks.count_words", {"text": "to be or not to be"}) for _ in range(600)),
    *(("demo_tasks.countdown", {"start": 10}) for _ in range(100)),
    *(("demo_tasks.ticker", {"ticks": 5}) for _ in range(50)),
    *(("demo_tasks.crunch", {"rounds": 0}) for _ in range(50)),
    *(("demo_tasks.slow", {"seconds": 1.5}) for _ in range(30)),
    *(("demo_tasks.isolated", {}) for _ in range(4)),
    *(("demo_tasks.fail", {"order": number}) for number in range(5)),
    ("demo_tasks.too_slow", {}),
    ("demo_tasks.no_such_function", {}),
    ("os.system", {"command": "echo never"}),
]


async def enqueue(settings: Settings) -> None:
    """Put all of them into a new database."""
    async with Queue(settings=settings) as queue:
        await queue.enqueue_many(TASKS)


async def summarise(settings: Settings, console: Console, seconds: float) -> None:
    """Read back what happened."""
    async with Queue(settings=settings) as queue:
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        for count in await queue.stats():
            counts[count.task][Status(count.status).name.lower()] = count.count
        failures = await queue.list(status=Status.FAILED, limit=100)
        [sample] = await queue.list(task="demo_tasks.countdown", limit=1)
    table = Table(title=f"{len(TASKS):,} tasks in {seconds:.1f} s", title_justify="left", box=None, pad_edge=False)
    table.add_column("task")
    for status in _STATUSES:
        table.add_column(status, justify="right")
    for path, numbers in counts.items():
        table.add_row(path, *(f"{numbers[s]:,}" if s in numbers else "" for s in _STATUSES))
    console.print(table)
    console.print("\nWhat failed says why:", style="bold")
    for record in {record.task: record for record in failures}.values():
        reason = (record.error or "").partition("\n")[0]
        console.print(f"  {record.task}: {reason}", markup=False, highlight=False)
    console.print(f"\nA generator's streamed output: {sample.output}", markup=False, highlight=False)
    look = f"{Path(sys.executable).parent / 'asyncqueue'}"
    console.print("\nLook for yourself:", style="bold")
    console.print(
        f"  {look} list -d sqlite:///{DATABASE} --status failed", markup=False, highlight=False, soft_wrap=True
    )
    console.print(f"  {look} --help", markup=False, highlight=False, soft_wrap=True)


def main() -> int:
    """Enqueue, run, summarise."""
    console = Console()
    for leftover in Path().glob(f"{DATABASE}*"):
        leftover.unlink()
    settings = Settings(database_url=f"sqlite:///{DATABASE}")
    began = time.perf_counter()
    asyncio.run(enqueue(settings))
    took = time.perf_counter() - began
    console.print(f"{len(TASKS):,} tasks enqueued in {took:.2f} s. Now: asyncqueue run --concurrency 50 --burst\n")
    command = [sys.executable, "-m", "asyncqueue", "run", "--concurrency", "50", "--burst", "-d", settings.database_url]
    began = time.perf_counter()
    # The example's own folder holds the tasks; the working folder stays, because the database is there.
    code = subprocess.run(["env", f"PYTHONPATH={HERE}", *command], check=False).returncode
    if code == 0:
        console.print()
        asyncio.run(summarise(settings, console, time.perf_counter() - began))
    return code


if __name__ == "__main__":
    sys.exit(main())
