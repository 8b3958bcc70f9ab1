"""`cron`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.options import Database, Json
from asyncqueue.cli.output import age, iso, print_json, print_table, status_name, until

if TYPE_CHECKING:
    from asyncqueue.model import PeriodicState


@command
async def cron(
    database: Database,
    json: Json = False,
) -> None:
    """List the periodic tasks that workers have declared: when each is enqueued next, and what became of the last."""
    async with database.existing() as tasks:
        found = await tasks.periodic()
    if json:
        print_json([_fields(each) for each in found])
        return
    print_table(
        ("name", "task", "cron", "zone", "next", "last tick", "last task", "status"),
        (
            (
                each.name,
                each.task,
                each.cron,
                each.timezone,
                "-" if each.next is None else f"in {until(each.next)}",
                "-" if each.last_tick is None else f"{age(each.last_tick)} ago",
                each.last_task or "-",
                each.status if each.status is not None else "-" if each.last_task is None else "deleted",
            )
            for each in found
        ),
        spare=("zone", "last tick", "task", "cron"),
    )
    if not found:
        typer.echo("no worker has declared a periodic task")


def _fields(state: PeriodicState) -> dict[str, Any]:
    return {
        **asdict(state),
        "next": iso(state.next),
        "last_tick": iso(state.last_tick),
        "last_task": None if state.last_task is None else str(state.last_task),
        "status": None if state.status is None else status_name(state.status),
        "declared": state.declared.isoformat(),
    }
