"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asyncqueue.durations import seconds_of
from asyncqueue.errors import ConfigurationError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *[("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("7d", 604_800), ("1.5h", 5400), ("0", 0)],
        *[(90, 90), (0.5, 0.5), (timedelta(days=7), 604_800), ("36525d", 36_525 * 86_400)],
    ],
)
def test_times(value, seconds):
    assert seconds_of(value) == seconds


@pytest.mark.parametrize("value", ["", "soon", "5 m", "-5", "5w", "1e3", "m", None, True, [1], b"5"])
def test_no_times(value):
    with pytest.raises(ConfigurationError, match="is no time: 90 or 90s are seconds, 5m minutes, 2h hours, 1d a day"):
        seconds_of(value)


@pytest.mark.parametrize("value", ["36526d", 1e300, float("nan"), -1, timedelta(days=-1)])
def test_no_times_from_0_to_100_years(value):
    with pytest.raises(ConfigurationError, match="is no time from 0 to 100 years"):
        seconds_of(value)
