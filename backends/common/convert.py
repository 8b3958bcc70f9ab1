"""Small conversions that several backends share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncqueue.backends.base import TaskFilter
from asyncqueue.backends.common.unreadable import instant_or
from asyncqueue.model import ENDED, AttemptEnd, NewTask, QueueState, Status, TaskRecord

# Places in a row as `get` and `find` read it, from `output` on: where level 1 begins, and its times.
_TEXTS, _DUE, _STARTED = 4, 6, 10
_STATUSES: dict[int, Status] = {int(status): status for status in Status}


def status_of(number: int) -> Status | int:
    """The Status of a number, or the number itself where asyncqueue has no name for it."""
    return _STATUSES.get(number, number)


def task_record(row: Sequence[Any], instant: Callable[[Any], datetime], due: Callable[[Any], datetime]) -> TaskRecord:
    """A record of a row as `get` and `find` read it, where times are naive.

    `instant` makes an aware datetime of one that is in the table's zone, `due` of `run_after`.
    """
    key, created, modified, task, args, status, *rest = row
    if len(rest) > _TEXTS:
        for number, read in ((_DUE, due), (_STARTED, instant)):
            if rest[number] is not None:
                rest[number] = instant_or(read, rest[number])
    times = instant_or(instant, created), instant_or(instant, modified)
    return TaskRecord(UUID(key), *times, task, args, status_of(status), *rest)


def like(pattern: str | None) -> str | None:
    """A pattern with `*` for any characters, as LIKE has it with `|` as its escape."""
    return None if pattern is None else re.sub(r"[|%_]", r"|\g<0>", pattern).replace("*", "%")


def filtering(
    where: TaskFilter,
    statuses: Any,
    pattern: Callable[[str | None], str | None],
    written: Callable[[datetime], Any] = lambda instant: instant,
) -> dict[str, Any]:
    """Which rows to read or count, as the statements take it.

    Args:
        where: the same for every database.
        statuses: those of it, as a parameter of this database.
        pattern: writes a pattern with `*` as this database has it.
        written: writes an aware instant as the table has it.
    """
    return {
        "statuses": statuses,
        "task": pattern(where.task),
        "queue": where.queue,
        "worker": pattern(where.worker),
        "since": None if where.since is None else written(where.since),
        "until": None if where.until is None else written(where.until),
        "error": where.error,
    }


def numbered(tasks: Sequence[NewTask]) -> list[tuple[int, NewTask]]:
    """New rows in the order in which they are to be stored, each with its place among those given.

    Rows that are claimed together then lie together: claims take the highest priority first, and each page that they
    touch is written to the database's log.
    """
    found = list(enumerate(tasks))
    found.sort(key=lambda each: each[1].priority, reverse=True)
    return found


def outcome_of(end: AttemptEnd) -> str:
    """How an attempt ended, as its record says it."""
    return "lost" if end.lost else "completed" if end.status == Status.COMPLETED else "failed"


def ages_by_name(ages: Mapping[Status, Any]) -> dict[str, Any]:
    """Ages, or cut-offs, by what the statements of a clean-up call the ended statuses; None where there is none."""
    return {status.name.lower(): ages.get(status) for status in sorted(ENDED)}


def queue_states(rows: Iterable[tuple[Any, ...]]) -> list[QueueState]:
    """Queues from rows of a name, whether it is paused, a status and a count."""
    fields = {Status.QUEUED: "queued", Status.SCHEDULED: "scheduled", Status.RUNNING: "running"}
    found: dict[str, dict[str, int]] = {}
    paused: dict[str, bool] = {}
    for name, is_paused, status, count in rows:
        counts = found.setdefault(name, {})
        paused[name] = bool(is_paused)
        if status is not None:
            counts[fields[Status(status)]] = count
    return [QueueState(name, paused[name], **counts) for name, counts in sorted(found.items())]
