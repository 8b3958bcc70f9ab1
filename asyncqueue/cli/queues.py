"""`queues`, `pause` and `resume`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.errors import fail
from asyncqueue.cli.options import Database, Json
from asyncqueue.cli.output import print_json, print_table
from asyncqueue.errors import DatabaseError
from asyncqueue.loggers import get_logger

if TYPE_CHECKING:
    from asyncqueue.queue import Queue

logger = get_logger("asyncqueue.worker")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The queue's name.")]


@command
async def queues(
    database: Database,
    json: Json = False,
) -> None:
    """List the queues that hold tasks which have not ended, or are paused."""
    async with database.existing() as tasks:
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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Also a queue that nobody has used yet.")] = False,
) -> None:
    """Let no worker claim from a queue until it is resumed. What runs goes on, and tasks can still be enqueued."""
    from asyncqueue.queues import check_queue_name

    check_queue_name(name)
    async with database.existing() as tasks:
        if _has_queues(tasks) and not yes:
            await _check_known(tasks, name, " (--yes pauses it all the same)")
        await tasks.pause(name)  # says so where the table has no queues
    typer.echo(f"queue {name} is paused")


@command
async def resume(
    database: Database,
    name: Name,
) -> None:
    """Let workers claim from a queue again."""
    from asyncqueue.queues import check_queue_name

    check_queue_name(name)
    async with database.existing() as tasks:
        paused = {each.name for each in await tasks.queues() if each.paused} if _has_queues(tasks) else set()
        if _has_queues(tasks) and name not in paused:
            await _check_known(tasks, name)
        await tasks.resume(name)  # says so where the table has no queues
    typer.echo(f"queue {name} is open" if name in paused else f"queue {name} was not paused{_suggestion(name, paused)}")


def _has_queues(tasks: Queue) -> bool:
    shape = tasks.backend.shape
    return shape is None or shape.migrated


async def _check_known(tasks: Queue, name: str, remedy: str = "") -> None:
    """Raise for a queue that nobody has used, which is probably misspelled."""
    known = await _known(tasks)
    if name not in known and not await tasks.count(queue=name):
        raise fail(
            f"there is no queue {name!r}: it holds no task, and no worker serves it{_suggestion(name, known)}{remedy}"
        )


async def warn_of_unused(tasks: Queue, names: Iterable[str]) -> None:
    """Say which of these queues nobody has used, as far as the table tells: one is new, or misspelled."""
    if not tasks.backend.shape or not tasks.backend.shape.migrated:
        return  # a worker with queues says so itself
    try:
        known = await _known(tasks)
        unused = [name for name in names if name not in known and not await tasks.list(queue=name, limit=1)]
    except DatabaseError as error:
        logger.debug("cannot look for queues that nobody uses: %s", error)
        return
    for name in unused:
        logger.warning(
            "no task has been in queue %r yet, and no other worker serves it%s", name, _suggestion(name, known)
        )


async def _known(tasks: Queue) -> set[str]:
    """The queues that hold tasks which have not ended, are paused, or are served by name."""
    from asyncqueue.queues import bare_name

    served = [each.info.queues or "" for each in await tasks.workers()]
    names = {bare_name(name.strip()) for text in served for name in text.split(",") if name.strip()}
    return names | {each.name for each in await tasks.queues()}


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f". Did you mean {close[0]}?" if close else ""
