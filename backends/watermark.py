"""Where a claim begins to read."""

from __future__ import annotations

import time
from collections.abc import Sequence

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

    @property
    def lowest(self) -> Stamp:
        """The bound of a claim that looks at everything."""
        return self._lowest

    def saw(self, rows: Sequence[ClaimedTask], limit: int) -> None:
        """Take in what was claimed, oldest first, of at most `limit`."""
        self._reached = rows[-1].queued_at if rows and len(rows) >= limit else self._lowest

    def reset(self) -> None:
        """Look at everything next: something older has come back."""
        self._reached = self._lowest
