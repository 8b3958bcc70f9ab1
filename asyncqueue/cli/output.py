"""Prints for people on a terminal, plainly into a pipe, and as JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

import typer

from asyncqueue.model import Attempt, Link, Status, TaskRecord
from asyncqueue.preceding import Predecessor

_COLOURS = {
    Status.QUEUED: "cyan",
    Status.RUNNING: "blue",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.SCHEDULED: "magenta",
}


#: Columns whose texts are never cut.
_WHOLE = (
    "id",
    "last task",
    "status",
    "age",
    "count",
    "oldest",
    "queued",
    "scheduled",
    "running",
    "state",
    "latest",
    "worker",
    "queue",
)
#: Columns of dotted paths.
_PATHS = ("task", "name")
#: Blanks between two columns, and the least width of one that can be cut.
_GAP, _NARROW = 2, 16
#: Columns of numbers and times, which stand to the right.
_NUMBERS = ("count", "age", "oldest", "queued", "scheduled", "running")


def status_name(status: Status | int) -> str:
    """`completed`; a number that has no name as it is."""
    return status.name.lower() if isinstance(status, Status) else str(int(status))


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(value, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False))


def print_table(
    heads: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None, spare: Sequence[str] = ()
) -> None:
    """A table with colours on a terminal, tab-separated lines without any decoration elsewhere.

    On a terminal that is too narrow the columns named in `spare` are left out, the first one first, and the longest
    texts are cut. Ids and numbers are there to be copied and read: they are never cut or broken.
    """
    if not sys.stdout.isatty():
        typer.echo("\t".join(heads))
        for row in rows:
            typer.echo("\t".join(_plain(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    cells = [list(row) for row in rows]
    widths = {head: max([len(head), *(len(_plain(row[column])) for row in cells)]) for column, head in enumerate(heads)}
    fitted = _fitted(widths, spare, console.width)
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for head, width in fitted.items():
        justify: Literal["right", "left"] = "right" if head in _NUMBERS else "left"
        table.add_column(head, justify=justify, no_wrap=True, width=width)
    shown = [column for column, head in enumerate(heads) if head in fitted]
    for row in cells:
        table.add_row(
            *(
                Text(_cut(heads[column], _plain(row[column]), fitted[heads[column]]), _style(row[column]))
                for column in shown
            )
        )
    needed = sum(fitted.values()) + _GAP * (len(fitted) - 1)
    # A line that is longer than the terminal all the same is broken by the terminal, which copies it as one.
    Console(width=max(console.width, needed)).print(table)


def _fitted(widths: Mapping[str, int], spare: Sequence[str], room: int) -> dict[str, int]:
    """How wide each column becomes, without those that there is no room for."""
    fitted = dict(widths)
    for head in spare:
        if _least(fitted) <= room:
            break
        del fitted[head]
    while sum(fitted.values()) + _GAP * (len(fitted) - 1) > room:
        longest = max((head for head in fitted if head not in _WHOLE), key=lambda head: fitted[head], default=None)
        if longest is None or fitted[longest] <= _NARROW:
            break
        fitted[longest] -= 1
    return fitted


def _least(widths: Mapping[str, int]) -> int:
    """The least room that columns of these widths need."""
    return sum(width if head in _WHOLE else min(width, _NARROW) for head, width in widths.items()) + _GAP * (
        len(widths) - 1
    )


def _cut(head: str, text: str, width: int) -> str:
    """A text within its column. Of a dotted path the end says most."""
    if len(text) <= width:
        return text
    return f"…{text[1 - width :]}" if head in _PATHS else f"{text[: width - 1]}…"


def task_fields(record: TaskRecord) -> dict[str, Any]:
    """A record for JSON."""
    return {
        "id": str(record.id),
        "task": record.task,
        "args": record.args,
        "status": status_name(record.status),
        "created": record.created.isoformat(),
        "modified": record.modified.isoformat(),
        "output": record.output,
        "error": record.error,
        "log": record.log,
        "worker_pid": record.worker_pid,
        "queue": record.queue,
        "priority": record.priority,
        "run_after": iso(record.run_after),
        "attempt": record.attempt,
        "max_attempts": record.max_attempts,
        "claimed_by": record.claimed_by,
        "started": iso(record.started),
        "limit_key": record.limit_key,
        "waits_for": waits_for(record),
    }


def waits_for(record: TaskRecord) -> str | None:
    """What a task that is set aside waits for; None for any other."""
    if record.status != Status.SCHEDULED or record.run_after is not None:
        return None
    if record.links & Link.WAITING:
        return "other tasks"
    if record.links & Link.LIMITED:
        key = "" if record.limit_key is None else f" for {record.limit_key}"
        return f"a slot under the limit of {record.task}{key}"
    return None


def attempt_fields(attempt: Attempt) -> dict[str, Any]:
    """An attempt for JSON."""
    return {**asdict(attempt), "started": iso(attempt.started), "ended": attempt.ended.isoformat()}


def predecessor_fields(each: Predecessor) -> dict[str, Any]:
    """A task that another one runs after, for JSON; what it left is in its own record."""
    return {"id": str(each.id), "task": each.task, "status": None if each.status is None else status_name(each.status)}


def iso(instant: datetime | None) -> str | None:
    """An instant for JSON."""
    return None if instant is None else instant.isoformat()


def age(instant: datetime) -> str:
    """How long ago, in two units at most: 3 d 4 h."""
    return _span((datetime.now(UTC) - instant).total_seconds())


def until(instant: datetime) -> str:
    """In how long, likewise."""
    return _span((instant - datetime.now(UTC)).total_seconds())


def _span(time: float) -> str:
    seconds = max(0, int(time))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= size or (unit == "s" and not parts):
            parts.append(f"{seconds // size} {unit}")
            seconds %= size
    return " ".join(parts[:2])


def shorten(text: str | None, length: int = 60) -> str:
    """The beginning of a text on one line."""
    line = " ".join((text or "").split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _plain(cell: Any) -> str:
    return status_name(cell) if isinstance(cell, Status) else str(cell)


def _style(cell: Any) -> str:
    return _COLOURS[cell] if isinstance(cell, Status) else ""
