"""What enqueue() can be asked for beside a function and its arguments, and what of it means nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Any, NamedTuple, TypeAlias

from asyncqueue.errors import ConfigurationError
from asyncqueue.model import DEFAULT_QUEUE
from asyncqueue.queues import check_queue_name

#: A function, best one declared with `@task`, or the dotted path of one.
Task: TypeAlias = str | Callable[..., Any]

_PRIORITIES = range(-100, 101)
_ATTEMPTS = range(1, 2**31)
#: Seconds: what is further away than a century is surely meant in another unit.
_MAX_DELAY = 36525 * 86400.0
#: Every database can write these, in any time zone.
_YEARS = range(1000, 9999)


class Placement(NamedTuple):
    """Where and when a task is to run, checked: the fields of `NewTask` after its arguments, in their order."""

    queue: str = DEFAULT_QUEUE
    priority: int = 0
    delay: float | None = None
    run_at: datetime | None = None
    max_attempts: int | None = None

    @classmethod
    def of(
        cls,
        queue: str,
        priority: int,
        delay: float | timedelta | None,
        run_at: datetime | None,
        max_attempts: int | None,
    ) -> Placement:
        """Check what was asked for. Raises ConfigurationError."""
        if (queue, priority, delay, run_at, max_attempts) == PLAIN:
            return PLAIN
        check_queue_name(queue)
        if not _whole(priority) or priority not in _PRIORITIES:
            raise ConfigurationError(
                f"priority must be a whole number from -100 to 100 (higher is claimed first), not {priority!r}"
            )
        if max_attempts is not None and (not _whole(max_attempts) or max_attempts not in _ATTEMPTS):
            raise ConfigurationError(
                f"max_attempts must be a whole number, 1 or more (the first run counts), not {max_attempts!r}"
            )
        if delay is not None and run_at is not None:
            raise ConfigurationError("give delay or run_at, not both: each says when the task is to run")
        return cls(queue, priority, _seconds(delay), _instant(run_at), max_attempts)


#: What a task has that asks for nothing.
PLAIN = Placement()


class TaskRequest(NamedTuple):
    """One task for `Queue.enqueue_many` with options of its own; they are those of `Queue.enqueue`."""

    task: Task
    args: Mapping[str, Any] | None = None
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    delay: float | timedelta | None = None
    run_at: datetime | None = None
    max_attempts: int | None = None


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _seconds(delay: object) -> float | None:
    if delay is None:
        return None
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not -inf < seconds < inf:
        raise ConfigurationError(f"delay must be a number of seconds or a timedelta, not {delay!r}")
    if seconds > _MAX_DELAY:
        raise ConfigurationError(f"delay must be seconds, at most those of 100 years, not {delay!r}")
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
