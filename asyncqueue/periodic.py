"""Periodic tasks as they are declared: with `@task(cron=)`, or in the settings."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncqueue.errors import ConfigurationError, InvalidTask
from asyncqueue.ids import new_id
from asyncqueue.model import DEFAULT_QUEUE, Declaration, NewTask, PeriodicState, Stamp, Status, Tick, TickTable
from asyncqueue.requests import Placement
from asyncqueue.schedules import Schedule
from asyncqueue.tasks import TaskFunction, encode_args, path_of

#: An entry that no worker has declared for so long is not listed any more.
LISTED_FOR = timedelta(minutes=10)

#: The width of the column `name`.
MAX_NAME = 255

_KEYS = ("task", "cron", "timezone", "args", "queue", "priority", "catch_up", "name")


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """One entry: a task that is enqueued at every tick of its schedule. `args` is JSON text.

    Its name is what all workers know it by: entries of the same name are the same entry.
    """

    name: str
    task: str
    schedule: Schedule
    args: str = "{}"
    queue: str = DEFAULT_QUEUE
    priority: int = 0

    @property
    def declaration(self) -> Declaration:
        """What the table is told of it."""
        return Declaration(self.name, self.task, self.schedule.cron, self.schedule.timezone)

    def new(self) -> NewTask:
        """The row of one tick."""
        return NewTask(new_id(), self.task, self.args, self.queue, self.priority)

    @classmethod
    def of_function(cls, function: TaskFunction[Any, Any]) -> PeriodicTask | None:
        """The entry of a function declared with `@task`, None where it declares no schedule.

        Raises ConfigurationError for a function that no worker could import.
        """
        schedule = function.options.schedule
        if schedule is None:
            return None
        try:
            path = path_of(function)
        except InvalidTask as error:
            raise ConfigurationError(f"the periodic task {function!r}: {error}") from None
        return cls(path, path, schedule)

    @classmethod
    def of_table(cls, table: object) -> PeriodicTask:
        """The entry of a table of the setting `periodic`. Raises ConfigurationError that names the entry."""
        if not isinstance(table, Mapping):
            raise ConfigurationError(f"an entry is a table with task and cron, not {table!r}")
        named = table.get("name", table.get("task"))
        try:
            return cls._of_table(table)
        except (ConfigurationError, InvalidTask) as error:
            which = f"the entry {named!r}" if isinstance(named, str) else "an entry without a name"
            raise ConfigurationError(f"{which}: {error}") from None

    @classmethod
    def _of_table(cls, table: Mapping[Any, Any]) -> PeriodicTask:
        for key in table:
            if key not in _KEYS:
                close = difflib.get_close_matches(str(key), _KEYS, n=1)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(_KEYS)}"
                raise ConfigurationError(f"{key!r} means nothing; {hint}")
        for key in ("task", "cron"):
            if key not in table:
                raise ConfigurationError(f"{key} is missing")
        if not isinstance(table["task"], str):
            raise ConfigurationError(f"task must be the dotted path of a function, not {table['task']!r}")
        path = path_of(table["task"])
        placement = Placement.of(table.get("queue", DEFAULT_QUEUE), table.get("priority", 0), None, None, None)
        return cls(
            name=_name(table.get("name", path)),
            task=path,
            schedule=Schedule.of(table["cron"], table.get("timezone", "UTC"), table.get("catch_up", "latest")),
            args=encode_args(table.get("args"), sys.maxsize),
            queue=placement.queue,
            priority=placement.priority,
        )


def listed(table: TickTable) -> list[Tick]:
    """The entries that workers know, by name: not those that none has declared for a while."""
    return [tick for _, tick in sorted(table.entries.items()) if table.now - tick.declared <= LISTED_FOR]


def periodic_state(tick: Tick, now: datetime, seen: Mapping[UUID, tuple[int, Stamp]]) -> PeriodicState:
    """An entry of the table as people see it; `seen` has the status of each last task that is still there."""
    declared = tick.declaration
    try:
        # What was missed is enqueued when a worker runs again, so the next tick is one to come.
        upcoming = Schedule.of(declared.cron, declared.timezone).next(now)
    except ConfigurationError:  # of a later version
        upcoming = None
    status = None if tick.last_task is None else seen.get(tick.last_task, (None,))[0]
    return PeriodicState(
        *declared,
        next=upcoming,
        last_tick=None if tick.last_task is None else tick.last,
        last_task=tick.last_task,
        status=next((each for each in Status if each == status), status),
        declared=tick.declared,
    )


def check_names(entries: Iterable[PeriodicTask]) -> None:
    """Raise ConfigurationError where two entries have the same name."""
    seen: dict[str, PeriodicTask] = {}
    for entry in entries:
        other = seen.setdefault(entry.name, entry)
        if other is not entry:
            raise ConfigurationError(
                f"two periodic tasks are named {entry.name!r} ({other.schedule.cron} and {entry.schedule.cron}): give "
                "one of them a name of its own in the setting periodic"
            )


def _name(name: object) -> str:
    if not isinstance(name, str) or not name or len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
        raise ConfigurationError(
            f"name must be text of 1 to {MAX_NAME} printable characters, without spaces at its ends, not {name!r}"
        )
    return name
