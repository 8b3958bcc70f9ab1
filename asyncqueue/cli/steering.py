"""`cancel`, `requeue` and `cleanup`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.errors import FAILURE, USAGE, fail
from asyncqueue.cli.looking import StatusOption, TaskOption, parse_id, parse_statuses
from asyncqueue.cli.options import Database, Json, TaskIds, seconds
from asyncqueue.cli.output import print_json
from asyncqueue.model import Status

if TYPE_CHECKING:
    from asyncqueue.queue import Queue

_PAGE = 1000


def _report(done: set[UUID], asked: list[UUID], *, verb: str, why_not: str, json: bool) -> None:
    left = [key for key in asked if key not in done]
    if json:
        print_json({verb: sorted(map(str, done)), "unchanged": [str(key) for key in left]})
    else:
        typer.echo(f"{len(done)} {verb}")
        for key in left:
            typer.echo(f"{key} was left as it is: {why_not}", err=True)
    if left:
        raise typer.Exit(FAILURE)


@command
async def cancel(
    database: Database,
    task_ids: TaskIds,
    json: Json = False,
) -> None:
    """Cancel tasks that have not ended, scheduled ones too. A running one is stopped within its worker's heartbeat."""
    from asyncqueue.queue import Queue

    keys = [parse_id(text) for text in task_ids]
    async with Queue(settings=database.settings()) as queue:
        done = await queue.cancel(*keys)
    _report(done, keys, verb="cancelled", why_not="it has ended, or does not exist", json=json)


async def _requeue_all(queue: Queue, statuses: Collection[Status], task: str | None) -> set[UUID]:
    """Queue all of these again, each once. Returns the ids of those queued.

    What needs a place under a limit stays scheduled, and comes first in the list from then on; others may leave it
    meanwhile. So the list is read until it has nothing new from its beginning to its end.
    """
    done: set[UUID] = set()
    seen: set[UUID] = set()
    more = True
    while more:
        more, offset = False, 0
        while batch := await queue.list(status=statuses, task=task, limit=_PAGE, offset=offset):
            new = {record.id for record in batch} - seen
            if new:
                more = True
                seen |= new
                done |= await queue.requeue(*new)
            else:
                offset += len(batch)
    return done


@command
async def requeue(
    database: Database,
    task_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Task ids.")] = None,
    status: StatusOption = None,
    task: TaskOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Queue tasks again that have ended, or now that are scheduled.

    Those given by id, or all of a status, such as --status failed --task app.tasks.send. Attempts count anew.
    """
    from asyncqueue.queue import Queue

    statuses = parse_statuses(status)
    if bool(task_ids) == bool(statuses):
        raise fail("give the ids of tasks, or --status (with --task, if you like)", USAGE)
    wrong = [name.name.lower() for name in statuses or () if not (name.ended or name is Status.SCHEDULED)]
    if wrong:
        raise fail(f"only ended tasks and scheduled ones can be queued again, not {', '.join(wrong)}", USAGE)
    async with Queue(settings=database.settings()) as queue:
        if task_ids:
            keys = [parse_id(text) for text in task_ids]
            done = await queue.requeue(*keys)
            _report(done, keys, verb="queued", why_not="it is queued or runs, or does not exist", json=json)
            return
        number = await queue.count(status=statuses, task=task)
        if number and not yes:
            typer.confirm(f"Queue {number} task{'s' if number != 1 else ''} again?", abort=True)
        done = await _requeue_all(queue, statuses or [], task)
        _report(done, [], verb="queued", why_not="", json=json)


@command
async def cleanup(
    database: Database,
    days: Annotated[
        float | None,
        typer.Option("--days", min=0, max=36525, help="Delete what has not changed for so many days. (default: 30)"),
    ] = None,
    status: StatusOption = None,
    completed: Annotated[
        str | None, typer.Option("--completed", metavar="TIME", help="Completed tasks older than 90s, 15m, 12h, 7d.")
    ] = None,
    failed: Annotated[str | None, typer.Option("--failed", metavar="TIME", help="Likewise failed ones.")] = None,
    cancelled: Annotated[
        str | None, typer.Option("--cancelled", metavar="TIME", help="Likewise cancelled ones.")
    ] = None,
    json: Json = False,
) -> None:
    """Delete old ended tasks in small batches: completed and failed ones after 30 days if not told otherwise.

    With --completed, --failed or --cancelled only tasks in these statuses, each by an age of its own. A completed task
    stays as long as it holds its unique key (--unique-for).
    """
    from asyncqueue.queue import Queue

    given = {Status.COMPLETED: completed, Status.FAILED: failed, Status.CANCELLED: cancelled}
    ages = {
        ended: timedelta(seconds=seconds(text, f"--{ended.name.lower()}"))
        for ended, text in given.items()
        if text is not None
    }
    statuses = parse_statuses(status)
    if ages and (days is not None or statuses is not None):
        raise fail("give --completed, --failed and --cancelled, or --days and --status, not both", USAGE)
    async with Queue(settings=database.settings()) as queue:
        if ages:
            number = await queue.cleanup(older_than=ages)
        else:
            number = await queue.cleanup(older_than=timedelta(days=30 if days is None else days), statuses=statuses)
    if json:
        print_json({"deleted": number})
    else:
        typer.echo(f"{number} deleted")
