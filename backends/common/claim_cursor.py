"""The claim cursor: where a claim begins to read, and how often a claim scans everything."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, cast

import anyio

from asyncqueue.backends.common.pacing import pause_after
from asyncqueue.errors import DatabaseError
from asyncqueue.model import ClaimedTask

#: The most seconds between two full scans.
_LONGEST_PAUSE = 10.0
#: How far behind the claim cursor a claim reads that came back short, where full scans are expensive.
RECENT = timedelta(seconds=1)
#: A scan that takes long because the server is busy is not expensive: a claim with a bound takes as long then.
_TIMES_USUAL = 2
#: The share of the last bounded claim in what such a claim usually takes.
_LEARNED = 0.1


class ClaimCursor:
    """The newest `modified` that this worker has claimed: a busy worker need not read what lies before it again.

    While any session holds an old snapshot, the database cannot remove index entries of rows claimed long ago, and
    without a bound every claim walks over all of them. The bound is a hint only. What arrives late with an older
    `modified` (a slow transaction, another clock, a release) is found by a claim without it: once a second, and
    whenever a bounded one comes back short. Where that takes long, because very many dead entries lie in its way, it
    is made less often, every ten seconds at least, and a claim that comes back short reads one second back.

    Args:
        lowest: the value that bounds nothing.
        expensive: seconds. Two full scans in a row that take longer than this, and longer than twice a bounded claim
            (see `worked`), are expensive: from then on there are pauses between them.
    """

    def __init__(self, lowest: datetime, *, expensive: float) -> None:
        self._lowest = lowest
        self._expensive = expensive
        self._reached = lowest
        self._due = 0.0
        self._took = 0.0
        self._usual = 0.0
        #: Whether so many dead index entries lie behind the cursor that full scans are expensive.
        self.bloated = False

    def bound(self) -> datetime:
        """The bound of the claim that comes now."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self.pause()
            return self._lowest
        return self._reached

    def since(self) -> datetime:
        """The bound of the question whether anything is queued."""
        if not self.bloated:
            return self._lowest
        now = time.monotonic()
        if now < self._due:
            return self._back(self._reached)
        self._due = now + self.pause()
        return self._lowest

    def bounds(self, bound: datetime) -> bool:
        """Whether a bound leaves anything out."""
        return bound != self._lowest

    def worked(self, seconds: float) -> None:
        """Take in what a bounded claim has taken."""
        self._usual += _LEARNED * (seconds - self._usual)

    def scanned(self, seconds: float) -> None:
        """Note how many seconds a full scan has taken."""
        # A single one may be slow for other reasons: the first of a connection, a stall of this process.
        self.bloated = min(seconds, self._took) > max(self._expensive, _TIMES_USUAL * self._usual)
        self._took = seconds
        if self.bloated:
            self._due = time.monotonic() + self.pause()

    def pause(self) -> float:
        """Seconds from one full scan to the next."""
        return min(pause_after(self._took), _LONGEST_PAUSE) if self.bloated else pause_after(0)

    async def complete(
        self,
        claimed: list[ClaimedTask],
        limit: int,
        bound: datetime,
        claim: Callable[[int, datetime], Awaitable[list[ClaimedTask]]],
    ) -> list[ClaimedTask]:
        """Claim without a bound what a bounded claim is short of, and take in what was claimed, oldest first.

        Args:
            claimed: by the bounded claim.
            limit: of both together.
            bound: of the first.
            claim: claims up to so many rows with a bound.
        """
        short = len(claimed) < limit
        if short and self.bounds(bound):
            back = self._back(bound) if self.bloated else self._lowest
            try:
                # What is claimed already must reach the caller, even one that is cancelled meanwhile.
                with anyio.CancelScope(shield=True):
                    claimed = sorted(claimed + await claim(limit - len(claimed), back), key=by_age)
            except DatabaseError:
                if not claimed:
                    raise  # else what is claimed already is worth more than the error, which will come again
        if self.bloated:
            self._reached = max([self._reached, *map(_queued_at, claimed)])
        else:
            self._reached = _queued_at(claimed[-1]) if claimed and len(claimed) >= limit else self._lowest
        return claimed

    def reset(self) -> None:
        """Look at everything next: something older has come back."""
        self._reached, self._due = self._lowest, 0.0

    def _back(self, bound: datetime) -> datetime:
        return bound - RECENT if self.bounds(bound) else bound


def _queued_at(claimed: ClaimedTask) -> datetime:
    return cast(datetime, claimed.queued_at)  # SQLite's are texts, and it needs no claim cursor


#: The order of claims, oldest first.
by_age: Callable[[ClaimedTask], Any] = attrgetter("queued_at", "id")
