"""What a task has run after, read where the next task wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.convert import status_of
from asyncqueue.backends.services import Dependencies, Outcome
from asyncqueue.model import ENDED, Status
from asyncqueue.results import decode_result

#: Tasks that are read at a time.
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A task that another one was to run after.

    Attributes:
        id: its row's primary key.
        task: its dotted path; None if it is not there any more.
        status: as it is now; None if it is not there any more.
        result: the text of its result, a str as the task returned it, anything else as JSON, None for None.
        error: what it has failed with, or why it was cancelled.
    """

    id: UUID
    task: str | None
    status: Status | int | None
    result: str | None
    error: str | None

    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more: it has ended, or is not there."""
        return self.status is None or self.status in ENDED

    def result_as(self, kind: Any) -> Any:
        """The result as a type, such as `list[int]` or a pydantic model; the text itself where it does not fit."""
        return decode_result(self.result, kind)


class Predecessors:
    """The tasks that one was to run after, in the order given: read in batches, as far as they are asked for.

    `async for` goes through them, and `await` makes a list of them all; in a thread `for` goes through them.

    Args:
        chains: the backend's.
        task_id: the task.
        loop: the event loop that has the backend, for a thread.
    """

    def __init__(self, chains: Dependencies, task_id: UUID, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._chains = chains
        self._task_id = task_id
        self._loop = loop

    def __await__(self) -> Generator[Any, Any, list[Predecessor]]:
        return self._all().__await__()

    async def __aiter__(self) -> AsyncIterator[Predecessor]:
        after = 0
        while True:
            found = await self._read(after)
            for outcome in found:
                yield _predecessor(outcome)
            if len(found) < _BATCH:
                return
            after = found[-1].position

    def __iter__(self) -> Iterator[Predecessor]:
        loop = self._elsewhere()
        after = 0
        while True:
            found = asyncio.run_coroutine_threadsafe(self._read(after), loop).result()
            yield from map(_predecessor, found)
            if len(found) < _BATCH:
                return
            after = found[-1].position

    async def _all(self) -> list[Predecessor]:
        return [each async for each in self]

    async def _read(self, after: int) -> list[Outcome]:
        return await self._chains.preceding(self._task_id, after=after, limit=_BATCH)

    def _elsewhere(self) -> asyncio.AbstractEventLoop:
        """The loop, from another thread."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self._loop is not None:
                return self._loop
        raise TypeError("predecessors are read from the database: use `async for`, or `await` for a list of them")


def _predecessor(outcome: Outcome) -> Predecessor:
    status = None if outcome.status is None else status_of(outcome.status)
    result, error = outcome.output, outcome.error
    if status in (Status.FAILED, Status.CANCELLED) and error is None:
        result, error = None, result  # the 7-column table keeps the error's text in the output column
    return Predecessor(outcome.id, outcome.task, status, result, error)
