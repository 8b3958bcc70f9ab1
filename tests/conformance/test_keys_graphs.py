"""Unique keys of tasks that come after each other: nobody waits for itself, whichever task gets a key."""

from __future__ import annotations

import asyncio
import uuid
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncqueue import Queue, Settings, TaskHandle, TaskRequest
from asyncqueue.backends.base import TaskFilter
from asyncqueue.model import Status
from tests.conformance.helpers import done
from tests.conformance.transactions import transaction
from tests.servers.cases import cases, migrated
from tests.servers.database import Database

MIGRATED = cases("database", migrated())
WAITING = TaskFilter(statuses=[Status.SCHEDULED])
QUEUED = TaskFilter(statuses=[Status.QUEUED])


@MIGRATED
@pytest.mark.parametrize("within", [False, True], ids=["committed", "within"])
async def test_of_tasks_that_come_after_each_other_the_first_gets_the_key(database, backend, within):
    """A task is never made to come after itself: nor after one that comes after it."""
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        for between in (0, 1, 2):
            key = f"k{between}"
            first = TaskRequest("app.task", {"place": "first"}, unique_key=key)
            chain = [first]
            for _ in range(between):
                chain.append(TaskRequest("app.task", {}, after=chain[-1]))
            last = TaskRequest("app.task", {"place": "last"}, unique_key=key, after=chain[-1])
            follower = TaskRequest("app.task", {}, after=last)
            requests = [last, *reversed(chain[1:]), follower, first]
            ended, *rest, after, begun = await enqueued(queue, requests, database if within else None)
            assert (ended.id, ended.created, begun.created) == (begun.id, False, True)
            assert [each.id for each in await queue.predecessors(after.id)] == [begun.id]
            assert circle(database) is None
            ended_in_turn = await run_all(backend)
            assert ended_in_turn[0] == begun.id
            assert set(ended_in_turn) == {begun.id, after.id, *(each.id for each in rest)}


@MIGRATED
def test_graphs_with_keys_never_wait_for_themselves(database):
    """Any graphs, whose tasks share keys with each other and with those that are there."""
    calls = st.lists(graphs(), min_size=1, max_size=3)

    @given(calls=calls, ends=st.lists(st.booleans(), min_size=2, max_size=2))
    @settings(
        max_examples=40 if database.dialect == "sqlite" else 12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def any_calls(calls: list[Graph], ends: list[bool]) -> None:
        asyncio.run(_enqueue_and_run(database, calls, ends))

    any_calls()


class Node(NamedTuple):
    """A task of a graph: its key, which of the tasks before it it comes after, and whether of one enqueued before."""

    key: str | None
    after: frozenset[int]
    earlier: bool


class Graph(NamedTuple):
    """What one call enqueues: tasks, in which order, and whether in a transaction of the caller's."""

    nodes: list[Node]
    order: list[int]
    within: bool


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph without a circle."""
    count = draw(st.integers(1, 6))
    nodes = [
        Node(
            draw(st.sampled_from([None, "a", "a", "b", "c"])),
            draw(st.frozensets(st.integers(0, number - 1), max_size=2)) if number else frozenset(),
            draw(st.booleans()),
        )
        for number in range(count)
    ]
    return Graph(nodes, draw(st.permutations(range(count))), draw(st.booleans()))


async def _enqueue_and_run(database: Database, calls: list[Graph], ends: list[bool]) -> None:
    prefix = uuid.uuid4().hex
    settings = Settings(database_url=database.url)
    async with Queue(settings=settings) as queue:
        known: list[uuid.UUID] = []
        for call, some_end in zip(calls, [*ends, False], strict=False):
            made: list[TaskRequest] = []
            for node in call.nodes:
                after: list[Any] = [made[index] for index in sorted(node.after)]
                after += known[-1:] if node.earlier else []
                key = None if node.key is None else f"{prefix} {node.key}"
                made.append(TaskRequest("app.task", {}, unique_key=key, after=after or None))
            requests = [made[index] for index in call.order]
            handles = await enqueued(queue, requests, database if call.within else None)
            known += [handle.id for handle in handles]
            assert circle(database) is None
            if some_end:
                await run_all(queue.backend, 1)
        await run_all(queue.backend)
        assert {record.status for record in await queue.backend.get(known)} == {Status.COMPLETED}


async def enqueued(queue: Queue, requests: list[TaskRequest], database: Database | None) -> list[TaskHandle]:
    """Enqueue them, where a database is given in a transaction of the caller's there."""
    if database is None:
        return await queue.enqueue_many(requests)
    async with transaction(database) as own:
        handles = await queue.enqueue_many(requests, connection=own.raw)
        await own.commit()
    return handles


async def run_all(backend, rounds: int | None = None) -> list[uuid.UUID]:
    """Claim and complete whatever can be, as many times as there are rounds, or to the end; in which order."""
    ended: list[uuid.UUID] = []
    while rounds is None or rounds > 0:
        claims = await backend.claim(100, worker_pid=None)
        await backend.finish([done(claim) for claim in claims])
        ended += [claim.id for claim in claims]
        await backend.dependencies.resolve([claim.id for claim in claims])
        await backend.dependencies.settle([record.id for record in await backend.find(WAITING, limit=100, offset=0)])
        if not claims and not await backend.count(QUEUED):
            break
        rounds = None if rounds is None else rounds - 1
    assert rounds is not None or await backend.count(WAITING) == 0, "somebody waits for ever"
    return ended


def circle(database) -> list[Any] | None:
    """Tasks that wait for each other, by their open edges."""
    graph: dict[Any, set[Any]] = {}
    for task, predecessor in database.execute("SELECT task_id, predecessor_id FROM asyncqueue_edges WHERE open = 1"):
        graph.setdefault(task, set()).add(predecessor)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None
