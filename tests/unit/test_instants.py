"""Naive times in zones whose clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncqueue.backends.common.timezones import slowest_clock, to_naive

#: Summer time of both halves of the globe, of half an hour, of two hours, of all year but a month, and none.
ZONES = ["Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca", "Asia/Kolkata"]


@pytest.mark.parametrize("zone", [*map(ZoneInfo, ZONES)], ids=ZONES)
@given(
    st.datetimes(datetime(2022, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(0), timedelta(days=300)),
)
def test_nothing_written_within_a_span_lies_before_it(zone, now, span):
    assert slowest_clock(now, zone) - span <= to_naive(now - span, zone)


def test_it_is_late_by_no_more_than_clocks_were_put_forward():
    berlin = ZoneInfo("Europe/Berlin")
    summer, winter = datetime(2026, 7, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    assert slowest_clock(summer, berlin) == datetime(2026, 7, 1, 1)
    assert slowest_clock(winter, berlin) == datetime(2028, 1, 1, 1)
    assert slowest_clock(summer, ZoneInfo("Asia/Kolkata")) == datetime(2026, 7, 1, 5, 30)
