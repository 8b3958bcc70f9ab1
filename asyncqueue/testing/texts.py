"""Tasks as the messages of failed tests show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import indent

from asyncqueue.model import DEFAULT_QUEUE, Status, TaskRecord

_SHOWN = 20


def listed(records: Sequence[TaskRecord]) -> str:
    """One line for each."""
    lines = [f"  {line_of(record)}" for record in records[:_SHOWN]]
    if len(records) > _SHOWN:
        lines.append(f"  and {len(records) - _SHOWN} more")
    return "\n".join(lines) or "  nothing"


def line_of(record: TaskRecord) -> str:
    """A task in one line: what it is, and where it stands."""
    facts = [status_name(record.status)]
    if record.run_after is not None:
        facts.append(f"due {record.run_after:%Y-%m-%d %H:%M:%S} UTC")
    if record.attempt:
        facts.append(f"{record.attempt} failed attempts")
    if record.queue != DEFAULT_QUEUE:
        facts.append(f"queue {record.queue}")
    if record.priority:
        facts.append(f"priority {record.priority}")
    return f"{record.task} {record.args or '{}'} ({', '.join(facts)})"


def report(records: Iterable[TaskRecord]) -> str:
    """What each left, in full."""
    return "\n".join(
        part
        for record in records
        for part in (line_of(record), _column("error", record.error or record.output), _column("log", record.log))
        if part
    )


def status_name(status: Status | int) -> str:
    """A status as people call it."""
    return status.name.lower() if isinstance(status, Status) else f"status {status}"


def _column(name: str, text: str | None) -> str:
    return f"  {name}:\n{indent(text.rstrip(), '    ')}" if text else ""
