"""`enqueue`."""

from __future__ import annotations

import json as jsonlib
from math import isinf
from typing import Annotated, Any

import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.errors import USAGE, fail
from asyncqueue.cli.options import Database, Json, seconds
from asyncqueue.cli.output import print_json, shorten, task_fields
from asyncqueue.cli.selecting import parse_id, parse_instant


@command
async def enqueue(
    database: Database,
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
    unique_key: Annotated[
        str | None, typer.Option("--unique-key", metavar="KEY", help="Not if a task with this key has not ended.")
    ] = None,
    unique_for: Annotated[
        str | None, typer.Option("--unique-for", metavar="TIME", help="Nor so long after it has completed.")
    ] = None,
    on_conflict: Annotated[
        str | None,
        typer.Option("--on-conflict", metavar="HOW", help="Then return that task (the default), raise, or replace it."),
    ] = None,
    limit_key: Annotated[
        str | None,
        typer.Option("--limit-key", metavar="KEY", help="Which of its function's limits it comes under."),
    ] = None,
    after: Annotated[
        list[str] | None, typer.Option("--after", metavar="ID", help="Run it when that task has ended; repeatable.")
    ] = None,
    on_failure: Annotated[
        str | None,
        typer.Option("--on-failure", metavar="HOW", help="If one of those fails: cancel it (the default), or run it."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Wait for the end, and print the output as it grows.")
    ] = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="How long to wait: 90 (seconds), 90s, 5m.")
    ] = None,
    json: Json = False,
) -> None:
    """Enqueue a task and print its id. With --wait, print its output as it comes, and exit with 1 if it fails.

    With --wait the id goes to standard error, so that standard output is the task's alone.

    A queue, a priority, a time, --max-attempts and --after need a table that `asyncqueue migrate` has brought to
    level 1.
    """
    from asyncqueue.errors import TaskEnded
    from asyncqueue.queue import Queue

    values = _arguments(arguments or [], args)
    patience = None if timeout is None else seconds(timeout, "--timeout")
    options = _placement(queue, priority, delay, at, max_attempts)
    options |= _uniqueness(unique_key, unique_for, on_conflict)
    options |= _order(after, on_failure)
    if limit_key is not None:
        options["limit_key"] = limit_key
    async with Queue(settings=database.settings()) as tasks:
        handle = await tasks.enqueue(task, values, **options)
        if not wait:
            print_json({"id": str(handle.id)}) if json else typer.echo(handle.id)
            return
        typer.echo(handle.id, err=True)
        error, last = None, "\n"
        try:
            if json:
                await handle.result(timeout=patience)
            else:
                async for last in handle.stream(timeout=patience):
                    typer.echo(last, nl=False)
        except TaskEnded as ended:
            error = ended
        if not last.endswith("\n"):
            typer.echo()
        record = await handle.record() if json else None
    if record is not None:
        print_json(task_fields(record))
    if error is not None:
        raise fail(getattr(error, "error", None) or str(error))


def _arguments(pairs: list[str], document: str | None) -> dict[str, Any]:
    if document is not None and pairs:
        raise fail("give NAME=VALUE arguments or --args, not both", USAGE)
    if document is not None:
        try:
            values = _read_json(document)
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
        if name in values:
            raise fail(f"{name}= is given twice", USAGE)
        try:
            values[name] = _read_json(text)
        except ValueError:
            values[name] = text
    return values


def _read_json(text: str) -> Any:
    """What a JSON text says. Python's reader takes more for JSON: NaN, Infinity, and numbers that are too large.

    Raises ValueError for a text that is no JSON.
    """
    try:
        return jsonlib.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once)
    except RecursionError:
        raise fail(f"the arguments are nested too deeply: {shorten(text, 40)}", USAGE) from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError(f"{text} is too large for a number")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is given twice")
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
        "run_at": None if at is None else parse_instant(at, "--at"),
        "max_attempts": max_attempts,
    }
    return {name: value for name, value in given.items() if value is not None}


def _uniqueness(unique_key: str | None, unique_for: str | None, on_conflict: str | None) -> dict[str, Any]:
    """Those of them that say how a unique key is held."""
    if unique_key is None and (unique_for is not None or on_conflict is not None):
        raise fail("--unique-for and --on-conflict say how a --unique-key is held: give one", USAGE)
    given = {
        "unique_key": unique_key,
        "unique_for": None if unique_for is None else seconds(unique_for, "--unique-for"),
        "on_conflict": on_conflict,
    }
    return {name: value for name, value in given.items() if value is not None}


def _order(after: list[str] | None, on_failure: str | None) -> dict[str, Any]:
    """Those of them that say what it runs after."""
    if not after and on_failure is not None:
        raise fail("--on-failure says what follows from a failure of what --after names: give that", USAGE)
    given = {"after": [parse_id(text) for text in after or ()], "on_failure": on_failure}
    return {name: value for name, value in given.items() if value}
