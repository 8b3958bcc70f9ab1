"""How a MySQL or MariaDB worker reads what it claims: directly, or candidates first."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from asyncqueue.backends.common.connection import ConnectionGroup
from asyncqueue.backends.common.pacing import pause_after
from asyncqueue.backends.common.priority_buckets import Bucket
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.claiming import HELD_BY_OTHERS, Claiming, Read
from asyncqueue.backends.mysql.connection import Call, MysqlConnection

#: Rows that are counted ahead at once, in a millisecond or two.
COUNTED = 5000
#: Seconds at least until rows are counted again, after a count that came to the end or found too few.
_AGAIN = 0.1


class Ways:
    """Chooses between `ready` and `ready_apart`, as that file explains.

    A locking read that comes to the end of its range walks over all dead index entries behind it, which are millions
    beside an old snapshot; one that finds its rows before that sees none of them, and is cheaper than candidates. So a
    claim reads directly as long as more rows are known to be queued than it wants. They are counted by a plain read,
    thousands at once. What other workers hold at that moment is left out; what they claim later is not known here, and
    costs one walk at most, because a claim that came back short is followed by candidates.

    A plain read walks on as well, thirty times as fast. Where the count has come to the end, so many candidates are
    read as are left, and the next count waits as an expensive scan would.

    A bucket is None for the table as Django makes it.
    """

    def __init__(
        self,
        table: Table,
        connections: ConnectionGroup[MysqlConnection],
        translate: Callable[[BaseException], Exception | None],
    ) -> None:
        self._table = table
        self._connections = connections
        self._translate = translate
        # Rows that are queued beyond what is being claimed here, as far as is known.
        self._ahead: dict[Bucket | None, int] = {}
        # Rows that are queued at all, where the last count has come to the end.
        self._left: dict[Bucket | None, int] = {}
        # Where the last claim found all that it wanted, and from when on it may be worth to count.
        self._full: dict[Bucket | None, float] = {}

    async def choose(self, wanted: Sequence[tuple[Bucket | None, datetime]], limit: int) -> list[Read]:
        """A read of each of these buckets, from its bound on, for a claim of so many rows."""
        indexed = self._table.shape is None or self._table.shape.indexed
        if not indexed:  # and so nothing is in order: a direct read would lock every queued row
            return [Read("ready_apart", bound, bucket) for bucket, bound in wanted]
        for bucket, bound in wanted[:1]:
            if bound != datetime.min and self._ahead.get(bucket, 0) < limit and self._may_count(bucket):
                await self._count(bucket, bound, limit)
        return [self._read(bucket, bound, limit) for bucket, bound in wanted]

    def take_in(self, reads: Sequence[Read], limit: int, claiming: Claiming) -> None:
        """Take in what a claim of so many rows has found by these reads."""
        for read in reads:
            found, wanted = claiming.found.get(read.bucket, (None, 0))
            if found is None:  # it was not read
                if read.ready == "ready":
                    self._ahead[read.bucket] = self._ahead.get(read.bucket, 0) + limit
            elif found < wanted:
                for known in (self._ahead, self._left, self._full):
                    known.pop(read.bucket, None)
            else:
                self._full.setdefault(read.bucket, 0.0)
                if read.ready != "ready":  # else it was taken before
                    self._ahead[read.bucket] = max(0, self._ahead.get(read.bucket, 0) - found)
                if read.bucket in self._left:
                    self._left[read.bucket] -= found

    def keep(self, buckets: Collection[Bucket]) -> None:
        """Forget all others."""
        self._ahead = {bucket: rows for bucket, rows in self._ahead.items() if bucket in buckets}
        self._left = {bucket: rows for bucket, rows in self._left.items() if bucket in buckets}
        self._full = {bucket: since for bucket, since in self._full.items() if bucket in buckets}

    def _read(self, bucket: Bucket | None, bound: datetime, limit: int) -> Read:
        if bound != datetime.min and self._take(bucket, limit):
            return Read("ready", bound, bucket)
        beyond = self._left.get(bucket, 0) - limit
        return Read("ready_apart", bound, bucket, HELD_BY_OTHERS if beyond < 0 else min(beyond, HELD_BY_OTHERS))

    def _take(self, bucket: Bucket | None, limit: int) -> bool:
        left = self._ahead.get(bucket, 0) - limit
        if left < 0:
            return False
        self._ahead[bucket] = left
        return True

    def _may_count(self, bucket: Bucket | None) -> bool:
        return self._full.get(bucket, time.monotonic() + 1) <= time.monotonic()

    async def _count(self, bucket: Bucket | None, bound: datetime, limit: int) -> None:
        queue, priority = bucket or (None, None)
        values = {"limit": COUNTED, "cursor": bound, "queue": queue, "priority": priority}
        call: Call = self._table["count_queued"], values
        began = time.monotonic()
        (reply,) = await self._connections.run(lambda connection: connection.run(call), translate=self._translate)
        now = time.monotonic()
        counted = reply.rows[0][0]
        self._ahead[bucket] = max(0, counted - HELD_BY_OTHERS)
        self._left.pop(bucket, None)
        if counted < COUNTED:
            self._left[bucket] = counted
            self._full[bucket] = now + pause_after(now - began, at_least=_AGAIN)  # it may have walked over dead entries
        else:
            self._full[bucket] = now + _AGAIN if self._ahead[bucket] < limit else 0.0
