"""What enqueue() can be asked for beside a function and its arguments, and what of it means nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Any, NamedTuple, Protocol, TypeAlias, get_args
from uuid import UUID

from asyncqueue.checks import check_key, whole
from asyncqueue.errors import ConfigurationError
from asyncqueue.model import DEFAULT_QUEUE, OnConflict, OnFailure, Unique
from asyncqueue.queues import check_queue_name

#: A function, best one declared with `@task`, or the dotted path of one.
Task: TypeAlias = str | Callable[..., Any]


class Identified(Protocol):
    """A task in the table, as its handle, its record, or `current_task()` tell of it."""

    @property
    def id(self) -> UUID: ...


#: A task that another one is to run after: one in the table, or one of the same `enqueue_many` call.
Named: TypeAlias = "Identified | UUID | str | TaskRequest"

_PRIORITIES = range(-100, 101)
_ATTEMPTS = range(1, 2**31)
#: Seconds: what is further away than a century is surely meant in another unit.
_MAX_DELAY = 36525 * 86400.0
_CONFLICTS: tuple[str, ...] = get_args(OnConflict)
#: Every database can write these, in any time zone.
_YEARS = range(1000, 9999)


class Placement(NamedTuple):
    """Where and when a task is to run, checked: the fields of `NewTask` after its arguments, in their order."""

    queue: str = DEFAULT_QUEUE
    priority: int = 0
    delay: float | None = None
    run_at: datetime | None = None
    max_attempts: int | None = None
    unique: Unique | None = None
    links: int = 0
    limit_key: str | None = None

    @classmethod
    def of(
        cls,
        queue: str,
        priority: int,
        delay: float | timedelta | None,
        run_at: datetime | None,
        max_attempts: int | None,
        unique_key: str | None = None,
        unique_for: float | timedelta = 0.0,
        on_conflict: OnConflict = "return",
        limit_key: str | None = None,
    ) -> Placement:
        """Check what was asked for. Raises ConfigurationError."""
        unique = _unique(unique_key, unique_for, on_conflict)
        if (queue, priority, delay, run_at, max_attempts, unique, 0, limit_key) == PLAIN:
            return PLAIN
        check_queue_name(queue)
        if not whole(priority) or priority not in _PRIORITIES:
            raise ConfigurationError(
                f"priority must be a whole number from -100 to 100 (higher is claimed first), not {priority!r}"
            )
        check_max_attempts(max_attempts)
        if delay is not None and run_at is not None:
            raise ConfigurationError("give delay or run_at, not both: each says when the task is to run")
        if limit_key is not None:
            check_key("limit_key", limit_key)
        return cls(queue, priority, _seconds(delay), _instant(run_at), max_attempts, unique, 0, limit_key)


#: What a task has that asks for nothing.
PLAIN = Placement()


class TaskRequest(NamedTuple):
    """One task for `Queue.enqueue_many` with options of its own; they are those of `Queue.enqueue`.

    Others of the same call can name it in `after`. It is known to them as the object that it is, not by what it holds.
    """

    task: Task
    args: Mapping[str, Any] | None = None
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    delay: float | timedelta | None = None
    run_at: datetime | None = None
    max_attempts: int | None = None
    unique_key: str | None = None
    unique_for: float | timedelta = 0.0
    on_conflict: OnConflict = "return"
    limit_key: str | None = None
    after: Named | Iterable[Named] | None = None
    on_failure: OnFailure | None = None

    @property
    def placement(self) -> Placement:
        """What of it is checked for itself. Raises ConfigurationError."""
        return Placement.of(*self[2:-2])  # without `after` and `on_failure`

    def __repr__(self) -> str:
        """What was given. What it comes after is left out, because that may come after thousands itself."""
        given = [
            f"{name}={value!r}"
            for name, value in self._asdict().items()
            if name not in ("task", "after") and value != self._field_defaults[name]
        ]
        after = [] if self.after is None else ["after=..."]
        return f"TaskRequest({', '.join([repr(self.task), *given, *after])})"


def check_max_attempts(number: object) -> None:
    """Raise ConfigurationError for what cannot be a number of attempts."""
    if number is not None and (not whole(number) or number not in _ATTEMPTS):
        raise ConfigurationError(
            f"max_attempts must be a whole number, 1 or more (the first run counts), not {number!r}"
        )


def _unique(key: object, held_for: object, on_conflict: OnConflict) -> Unique | None:
    """What a task's unique key is to be, None where it has none."""
    if on_conflict not in _CONFLICTS:
        raise ConfigurationError(f"on_conflict must be one of {', '.join(map(repr, _CONFLICTS))}, not {on_conflict!r}")
    if key is None:
        if held_for != 0.0 or on_conflict != "return":
            raise ConfigurationError("unique_for and on_conflict say how a unique_key is held: give one")
        return None
    seconds = _seconds(held_for, "unique_for")
    return Unique(check_key("unique_key", key), seconds or 0.0, on_conflict)


def _seconds(delay: object, name: str = "delay") -> float | None:
    if delay is None:
        return None
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not -inf < seconds < inf:
        raise ConfigurationError(f"{name} must be a number of seconds or a timedelta, not {delay!r}")
    if seconds > _MAX_DELAY:
        raise ConfigurationError(f"{name} must be seconds, at most those of 100 years, not {delay!r}")
    return float(max(0, seconds))


def _instant(run_at: object) -> datetime | None:
    if run_at is None:
        return None
    if not isinstance(run_at, datetime):
        raise ConfigurationError(f"run_at must be an aware datetime, not {run_at!r}")
    if run_at.utcoffset() is None:
        raise ConfigurationError(
            f"run_at must be an aware datetime, and {run_at.isoformat()} has no time zone: "
            'give it one, such as tzinfo=UTC or ZoneInfo("Europe/Berlin")'
        )
    if run_at.year not in _YEARS:
        raise ConfigurationError(f"run_at must be in the years from 1000 to 9998, not {run_at.isoformat()}")
    return run_at
