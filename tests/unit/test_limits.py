"""What `@task` may declare of limits, and what the slots of a key say."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from asyncqueue import task
from asyncqueue.backends.common.limits.admission import Ask, sweeping
from asyncqueue.backends.common.limits.slots import Seen, Slot, SlotState, Survey
from asyncqueue.backends.common.scripts import answer_here
from asyncqueue.backends.common.timezones import seconds_since
from asyncqueue.backends.services import Batch
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


def slot(state: int, admitted: float | None = None, noted: float | None = None) -> Slot:
    return Slot(1, "app.task", uuid.UUID(int=1), SlotState(state), admitted, noted)


def surveyed(limit: Limit, *slots: tuple[Slot, Seen | None]) -> Survey:
    survey = Survey(limit)
    for each, seen in slots:
        survey.add(each, seen)
    return survey


QUEUED, RUNNING = Seen(Status.QUEUED, 500.0, None), Seen(Status.RUNNING, 4.0, None)
DONE = Seen(Status.COMPLETED, 4.0, None)


def test_who_has_a_place() -> None:
    survey = surveyed(Limit("a.b", 5), (slot(1, 9.0), QUEUED), (slot(1, 9.0), RUNNING), (slot(1, 9.0), DONE))
    assert (survey.taken, survey.room, survey.gone) == (2, 3, [1])
    assert survey.opens_in(3) is None
    assert surveyed(Limit("a.b", 1), (slot(1, 9.0), None)).room == 1


def test_which_starts_count() -> None:
    limit = Limit("a.b", None, 3, 10.0)
    starts = [(slot(1, 9.0), QUEUED), (slot(1, 9.0), RUNNING), (slot(1, 9.0), DONE), (slot(2, 30.0, 11.0), None)]
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
    assert surveyed(Limit("a.b", None, 3, 100.0), (slot(1, 9.0), before)).starts == []
    a_moment = Seen(Status.CANCELLED, 9.001, None)
    assert len(surveyed(Limit("a.b", None, 3, 100.0), (slot(1, 9.0), a_moment)).starts) == 1


def test_who_starts_once_more_counts_twice() -> None:
    limit = Limit("a.b", None, 3, 100.0)
    again = Seen(Status.QUEUED, 60.0, None)
    survey = surveyed(limit, (slot(1, 90.0, 60.0), again))
    assert survey.starts == [100.0, 40.0], "it starts now at the earliest, and has started"
    assert (survey.spent, survey.again, survey.taken) == ([(1, 60.0)], [1], 1)
    assert surveyed(limit, (slot(1, 90.0), again)).spent == [(1, 60.0)], "of which nobody has taken note"
    old = surveyed(limit, (slot(1, 900.0, 300.0), Seen(Status.QUEUED, 300.0, None)))
    assert (old.starts, old.spent) == ([100.0], [])
    unseen = surveyed(limit, (slot(1, 90.0, 60.0), Seen(Status.RUNNING, 5.0, None)))
    assert (unseen.starts, unseen.spent, unseen.noted) == ([40.0, 95.0], [(1, 60.0)], [(1, 1, 5.0)])
    same = surveyed(limit, (slot(1, 90.0, 4.99), Seen(Status.RUNNING, 5.0, None)))
    assert (len(same.starts), same.spent, same.noted) == (1, [], [])


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.SCHEDULED])
def test_who_is_being_stopped_keeps_its_place(status: Status) -> None:
    def taken(renewed: float | None, attempt: int = 0, **more: Any) -> int:
        survey = Survey(Limit("a.b", 1))
        survey.add(slot(1, 90.0, 80.0), Seen(status, 80.0, None, renewed, attempt), **more)
        assert len(survey.stopping) == survey.taken
        return survey.taken

    assert taken(5.0, lease=30.0) == 1
    assert taken(5.0, lease=None) == 1
    assert taken(5.0, lease=30.0, over=True) == 0
    assert taken(31.0, lease=30.0) == 0, "its worker was lost"
    assert taken(None, lease=None) == 0, "a Django worker renews nothing"
    if status == Status.SCHEDULED:
        assert taken(5.0, 1, lease=30.0) == 0, "its worker has ended the attempt"
    earlier = Survey(Limit("a.b", 1))
    earlier.add(slot(1, 9.0), Seen(status, 80.0, None, 5.0), lease=30.0)
    assert earlier.taken == 0, "it was claimed before it had this slot"


def test_a_sweep_leaves_alone_of_what_it_has_not_locked_the_limit() -> None:
    """Between its two reads, slots of a function may come that was not among the first ones."""
    sweep = sweeping(7, 100)
    mine = (8, "app.mine", uuid.UUID(int=1), 2, 50.0, 20.0, "default", 1000.0)
    theirs = (9, "app.theirs", uuid.UUID(int=2), 2, 50.0, 20.0, "default", 1000.0)
    answers: dict[str, list[Any]] = {"lock_limits": [("app.mine", None, 1, 10.0, None)]}
    reads = [[mine], [mine, theirs]]
    dropped: list[Any] = []

    def read(asked: Ask) -> list[Any]:
        if asked.name == "drop_slots":
            dropped.extend(each["id"] for each in asked.rows)
        return reads.pop(0) if asked.name == "orphan_candidates_slots" else answers.get(asked.name, [])

    assert answer_here(sweep, read) == Batch(1, 2, None)
    assert dropped == [8]


def test_the_age_of_a_time_in_a_zone_whose_clock_is_put_back() -> None:
    zone = ZoneInfo("Europe/Berlin")
    before, after = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    half_past_two = datetime(2026, 10, 25, 2, 30)
    assert seconds_since(half_past_two, before, zone) == 0.0
    assert seconds_since(half_past_two, after, zone) == 0.0, "it counts for no less than it should"
    assert seconds_since(datetime(2026, 10, 25, 1, 30), after, zone) == 7200.0
    assert seconds_since(datetime(2026, 3, 29, 1, 59), datetime(2026, 3, 29, 1, 1, tzinfo=UTC), zone) == 120.0
