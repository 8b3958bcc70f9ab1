"""`cancel`, `requeue` and `cleanup`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.errors import FAILURE, USAGE, fail
from asyncqueue.cli.options import Database, Json
from asyncqueue.cli.output import print_json
from asyncqueue.cli.selecting import Selected, StatusOption, change_all, confirm, parse_id, parse_statuses
from asyncqueue.durations import seconds_of
from asyncqueue.errors import ConfigurationError
from asyncqueue.model import Status

if TYPE_CHECKING:
    from asyncqueue.queue import Queue
    from asyncqueue.selection import Selection

TaskIds = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Task ids, with or without dashes.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


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


def _ids_or_selection(task_ids: list[str] | None, selected: Selected, example: str) -> None:
    """Raise where neither is given, or both are."""
    if task_ids and selected.given:
        raise fail("give the ids of tasks, or what selects them, not both", USAGE)
    if not task_ids and not selected.given:
        raise fail(f"give the ids of tasks, or what selects them, such as {example}", USAGE)


async def _each(
    database: Database,
    task_ids: list[str] | None,
    selection: Selection,
    change: Callable[[Queue], Callable[..., Awaitable[set[UUID]]]],
    *,
    question: str,
    verb: str,
    why_not: str,
    yes: bool,
    json: bool,
) -> None:
    """Change tasks given by id, or all that are selected, after asking."""
    async with database.existing() as queue:
        if task_ids:
            keys = [parse_id(text) for text in task_ids]
            done = await change(queue)(*keys)
        else:
            keys = []
            number = await queue.count(**selection)
            if number:
                confirm(question.format(f"{number} task{'s' if number != 1 else ''}"), yes=yes)
            done = await change_all(queue, selection, change(queue))
    _report(done, keys, verb=verb, why_not=why_not, json=json)


@command
async def cancel(
    database: Database,
    selected: Selected,
    task_ids: TaskIds = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Cancel tasks that have not ended, scheduled ones too. A running one is stopped within its worker's heartbeat.

    Those given by id, or all that are selected, such as --queue mail --task 'app.tasks.*'.
    """
    _ids_or_selection(task_ids, selected, "--status queued or --task 'app.*'")
    selection = selected.selection()
    statuses = parse_statuses(selected.status) or [Status.QUEUED, Status.SCHEDULED, Status.RUNNING]
    wrong = [status.name.lower() for status in statuses if status.ended]
    if wrong:
        raise fail(f"only queued, scheduled and running tasks can be cancelled, not {', '.join(wrong)}", USAGE)
    await _each(
        database,
        task_ids,
        {**selection, "status": statuses},
        lambda queue: queue.cancel,
        question="Cancel {}?",
        verb="cancelled",
        why_not="it has ended, or does not exist",
        yes=yes,
        json=json,
    )


@command
async def requeue(
    database: Database,
    selected: Selected,
    task_ids: TaskIds = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Queue tasks again that have ended, or now that are scheduled. Their attempts are counted anew.

    Those given by id, or all that are selected, such as --status failed --error timeout --since 2h. Without --status
    these are ended tasks.
    """
    _ids_or_selection(task_ids, selected, "--status failed or --error timeout")
    statuses = parse_statuses(selected.status) or [Status.COMPLETED, Status.FAILED, Status.CANCELLED]
    wrong = [status.name.lower() for status in statuses if not (status.ended or status is Status.SCHEDULED)]
    if wrong:
        raise fail(f"only ended tasks and scheduled ones can be queued again, not {', '.join(wrong)}", USAGE)
    selection = selected.selection()
    await _each(
        database,
        task_ids,
        {**selection, "status": statuses},
        lambda queue: queue.requeue,
        question="Queue {} again?",
        verb="queued",
        why_not="it is queued or runs, or does not exist",
        yes=yes,
        json=json,
    )


@command
async def cleanup(
    database: Database,
    days: Annotated[
        str | None, typer.Option("--days", help="Delete what has not changed for so many days. (default: 30)")
    ] = None,
    status: StatusOption = None,
    completed: Annotated[
        str | None, typer.Option("--completed", metavar="TIME", help="Completed tasks older than 90s, 15m, 12h, 7d.")
    ] = None,
    failed: Annotated[str | None, typer.Option("--failed", metavar="TIME", help="Likewise failed ones.")] = None,
    cancelled: Annotated[
        str | None, typer.Option("--cancelled", metavar="TIME", help="Likewise cancelled ones.")
    ] = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be deleted.")] = False,
    json: Json = False,
) -> None:
    """Delete old ended tasks in small batches: completed and failed ones after 30 days if not told otherwise.

    It counts them and asks first. With --completed, --failed or --cancelled it deletes only tasks in these statuses,
    each by an age of its own. A completed task stays as long as it holds its unique key (--unique-for).
    """
    given = {Status.COMPLETED: completed, Status.FAILED: failed, Status.CANCELLED: cancelled}
    ages = {
        ended: timedelta(seconds=_with_unit(text, f"--{ended.name.lower()}"))
        for ended, text in given.items()
        if text is not None
    }
    statuses = parse_statuses(status)
    if ages and (days is not None or statuses is not None):
        raise fail("give --completed, --failed and --cancelled, or --days and --status, not both", USAGE)
    if not ages:
        wrong = [each.name.lower() for each in statuses or () if not each.ended]
        if wrong:
            raise fail(f"a clean-up deletes ended tasks only, not {', '.join(wrong)}", USAGE)
        age = timedelta(days=30) if days is None else _days(days)
        ages = dict.fromkeys(statuses or (Status.COMPLETED, Status.FAILED), age)
    async with database.existing() as queue:
        now = datetime.now(UTC)
        number = sum([await queue.count(status=ended, until=now - age) for ended, age in ages.items()])
        if dry_run:
            print_json({"would_delete": number}) if json else typer.echo(f"{number} would be deleted")
            return
        if number:
            confirm(f"Delete {number} task{'s' if number != 1 else ''} for good?", yes=yes)
        deleted = await queue.cleanup(older_than=ages)
    print_json({"deleted": deleted}) if json else typer.echo(f"{deleted} deleted")


def _days(text: str) -> timedelta:
    """So many days; a time with a unit is taken for what it says."""
    if text.replace(".", "", 1).isdecimal():
        text = f"{text}d"
    return timedelta(seconds=_with_unit(text, "--days"))


def _with_unit(text: str, option: str) -> float:
    """The seconds of a time with a unit: `--days 7` beside `--completed 7` would be days there and seconds here."""
    if text.replace(".", "", 1).isdecimal():
        raise fail(f"{option} {text} has no unit: write {text}d for days, or {text}h, {text}m, {text}s", USAGE)
    try:
        return seconds_of(text)
    except ConfigurationError:
        raise fail(f"{option} {text!r} is no age: 90s are seconds, 15m minutes, 12h hours, 7d days", USAGE) from None
