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
    return TaskRequest("x.y", None, **options).placement


def test_its_fields_are_those_of_a_new_row() -> None:
    assert NewTask._fields == ("id", "task", "args", *Placement._fields, "after")
    assert TaskRequest._fields[:-6] == ("task", "args", *Placement._fields[:-3])
    assert TaskRequest._fields[-6:] == ("unique_key", "unique_for", "on_conflict", "limit_key", "after", "on_failure")
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
    assert place(**options) == (*expected, None, 0, None)


def test_what_a_unique_key_means() -> None:
    assert place(unique_key="welcome-7").unique == ("welcome-7", 0.0, "return")
    held = place(unique_key="k" * 255, unique_for=timedelta(minutes=1), on_conflict="raise")
    assert held.unique == ("k" * 255, 60.0, "raise")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"queue": ""}, "the name of a queue is empty"),
        ({"unique_key": ""}, "unique_key must have from 1 to 255 characters, and this one has 0"),
        ({"unique_key": "k" * 256}, "and this one has 256"),
        ({"unique_key": 7}, "unique_key must be text, not 7"),
        ({"unique_key": "a "}, "ends with a space"),
        ({"unique_key": "a\0b"}, "cannot be printed"),
        ({"unique_key": "k", "unique_for": "1h"}, "unique_for must be a number of seconds or a timedelta, not '1h'"),
        ({"unique_key": "k", "on_conflict": "ignore"}, "on_conflict must be one of 'return', 'raise', 'replace'"),
        ({"unique_for": 60}, "say how a unique_key is held: give one"),
        ({"on_conflict": "raise"}, "say how a unique_key is held: give one"),
        ({"limit_key": ""}, "limit_key must have from 1 to 255 characters, and this one has 0"),
        ({"limit_key": 7}, "limit_key must be text, not 7"),
        ({"limit_key": "a "}, "ends with a space"),
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
