"""What `@task` may declare of limits, and what the places of a key say."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from asyncqueue import task
from asyncqueue.backends.limits import Place, Seen, Survey
from asyncqueue.errors import ConfigurationError, InvalidArguments
from asyncqueue.limits import Limit, Rate
from asyncqueue.model import Status


def charge(customer: str, region: str = "eu", **more: Any) -> None: ...


def policy(**options: Any) -> Any:
    return task(**options)(charge).options.limits


@pytest.mark.parametrize(
    ("text", "count", "per"),
    [("100/m", 100, 60), ("5/s", 5, 1), ("10/30s", 10, 30), ("1/1.5h", 1, 5400), ("7/d", 7, 86400)],
)
def test_a_rate_as_text(text: str, count: int, per: float) -> None:
    assert Rate.of(text) == Rate(count, per)
    assert Rate.of(str(Rate(count, per))) == Rate(count, per)


def test_what_is_declared() -> None:
    assert policy() is None
    assert policy(limit=5).declared("app.charge") == Limit("app.charge", 5, None, None)
    assert policy(rate=Rate(3, timedelta(minutes=2))).declared("a.b") == Limit("a.b", None, 3, 120.0)  # type: ignore[arg-type]
    assert policy(limit=1, rate="9/m").declared("a.b") == Limit("a.b", 1, 9, 60.0)


@pytest.mark.parametrize(
    ("key", "args", "expected"),
    [
        (None, {"customer": "x"}, None),
        ("customer-{customer}", {"customer": 7}, "customer-7"),
        ("{customer}-{region}", {"customer": "a"}, "a-eu"),
        ("{customer[id]}", {"customer": {"id": 3}}, "3"),
        ("{extra}", {"customer": "a", "extra": "b"}, "b"),
        (lambda args: args["region"].upper(), {}, "EU"),
    ],
)
def test_the_key_of_a_task(key: Any, args: dict[str, Any], expected: str | None) -> None:
    assert policy(limit=1, limit_key=key).key_of(args) == expected


@pytest.mark.parametrize(
    ("key", "args", "text"),
    [
        ("{customer}", {}, "there is no limit_key for these arguments: it lacks 'customer'"),
        (lambda args: args["customer"].id, {"customer": "x"}, "AttributeError"),
        (lambda args: 7, {}, "limit_key must be text, not 7"),
        ("{customer}", {"customer": "x" * 256}, "this one has 256"),
        ("{customer}", {"customer": ""}, "this one has 0"),
        ("{customer}", {"customer": "a\n"}, "cannot be printed"),
    ],
)
def test_arguments_without_a_key(key: Any, args: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArguments, match=text):
        policy(limit=1, limit_key=key).key_of(args)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"limit": 0}, "limit must be a whole number from 1 to 10000, not 0"),
        ({"limit": True}, "not True"),
        ({"limit": "5"}, "not '5'"),
        ({"rate": "100"}, r"rate must be a Rate, or text such as '100/m'"),
        ({"rate": "100/w"}, "not '100/w'"),
        ({"rate": "0/m"}, "a rate is of 1 to 10000 starts, not 0: 100/s"),
        ({"rate": "5/0s"}, "from a millisecond to a year"),
        ({"limit_key": "x"}, "limit and rate are missing"),
        ({"limit": 1, "limit_key": 7}, "limit_key must be text such as"),
        ({"limit": 1, "limit_key": "{"}, "is no format string"),
        ({"limit": 1, "limit_key": "{}"}, "names '', which is no parameter"),
    ],
)
def test_what_means_nothing(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        policy(**options)


def test_a_key_names_parameters() -> None:
    with pytest.raises(ConfigurationError, match="names 'user', which is no parameter of the function"):

        @task(limit=1, limit_key="{user}")
        def mail(to: str) -> None: ...


def place(state: int, admitted: float | None = None, noted: float | None = None) -> Place:
    return Place(1, "app.task", uuid.UUID(int=1), state, admitted, noted)


def surveyed(limit: Limit, *places: tuple[Place, Seen | None]) -> Survey:
    survey = Survey(limit)
    for each, seen in places:
        survey.add(each, seen)
    return survey


QUEUED, RUNNING = Seen(Status.QUEUED, 500.0, None), Seen(Status.RUNNING, 4.0, None)
DONE = Seen(Status.COMPLETED, 4.0, None)


def test_who_has_a_place() -> None:
    survey = surveyed(Limit("a.b", 5), (place(1, 9.0), QUEUED), (place(1, 9.0), RUNNING), (place(1, 9.0), DONE))
    assert (survey.taken, survey.room, survey.gone) == (2, 3, [1])
    assert survey.opens_in(3) is None
    assert surveyed(Limit("a.b", 1), (place(1, 9.0), None)).room == 1


def test_which_starts_count() -> None:
    limit = Limit("a.b", None, 3, 10.0)
    starts = [(place(1, 9.0), QUEUED), (place(1, 9.0), RUNNING), (place(1, 9.0), DONE), (place(2, 30.0, 11.0), None)]
    survey = surveyed(limit, *starts)
    assert survey.starts == [10.0, 6.0, 6.0], "one that has not started yet starts now at the earliest"
    assert survey.noted == [(1, 1, 4.0), (1, 2, 4.0)]
    assert survey.gone == [1]
    assert (survey.room, survey.opens_in(0)) == (0, 6.0)
    assert surveyed(Limit("a.b", None, 2, 10.0), *starts).opens_in(0) == 6.0
    assert surveyed(Limit("a.b", None, 4, 10.0), *starts).opens_in(1) == 6.0
    assert surveyed(Limit("a.b", None, 5, 10.0), *starts).opens_in(1) is None


def test_a_run_before_its_place_was_given_is_another_one() -> None:
    before = Seen(Status.CANCELLED, 60.0, None)
    assert surveyed(Limit("a.b", None, 3, 100.0), (place(1, 9.0), before)).starts == []
    a_moment = Seen(Status.CANCELLED, 9.001, None)
    assert len(surveyed(Limit("a.b", None, 3, 100.0), (place(1, 9.0), a_moment)).starts) == 1
    # One that is still in progress after a lost worker keeps the start that was noted.
    again = Seen(Status.QUEUED, 60.0, None)
    assert surveyed(Limit("a.b", None, 3, 100.0), (place(1, 90.0, 60.0), again)).starts == [40.0]
