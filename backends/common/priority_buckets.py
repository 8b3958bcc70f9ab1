"""Where a claim of a migrated table begins to read: its priority buckets, and a claim cursor for each.

A priority bucket is what one queue holds at one priority; within it rows are claimed by age. While a session holds an
old snapshot, every claim would read all index entries of a bucket that were claimed before. So a busy worker's claim
begins at the newest row that it has claimed of each bucket (see `claim_cursor.py`, whose measure of expensive scans
serves here too). A scan finds the buckets that this worker does not know, and rows that come late with an older
`modified`: a claim that begins at the oldest row of every bucket. It is made once a second, whenever a claim comes back
short, and when the next scheduled row is due; every ten seconds where scans are expensive.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import inf
from operator import attrgetter
from typing import NamedTuple, cast

from asyncqueue.backends.common.claim_cursor import RECENT, ClaimCursor, by_age
from asyncqueue.model import ClaimedTask

_PRIORITY = attrgetter("priority")
#: Seconds until what is due and locked by others is tried again, at first and at last: each time twice as long.
_AT_FIRST, _AT_LAST = 0.001, 1.0
#: Buckets that a worker remembers; a claim reads one index entry of each at least.
_REMEMBERED = 64


class Bucket(NamedTuple):
    """What one queue holds at one priority."""

    queue: str
    priority: int


class Buckets:
    """The buckets that a worker knows, and when it scans for others.

    Args:
        lowest: the bound that bounds nothing.
        expensive: as `ClaimCursor` takes it.
    """

    def __init__(self, lowest: datetime, *, expensive: float) -> None:
        self._lowest = lowest
        self._scans = ClaimCursor(lowest, expensive=expensive)
        self._reached: dict[Bucket, datetime] = {}
        self._scan_at = 0.0
        self._due_at = inf
        self._held_back = 0.0

    @property
    def until_due(self) -> float:
        """Seconds until the next scheduled row is due, or to be tried again, as far as is known."""
        return max(_AT_FIRST, self._due_at - time.monotonic())

    def begin_scan(self) -> bool:
        """Whether the claim that comes now should scan. A claim that comes while that one scans should not."""
        now = time.monotonic()
        if now < self._scan_at and self._reached:
            return False
        self._scan_at = now + self._scans.pause()
        return True

    @property
    def bloated(self) -> bool:
        """Whether scans are expensive."""
        return self._scans.bloated

    def wanted(self, serving: Sequence[str] | None, *, back: bool = False) -> list[tuple[Bucket, datetime]]:
        """The known buckets in the order in which they are claimed, each with its bound.

        Args:
            serving: the queues that count, in order; None for all of them, by priority and else in turn.
            back: begin a little before the claim cursors.
        """
        known = ordered(self._reached, serving)
        return [(bucket, self._bound(bucket, back=back)) for bucket in known]

    def scanned(self, seconds: float, due_in: float | None, found: Iterable[Bucket] = ()) -> None:
        """Note a scan: its seconds, in how many seconds the next scheduled row is due, and the buckets found."""
        self._scans.scanned(seconds)
        now = time.monotonic()
        self._due_at = inf if due_in is None else now + due_in
        self._scan_at = min(now + self._scans.pause(), self._due_at)
        if not self.bloated:
            self._reached = dict.fromkeys(self._reached, self._lowest)
        for bucket in found:
            self._reached.setdefault(bucket, self._lowest)

    def promoted(self, anything: bool) -> None:
        """Take in whether a promotion of what is due found anything. If not, others have it locked, maybe for long."""
        if anything:
            self._held_back = 0.0
            return
        self._held_back = min(max(_AT_FIRST, 2 * self._held_back), _AT_LAST)
        self._due_at = self._scan_at = time.monotonic() + self._held_back

    def worked(self, seconds: float) -> None:
        """Note how many seconds a claim without a scan has taken."""
        self._scans.worked(seconds)

    def take_in(self, claimed: Sequence[ClaimedTask], limit: int) -> None:
        """Note what was claimed of so many wanted. After a claim that came back short, the next one scans."""
        newest = {(task.queue, task.priority): task.queued_at for task in claimed}
        for key, queued_at in newest.items():
            bucket = Bucket(*key)
            reached = max(self._reached.pop(bucket, self._lowest), cast(datetime, queued_at))
            self._reached[bucket] = reached  # the latest last
        while len(self._reached) > _REMEMBERED:
            del self._reached[next(iter(self._reached))]
        if len(claimed) < limit and not self.bloated:
            self._scan_at = 0.0

    def forget(self) -> None:
        """Look next: something older has come back, or was promoted."""
        self._scan_at = 0.0
        self._reached = dict.fromkeys(self._reached, self._lowest)

    def _bound(self, bucket: Bucket, *, back: bool) -> datetime:
        reached = self._reached[bucket]
        return reached - RECENT if back and reached != self._lowest else reached


def ordered(buckets: Iterable[Bucket], serving: Sequence[str] | None) -> list[Bucket]:
    """Buckets in the order in which they are claimed: the queues as they are named, or all by priority."""
    if serving is None:
        return sorted(buckets, key=lambda bucket: (-bucket.priority, random.random()))  # noqa: S311 - fairness, no secret
    order = {queue: key for key, queue in enumerate(serving)}
    return sorted(
        (bucket for bucket in buckets if bucket.queue in order),
        key=lambda bucket: (order[bucket.queue], -bucket.priority),
    )


def in_order(claimed: Iterable[ClaimedTask], serving: Sequence[str] | None) -> list[ClaimedTask]:
    """What was claimed, in the order in which it is to run."""
    # One stable sort after the other, each by what can be compared as it is: a third of the time of one by tuples.
    found = sorted(claimed, key=by_age)
    found.sort(key=_PRIORITY, reverse=True)
    if serving is not None and len(serving) > 1:
        order = {queue: key for key, queue in enumerate(serving)}
        found.sort(key=lambda task: order[task.queue])
    return found
