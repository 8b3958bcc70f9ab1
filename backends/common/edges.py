"""What new tasks wait for, as rows of the table beside theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from asyncqueue.model import NewTask, OnFailure


class NewEdge(NamedTuple):
    """That a task waits for another, as which of those that it waits for, from 1, and what follows from a failure."""

    id: UUID
    predecessor_id: UUID
    position: int
    on_failure: OnFailure


def edges_of(tasks: Iterable[NewTask]) -> list[NewEdge]:
    """The edges of these tasks."""
    return [
        NewEdge(task.id, predecessor_id, position, task.after.on_failure)
        for task in tasks
        if task.after is not None
        for position, predecessor_id in enumerate(task.after.predecessors, 1)
    ]


def as_columns(edges: Sequence[NewEdge]) -> dict[str, Any]:
    """For a statement that takes arrays."""
    names = ("ids", "predecessor_ids", "positions", "on_failures")
    return dict(zip(names, zip(*edges, strict=True), strict=True))


def as_rows(edges: Iterable[NewEdge]) -> list[dict[str, Any]]:
    """For one that takes rows; ids are as they stand beside the table."""
    return [{**edge._asdict(), "id": edge.id.hex, "predecessor_id": edge.predecessor_id.hex} for edge in edges]
