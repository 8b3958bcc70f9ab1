"""Transactions that are the same on every database: a generator asks for statements, and is sent what they say.

What to ask next depends on what was answered, so it is a generator; how a statement is sent is the dialect's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

Ask = TypeVar("Ask")
Rows = TypeVar("Rows")
Result = TypeVar("Result")


async def answer(asking: Generator[Ask, Rows, Result], ask: Callable[[Ask], Awaitable[Rows]]) -> Result:
    """Answer all that is asked, and return what comes of it."""
    try:
        asked = next(asking)
        while True:
            asked = asking.send(await ask(asked))
    except StopIteration as end:
        result: Result = end.value
        return result


def answer_here(asking: Generator[Ask, Rows, Result], ask: Callable[[Ask], Rows]) -> Result:
    """The same in a thread that waits for each answer."""
    try:
        asked = next(asking)
        while True:
            asked = asking.send(ask(asked))
    except StopIteration as end:
        result: Result = end.value
        return result
