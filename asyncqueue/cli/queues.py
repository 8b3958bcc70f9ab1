"""`queues`, `pause` and `resume`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.options import Database, Json
from asyncqueue.cli.output import print_json, print_table

Name = Annotated[str, typer.Argument(metavar="NAME", help="The queue's name.")]


@command
async def queues(
    database: Database,
    json: Json = False,
) -> None:
    """List the queues that hold tasks which have not ended, or are paused."""
    from asyncqueue.queue import Queue

    async with Queue(settings=database.settings()) as tasks:
        found = await tasks.queues()
    if json:
        print_json([asdict(each) for each in found])
        return
    print_table(
        ("queue", "state", "queued", "scheduled", "running"),
        ((each.name, "paused" if each.paused else "open", each.queued, each.scheduled, each.running) for each in found),
    )


@command
async def pause(
    database: Database,
    name: Name,
) -> None:
    """Let no worker claim from a queue until it is resumed. What runs goes on, and tasks can still be enqueued."""
    from asyncqueue.queue import Queue

    async with Queue(settings=database.settings()) as tasks:
        await tasks.pause(name)
    typer.echo(f"queue {name} is paused")


@command
async def resume(
    database: Database,
    name: Name,
) -> None:
    """Let workers claim from a queue again."""
    from asyncqueue.queue import Queue

    async with Queue(settings=database.settings()) as tasks:
        await tasks.resume(name)
    typer.echo(f"queue {name} is open")
