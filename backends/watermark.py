"""Where a claim begins to read."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import anyio

from asyncqueue.errors import DatabaseUnavailable
from asyncqueue.model import ClaimedTask, Stamp

#: Seconds between two claims that look at everything.
_INTERVAL = 1.0


class Watermark:
    """The newest `modified` that this worker has claimed: a busy worker need not read what lies before it again.

    While any session holds an old snapshot, the database cannot remove index entries of rows claimed long ago, and
    without a bound every claim walks over all of them. The bound is a hint only. What arrives late with an older
    `modified` (a slow transaction, another clock, a release) is found by a claim without it: once a second, and
    whenever a bounded one comes back short.

    Args:
        lowest: the value that bounds nothing.
    """

    def __init__(self, lowest: Stamp) -> None:
        self._lowest = lowest
        self._reached = lowest
        self._looked_at = 0.0

    def bound(self) -> Stamp:
        """The bound of the claim that comes now."""
        now = time.monotonic()
        if now - self._looked_at >= _INTERVAL:
            self._looked_at = now
            return self._lowest
        return self._reached

    def bounds(self, bound: Stamp) -> bool:
        """Whether a bound leaves anything out."""
        return bound != self._lowest

    async def complete(
        self,
        claimed: list[ClaimedTask],
        limit: int,
        bound: Stamp,
        claim: Callable[[int, Stamp], Awaitable[list[ClaimedTask]]],
    ) -> list[ClaimedTask]:
        """Claim without a bound what a bounded claim is short of, and take in what was claimed, oldest first.

        Args:
            claimed: by the bounded claim.
            limit: of both together.
            bound: of the first.
            claim: claims up to so many rows with a bound.
        """
        if len(claimed) < limit and self.bounds(bound):
            try:
                # What is claimed already must reach the caller, even one that is cancelled meanwhile.
                with anyio.CancelScope(shield=True):
                    claimed = sorted(claimed + await claim(limit - len(claimed), self._lowest), key=by_age)
            except DatabaseUnavailable:
                if not claimed:
                    raise  # else what is claimed already is worth more than the error, which will come again
        self._reached = claimed[-1].queued_at if claimed and len(claimed) >= limit else self._lowest
        return claimed

    def reset(self) -> None:
        """Look at everything next: something older has come back."""
        self._reached = self._lowest


def by_age(claimed: ClaimedTask) -> tuple[Any, UUID]:
    """The order of claims, oldest first."""
    return claimed.queued_at, claimed.id
