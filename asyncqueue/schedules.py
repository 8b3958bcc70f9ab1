"""When a periodic task is due: pure functions of an expression, a zone and two instants."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import Any, Literal, NamedTuple, TypeAlias, get_args
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from asyncqueue.errors import ConfigurationError

#: What becomes of ticks that were missed: none of them runs, the last one, or each.
CatchUp: TypeAlias = Literal["skip", "latest", "all"]

#: The widths of the columns `cron` and `timezone`.
MAX_CRON, MAX_ZONE = 255, 64

#: A tick that is later than this was missed.
LATE = timedelta(seconds=60)
#: So many missed ticks are enqueued at most.
MOST = 1000
#: How far back missed ticks are looked for at first, and how much further each time that there were too few.
_FIRST_SPAN, _WIDER = timedelta(minutes=10), 8
#: The next tick after this one says whether an expression ever matches. 2000 was a leap year.
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class Due(NamedTuple):
    """The ticks to enqueue, oldest first, and whether there were more than `MOST` that should have been."""

    ticks: list[datetime]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression in a time zone, and what becomes of ticks that were missed. `of` checks them.

    Daylight saving is treated as Debian's cron does: an entry at fixed times (neither minute nor hour begin with `*`)
    runs once where the clock jumps over its time or passes it twice; every other follows the time that really passes,
    and so do all with seconds.
    """

    cron: str
    timezone: str = "UTC"
    catch_up: CatchUp = "latest"

    @classmethod
    def of(cls, cron: object, timezone: object = "UTC", catch_up: object = "latest") -> Schedule:
        """Check what a person gives. Raises ConfigurationError with what is wrong about it."""
        if catch_up not in get_args(CatchUp):
            raise ConfigurationError(f'catch_up must be "skip", "latest" or "all", not {catch_up!r}')
        schedule = cls(_expression(cron), _zone_name(timezone), _checked(catch_up))
        if schedule.next(_SOME_DAY) is None:
            raise ConfigurationError(f"the cron expression {cron!r} never matches: there is no such day")
        return schedule

    def next(self, after: datetime) -> datetime | None:
        """The first tick after an aware instant, in UTC; None if there is none within 50 years."""
        return next(self._ticks(after), None)

    def due(self, last: datetime, now: datetime) -> Due:
        """The ticks to enqueue now, where everything up to `last` has been seen to.

        What is late by no more than a minute is enqueued in any case; what is later was missed.
        """
        bound = now - LATE - timedelta.resolution
        recent = list(_until(self._ticks(max(last, bound)), now))
        if self.catch_up == "skip" or last >= bound:
            return Due(recent)
        missed, cut = self._latest(last, bound, 1 if self.catch_up == "latest" else MOST)
        return Due(missed + recent, cut and self.catch_up == "all")

    def _latest(self, after: datetime, until: datetime, count: int) -> tuple[list[datetime], bool]:
        """The last `count` ticks between two instants, and whether there are more.

        An entry of every second, not seen to for a year, has millions: they are counted from the end.
        """
        span = _FIRST_SPAN
        while True:
            start = max(after, until - span)
            found = deque(_until(self._ticks(start), until), maxlen=count + 1)
            if len(found) > count:
                return list(found)[1:], True
            if start == after:
                return list(found), False
            span *= _WIDER

    def _ticks(self, after: datetime) -> Iterator[datetime]:
        """Every tick after an instant, in UTC."""
        for local in CronSim(self.cron, after.astimezone(_zone(self.timezone))):
            tick = local.astimezone(UTC)
            # Begun within an hour that is there twice, entries at fixed times are told as of the first one again.
            if tick > after:
                after = tick
                yield tick


def _until(ticks: Iterator[datetime], end: datetime) -> Iterator[datetime]:
    return takewhile(lambda tick: tick <= end, ticks)


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _checked(catch_up: Any) -> CatchUp:
    known: CatchUp = catch_up
    return known


def _expression(cron: object) -> str:
    fields = "give five fields (minute, hour, day, month, weekday), or six with the seconds before them"
    if not isinstance(cron, str):
        raise ConfigurationError(f"cron must be a cron expression as text, not {cron!r}: {fields}")
    if len(cron) > MAX_CRON:
        raise ConfigurationError(f"the cron expression has {len(cron)} characters; the column holds {MAX_CRON}")
    try:
        CronSim(cron, _SOME_DAY)
    except CronSimError as error:
        what = str(error)
        raise ConfigurationError(
            f"{cron!r} is no cron expression ({what[:1].lower()}{what[1:]}): {fields}, such as '*/5 * * * *'"
        ) from None
    return " ".join(cron.split())


def _zone_name(name: object) -> str:
    try:
        if not isinstance(name, str) or len(name) > MAX_ZONE:
            raise ValueError
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(
            f"there is no time zone {name!r}: give a name such as Europe/Berlin (a system without a zone database "
            "has those of the package tzdata)"
        ) from None
    return str(name)
