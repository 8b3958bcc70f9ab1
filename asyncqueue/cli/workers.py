"""`workers`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from asyncqueue.cli.errors import command
from asyncqueue.cli.options import DatabaseUrl, Django, Json, Table, TimeZone, settings_of
from asyncqueue.cli.output import age, print_json, print_table


@command
async def workers(
    database_url: DatabaseUrl = None,
    table: Table = None,
    time_zone: TimeZone = None,
    django: Django = None,
    json: Json = False,
) -> None:
    """List the workers that run, and those that were lost within a day: silent for longer than their lease."""
    from asyncqueue.queue import Queue

    settings = settings_of(django, database_url=database_url, table=table, time_zone=time_zone)
    async with Queue(settings=settings) as tasks:
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
    )
    if not found:
        typer.echo("no worker runs")
