"""`workers`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.options import Database, Json
from asyncqueue.cli.output import age, print_json, print_table


@command
async def workers(
    database: Database,
    json: Json = False,
) -> None:
    """List the workers that run, and those that were lost within a day: silent for longer than their lease."""
    async with database.existing() as tasks:
        found = await tasks.workers()
    if json:
        print_json(
            [
                {
                    **asdict(each.info),
                    "started": each.started.isoformat(),
                    "beat": each.beat.isoformat(),
                    "running": each.running,
                    "lost": each.lost,
                }
                for each in found
            ]
        )
        return
    print_table(
        ("worker", "state", "version", "queues", "concurrency", "running", "started", "heard of"),
        (
            (
                each.info.name,
                "lost" if each.lost else "running",
                each.info.version,
                each.info.queues or "all",
                each.info.concurrency,
                each.running,
                f"{age(each.started)} ago",
                f"{age(each.beat)} ago",
            )
            for each in found
        ),
        spare=("version", "started", "concurrency", "queues"),
    )
    if not found:
        typer.echo("no worker runs")
