"""`show`, `list` and `stats`."""

from __future__ import annotations

import sys
from typing import Annotated
from uuid import UUID

import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.errors import USAGE, fail
from asyncqueue.cli.options import Database, Json
from asyncqueue.cli.output import (
    age,
    attempt_fields,
    predecessor_fields,
    print_json,
    print_table,
    shorten,
    status_name,
    task_fields,
    until,
    waits_for,
)
from asyncqueue.model import Status, TaskRecord
from asyncqueue.preceding import Predecessor

#: Tasks that one runs after, in a list for people.
_MOST = 20
_STATUSES = "queued, scheduled, running, completed, failed or cancelled"

StatusOption = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        "-s",
        metavar="STATUS",
        help=f"{_STATUSES}; repeatable.",
    ),
]
TaskOption = Annotated[str | None, typer.Option("--task", metavar="PATH", help="Only tasks of this dotted path.")]


def parse_statuses(names: list[str] | None) -> list[Status] | None:
    """Statuses by name, any case, or by number. Exits with 2 for an unknown one."""
    if not names:
        return None
    known = {status.name.lower(): status for status in Status} | {str(int(status)): status for status in Status}
    for name in names:
        if name.lower() not in known:
            raise fail(f"there is no status {name!r}: {_STATUSES}", USAGE)
    return [known[name.lower()] for name in names]


def parse_id(text: str) -> UUID:
    """A task id, with or without dashes. Exits with 2 for anything else."""
    try:
        return UUID(text)
    except ValueError:
        raise fail(f"{text!r} is not a task id, which looks like 0f8fad5b-d9cb-469f-a165-70867728950e", USAGE) from None


@command
async def show(
    database: Database,
    task_id: Annotated[str, typer.Argument(metavar="ID", help="The task's id, with or without dashes.")],
    json: Json = False,
) -> None:
    """Show everything about one task: arguments, output, error, log, when it is due, attempts, what it runs after."""
    from asyncqueue.queue import Queue

    key = parse_id(task_id)
    async with Queue(settings=database.settings()) as queue:
        record = await queue.get(key)
        attempts = await queue.attempts(key)
        after = await queue.predecessors(key)
    fields = task_fields(record)
    if json:
        more = {"attempts": [attempt_fields(each) for each in attempts], "after": list(map(predecessor_fields, after))}
        print_json({**fields, **more})
        return
    texts = [(name, fields.pop(name)) for name in ("output", "error", "log")]
    for name, value in fields.items():
        if value is not None:
            typer.echo(f"{name + ':':<13} {value}{_relative(record, name)}")
    for name, value in texts:
        if value is not None:
            _head(name)
            typer.echo(value)
    if after:
        _show_after(record, after)
    if attempts:
        _head("attempts")
        for attempt in attempts:
            reason = shorten((attempt.error or "").partition("\n")[0], 80)
            by = f" by {attempt.worker}" if attempt.worker else ""
            typer.echo(f"{attempt.number}. {attempt.outcome} at {attempt.ended.isoformat()}{by}  {reason}".rstrip())


def _show_after(record: TaskRecord, after: list[Predecessor]) -> None:
    """What a task waits for, or has run after."""
    awaited = [each for each in after if not each.over] if record.status is Status.SCHEDULED else []
    _head("waits for" if awaited else "after")
    shown = awaited or after
    for each in shown[:_MOST]:
        typer.echo(f"{each.id}  {_state(each):<9}  {each.task or ''}".rstrip())
    if len(shown) > _MOST:
        typer.echo(f"and {len(shown) - _MOST} more")


def _state(each: Predecessor) -> str:
    return "gone" if each.status is None else status_name(each.status)


def _relative(record: TaskRecord, name: str) -> str:
    """How far away a time is, for a reader."""
    if name == "run_after" and record.run_after is not None:
        return f"  (in {until(record.run_after)})"
    if name in ("created", "modified", "started"):
        return f"  ({age(getattr(record, name))} ago)"
    return ""


def _head(name: str) -> None:
    typer.echo(f"\n{typer.style(name, bold=True) if sys.stdout.isatty() else name}:")


@command
async def list_tasks(
    database: Database,
    status: StatusOption = None,
    task: TaskOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    offset: Annotated[int, typer.Option("--offset", min=0, help="How many to skip.")] = 0,
    json: Json = False,
) -> None:
    """List tasks, the latest changed first."""
    from asyncqueue.queue import Queue

    statuses = parse_statuses(status)
    async with Queue(settings=database.settings()) as queue:
        records = await queue.list(status=statuses, task=task, limit=limit, offset=offset)
    if json:
        print_json([task_fields(record) for record in records])
        return
    print_table(
        ("id", "task", "status", "age", "args", "result"),
        (
            (
                record.id,
                record.task,
                record.status,
                age(record.modified),
                shorten(record.args, 40),
                f"due in {until(record.run_after)}"
                if record.run_after is not None
                else shorten(waits_for(record) or record.error or record.output, 50),
            )
            for record in records
        ),
    )


@command
async def stats(
    database: Database,
    json: Json = False,
) -> None:
    """Count tasks by path and status, with the age of the oldest."""
    from asyncqueue.queue import Queue

    async with Queue(settings=database.settings()) as queue:
        counts = await queue.stats()
    if json:
        print_json(
            [
                {
                    "task": count.task,
                    "status": status_name(count.status),
                    "count": count.count,
                    "oldest": count.oldest.isoformat(),
                }
                for count in counts
            ]
        )
        return
    rows = [(count.task, count.status, count.count, age(count.oldest)) for count in counts]
    print_table(("task", "status", "count", "oldest"), rows)
    if sys.stdout.isatty():
        typer.echo(f"{sum(count.count for count in counts)} tasks in all")
