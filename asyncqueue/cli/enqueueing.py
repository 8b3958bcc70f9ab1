"""`enqueue`."""

from __future__ import annotations

import json as jsonlib
from datetime import datetime
from typing import Annotated, Any

import typer

from asyncqueue.cli.errors import USAGE, command, fail
from asyncqueue.cli.options import DatabaseUrl, Django, Json, Table, TimeZone, seconds, settings_of
from asyncqueue.cli.output import print_json, task_fields


@command
async def enqueue(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The function's dotted path, such as app.tasks.greet.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="Its arguments; a value that is JSON is read as JSON."),
    ] = None,
    args: Annotated[
        str | None, typer.Option("--args", metavar="JSON", help="All arguments as one JSON object.")
    ] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="The queue it goes to.")] = None,
    priority: Annotated[
        int | None, typer.Option("--priority", metavar="NUMBER", help="From -100 to 100; higher is claimed first.")
    ] = None,
    delay: Annotated[
        str | None, typer.Option("--delay", metavar="TIME", help="Run it so much later: 90 (seconds), 90s, 5m, 2h, 1d.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="INSTANT", help="Run it from then on: 2026-12-01T08:00+01:00.")
    ] = None,
    max_attempts: Annotated[
        int | None, typer.Option("--max-attempts", metavar="NUMBER", help="Run it so many times at most.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end and print the output.")] = False,
    timeout: Annotated[float | None, typer.Option("--timeout", help="Seconds to wait.")] = None,
    database_url: DatabaseUrl = None,
    table: Table = None,
    time_zone: TimeZone = None,
    django: Django = None,
    json: Json = False,
) -> None:
    """Enqueue a task and print its id. With --wait, exit with 1 if it fails.

    A queue, a priority, a time and --max-attempts need a table that `asyncqueue migrate` has brought to level 1.
    """
    from asyncqueue.errors import TaskEnded
    from asyncqueue.queue import Queue

    values = _arguments(arguments or [], args)
    options = _placement(queue, priority, delay, at, max_attempts)
    settings = settings_of(django, database_url=database_url, table=table, time_zone=time_zone)
    async with Queue(settings=settings) as tasks:
        handle = await tasks.enqueue(task, values, **options)
        if not wait:
            print_json({"id": str(handle.id)}) if json else typer.echo(handle.id)
            return
        error = None
        try:
            await handle.result(timeout=timeout)
        except TaskEnded as ended:
            error = ended
        record = await handle.record()
    if json:
        print_json(task_fields(record))
    elif error is None and record.output is not None:
        typer.echo(record.output)
    if error is not None:
        raise fail(getattr(error, "error", None) or str(error))


def _arguments(pairs: list[str], document: str | None) -> dict[str, Any]:
    if document is not None and pairs:
        raise fail("give NAME=VALUE arguments or --args, not both", USAGE)
    if document is not None:
        try:
            values = jsonlib.loads(document)
        except ValueError as error:
            raise fail(f"--args is not valid JSON: {error}", USAGE) from None
        if not isinstance(values, dict):
            raise fail('--args must be a JSON object, such as {"name": "Ada"}', USAGE)
        return values
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            hint = f": give JSON with --args '{pair}'" if pair.startswith("{") else ""
            raise fail(f"{pair!r} is not of the form NAME=VALUE{hint}", USAGE)
        try:
            values[name] = jsonlib.loads(text)
        except ValueError:
            values[name] = text
    return values


def _placement(
    queue: str | None, priority: int | None, delay: str | None, at: str | None, max_attempts: int | None
) -> dict[str, Any]:
    """The options of `Queue.enqueue` that were given."""
    if delay is not None and at is not None:
        raise fail("give --delay or --at, not both: each says when the task is to run", USAGE)
    given = {
        "queue": queue,
        "priority": priority,
        "delay": None if delay is None else seconds(delay, "--delay"),
        "run_at": None if at is None else _instant(at),
        "max_attempts": max_attempts,
    }
    return {name: value for name, value in given.items() if value is not None}


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise fail(f"--at {text!r} is no time: write it as 2026-12-01T08:00+01:00, or with Z for UTC", USAGE) from None
    if at.utcoffset() is None:
        raise fail(f"--at {text!r} has no time zone: add one, as in 2026-12-01T08:00+01:00, or Z for UTC", USAGE)
    return at
