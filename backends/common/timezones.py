"""Naive times of a table in a zone, as MySQL, MariaDB and SQLite keep them, and the instants they stand for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

#: Back to when offsets are looked at, week by week: some zones leave their summer time for a month only.
_A_YEAR = [timedelta(weeks=number) for number in range(54)]


def to_naive(instant: datetime, zone: tzinfo) -> datetime:
    """The wall clock of `zone` at an aware instant, naive as Django writes it."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def to_utc(naive: datetime, zone: tzinfo) -> datetime:
    """The instant of a wall clock time in `zone`, aware and in UTC; of an hour that occurs twice, the first."""
    return naive.replace(tzinfo=zone).astimezone(UTC)


def utc_offset(zone: tzinfo, at: datetime) -> timedelta:
    """How far the wall clock of `zone` is ahead of UTC at an aware instant."""
    return to_naive(at, zone) - to_naive(at, UTC)


def naive_cutoff(now: datetime, seconds: float, zone: tzinfo) -> datetime:
    """The wall clock time before which nothing written within the last `seconds` can lie.

    Where the clock was put back within those seconds, what was written after the jump reads earlier than what was
    written before it: the earlier of both ways to count back is safe, and costs at worst an hour's delay.
    """
    span = timedelta(seconds=seconds)
    return min(to_naive(now - span, zone), to_naive(now, zone) - span)


def slowest_clock(now: datetime, zone: tzinfo) -> datetime:
    """What the wall clock would read at an aware instant by the smallest offset that `zone` has had within a year.

    Whatever span is counted back from it, nothing that was written within that span lies before it, also where clocks
    were put forward meanwhile. It costs at worst as much delay as they were put forward.
    """
    return to_naive(now, UTC) + min(utc_offset(zone, now - ago) for ago in _A_YEAR)


def seconds_since(naive: datetime, now: datetime, zone: tzinfo) -> float:
    """Seconds from a wall clock time to an aware instant; of an hour that occurs twice, the second that has been."""
    later = naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return (now - (later if later <= now else to_utc(naive, zone))).total_seconds()
