"""Unique keys: whose each one is, and what becomes of a task whose key another one holds.

A key is the primary key of a table beside the tasks', and stands there with the task that it is noted for. That task
holds it while it is queued, scheduled or running, and `held_for` seconds longer once it has completed; then, or when
its row is gone, the key is free, without anything being written. So a task that has no key costs nothing, and Django
may change and delete what it likes.

Enqueueing is one transaction: the keys are noted and locked, the tasks that they are noted for are looked at, and those
tasks are inserted whose keys were free. Who comes at the same time waits for the lock and then sees the other's task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from asyncqueue.errors import DuplicateTask
from asyncqueue.model import NewTask, Status

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


def wanted(tasks: Sequence[NewTask]) -> list[Noted]:
    """The keys of these tasks in a fixed order, each for the first that wants it."""
    first: dict[str, Noted] = {}
    for task in tasks:
        if task.unique is not None:
            first.setdefault(task.unique.key, Noted(task.unique.key, task.id, task.unique.held_for))
    return [first[key] for key in sorted(first)]


def others(tasks: Sequence[NewTask], noted: Sequence[Noted]) -> set[UUID]:
    """The tasks to look at: those that keys are noted for and that are none of these."""
    return {each.task_id for each in noted} - {task.id for task in tasks}


def decide(tasks: Sequence[NewTask], noted: Sequence[Noted], holders: Mapping[UUID, Holder]) -> Decision:
    """What becomes of each task, now that its key is locked. Raises DuplicateTask where one is to raise it.

    Args:
        tasks: to enqueue; a repetition of what may have been enqueued already is harmless.
        noted: the key of each, and the task that it is noted for.
        holders: those of these tasks that exist.
    """
    whose = {each.key: each for each in noted}
    settled: dict[str, UUID] = {}
    made = Decision()
    for task in tasks:
        unique = task.unique
        if unique is None:
            made.ids.append(task.id)
            made.new.append(task)
            continue
        holder = _holder(settled, whose[unique.key], holders, task)
        if holder is None:
            made.new.append(task)
            if whose[unique.key].task_id != task.id:
                made.taken.append(Noted(unique.key, task.id, unique.held_for))
        elif unique.on_conflict == "raise":
            raise DuplicateTask(holder, unique.key)
        elif unique.on_conflict == "replace" and holder in holders and holders[holder].status == Status.SCHEDULED:
            made.replacing[holder] = task
        made.ids.append(settled.setdefault(unique.key, holder or task.id))
    made.new = _rerouted(tasks, made)
    return made


def _rerouted(tasks: Sequence[NewTask], made: Decision) -> list[NewTask]:
    """The tasks to insert. One after a task that is not inserted comes after the holder of that one's key instead.

    That holder was there before and does not know of it, so the task is due now, to be looked at.
    """
    others = {task.id: task_id for task, task_id in zip(tasks, made.ids, strict=True) if task.id != task_id}
    if not others:
        return made.new
    return [
        task._replace(
            delay=0.0,
            after=task.after._replace(
                predecessors=tuple(dict.fromkeys(others.get(each, each) for each in task.after.predecessors))
            ),
        )
        if task.after is not None and not others.keys().isdisjoint(task.after.predecessors)
        else task
        for task in made.new
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
