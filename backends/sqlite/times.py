"""Times as Django keeps them in SQLite: text, naive, in a zone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from math import inf
from typing import Any

from asyncqueue.backends.common.timezones import naive_cutoff, seconds_since, slowest_clock, to_naive, to_utc
from asyncqueue.errors import DatabaseError

_TICK = timedelta(microseconds=1)


class Times:
    """The host's clock, and the text of its instants: `2026-11-23 16:03:40.612716`, no fraction where it is zero.

    No two readings are equal, also where the clock is put back: a claim's token is one.

    Args:
        zone: the zone of the table's naive times.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._lock = threading.Lock()  # read in the thread of every connection
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> str:
        """The present."""
        return next(self.series(1))

    def series(self, count: int) -> Iterator[str]:
        """The present and the microseconds after it, `count` of them, which no later reading repeats."""
        with self._lock:
            first = max(datetime.now(UTC), self._latest + _TICK)
            self._latest = first + (count - 1) * _TICK
        return (self.written(first + position * _TICK) for position in range(count))

    def cutoff(self, seconds: float) -> str:
        """The text before which nothing can read that was written within the last `seconds`."""
        return str(naive_cutoff(datetime.now(UTC), seconds, self._zone))

    def slowest(self) -> str:
        """The text of the present, had nobody put clocks forward within a year."""
        return str(slowest_clock(datetime.now(UTC), self._zone))

    def cutoffs(self, lease: float, foreign_lease: float | None) -> dict[str, str | None]:
        """What `overdue` compares with."""
        cutoff = self.cutoff(lease)
        foreign = None if foreign_lease is None else self.cutoff(foreign_lease)
        return {"cutoff": cutoff, "foreign_cutoff": foreign, "latest": max(cutoff, foreign or cutoff)}

    def now_utc(self, ahead: float = 0.0) -> str:
        """The present, or so many seconds after it, in UTC whatever the table's zone."""
        return self.utc(datetime.now(UTC) + timedelta(seconds=ahead))

    def utc(self, instant: datetime) -> str:
        """An aware instant in UTC, whatever the table's zone: with its fraction, so that texts compare as times."""
        return to_naive(instant, UTC).isoformat(" ", "microseconds")

    def parse_utc(self, text: str) -> datetime:
        """The instant of such a time."""
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    def is_utc(self, text: Any) -> bool:
        """Whether a column has such a time: SQLite keeps anything in one."""
        try:
            self.parse_utc(text)
        except (TypeError, ValueError):
            return False
        return True

    def until_utc(self, text: str, now: datetime | None = None) -> float:
        """Seconds from now, or from another instant, until such a time."""
        return (self.parse_utc(text) - (now or datetime.now(UTC))).total_seconds()

    def parse(self, text: str) -> datetime:
        """The instant of a text from the table, aware and in UTC. Raises DatabaseError for one that is no time."""
        found = _read(text)
        return to_utc(found, self._zone) if found.tzinfo is None else found.astimezone(UTC)

    def age(self, text: str, now: datetime | None = None) -> float:
        """Seconds from such an instant until now, or until another one. Raises DatabaseError, too."""
        found, now = _read(text), now or datetime.now(UTC)
        return seconds_since(found, now, self._zone) if found.tzinfo is None else (now - found).total_seconds()

    def silence(self, text: Any, now: datetime | None = None) -> float:
        """The same; for ever where a column of times has something else."""
        try:
            return self.age(text, now)
        except (DatabaseError, OverflowError):
            return inf

    def written(self, instant: datetime) -> str:
        """The text of an aware instant."""
        return str(to_naive(instant, self._zone))


def _read(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise DatabaseError(f"the task table holds {text!r} where a time should be") from error
