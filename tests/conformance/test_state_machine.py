"""Every verb in random order against a small model of what a queue is."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from asyncqueue.backends.base import Options
from asyncqueue.backends.registry import backend_for
from asyncqueue.errors import DuplicateTask
from asyncqueue.limits import HandBack, Limit, PutOff
from asyncqueue.model import (
    After,
    AttemptEnd,
    Claim,
    ClaimedTask,
    Declaration,
    Finish,
    Link,
    NewTask,
    OnFailure,
    Release,
    Status,
    Unique,
)
from tests.conformance.helpers import cleanup
from tests.servers.cases import cases, migrated
from tests.servers.database import Database

QUEUES = ("mail", "default")
ENDS = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
FOR_LONG = 3600.0
PERIODIC = Declaration("entry", "app.task", "* * * * * *", "UTC")
#: Of the limit of all that come under one.
CAPACITY = 2


@dataclass
class Row:
    """What the model knows of a task."""

    status: Status
    queue: str
    priority: int
    #: Its place among those that were queued.
    place: int
    due: bool = False
    attempt: int = 0
    losses: int = 0
    #: The claim that holds it.
    claim: ClaimedTask | None = None
    limited: bool = False
    #: Its place among those that wait under the limit, while it is set aside; None of those whose place is not known.
    aside: bool = False
    turn: int | None = None
    #: It has a place under the limit.
    placed: bool = False
    #: What it waits for, and what follows from a failure of that.
    waits: set[uuid.UUID] = field(default_factory=set)
    on_failure: OnFailure = "cancel"
    #: Its row says that it holds its unique key after its completion.
    holds: bool = False

    @property
    def waiting(self) -> bool:
        return self.status == Status.SCHEDULED and bool(self.waits)


class Lives(RuleBasedStateMachine):
    """A backend and the model beside it."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.backend: Any = backend_for(self.database.url, Options())
        self.rows: dict[uuid.UUID, Row] = {}
        self.paused: set[str] = set()
        #: Who each unique key was given to last, and for how long after its completion.
        self.keys: dict[str, tuple[uuid.UUID, float]] = {}
        self.stale: list[ClaimedTask] = []
        #: Tasks that others were to run after, also those that are gone.
        self.named: set[uuid.UUID] = set()
        #: Open ones: who waits, and for whom.
        self.edges: set[tuple[uuid.UUID, uuid.UUID]] = set()
        self.places = self.ids = 0
        self.database.clean()
        self.do(self.backend.open())
        self.do(self.backend.limits.declare([Limit("app.task", CAPACITY)], began=time.monotonic()))
        #: The last tick of the one periodic task.
        self.ticked = self.do(self.backend.periodic.declare([PERIODIC])).entries["entry"].last

    def teardown(self) -> None:
        self.do(self.backend.close())
        self.runner.close()

    def do(self, verb: Any) -> Any:
        return self.runner.run(verb)

    def new_id(self) -> uuid.UUID:
        """The ids are the same each time that a sequence is repeated, because among equals they decide who is first."""
        self.ids += 1
        return uuid.UUID(int=self.ids)

    def place(self) -> int:
        self.places += 1
        return self.places

    def some(self, data: st.DataObject, *statuses: Status) -> uuid.UUID:
        return data.draw(st.sampled_from([key for key, row in self.rows.items() if row.status in statuses]))

    def having(self, *statuses: Status) -> bool:
        return any(row.status in statuses for row in self.rows.values())

    # -- the verbs

    @rule(
        count=st.integers(1, 4),
        queue=st.sampled_from(QUEUES),
        priority=st.integers(-1, 1),
        scheduled=st.booleans(),
    )
    def enqueue(self, count: int, queue: str, priority: int, scheduled: bool) -> None:
        delay = FOR_LONG if scheduled else None
        tasks = [NewTask(self.new_id(), "app.task", "{}", queue, priority, delay) for _ in range(count)]
        self.do(self.backend.enqueue(tasks))
        status = Status.SCHEDULED if scheduled else Status.QUEUED
        for task in tasks:
            self.rows[task.id] = Row(status, queue, priority, self.place())

    @rule(count=st.integers(1, 4), queue=st.sampled_from(QUEUES))
    def enqueue_limited(self, count: int, queue: str) -> None:
        tasks = [NewTask(self.new_id(), "app.task", "{}", queue, links=Link.LIMITED) for _ in range(count)]
        self.do(self.backend.enqueue(tasks))
        for task in tasks:
            self.rows[task.id] = Row(Status.SCHEDULED, queue, 0, self.place(), due=True, limited=True, turn=0)

    @rule()
    def admit(self) -> None:
        active = (Status.QUEUED, Status.RUNNING)
        for row in self.rows.values():
            if row.placed and row.status == Status.QUEUED and row.queue in self.paused:
                row.status, row.placed, row.aside = Status.SCHEDULED, False, True  # nobody claims it there
                row.turn = None
        taken = sum(row.placed and row.status in active for row in self.rows.values())
        waiting = {
            key: row
            for key, row in self.rows.items()
            if row.aside and row.status == Status.SCHEDULED and row.queue not in self.paused
        }
        expected = min(max(0, CAPACITY - taken), len(waiting))
        assert self.do(self.backend.limits.admit(["app.task"])).admitted == expected
        found = self.do(self.backend.get(list(waiting))) if waiting else []
        admitted = [waiting[record.id] for record in found if record.status == Status.QUEUED]
        assert len(admitted) == expected
        place = self.place()  # one for all: which came first is not always known
        for row in admitted:
            row.status, row.aside, row.placed, row.place = Status.QUEUED, False, True, place
        left = [row.turn for row in waiting.values() if row.aside and row.turn is not None]
        first = [row.turn for row in admitted if row.turn is not None]
        assert max(first, default=0) <= min(left, default=self.places), "the first ones first"

    @precondition(lambda self: self.having(Status.RUNNING))
    @rule(data=st.data())
    def hand_back(self, data: st.DataObject) -> None:
        key = self.some(data, Status.RUNNING)
        row = self.rows[key]
        assert row.claim is not None
        self.do(self.backend.limits.hand_back([HandBack(key, row.claim.token, None)]))
        row.status, row.due, row.limited, row.placed, row.turn = Status.SCHEDULED, True, True, False, None

    @precondition(lambda self: self.having(Status.RUNNING))
    @rule(data=st.data())
    def put_off(self, data: st.DataObject) -> None:
        key = self.some(data, Status.RUNNING)
        row = self.rows[key]
        assert row.claim is not None
        put_off = PutOff(key, row.claim.token, "not found")
        assert self.do(self.backend.limits.put_off([put_off], delay=FOR_LONG, patience=FOR_LONG)) == set()
        row.status, row.due, row.placed, row.turn = Status.SCHEDULED, False, False, None

    @rule(data=st.data(), fresh=st.booleans(), on_failure=st.sampled_from(["cancel", "run"]))
    def enqueue_after(self, data: st.DataObject, fresh: bool, on_failure: OnFailure) -> None:
        there = data.draw(st.lists(st.sampled_from(list(self.rows)), max_size=2, unique=True)) if self.rows else []
        fresh = fresh or not there
        first = NewTask(self.new_id(), "app.task", "{}", links=Link.FOLLOWED)
        after = (*there, first.id) if fresh else tuple(there)
        second = NewTask(
            *(self.new_id(), "app.task", "{}"),
            delay=0.0 if there else None,
            links=Link.WAITING,
            after=After(after, on_failure),
        )
        self.do(self.backend.enqueue([first, second] if fresh else [second]))
        if fresh:
            self.rows[first.id] = Row(Status.QUEUED, "default", 0, self.place())
        self.rows[second.id] = Row(
            *(Status.SCHEDULED, "default", 0, self.place()), waits=set(after), on_failure=on_failure
        )
        self.named |= set(after)
        self.edges |= {(second.id, key) for key in after}

    @precondition(lambda self: any(row.waiting for row in self.rows.values()))
    @rule()
    def settle(self) -> None:
        waiting = [key for key, row in self.rows.items() if row.waiting]
        settled = self.do(self.backend.dependencies.settle(waiting))
        self.close({edge for edge in self.edges if edge[0] in waiting})
        assert (settled.released, settled.cancelled) == self.follow(set().union(*map(self.waits_of, waiting)))
        assert settled.again == set()

    @precondition(lambda self: self.named)
    @rule(data=st.data())
    def resolve(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.named)), min_size=1, unique=True))
        settled = self.do(self.backend.dependencies.resolve(ids))
        self.close({edge for edge in self.edges if edge[1] in ids})
        assert (settled.released, settled.cancelled) == self.follow(set(ids))

    def waits_of(self, key: uuid.UUID) -> set[uuid.UUID]:
        return self.rows[key].waits

    def close(self, edges: set[tuple[uuid.UUID, uuid.UUID]]) -> None:
        """Close those of these whose second task is over."""
        self.edges -= {edge for edge in edges if edge[1] not in self.rows or self.rows[edge[1]].status in ENDS}

    def follow(self, ids: set[uuid.UUID]) -> tuple[set[uuid.UUID], set[uuid.UUID]]:
        """What follows from the end of those of these that are over: what is queued, and what is cancelled."""
        states = {key: self.rows[key].status if key in self.rows else Status.FAILED for key in ids}
        over = {key for key, status in states.items() if status in ENDS}
        failed = {key for key in over if states[key] != Status.COMPLETED}
        released, cancelled = set(), set()
        place = self.place()  # one for all, as with what is promoted
        for key, row in sorted(self.rows.items()):
            if not row.waiting or not row.waits & over:
                continue
            if row.on_failure == "cancel" and row.waits & failed:
                row.status = Status.CANCELLED
                cancelled.add(key)
            elif row.waits <= over:
                row.status, row.place = Status.QUEUED, place
                released.add(key)
            row.waits = row.waits - over
        return released, cancelled

    @rule(
        key=st.sampled_from(["a", "b"]),
        held_for=st.sampled_from([0.0, FOR_LONG]),
        on_conflict=st.sampled_from(["return", "raise", "replace"]),
        queue=st.sampled_from(QUEUES),
        scheduled=st.booleans(),
    )
    def enqueue_unique(self, key: str, held_for: float, on_conflict: Any, queue: str, scheduled: bool) -> None:
        delay = FOR_LONG if scheduled else None
        task = NewTask(self.new_id(), "app.task", "{}", queue, 0, delay, unique=Unique(key, held_for, on_conflict))
        status = Status.SCHEDULED if scheduled else Status.QUEUED
        fresh = Row(status, queue, 0, self.place(), holds=bool(held_for))
        holder = self.holder(key)
        if holder is None:
            assert self.do(self.backend.enqueue_unique([task])) == [task.id]
            self.rows[task.id], self.keys[key] = fresh, (task.id, held_for)
        elif on_conflict == "raise":
            with pytest.raises(DuplicateTask):
                self.do(self.backend.enqueue_unique([task]))
        else:
            assert self.do(self.backend.enqueue_unique([task])) == [holder]
            if on_conflict == "replace" and self.rows[holder].status == Status.SCHEDULED:
                # It comes under no limit, and waits for nobody.
                self.rows[holder], self.keys[key] = fresh, (holder, held_for)
                self.edges = {edge for edge in self.edges if edge[0] != holder}

    @rule(
        data=st.data(),
        key=st.sampled_from(["a", "b"]),
        held_for=st.sampled_from([0.0, FOR_LONG]),
        twice=st.booleans(),
        backwards=st.booleans(),
    )
    def enqueue_unique_after(
        self, data: st.DataObject, key: str, held_for: float, twice: bool, backwards: bool
    ) -> None:
        """Three tasks after each other, of which the first, or the first two, want a key."""
        there = data.draw(st.lists(st.sampled_from(list(self.rows)), max_size=2, unique=True)) if self.rows else []
        ids = [self.new_id() for _ in range(3)]
        unique = Unique(key, held_for)
        first = NewTask(ids[0], "app.task", "{}", unique=unique, links=Link.FOLLOWED)
        if there:
            first = first._replace(links=Link.FOLLOWED | Link.WAITING, delay=0.0, after=After(tuple(there)))
        second, third = (
            NewTask(ids[place], "app.task", "{}", links=Link.WAITING, after=After((ids[place - 1],)))
            for place in (1, 2)
        )
        tasks = [first, second._replace(unique=unique if twice else None), third]
        tasks = tasks[::-1] if backwards else tasks
        holder = self.holder(key)
        first_id = holder or ids[0]
        given = dict(zip([task.id for task in tasks], self.do(self.backend.enqueue_unique(tasks)), strict=True))
        assert given == dict(zip(ids, [first_id, first_id if twice else ids[1], ids[2]], strict=True))
        if holder is None:
            status = Status.SCHEDULED if there else Status.QUEUED
            self.rows[first_id] = Row(status, "default", 0, self.place(), waits=set(there), holds=bool(held_for))
            self.keys[key] = (first_id, held_for)
            self.edges |= {(first_id, each) for each in there}
        if not twice:
            self.edges.add((ids[1], first_id))
            self.rows[ids[1]] = Row(Status.SCHEDULED, "default", 0, self.place(), waits={first_id})
        self.rows[ids[2]] = Row(Status.SCHEDULED, "default", 0, self.place(), waits={given[ids[1]]})
        self.edges.add((ids[2], given[ids[1]]))
        self.named |= {*(there if holder is None else ()), first_id, given[ids[1]]}

    @rule(late=st.booleans())
    def tick(self, late: bool) -> None:
        task = NewTask(self.new_id(), "app.task", "{}")
        at = self.ticked if late else self.ticked + timedelta(seconds=1)
        assert self.do(self.backend.periodic.tick("entry", at, task)) is not late
        if not late:
            self.ticked = at
            self.rows[task.id] = Row(Status.QUEUED, "default", 0, self.place())

    @rule()
    def tidy_up(self) -> None:
        """What only others than the tasks know of: no task changes by it."""
        declared = self.do(self.backend.periodic.declare([PERIODIC], expiry=FOR_LONG))
        assert declared.entries["entry"].last == self.ticked
        retention = self.backend.retention
        for sweep in (retention.sweep_attempts, retention.sweep_keys, retention.sweep_edges):
            assert self.do(sweep(limit=1000)).resume_from is None

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), status=st.sampled_from([Status.QUEUED, *ENDS]))
    def set_by_hand(self, data: st.DataObject, status: Status) -> None:
        """Somebody chooses a status in Django's admin, which saves the whole row."""
        key = self.some(data, *Status)
        row = self.rows[key]
        if status == Status.QUEUED and (row.limited or row.waits):
            return  # its links still keep it back after an attempt: see `requeue`
        self.database.django.save_status(str(key), int(status))
        if row.status == Status.RUNNING and row.claim is not None:
            self.stale.append(row.claim)
        row.status, row.place, row.due = status, self.place(), False
        row.aside, row.placed, row.turn = False, False, None

    def holder(self, key: str) -> uuid.UUID | None:
        """Who holds a unique key."""
        task_id, held_for = self.keys.get(key, (None, 0.0))
        row = self.rows.get(task_id) if task_id is not None else None
        if row is None or (row.status in ENDS and not (row.status == Status.COMPLETED and held_for)):
            return None
        return task_id

    @rule(limit=st.integers(1, 5), queues=st.sampled_from([QUEUES, QUEUES[:1]]), scan=st.booleans())
    def claim(self, limit: int, queues: tuple[str, ...], scan: bool) -> None:
        # Queues are named, and the clock does not say when a look is due: a sequence must do the same each time.
        buckets = getattr(self.backend._claims, "buckets", None)
        if buckets is not None:
            buckets._scan_at = 0.0 if scan else inf
        due = [row for row in self.rows.values() if row.due and row.status == Status.SCHEDULED]
        if due:
            limit = 1000  # a claim that is not filled looks what is due
        promoted = self.place()  # one for all: their times are equal, and so none of them comes before another
        for row in due:
            row.due = False
            if row.limited:
                row.aside, row.turn = True, row.turn if row.turn is None else promoted
            else:
                row.status, row.place = Status.QUEUED, promoted
        waiting = {
            key: row
            for key, row in self.rows.items()
            if row.status == Status.QUEUED and row.queue not in self.paused and row.queue in queues
        }
        claimed = self.do(self.backend.claim(limit, worker_pid=None, worker="me", queues=queues))
        assert len(claimed) == min(limit, len(waiting))
        assert {task.id for task in claimed} <= waiting.keys()
        taken: dict[tuple[str, int], list[int]] = {}
        for task in claimed:
            row = waiting.pop(task.id)
            assert (task.queue, task.priority, task.attempt) == (row.queue, row.priority, row.attempt)
            taken.setdefault((row.queue, row.priority), []).append(row.place)
            row.status, row.claim = Status.RUNNING, task
        for bucket, places in taken.items():
            left = [row.place for row in waiting.values() if (row.queue, row.priority) == bucket]
            assert places == sorted(places)
            assert max(places) <= min(left, default=self.places), "the oldest of a bucket come first"

    @precondition(lambda self: self.having(Status.RUNNING))
    @rule(data=st.data(), status=st.sampled_from([Status.COMPLETED, Status.FAILED]))
    def finish(self, data: st.DataObject, status: Status) -> None:
        key = self.some(data, Status.RUNNING)
        row = self.rows[key]
        assert row.claim is not None
        assert self.do(self.backend.finish([Finish(key, row.claim.token, status, output="x")])) == {key}
        row.status = status

    @precondition(lambda self: self.having(Status.RUNNING))
    @rule(data=st.data())
    def try_again_later(self, data: st.DataObject) -> None:
        key = self.some(data, Status.RUNNING)
        row = self.rows[key]
        assert row.claim is not None
        token = row.claim.token
        end = AttemptEnd(key, token, Status.SCHEDULED, None, "no", None, False, FOR_LONG, row.attempt + 1, token)
        assert self.do(self.backend.end_attempts([end])) == {key}
        row.status, row.attempt, row.placed, row.turn = Status.SCHEDULED, row.attempt + 1, False, None

    @precondition(lambda self: self.having(Status.RUNNING))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key = self.some(data, Status.RUNNING)
        row = self.rows[key]
        assert row.claim is not None
        self.do(self.backend.release([Release(key, row.claim.token, row.claim.queued_at)]))
        row.status = Status.QUEUED  # in its old place

    @precondition(lambda self: self.having(Status.RUNNING))
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        key = self.some(data, Status.RUNNING)
        row = self.rows[key]
        assert row.claim is not None
        seen = self.do(self.backend.observe([key]))
        self.do(self.backend.renew([Claim(key, row.claim.token)], now=seen.now, worker_pid=None))
        self.stale.append(row.claim)
        row.claim = row.claim._replace(token=seen.now)

    @precondition(lambda self: self.having(Status.RUNNING))
    @rule(data=st.data())
    def rescue(self, data: st.DataObject) -> None:
        lost = self.do(self.backend.overdue(lease=-1.0, foreign_lease=None))
        assert {each.id for each in lost} == {key for key, row in self.rows.items() if row.status == Status.RUNNING}
        assert all(each.ours and each.claimed_by == "me" for each in lost)
        one = data.draw(st.sampled_from(sorted(lost, key=lambda each: each.id)))
        row = self.rows[one.id]
        assert (one.attempt, one.losses) == (row.attempt, row.losses)
        end = AttemptEnd(
            *(one.id, one.token, Status.QUEUED, None, "lost", None, True, None, one.attempt, one.started), lost=True
        )
        assert self.do(self.backend.end_lost([end], lease=-1.0, foreign_lease=None)) == {one.id}
        assert row.claim is not None
        self.stale.append(row.claim)
        row.status, row.losses, row.place = Status.QUEUED, row.losses + 1, self.place()

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def come_late(self, data: st.DataObject) -> None:
        """A worker that lost its claim wakes up, and must change nothing."""
        claim = data.draw(st.sampled_from(self.stale))
        assert self.do(self.backend.finish([Finish(claim.id, claim.token, Status.COMPLETED, output="late")])) == set()
        self.do(self.backend.release([Release(claim.id, claim.token, claim.queued_at)]))

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        key = self.some(data, *Status)
        row = self.rows[key]
        expected = {key} if row.status not in ENDS else set()
        assert self.do(self.backend.cancel([key])) == expected
        if expected:
            row.status, row.aside, row.placed, row.turn = Status.CANCELLED, False, False, None

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def requeue(self, data: st.DataObject) -> None:
        key = self.some(data, *Status)
        row = self.rows[key]
        expected = {key} if row.status in (*ENDS, Status.SCHEDULED) else set()
        assert self.do(self.backend.requeue([key])) == expected
        if expected and row.limited:
            self.rows[key] = Row(
                *(Status.SCHEDULED, row.queue, row.priority, self.place()),
                due=True,
                limited=True,
                turn=None,
                holds=row.holds,
            )
        elif expected:
            self.rows[key] = Row(Status.QUEUED, row.queue, row.priority, self.place(), holds=row.holds)

    @precondition(lambda self: self.having(Status.SCHEDULED))
    @rule()
    def let_time_pass(self) -> None:
        past = "'2020-01-01 00:00:00'"
        self.database.execute(
            f"UPDATE {self.database.table} SET run_after = {past} WHERE status = 5 AND run_after IS NOT NULL"
        )
        for row in self.rows.values():
            row.due = row.status == Status.SCHEDULED and not (row.aside or row.waiting)

    @rule(queue=st.sampled_from(QUEUES), paused=st.booleans())
    def pause(self, queue: str, paused: bool) -> None:
        self.do(self.backend.pause(queue, paused=paused))
        (self.paused.add if paused else self.paused.discard)(queue)

    @rule()
    def cleanup(self) -> None:
        told = self.rows.keys() - {predecessor for _, predecessor in self.edges}
        ended = {
            key
            for key in told
            if (row := self.rows[key]).status in ENDS and not (row.status == Status.COMPLETED and row.holds)
        }
        assert self.do(cleanup(self.backend, older_than=-1, statuses=ENDS)) == len(ended)
        for key in ended:
            del self.rows[key]
        self.edges = {edge for edge in self.edges if edge[0] not in ended}

    # -- what always holds

    @invariant()
    def the_table_shows_the_model(self) -> None:
        found = {record.id: record.status for record in self.do(self.backend.get(list(self.rows)))}
        assert found == {key: row.status for key, row in self.rows.items()}


@cases("database", migrated(["sqlite", "postgresql"]))
def test_any_sequence_of_verbs_leaves_what_the_model_says(database):
    machine = type("LivesHere", (Lives,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
