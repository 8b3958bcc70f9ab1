"""Which of the rows that one call enqueues come after which: of each other, and of tasks that are there already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from typing import Any, get_args
from uuid import UUID

from asyncqueue.errors import ConfigurationError
from asyncqueue.ids import id_of
from asyncqueue.model import After, Link, NewTask, OnFailure
from asyncqueue.requests import TaskRequest

_POLICIES: tuple[str, ...] = get_args(OnFailure)


def connected(
    rows: Sequence[NewTask], wanted: Sequence[tuple[Any, OnFailure | None]], requests: Sequence[Any]
) -> list[NewTask]:
    """The rows with what each of them runs after, and a bit in each that others of them run after.

    Args:
        rows: as they would be otherwise.
        wanted: `after` and `on_failure` of each.
        requests: what each was made of; those that are TaskRequests can be named by the others.

    Raises ConfigurationError for what cannot be run after, and for options that mean nothing together.
    """
    made = list(rows)
    own = {id(request): row.id for row, request in zip(rows, requests, strict=True) if isinstance(request, TaskRequest)}
    often = Counter(map(id, requests))
    among = frozenset(own.values())
    followed: set[UUID] = set()
    for index, (after, on_failure) in enumerate(wanted):
        _check(rows[index], after, on_failure)
        ids = tuple(dict.fromkeys(_id_of(each, own, often) for each in named(after)))
        if ids:
            followed.update(ids)
            made[index] = _after(rows[index], ids, on_failure, among)
    _check_order(made)
    return [row._replace(links=int(row.links | Link.FOLLOWED)) if row.id in followed else row for row in made]


def named(after: Any) -> list[Any]:
    """What is to be run after, one by one; where it is just one, that need not stand in a list."""
    if after is None:
        return []
    if isinstance(after, TaskRequest | UUID | str) or _has_id(after):
        return [after]
    if isinstance(after, bytes | Mapping) or not isinstance(after, Iterable):
        raise _strange(after)
    return list(after)


def _after(row: NewTask, ids: tuple[UUID, ...], on_failure: OnFailure | None, among: frozenset[UUID]) -> NewTask:
    # One that is there already may have ended long ago: then the task is due now, so that a worker looks at that.
    delay = None if among.issuperset(ids) else 0.0
    return row._replace(after=After(ids, on_failure or "cancel"), links=int(row.links | Link.WAITING), delay=delay)


def _id_of(each: Any, own: Mapping[int, UUID], often: Mapping[int, int]) -> UUID:
    if isinstance(each, TaskRequest):
        if id(each) not in own:
            raise ConfigurationError(
                "after= names a TaskRequest that is not among those of this call: give both to one enqueue_many, or "
                "name the handle of a task that is enqueued already (chain and group return requests of their own)"
            )
        if often[id(each)] > 1:
            raise ConfigurationError(
                "after= names a TaskRequest that stands more than once in this call: make one for each task"
            )
        return own[id(each)]
    if isinstance(each, UUID):
        return each
    if isinstance(each, str):
        with suppress(ConfigurationError):
            return id_of(each)
    if _has_id(each):
        found: UUID = each.id
        return found
    raise _strange(each)


def _has_id(each: Any) -> bool:
    return isinstance(getattr(each, "id", None), UUID)


def _strange(after: Any) -> ConfigurationError:
    return ConfigurationError(
        "after= takes handles, ids of tasks (UUIDs or their texts), and TaskRequests of the same enqueue_many call, "
        f"not {repr(after) if isinstance(after, str) else type(after).__name__}"
    )


def _check(row: NewTask, after: Any, on_failure: Any) -> None:
    if on_failure is not None and on_failure not in _POLICIES:
        raise ConfigurationError(f"on_failure must be one of {', '.join(map(repr, _POLICIES))}, not {on_failure!r}")
    if after is None:
        if on_failure is not None:
            raise ConfigurationError("on_failure says what follows from a failure of what after= names: give that")
        return
    if row.delay is not None or row.run_at is not None:
        raise ConfigurationError("give after, or delay or run_at, not both: each says when the task is to run")
    if row.unique is not None and row.unique.on_conflict == "replace":
        raise ConfigurationError(
            'after= does not go with on_conflict="replace": a task that is there cannot be given others to wait for'
        )


def _check_order(rows: Iterable[NewTask]) -> None:
    """A request can name another only once that exists; but the list of its names may have been changed later."""
    try:
        TopologicalSorter({row.id: row.after.predecessors for row in rows if row.after is not None}).prepare()
    except CycleError:
        raise ConfigurationError("these tasks are to run after each other in a circle: none could begin") from None
