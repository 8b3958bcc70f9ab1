"""Writes many rows at once, and finds the one that the database refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from asyncqueue.errors import DataRejected, SchemaChanged

Row = TypeVar("Row")


async def narrowed(
    rows: Sequence[Row],
    write: Callable[[Sequence[Row]], Awaitable[set[UUID]]],
    refused: Callable[[Row, DataRejected], Awaitable[set[UUID]]],
) -> set[UUID]:
    """Write rows together; where the database refuses one of them, in halves, until that one is alone.

    Args:
        rows: to write.
        write: writes some of them as a whole or not at all, and returns the ids of those that stand in the table.
        refused: decides about a row that is refused alone, and returns what `write` returns.
    """
    if not rows:
        return set()
    try:
        return await written(rows, write)
    except DataRejected as error:
        if len(rows) == 1:
            return await refused(rows[0], error)
    middle = len(rows) // 2
    return await narrowed(rows[:middle], write, refused) | await narrowed(rows[middle:], write, refused)


async def written(rows: Sequence[Row], write: Callable[[Sequence[Row]], Awaitable[set[UUID]]]) -> set[UUID]:
    """Write these. What looks like a table that has changed, and is the same when looked at again, is a row's fault.

    A column may be lacking in the table of somebody's trigger: some servers report that as they do for ours.
    """
    try:
        return await write(rows)
    except SchemaChanged as error:
        first = error
    try:
        return await write(rows)
    except SchemaChanged as error:
        if error.known != first.known:
            raise
        raise DataRejected(f"the table is what it was, so this is about something else: {error}") from error
