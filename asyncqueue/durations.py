"""Lengths of time as people write them: 90, 250ms, 90s, 15m, 12h, 7d."""

from __future__ import annotations

import re
from datetime import timedelta

from asyncqueue.errors import ConfigurationError

_UNITS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
#: Seconds: what is longer than a century is surely meant in another unit.
CENTURY = 36525 * 86400.0


def seconds_of(value: object) -> float:
    """The seconds of a number, a timedelta, or a text such as 90, 250ms, 90s, 15m, 12h or 7d.

    Raises ConfigurationError for what is none of these, is less than 0 or more than 100 years.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|[smhd])?", value, re.ASCII) if isinstance(value, str) else None
        if match is None:
            raise ConfigurationError(f"{value!r} is no time: 90 or 90s are seconds, 5m minutes, 2h hours, 1d a day")
        seconds = float(match[1]) * _UNITS[match[2] or ""]
    if not 0 <= seconds <= CENTURY:
        raise ConfigurationError(f"{value!r} is no time from 0 to 100 years")
    return seconds
