"""Requests that run after one another, before anything is enqueued."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from asyncqueue import TaskRequest, chain, group
from asyncqueue.errors import ConfigurationError, InvalidTask
from asyncqueue.graphs import connected, named
from asyncqueue.model import After, Link, NewTask, Unique


def names(requests: list[TaskRequest]) -> dict[str, list[str]]:
    """What each of these comes after."""
    return {str(each.task): [one.task for one in named(each.after)] for each in requests}


def test_a_chain_runs_one_after_the_other():
    made = chain(("a", {"x": 1}), TaskRequest("b", queue="mail"), ("c", None))
    assert names(made) == {"a": [], "b": ["a"], "c": ["b"]}
    assert (made[0].args, made[1].queue, made[2].args) == ({"x": 1}, "mail", None)
    for before, behind in pairwise(made):
        assert named(behind.after)[0] is before, "known as the object that it is"


def test_a_group_runs_at_once_and_then_what_follows():
    made = group([("a", {}), ("b", {}), ("c", {})], then=TaskRequest("d", on_failure="run"))
    assert names(made) == {"a": [], "b": [], "c": [], "d": ["a", "b", "c"]}
    assert made[3].on_failure == "run"
    assert names(group([("a", {})])) == {"a": []}
    assert group([]) == chain() == []
    assert names(group([], then=("d", {}))) == {"d": []}


def test_a_step_of_several_waits_and_is_waited_for():
    made = chain(("a", {}), [("b", {}), ("c", {})], [], ("d", {}))
    assert names(made) == {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


def test_chains_and_groups_are_steps_of_each_other():
    inner = group([chain(("b", {}), ("c", {})), ("d", {})], then=("e", {}))
    made = chain(("a", {}), inner, chain(("f", {}), ("g", {})))
    assert names(made) == {"a": [], "b": ["a"], "c": ["b"], "d": ["a"], "e": ["c", "d"], "f": ["e"], "g": ["f"]}
    objects = {id(each) for each in made}
    assert all(id(before) in objects for each in made for before in named(each.after))


def test_what_a_request_comes_after_already_stays():
    handle, first = uuid4(), TaskRequest("first")
    second = TaskRequest("second", after=[handle])
    third = TaskRequest("third", after=[first, second])
    made = chain(("a", {}), [third, second, first])
    assert [each.task for each in made] == ["a", "third", "second", "first"]
    a, made_third, made_second, made_first = made
    assert made_third.after == [made_first, made_second]
    assert made_second.after == [a, handle]
    assert made_first.after == [a]


@pytest.mark.parametrize("step", ["a.b", 3, {"a": 1}, print], ids=str)
def test_a_step_must_be_something_to_run(step):
    with pytest.raises(InvalidTask, match="chain and group take pairs"):
        chain(step)
    with pytest.raises(InvalidTask, match="chain and group take pairs"):
        group([step])


@pytest.mark.parametrize("tasks", ["a.b", 5, {"a": 1}, None], ids=str)
def test_a_group_is_of_several(tasks):
    with pytest.raises(InvalidTask, match="group takes a list of tasks"):
        group(tasks)


def test_a_long_chain_can_be_shown():
    last = chain(*[("x.y", {"n": n}) for n in range(3000)])[-1]
    assert repr(last) == "TaskRequest('x.y', args={'n': 2999}, after=...)"


# -- what they are as rows


def rows_of(some: list[Any], **fields: Any) -> list[NewTask]:
    return [NewTask(uuid4(), "x.y", None, **fields) for _ in some]


def wanted(some: list[Any]) -> list[Any]:
    return [(each.after, each.on_failure) if isinstance(each, TaskRequest) else (None, None) for each in some]


def connect(some: list[Any], **fields: Any) -> list[NewTask]:
    return connected(rows_of(some, **fields), wanted(some), some)


def test_rows_of_one_call_are_set_aside_at_once():
    a = TaskRequest("a")
    b = TaskRequest("b", after=a)
    rows = connect([TaskRequest("c", after=[b, a, b], on_failure="run"), ("x", {}), b, a])
    c, x, second, first = rows
    assert c.after == After((second.id, first.id), "run")
    assert second.after == After((first.id,), "cancel")
    assert (c.delay, second.delay) == (None, None)
    assert [row.links for row in rows] == [Link.WAITING, 0, Link.WAITING | Link.FOLLOWED, Link.FOLLOWED]
    assert x.after is first.after is None


def test_after_one_that_is_there_already_a_row_is_due_to_be_looked_at():
    a, there = TaskRequest("a"), uuid4()
    first, mixed, other = connect([a, TaskRequest("b", after=(there, a)), TaskRequest("c", after=there)])
    assert (mixed.delay, mixed.after) == (0.0, After((there, first.id)))
    assert (other.delay, other.after) == (0.0, After((there,)))
    assert (first.links, mixed.links, other.links) == (Link.FOLLOWED, Link.WAITING, Link.WAITING)


def test_the_text_of_an_id_is_an_id():
    there = uuid4()
    some: Any = [str(there), there]
    for after in (str(there), there.hex.upper(), some):
        [row] = connect([TaskRequest("a", after=after)])
        assert row.after == After((there,))


def test_after_nothing_is_at_once():
    [row] = connect([TaskRequest("a", after=[], on_failure="run")])
    assert (row.after, row.links, row.delay) == (None, 0, None)


@pytest.mark.parametrize("after", ["0f8fad5b-d9cb-469f-a165-7086772895", 7, {"a": 1}, [7], [None]], ids=str)
def test_what_cannot_be_run_after(after):
    with pytest.raises(ConfigurationError, match="after= takes handles, ids"):
        connect([TaskRequest("a", after=after)])


def test_a_request_of_another_call():
    with pytest.raises(ConfigurationError, match="not among those of this call"):
        connect([TaskRequest("a", after=[TaskRequest("b")])])


def test_a_request_that_stands_twice():
    a = TaskRequest("a")
    with pytest.raises(ConfigurationError, match="more than once"):
        connect([a, a, TaskRequest("b", after=[a])])


def test_a_circle():
    before: list[Any] = []
    a = TaskRequest("a", after=before)
    before.append(TaskRequest("b", after=[a]))
    with pytest.raises(ConfigurationError, match="in a circle"):
        connect([a, before[0]])


@pytest.mark.parametrize(
    ("options", "fields", "text"),
    [
        ({"after": [UUID(int=1)]}, {"delay": 3.0}, "after, or delay"),
        ({"after": [UUID(int=1)]}, {"unique": Unique("k", 0.0, "replace")}, "does not go with"),
        ({"on_failure": "run"}, {}, "says what follows"),
        ({"after": [UUID(int=1)], "on_failure": "retry"}, {}, "must be one of 'cancel', 'run'"),
    ],
    ids=["delay", "replace", "policy alone", "policy"],
)
def test_options_that_mean_nothing_together(options, fields, text):
    with pytest.raises(ConfigurationError, match=text):
        connect([TaskRequest("a", **options)], **fields)
