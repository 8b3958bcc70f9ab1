"""What links make of a task's way into the queue: it is set aside when it is due, and nobody claims it."""

from __future__ import annotations

import uuid
from typing import Any

from asyncqueue.backends.promotions import SetAside
from asyncqueue.ids import new_id
from asyncqueue.model import Link, NewTask, Status, Unique
from tests.conformance.helpers import row
from tests.servers.cases import cases, migrated

MIGRATED = cases("database", migrated())


def linked(links: int, **fields: Any) -> NewTask:
    return NewTask(new_id(), "app.task", "{}", links=links, **fields)


def held(database) -> list[tuple[Any, ...]]:
    rows = database.execute("SELECT name, limit_key, task_id, precedence, state FROM asyncqueue_limited ORDER BY id")
    return [(name, key, uuid.UUID(str(task_id)), *rest) for name, key, task_id, *rest in rows]


@MIGRATED
async def test_what_needs_a_place_is_set_aside_when_it_is_due(backend, database):
    arrived: list[SetAside] = []
    backend.promotions.limited = arrived.extend
    tasks = [
        linked(Link.LIMITED),
        linked(Link.LIMITED, limit_key="customer-7", priority=5),
        linked(Link.LIMITED, delay=3600.0),
        linked(0),
    ]
    await backend.enqueue(tasks)
    assert [task.id for task in await backend.claim(10, worker_pid=1)] == [tasks[3].id]
    assert set(arrived) == {
        SetAside(tasks[0].id, Link.LIMITED, "app.task"),
        SetAside(tasks[1].id, Link.LIMITED, "app.task:customer-7"),
    }
    assert set(held(database)) == {
        ("app.task", "app.task", tasks[0].id, 0, 0),
        ("app.task", "app.task:customer-7", tasks[1].id, -5, 0),
    }
    for task in tasks[:2]:
        record = await row(backend, task.id)
        assert (record.status, record.run_after) == (Status.SCHEDULED, None)
        assert (record.links, record.limit_key) == (Link.LIMITED, task.limit_key)
    assert (await row(backend, tasks[2].id)).run_after is not None
    await backend.scheduled.advance(3_600_000_000)
    assert await backend.claim(10, worker_pid=1) == []
    assert [each.id for each in arrived[2:]] == [tasks[2].id]


@MIGRATED
async def test_what_waits_for_others_is_set_aside_and_not_held(backend, database):
    arrived: list[SetAside] = []
    backend.promotions.waiting = arrived.extend
    at_once, when_due = linked(Link.WAITING), linked(Link.WAITING | Link.LIMITED, delay=0.0)
    await backend.enqueue([at_once, when_due])
    assert (await row(backend, at_once.id)).run_after is None
    assert (await row(backend, when_due.id)).run_after is not None
    assert await backend.claim(10, worker_pid=1) == []
    assert [each.id for each in arrived] == [when_due.id]
    assert {(await row(backend, task.id)).status for task in (at_once, when_due)} == {Status.SCHEDULED}
    assert held(database) == []


@MIGRATED
async def test_many_rows_at_once_are_what_single_ones_are(backend, database):
    tasks = [linked((0, 1, 2, 4)[number % 4], delay=(None, 3600.0)[number % 8 // 4]) for number in range(600)]
    await backend.enqueue(tasks)
    for number, expected in enumerate([0, 5, 5, 0, 5, 5, 5, 5]):
        record = await row(backend, tasks[number].id)
        assert (record.status, record.links) == (expected, tasks[number].links)
        assert (record.run_after is not None) == (number in (1, 4, 5, 6, 7))


@MIGRATED
async def test_a_claim_says_which_links_a_task_has(backend):
    await backend.enqueue([linked(Link.FOLLOWED), linked(0)])
    assert [task.links for task in await backend.claim(10, worker_pid=1)] == [Link.FOLLOWED, 0]


@MIGRATED
async def test_what_is_requeued_goes_through_the_same_door(backend, database):
    limited, waiting, both = (linked(links) for links in (1 | 4, 2 | 4, 3))
    await backend.enqueue([limited, waiting, both])
    await backend.claim(0, worker_pid=1)
    assert await backend.requeue([limited.id, waiting.id, both.id]) == {limited.id, waiting.id, both.id}
    assert (await row(backend, limited.id)).links == 5
    found = await row(backend, waiting.id)
    assert (found.status, found.run_after, found.links) == (Status.QUEUED, None, Link.FOLLOWED)
    found = await row(backend, both.id)
    assert (found.status, found.run_after is None, found.links) == (Status.SCHEDULED, False, Link.LIMITED)
    assert [task.id for task in await backend.claim(10, worker_pid=1)] == [waiting.id]
    assert {each[2] for each in held(database)} == {limited.id, both.id}


@MIGRATED
async def test_what_replaces_a_scheduled_task_brings_its_links(backend):
    first = linked(Link.FOLLOWED, delay=60.0, unique=Unique("k"))
    assert await backend.enqueue_unique([first]) == [first.id]
    second = linked(Link.LIMITED, limit_key="a", unique=Unique("k", on_conflict="replace"))
    assert await backend.enqueue_unique([second]) == [first.id]
    found = await row(backend, first.id)
    assert (found.links, found.limit_key) == (Link.LIMITED | Link.FOLLOWED, "a")
    assert (found.status, found.run_after is None) == (Status.SCHEDULED, False)


@MIGRATED
async def test_a_task_that_is_set_aside_can_be_cancelled_and_counts_as_scheduled(backend):
    task = linked(Link.LIMITED)
    await backend.enqueue([task])
    await backend.claim(0, worker_pid=1)
    assert [state.scheduled for state in await backend.queues()] == [1]
    assert await backend.cancel([task.id]) == {task.id}
    assert (await row(backend, task.id)).status == Status.CANCELLED
