"""Chains and groups: several requests for one `enqueue_many`, which run after one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any, TypeAlias

from asyncqueue.errors import InvalidTask
from asyncqueue.graphs import named
from asyncqueue.requests import Task, TaskRequest

#: One task of a chain or a group, or several that may run at the same time: what `chain` and `group` return, too.
Step: TypeAlias = TaskRequest | tuple[Task, Mapping[str, Any] | None] | Sequence[Any]


def chain(*steps: Step) -> list[TaskRequest]:
    """Requests that run one after the other: each step when all of the one before have ended.

    Nothing is enqueued by that; give what it returns to `enqueue_many`, also together with other requests::

        await queue.enqueue_many(chain((fetch, {"url": url}), [(thumbnail, {}), (index, {})], (publish, {})))

    Args:
        steps: each a TaskRequest, a pair of a task and its arguments, or a list of them whose tasks may run at the same
            time. What `chain` and `group` return is such a list: its first tasks wait for the step before, and the step
            behind waits for its last ones. A request's `on_failure` counts for what it comes after here.

    Raises InvalidTask for a step that is none of these.
    """
    made: list[TaskRequest] = []
    last: list[TaskRequest] = []
    for step in steps:
        requests = _behind(_requests(step), last)
        if requests:
            made += requests
            last = _last(requests)
    return made


def group(tasks: Iterable[Step], *, then: Step | None = None) -> list[TaskRequest]:
    """Requests whose tasks may run at the same time, and `then` what runs when all of them have ended.

    Give what it returns to `enqueue_many`::

        pages = [(count_words, {"page": page}) for page in range(100)]
        *_, total = await queue.enqueue_many(group(pages, then=(add_up, {})))

    Args:
        tasks: each a TaskRequest, a pair of a task and its arguments, or what `chain` or `group` returns.
        then: likewise; the last one of the handles is the last one of it.

    Raises InvalidTask for what is none of these.
    """
    together = [request for each in _steps(tasks) for request in _requests(each)]
    return together if then is None else chain(together, then)


def _steps(tasks: Iterable[Step]) -> Iterable[Step]:
    if isinstance(tasks, str | Mapping) or not isinstance(tasks, Iterable):
        raise InvalidTask(f"group takes a list of tasks, such as group([(resize, {{}}), (index, {{}})]), not {tasks!r}")
    return tasks


def _requests(step: Any) -> list[TaskRequest]:
    if isinstance(step, TaskRequest):
        return [step]
    if isinstance(step, tuple) and len(step) == 2 and (step[1] is None or isinstance(step[1], Mapping)):
        return [TaskRequest(*step)]
    if isinstance(step, str | Mapping) or not isinstance(step, Iterable):
        raise InvalidTask(
            "chain and group take pairs of a task and its arguments, TaskRequests, and lists of them, as both return "
            f"them, not {step!r}"
        )
    return [request for each in step for request in _requests(each)]


def _behind(requests: Sequence[TaskRequest], last: Sequence[TaskRequest]) -> list[TaskRequest]:
    """These requests, to run after others: made anew, because each is known to others as the object that it is."""
    if not last:
        return list(requests)
    indexes = {id(request): index for index, request in enumerate(requests)}
    inside = {
        index: [indexes[id(each)] for each in named(request.after) if id(each) in indexes]
        for index, request in enumerate(requests)
    }
    made: dict[int, TaskRequest] = {}
    for index in TopologicalSorter(inside).static_order():
        request = requests[index]
        own = [made[indexes[id(each)]] if id(each) in indexes else each for each in named(request.after)]
        made[index] = request._replace(after=own if inside[index] else [*last, *own])
    return [made[index] for index in range(len(requests))]


def _last(requests: Sequence[TaskRequest]) -> list[TaskRequest]:
    """Those of these that no other one of them runs after."""
    before = {id(each) for request in requests for each in named(request.after)}
    return [request for request in requests if id(request) not in before]
