"""When periodic tasks are due: expressions, zones, daylight saving and missed ticks, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncqueue.errors import ConfigurationError
from asyncqueue.schedules import MOST, Schedule, _until

BERLIN = ZoneInfo("Europe/Berlin")
#: Midnight before the clock is put forward at 2, and back at 3.
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 10, 25, tzinfo=BERLIN)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def on(day: datetime, cron: str) -> list[str]:
    """The ticks of a day, as a clock on the wall in Berlin shows them."""
    first = day.astimezone(UTC) - timedelta(microseconds=1)
    end = datetime(day.year, day.month, day.day + 1, tzinfo=BERLIN)
    schedule = Schedule.of(cron, "Europe/Berlin", "all")
    ticks = schedule.due(first, end.astimezone(UTC) - timedelta(microseconds=1)).ticks
    assert ticks == sorted(set(ticks))
    return [tick.astimezone(BERLIN).strftime("%H:%M%z") for tick in ticks]


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 6, 1, hour, minute, second, tzinfo=UTC)


def test_hourly_follows_the_hours_that_pass():
    spring, autumn = on(SPRING, "0 * * * *"), on(AUTUMN, "0 * * * *")
    assert spring == ["00:00+0100", "01:00+0100", *(f"{hour:02}:00+0200" for hour in range(3, 24))]
    assert autumn == [*(f"{hour:02}:00+0200" for hour in range(3)), *(f"{hour:02}:00+0100" for hour in range(2, 24))]


def test_daily_at_a_time_that_is_not_there_or_there_twice_runs_once():
    assert on(SPRING, "30 2 * * *") == ["03:00+0200"], "as soon as the clock has jumped"
    assert on(AUTUMN, "30 2 * * *") == ["02:30+0200"], "the first time"


def test_every_five_minutes_follows_the_minutes_that_pass():
    assert (len(on(SPRING, "*/5 * * * *")), len(on(AUTUMN, "*/5 * * * *"))) == (23 * 12, 25 * 12)
    for day in (SPRING, AUTUMN):
        ticks = islice(Schedule("*/5 * * * *", "Europe/Berlin")._ticks(day), 300)
        assert {second - first for first, second in pairwise(ticks)} == {timedelta(minutes=5)}


@pytest.mark.parametrize(
    "cron", ["0 * * * *", "30 2 * * *", "*/5 * * * *", "0,30 1-3 * * *", "30 */7 * * * *", "15 */2 * * *"]
)
@pytest.mark.parametrize("day", [SPRING, AUTUMN])
@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, 25 * 3600))
def test_where_one_stops_and_goes_on_changes_nothing(cron, day, cut):
    """Workers ask again and again from the last tick on: in the hour that is there twice, too."""
    schedule = Schedule(cron, "Europe/Berlin", "all")
    start = day.astimezone(UTC)
    middle, end = start + timedelta(seconds=cut), start + timedelta(hours=26)
    whole = list(_until(schedule._ticks(start), end))
    first = [tick for tick in whole if tick <= middle]
    rest = list(_until(schedule._ticks(middle), end))
    assert first + rest == whole


def test_the_next_tick():
    schedule = Schedule.of("*/5 * * * *")
    assert schedule.next(at(12)) == at(12, 5)
    assert schedule.next(at(12, 4, 59) + timedelta(microseconds=1)) == at(12, 5)
    assert Schedule.of("0 0 29 2 *").next(NOON) == datetime(2028, 2, 29, tzinfo=UTC)
    assert Schedule.of("30 8 * * MON", "Europe/Berlin").next(NOON) == datetime(2026, 6, 8, 6, 30, tzinfo=UTC)


def test_with_six_fields_the_first_is_seconds():
    schedule = Schedule.of("*/2 * * * * *")
    assert schedule.next(at(12)) == at(12, 0, 2)
    assert Schedule.of("30 0 * * * *").next(at(12)) == at(12, 0, 30)


@pytest.mark.parametrize("catch_up", ["skip", "latest", "all"])
def test_what_is_late_by_a_minute_is_no_missed_tick(catch_up):
    schedule = Schedule.of("* * * * *", "UTC", catch_up)
    assert schedule.due(at(12), at(12)).ticks == []
    assert schedule.due(at(12), at(12, 1)).ticks == [at(12, 1)]
    assert schedule.due(at(12), at(12, 2)).ticks == [at(12, 1), at(12, 2)]
    assert schedule.due(at(12, 1), at(12)).ticks == [], "a clock that was put back"


def test_missed_ticks():
    last, now = at(9), at(12, 0, 30)
    recent = [at(12)]
    assert Schedule.of("*/10 * * * *", "UTC", "skip").due(last, now).ticks == recent
    assert Schedule.of("*/10 * * * *", "UTC", "latest").due(last, now).ticks == [at(11, 50), *recent]
    every = Schedule.of("*/10 * * * *", "UTC", "all").due(last, now)
    assert every.ticks == [last + timedelta(minutes=10 * number) for number in range(1, 19)]
    assert not every.cut


def test_a_missed_tick_of_long_ago_runs_once():
    schedule = Schedule.of("0 3 1 1 *")
    assert schedule.due(datetime(2025, 12, 1, tzinfo=UTC), NOON).ticks == [datetime(2026, 1, 1, 3, tzinfo=UTC)]
    assert schedule.due(datetime(2026, 1, 1, 3, tzinfo=UTC), NOON).ticks == []


def test_of_too_many_missed_ticks_the_last_are_enqueued():
    last = NOON - timedelta(days=365)
    due = Schedule.of("* * * * * *", "UTC", "all").due(last, NOON)
    assert due.cut
    assert due.ticks == [NOON - timedelta(seconds=MOST + 60 - number) for number in range(MOST + 61)]
    exactly = Schedule.of("* * * * *", "UTC", "all").due(NOON - timedelta(minutes=MOST + 1), NOON)
    assert (len(exactly.ticks), exactly.cut) == (MOST + 1, False), "all that were missed, and one that is a minute late"


def test_after_a_tick_was_enqueued_the_rest_is_the_same():
    """Two workers at it, or one that goes on after another: no tick comes that would not have come."""
    for catch_up in ("skip", "latest", "all"):
        schedule = Schedule.of("*/7 * * * *", "UTC", catch_up)
        ticks = schedule.due(at(9), at(12)).ticks
        for number, tick in enumerate(ticks):
            assert schedule.due(tick, at(12)).ticks == ticks[number + 1 :]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"cron": "61 * * * *"}, "'61 * * * *' is no cron expression (bad minute)"),
        ({"cron": "* * *"}, "wrong number of fields): give five fields"),
        ({"cron": "@daily"}, "wrong number of fields"),
        ({"cron": ""}, "wrong number of fields"),
        ({"cron": 5}, "must be a cron expression as text, not 5"),
        ({"cron": "0 0 31 2 *"}, "bad day-of-month"),
        ({"cron": "* * */20 * 1L"}, "never matches"),
        ({"cron": "1," * 200 + "1 * * * *"}, "the column holds 255"),
        ({"cron": "* * * * *", "timezone": "Europe/Berln"}, "no time zone 'Europe/Berln'"),
        ({"cron": "* * * * *", "timezone": "../etc/passwd"}, "no time zone"),
        ({"cron": "* * * * *", "timezone": "Europe"}, "no time zone"),
        ({"cron": "* * * * *", "timezone": 1}, "no time zone 1"),
        ({"cron": "* * * * *", "timezone": ""}, "no time zone ''"),
        ({"cron": "* * * * *", "catch_up": "some"}, 'catch_up must be "skip", "latest" or "all", not \'some\''),
    ],
)
def test_what_means_nothing_is_refused(given, text):
    with pytest.raises(ConfigurationError) as caught:
        Schedule.of(**given)
    assert text in str(caught.value)
