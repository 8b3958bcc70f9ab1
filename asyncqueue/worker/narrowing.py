"""Writes many rows at once, and finds the one that the database refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar
from uuid import UUID

from asyncqueue.errors import DatabaseBusy, DataRejected
from asyncqueue.patience import on_one_table

Row = TypeVar("Row")


async def narrowed(
    rows: Sequence[Row],
    write: Callable[[Sequence[Row]], Awaitable[set[UUID]]],
    refused: Callable[[Row, DataRejected], Awaitable[set[UUID]]],
    *,
    stuck: Callable[[Row, DatabaseBusy], Awaitable[set[UUID]]] | None = None,
) -> set[UUID]:
    """Write rows together; where the database refuses one of them, in halves, until that one is alone.

    Args:
        rows: to write.
        write: writes some of them as a whole or not at all, and returns the ids of those that stand in the table.
        refused: decides about a row that is refused alone, and returns what `write` returns.
        stuck: likewise about a row that waits in vain alone, while others are written: a trigger of the user's may wait
            for something of its own. Without it, and where none can be written, that is raised.
    """
    if not rows:
        return set()
    narrowing = _Narrowing(write, refused, len(rows).bit_length() + 1 if stuck else 1)
    found = await narrowing.write(rows)
    for row, error in narrowing.late:
        if stuck is None or not narrowing.answered:
            raise error
        found |= await stuck(row, error)
    return found


class _Narrowing(Generic[Row]):
    """One call of `narrowed`. It waits in vain `waits` times at most before the database answers."""

    def __init__(
        self,
        write: Callable[[Sequence[Row]], Awaitable[set[UUID]]],
        refused: Callable[[Row, DataRejected], Awaitable[set[UUID]]],
        waits: int,
    ) -> None:
        self._write = write
        self._refused = refused
        self._waits = waits
        #: Whether anything was written or refused.
        self.answered = False
        #: What has waited in vain, alone.
        self.late: list[tuple[Row, DatabaseBusy]] = []

    async def write(self, rows: Sequence[Row]) -> set[UUID]:
        try:
            found = await written(rows, self._write)
        except DataRejected as error:
            if len(rows) == 1:
                self.answered = True
                return await self._refused(rows[0], error)
        except DatabaseBusy as error:
            self._waits -= 1
            if not (self.answered or self._waits):
                raise
            if len(rows) == 1:
                self.late.append((rows[0], error))
                return set()
        else:
            self.answered = True
            return found
        middle = len(rows) // 2
        return await self.write(rows[:middle]) | await self.write(rows[middle:])


async def written(rows: Sequence[Row], write: Callable[[Sequence[Row]], Awaitable[set[UUID]]]) -> set[UUID]:
    """Write these. What looks like a table that has changed, and is the same when looked at again, is a row's fault."""
    return await on_one_table(partial(write, rows))
