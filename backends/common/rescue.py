"""Rescues lost rows although the database refuses to have some of them changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asyncqueue.errors import DataRejected
from asyncqueue.loggers import get_logger
from asyncqueue.model import LostTask

logger = get_logger("asyncqueue.backend")


async def passing_over(rescue: Callable[[int, int], Awaitable[list[LostTask]]], limit: int) -> list[LostTask]:
    """Rescue up to `limit` rows, in one statement as long as the database refuses none of them.

    Args:
        rescue: rescues up to so many rows, without so many of the oldest, and raises DataRejected for all of them where
            the database refuses one.
        limit: of all together.
    """
    rescued: list[LostTask] = []
    several, skip = limit, 0
    while True:
        try:
            found = await rescue(several, skip)
        except DataRejected as error:
            if several == 1:
                logger.error(
                    "a lost task stays in progress, because the database refuses to have it changed: %s", error
                )
                several, skip = limit, skip + 1
            else:
                several //= 2
            continue
        rescued += found
        if len(found) < several or len(rescued) >= limit:
            return rescued
        several = min(2 * several, limit - len(rescued))
