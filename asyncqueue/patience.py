"""Waits for a database that is away."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from asyncqueue.backoff import Backoff
from asyncqueue.errors import DatabaseUnavailable, DataRejected, SchemaChanged

Result = TypeVar("Result")


async def patiently(
    work: Callable[[], Awaitable[Result]],
    seconds: float,
    *,
    hopeless: Callable[[DatabaseUnavailable], bool] = lambda error: False,
    waiting: Callable[[DatabaseUnavailable], None] = lambda error: None,
) -> Result:
    """Do this until it succeeds, or until the seconds have passed in which the database is away.

    Args:
        work: it must be harmless to do it again.
        seconds: the last attempt begins when they have passed.
        hopeless: says of an error that waiting will not heal it.
        waiting: is told of the first error.

    Raises the error of the last attempt, DatabaseUnavailable; and at once any other.
    """
    delays = Backoff(0.05, 1.0)
    give_up_at = time.monotonic() + seconds
    told = False
    while True:
        try:
            return await work()
        except DatabaseUnavailable as error:
            left = give_up_at - time.monotonic()
            if left <= 0 or hopeless(error):
                raise
            if not told:
                waiting(error)
                told = True
        await anyio.sleep(min(delays.next(), left))


async def on_one_table(work: Callable[[], Awaitable[Result]]) -> Result:
    """Do this, and once more where the table has changed. Raises DataRejected where it is the same as before.

    A column may be lacking in the table of somebody's trigger: some servers report that as they do for ours.
    """
    try:
        return await work()
    except SchemaChanged as error:
        first = error
    try:
        return await work()
    except SchemaChanged as error:
        if error.known != first.known:
            raise
        raise DataRejected(
            f"a trigger of somebody's lacks something: {error.said} (the task table is what it was when it was looked "
            "at)"
        ) from error
