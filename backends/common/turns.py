"""Taking turns."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Turns(Generic[Thing]):
    """Hands out a few things, each to one caller at a time. The caller that has waited longest is the next.

    Args:
        things: to hand out; the first of those that are free is taken.
    """

    def __init__(self, things: Sequence[Thing]) -> None:
        self._things = things
        self._free = list(range(len(things)))
        self._waiting: deque[asyncio.Future[int]] = deque()

    def take(self) -> int | None:
        """Take what is free. Returns its number, None where nothing is."""
        return self._free.pop(0) if self._free else None

    def __getitem__(self, number: int) -> Thing:
        return self._things[number]

    async def wait(self) -> int:
        """Wait for one's turn, and take what has become free. Returns its number."""
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the turn came at the same moment
                self.give_back(turn.result())
            raise

    def give_back(self, number: int) -> None:
        """End a turn."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(number)
                return
        insort(self._free, number)
