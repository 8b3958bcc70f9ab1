"""Times as Django keeps them in MySQL and MariaDB: naive, in a zone, by the server's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, tzinfo

from asyncqueue.backends.common.timezones import (
    naive_cutoff,
    seconds_since,
    slowest_clock,
    to_naive,
    to_utc,
    utc_offset,
)


class Times:
    """Turns readings of the server's UTC clock into the table's naive times, and back.

    Args:
        zone: the zone of the table's naive times.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._zero = datetime.now(UTC) - timedelta(seconds=time.monotonic())

    def follow(self, utc: datetime) -> None:
        """Note what the server's clock says now, so that a host whose clock is wrong knows the offset all the same."""
        self._zero = utc.replace(tzinfo=UTC) - timedelta(seconds=time.monotonic())

    def offset(self) -> int:
        """How many seconds the zone is ahead of UTC at present."""
        return int(utc_offset(self._zone, self._zero + timedelta(seconds=time.monotonic())).total_seconds())

    def local(self, utc: datetime) -> datetime:
        """The table's time at a reading of the server's clock."""
        return to_naive(utc.replace(tzinfo=UTC), self._zone)

    def written(self, instant: datetime) -> datetime:
        """An aware instant as the table's time."""
        return to_naive(instant, self._zone)

    def cutoff(self, utc: datetime, seconds: float) -> datetime:
        """The time before which nothing lies that was written within the last `seconds` before the reading."""
        return naive_cutoff(utc.replace(tzinfo=UTC), seconds, self._zone)

    def slowest(self, utc: datetime) -> datetime:
        """The table's time at a reading of the server's clock, had nobody put clocks forward within a year."""
        return slowest_clock(utc.replace(tzinfo=UTC), self._zone)

    def instant(self, local: datetime) -> datetime:
        """What a time in the table stands for, aware and in UTC."""
        return to_utc(local, self._zone)

    def age(self, local: datetime | None, utc: datetime) -> float | None:
        """Seconds from a time in the table to a reading of the server's clock; None for none."""
        return None if local is None else self.elapsed(local, utc)

    def elapsed(self, local: datetime, utc: datetime) -> float:
        """Seconds from a time in the table to a reading of the server's clock."""
        return seconds_since(local, utc.replace(tzinfo=UTC), self._zone)
