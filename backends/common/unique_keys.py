"""Unique keys: whose each one is, and what becomes of a task whose key another one holds.

A key is the primary key of a table beside the tasks', and stands there with the task that it is noted for. That task
holds it while it is queued, scheduled or running, and `held_for` seconds longer once it has completed; then, or when
its row is gone, the key is free, without anything being written. So a task that has no key costs nothing, and Django
may change and delete what it likes.

Enqueueing is one transaction: the keys are noted and locked, the tasks that they are noted for are looked at, and those
tasks are inserted whose keys were free. Who comes at the same time waits for the lock and then sees the other's task.

A task that is not inserted gives those that come after it to the holder of its key. That makes no circle: the holder
stands before it in the order of `in_order`, or it was in the table before and waits for nothing that is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple
from uuid import UUID

from asyncqueue.errors import DuplicateTask
from asyncqueue.model import KEPT_FROM, NewTask, Status

WHAT = "a unique key"

_ACTIVE = (Status.QUEUED, Status.RUNNING, Status.SCHEDULED)


class Noted(NamedTuple):
    """A unique key, the task that it is noted for, and for how many seconds that holds it after its completion."""

    key: str
    task_id: UUID
    held_for: float


class Holder(NamedTuple):
    """A task that a key is noted for: its status, and how many seconds ago it got it."""

    status: int
    age: float


@dataclass
class Decision:
    """What is to be written.

    Attributes:
        ids: of each task given, in this order, or of the one that holds its key.
        new: tasks to insert.
        taken: keys that were free, for their new holders.
        replacing: what scheduled tasks are to become, by their ids.
    """

    ids: list[UUID] = field(default_factory=list)
    new: list[NewTask] = field(default_factory=list)
    taken: list[Noted] = field(default_factory=list)
    replacing: dict[UUID, NewTask] = field(default_factory=dict)


def in_order(tasks: Sequence[NewTask]) -> Sequence[NewTask]:
    """The tasks as they are given, but each behind those of them that it runs after: so they take their keys."""
    if all(task.after is None for task in tasks):
        return tasks
    among = {task.id: task for task in tasks}
    ordered: dict[UUID, NewTask] = {}

    def before(task: NewTask) -> Iterator[NewTask]:
        named = task.after.predecessors if task.after is not None else ()
        return (among[each] for each in named if each in among and each not in ordered)

    # Without recursion: a chain may be of thousands.
    for task in tasks:
        path = [] if task.id in ordered else [(task, before(task))]
        while path:
            last, rest = path[-1]
            first = next(rest, None)
            if first is None:
                ordered[last.id] = last
                path.pop()
            else:
                path.append((first, before(first)))
    return list(ordered.values())


def wanted(tasks: Sequence[NewTask]) -> list[Noted]:
    """The keys of these tasks in a fixed order, each for the first that wants it."""
    first: dict[str, Noted] = {}
    for task in in_order(tasks):
        if task.unique is not None:
            first.setdefault(task.unique.key, Noted(task.unique.key, task.id, task.unique.held_for))
    return [first[key] for key in sorted(first)]


def asked(tasks: Sequence[NewTask], noted: Sequence[Noted]) -> set[UUID]:
    """The tasks to look at: those others that keys are noted for, and those of these that want the same keys.

    For an attempt whose reply was lost may have inserted these, and they may have ended since.
    """
    own = {task.id for task in tasks}
    others = {each.key: each.task_id for each in noted if each.task_id not in own}
    return {*others.values(), *(task.id for task in tasks if task.unique is not None and task.unique.key in others)}


def decide(tasks: Sequence[NewTask], noted: Sequence[Noted], holders: Mapping[UUID, Holder]) -> Decision:
    """What becomes of each task, now that its key is locked. Raises DuplicateTask where one is to raise it.

    Args:
        tasks: to enqueue; a repetition of what may have been enqueued already is harmless.
        noted: the key of each, and the task that it is noted for.
        holders: those of the tasks asked for that exist.
    """
    whose = {each.key: each for each in noted}
    settled: dict[str, UUID] = {}
    ids: dict[UUID, UUID] = {}
    made = Decision()
    for task in in_order(tasks):
        unique = task.unique
        if unique is None:
            ids[task.id] = task.id
            continue
        holder = None if task.id in holders else _holder(settled, whose[unique.key], holders, task)
        if holder is None:
            if whose[unique.key].task_id != task.id and task.id not in holders:
                made.taken.append(Noted(unique.key, task.id, unique.held_for))
        elif unique.on_conflict == "raise":
            raise DuplicateTask(holder, unique.key)
        elif unique.on_conflict == "replace" and holder in holders and holders[holder].status == Status.SCHEDULED:
            made.replacing[holder] = _kept(task)
        ids[task.id] = settled.setdefault(unique.key, holder or task.id)
    made.ids = [ids[task.id] for task in tasks]
    made.new = _rerouted([task for task in tasks if ids[task.id] == task.id and task.id not in holders], ids)
    return made


def _kept(task: NewTask) -> NewTask:
    """With a note for clean-ups: how long the row is to stay after its completion, because it holds its key."""
    if task.unique is None or not task.unique.held_for:
        return task
    return task._replace(links=int(task.links) | ceil(task.unique.held_for / 60) << KEPT_FROM)


def _rerouted(new: Sequence[NewTask], ids: Mapping[UUID, UUID]) -> list[NewTask]:
    """The tasks to insert. One after a task that is not inserted comes after the holder of that one's key instead.

    That holder may have been there before and does not know of it, so the task is due now, to be looked at.
    """
    others = {key: task_id for key, task_id in ids.items() if key != task_id}
    new = [_kept(task) for task in new]
    if not others:
        return new
    return [
        task._replace(
            delay=0.0,
            after=task.after._replace(
                predecessors=tuple(dict.fromkeys(others.get(each, each) for each in task.after.predecessors))
            ),
        )
        if task.after is not None and not others.keys().isdisjoint(task.after.predecessors)
        else task
        for task in new
    ]


def _holder(settled: Mapping[str, UUID], noted: Noted, holders: Mapping[UUID, Holder], task: NewTask) -> UUID | None:
    """The other task that holds a task's key."""
    if noted.key in settled:
        return settled[noted.key]
    if noted.task_id == task.id:  # noted just now, or by an attempt whose reply was lost
        return None
    holder = holders.get(noted.task_id)
    if holder is None:
        return None
    held = holder.status in _ACTIVE or (holder.status == Status.COMPLETED and holder.age < noted.held_for)
    return noted.task_id if held else None
