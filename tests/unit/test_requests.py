"""What enqueue() may be asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from asyncqueue.errors import ConfigurationError
from asyncqueue.model import NewTask
from asyncqueue.requests import PLAIN, Placement, TaskRequest

NOW = datetime.now(UTC)


def place(**options: Any) -> Placement:
    return Placement.of(*TaskRequest("x.y", None, **options)[2:])


def test_its_fields_are_those_of_a_new_row() -> None:
    assert NewTask._fields == ("id", "task", "args", *Placement._fields)
    assert TaskRequest._fields == ("task", "args", *Placement._fields)
    assert place() is PLAIN


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"queue": "mail", "priority": -100, "max_attempts": 1}, ("mail", -100, None, None, 1)),
        ({"priority": 100}, ("default", 100, None, None, None)),
        ({"delay": 90}, ("default", 0, 90.0, None, None)),
        ({"delay": timedelta(minutes=2)}, ("default", 0, 120.0, None, None)),
        ({"delay": 0}, ("default", 0, 0.0, None, None)),
        ({"delay": timedelta(-1)}, ("default", 0, 0.0, None, None)),
        ({"run_at": NOW}, ("default", 0, None, NOW, None)),
    ],
)
def test_what_is_meant(options: dict[str, Any], expected: tuple[object, ...]) -> None:
    assert place(**options) == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"queue": ""}, "the name of a queue is empty"),
        ({"queue": "q" * 65}, "the column holds 64"),
        ({"priority": 101}, r"priority must be a whole number from -100 to 100 .*, not 101"),
        ({"priority": -101}, "not -101"),
        ({"priority": 1.5}, "not 1.5"),
        ({"priority": "high"}, "not 'high'"),
        ({"max_attempts": 0}, "max_attempts must be a whole number, 1 or more .*, not 0"),
        ({"max_attempts": True}, "not True"),
        ({"max_attempts": 2**31}, "not 2147483648"),
        ({"delay": "90"}, "delay must be a number of seconds or a timedelta, not '90'"),
        ({"delay": True}, "not True"),
        ({"delay": float("nan")}, "not nan"),
        ({"delay": float("inf")}, "not inf"),
        ({"delay": 10**400}, "at most those of 100 years"),
        ({"delay": NOW}, "a number of seconds or a timedelta"),
        ({"delay": 36526 * 86400}, "at most those of 100 years"),
        ({"run_at": datetime(2026, 12, 1, 8)}, "2026-12-01T08:00:00 has no time zone: give it one"),
        ({"run_at": "2026-12-01"}, "run_at must be an aware datetime, not '2026-12-01'"),
        ({"run_at": 90}, "not 90"),
        ({"run_at": datetime.max.replace(tzinfo=ZoneInfo("America/New_York"))}, "years from 1000 to 9998"),
        ({"delay": 1, "run_at": NOW}, "give delay or run_at, not both"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_means_nothing(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        place(**options)
