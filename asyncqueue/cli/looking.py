"""`show`, `list` and `stats`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

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
from asyncqueue.cli.selecting import Selected, parse_id
from asyncqueue.model import FailureGroup, Status, TaskCount, TaskRecord
from asyncqueue.preceding import Predecessor

#: Tasks that one runs after, in a list for people.
_MOST = 20


@command
async def show(
    database: Database,
    task_id: Annotated[str, typer.Argument(metavar="ID", help="The task's id, with or without dashes.")],
    json: Json = False,
) -> None:
    """Show everything about one task: arguments, output, error, log, when it is due, attempts, what it runs after."""
    key = parse_id(task_id)
    async with database.existing() as queue:
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
    selected: Selected,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    offset: Annotated[int, typer.Option("--offset", min=0, help="How many to skip.")] = 0,
    json: Json = False,
) -> None:
    """List tasks, the latest changed first: all of them, or those for which all that is given is true."""
    selection = selected.selection()
    async with database.existing() as queue:
        records = await queue.list(limit=limit, offset=offset, **selection)
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
                _age(record),
                shorten(record.args, 40),
                _result(record),
            )
            for record in records
        ),
        spare=("args", "result"),
    )


def _result(record: TaskRecord) -> str:
    """What became of a task, or will.

    A task that was queued again keeps the error and the output of its last run until it has another one: they say
    nothing of this one.
    """
    if record.run_after is not None:
        return f"due in {until(record.run_after)}"
    error = None if record.status in (Status.QUEUED, Status.SCHEDULED, Status.RUNNING) else record.error
    output = None if record.status is Status.QUEUED else record.output
    return shorten(waits_for(record) or error or output, 50)


def _age(record: TaskRecord) -> str:
    """How long a task has run, or has not changed.

    A running one changes whenever its claim is renewed, so that would say nothing. When it began stands only in a
    migrated table.
    """
    if record.status is not Status.RUNNING:
        return age(record.modified)
    return "-" if record.started is None else age(record.started)


@command
async def stats(
    database: Database,
    selected: Selected,
    errors: Annotated[
        bool, typer.Option("--errors", help="Count failed tasks by their error instead, the most frequent first.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many errors at most.")] = 20,
    json: Json = False,
) -> None:
    """Count tasks by path and status, with the age of the oldest; or with --errors failed tasks by their error.

    The options that select tasks are for --errors.
    """
    if selected.status is not None:
        raise fail("stats counts every status; `asyncqueue list --status` shows the tasks of one", USAGE)
    if selected.given and not errors:
        raise fail(
            "--task, --queue, --worker, --since, --until and --error select among failed tasks: add --errors", USAGE
        )
    selection = selected.selection()
    async with database.existing() as queue:
        if errors:
            _print_failures(await queue.failures(limit=limit, **selection), json=json)
            return
        counts = await queue.stats()
        migrated = queue.backend.shape is not None and queue.backend.shape.migrated
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
    rows = [(count.task, count.status, count.count, _oldest(count, migrated=migrated)) for count in counts]
    print_table(("task", "status", "count", "oldest"), rows)
    if sys.stdout.isatty():
        typer.echo(f"{sum(count.count for count in counts)} tasks in all")


def _oldest(count: TaskCount, *, migrated: bool) -> str:
    """The age of the oldest; of running tasks it is known only on a migrated table, as in `_age`."""
    return age(count.oldest) if migrated or count.status is not Status.RUNNING else "-"


def _print_failures(failures: list[FailureGroup], *, json: bool) -> None:
    if json:
        print_json([{**asdict(each), "latest": each.latest.isoformat()} for each in failures])
        return
    rows = [(each.count, each.task, f"{age(each.latest)} ago", shorten(each.error, 120)) for each in failures]
    print_table(("count", "task", "latest", "error"), rows)
    if not failures:
        typer.echo("no task has failed", err=True)
