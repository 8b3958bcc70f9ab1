"""Tasks that wait for others to end: what is done about them, whatever the database.

What a task waits for stands in a table beside the tasks', as edges. Each is open until its predecessor has ended, and
a task is set aside as long as one of its edges is. A step takes some open edges, closes those whose predecessor has
ended or is gone, and queues or cancels the tasks that this decides about. It is one transaction, which locks the tasks
that wait before it looks at anything: of two workers that end the last two predecessors of a task the second sees what
the first did, so that one of them queues it.

A task that others wait for has a bit of its own, FOLLOWED, so that whoever claims it knows that its end is to be told.
One that runs already when it gets the bit has a worker that does not know it: it is returned, to be looked at again.
Nobody waits here for the row of a predecessor, because a worker's whole batch of ends may have it.

What is needed is asked for by the name of a statement, and answered with its rows; how that is sent is the dialect's. A
step that is repeated finds its edges closed, and changes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.backends.common.orphans import uuid_of
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.services import Outcome, Settled
from asyncqueue.errors import CANCELLED
from asyncqueue.model import ENDED, Link, OnFailure, Status

WHAT = "a task after others"
#: Edges, or tasks, in one transaction.
_BATCH = 1000

_FAILING = (Status.FAILED, Status.CANCELLED)
_NIL = UUID(int=0)

Row: TypeAlias = Sequence[Any]


class Ask(NamedTuple):
    """A statement to run, by its name: about these ids, or these rows of values by their names."""

    name: str
    ids: Sequence[UUID] = ()
    rows: Sequence[Mapping[str, Any]] = ()


Asking: TypeAlias = Generator[Ask, Sequence[Row], Settled]


class Edge(NamedTuple):
    """A task that waits, what it waits for, and what becomes of it if that does not complete."""

    task_id: UUID
    predecessor_id: UUID
    on_failure: OnFailure


class State(NamedTuple):
    """How a task is that others wait for; None where it is gone."""

    task: str | None
    status: int | None
    links: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return self.status is None or self.status in ENDED

    @property
    def failed(self) -> bool:
        """Whether it is over and has not completed. What is gone is taken for failed: nobody knows better."""
        return self.status is None or self.status in _FAILING


_GONE = State(None, None)


def step(edges: Sequence[Edge], *, over: Mapping[UUID, State] | None = None, tasks: Collection[UUID] = ()) -> Asking:
    """Close what of these open edges can be closed, and do what follows from it.

    Args:
        edges: open as they were read just now.
        over: how their predecessors have ended. Left out, it is looked, and those that go on are told that others wait
            for them, where they do not know it.
        tasks: that may have no open edge left, besides those of the edges.
    """
    held = {
        _uuid(key): modified
        for key, modified in (yield Ask("lock_waiting", sorted({*tasks, *(edge.task_id for edge in edges)})))
    }
    states, skipped = (
        (over, set()) if over is not None else (yield from _states_of({edge.predecessor_id for edge in edges}))
    )
    closing = sorted(edge for edge in edges if states[edge.predecessor_id].over)
    if closing:
        yield Ask("close_edges", rows=[{"id": each.task_id, "predecessor_id": each.predecessor_id} for each in closing])
    errors = _errors(closing, states, held)
    if errors:
        yield Ask("cancel_waiting", rows=[{"id": key, "error": errors[key]} for key in sorted(errors)])
    free = sorted(held.keys() - errors.keys())
    if free:
        waiting = {_uuid(key) for (key,) in (yield Ask("still_open", free))}
        # Those that were enqueued first come first.
        free = sorted(held.keys() - errors.keys() - waiting, key=lambda key: (held[key], key))
    if free:
        yield Ask("resolve", free)
    return Settled(
        released=frozenset(free),
        cancelled=frozenset(errors),
        running=frozenset(key for key, state in states.items() if state.status == Status.RUNNING),
        again=frozenset(edge.task_id for edge in edges if edge.predecessor_id in skipped) & held.keys(),
    )


def _states_of(ids: Collection[UUID]) -> Generator[Ask, Sequence[Row], tuple[dict[UUID, State], set[UUID]]]:
    """How these are, and which of them somebody writes just now, so that they could not be given FOLLOWED."""
    states = _states(ids, (yield Ask("chain_states", sorted(ids)))) if ids else {}
    lacking = sorted(key for key, state in states.items() if not state.over and not state.links & Link.FOLLOWED)
    if not lacking:
        return states, set()
    locked = {_uuid(key): status for key, status in (yield Ask("lock_unfollowed", lacking))}
    for key, status in locked.items():
        states[key] = states[key]._replace(status=status)
    if ours := sorted(key for key in locked if not states[key].over):
        yield Ask("follow", ours)
    return states, {key for key in lacking if key not in locked}


def _states(ids: Iterable[UUID], rows: Iterable[Row]) -> dict[UUID, State]:
    return {**dict.fromkeys(ids, _GONE), **{_uuid(key): State(*rest) for key, *rest in rows}}


def _errors(closing: Iterable[Edge], states: Mapping[UUID, State], held: Collection[UUID]) -> dict[UUID, str]:
    """The tasks to cancel, each with the text that says why."""
    errors: dict[UUID, str] = {}
    for edge in closing:
        state = states[edge.predecessor_id]
        if edge.on_failure == "cancel" and state.failed and edge.task_id in held:
            errors.setdefault(edge.task_id, _why(edge.predecessor_id, state))
    return errors


def _why(predecessor_id: UUID, state: State) -> str:
    if state.status is None:
        return f"{CANCELLED}task {predecessor_id}, which it was to run after, is not there (any more)"
    what = "has failed" if state.status == Status.FAILED else "was cancelled"
    return f"{CANCELLED}task {predecessor_id} ({state.task}), which it was to run after, {what}"


class Chaining(ABC):
    """The verbs of `facets.Chains`, made of steps.

    Args:
        forget: makes the next claim look at everything.
    """

    def __init__(self, table: Table, forget: Callable[[], None] = lambda: None) -> None:
        self._table = table
        self._forget = forget

    async def settle(self, ids: Collection[UUID]) -> Settled:
        """As `Chains.settle`."""
        self._table.require_migrated(WHAT)
        settled = Settled()
        for part in _parts(sorted(ids)):
            after = (_NIL, _NIL)
            more = True
            while more:
                edges = await self._edges("edges_of", ids=part, after=after[0], after_task=after[1], limit=_BATCH)
                more = len(edges) == _BATCH
                settled |= await self._step(partial(step, edges, tasks=() if more else part))
                if more:
                    after = (edges[-1].predecessor_id, edges[-1].task_id)
        return settled

    async def resolve(self, ids: Collection[UUID]) -> Settled:
        """As `Chains.resolve`."""
        self._table.require_migrated(WHAT)
        settled = Settled()
        for part in _parts(sorted(ids)):
            states = await self._states(part)
            # What has ended and was queued again meanwhile has ended all the same.
            over = {key: state for key, state in states.items() if state.over}
            settled |= Settled(running=frozenset(key for key in part if states[key].status == Status.RUNNING))
            edges = await self._edges("edges_to", ids=sorted(over), limit=_BATCH) if over else []
            if edges:
                settled |= await self._step(partial(step, edges, over=over))
            if len(edges) == _BATCH:
                settled |= Settled(unfinished=frozenset(over))
        return settled

    async def unresolved(self, *, limit: int, resume_from: str | None = None) -> tuple[list[UUID], str | None]:
        """As `Chains.unresolved`."""
        self._table.require_migrated(WHAT)
        found = [
            _uuid(key) for (key,) in await self._read("open_predecessors", after=uuid_of(resume_from), limit=limit)
        ]
        states = await self._states(found) if found else {}
        over = [key for key in found if states[key].over]
        return over, str(found[-1]) if len(found) == limit else None

    async def preceding(self, task_id: UUID, *, after: int = 0, limit: int) -> list[Outcome]:
        """As `Chains.preceding`."""
        if not self._table.migrated:
            return []
        rows = await self._read("preceding", id=task_id, after=after, limit=limit)
        ids = sorted({_uuid(key) for _, key, _ in rows})
        found = {_uuid(key): rest for key, *rest in (await self._read("outcomes", ids=ids) if ids else [])}
        return [
            Outcome(_uuid(key), position, bool(is_open), *found.get(_uuid(key), (None,) * 4))
            for position, key, is_open in rows
        ]

    async def _step(self, asking: Callable[[], Asking]) -> Settled:
        settled = await self._transaction(asking)
        if settled.released:
            self._forget()
        return settled

    async def _edges(self, name: str, **values: Any) -> list[Edge]:
        return [Edge(_uuid(task), _uuid(key), on_failure) for task, key, on_failure in await self._read(name, **values)]

    async def _states(self, ids: Collection[UUID]) -> dict[UUID, State]:
        return _states(ids, await self._read("chain_states", ids=sorted(ids)))

    @abstractmethod
    async def _transaction(self, asking: Callable[[], Asking]) -> Settled:
        """Answer all that is asked in one transaction, and return what comes of it. After a deadlock it begins anew."""

    @abstractmethod
    async def _read(self, name: str, **values: Any) -> Sequence[Row]:
        """The rows of a statement that reads; ids are UUIDs here."""


async def resolve_all(backend: Backend, ended: Collection[UUID]) -> None:
    """Do what follows for others from the end of these tasks, and then from the cancellations that this makes.

    Nothing, where the table has no tasks that wait for others.
    """
    shape = backend.shape
    left = frozenset(ended)
    while left and shape is not None and shape.migrated:
        settled = await backend.dependencies.resolve(left)
        left = settled.cancelled | settled.unfinished


def _uuid(key: Any) -> UUID:
    return key if isinstance(key, UUID) else UUID(key)


def _parts(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    rest = iter(ids)
    while part := list(islice(rest, _BATCH)):
        yield part
