"""How a PostgreSQL worker claims: from the whole table, or at level 1 bucket by bucket."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING, Any

import anyio

from asyncqueue.backends.common.claim_cursor import ClaimCursor, by_age
from asyncqueue.backends.common.connection import ConnectionGroup
from asyncqueue.backends.common.priority_buckets import Bucket, Buckets, in_order
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unreadable import EARLIEST
from asyncqueue.backends.promotions import Promotions, SetAside
from asyncqueue.errors import DatabaseError
from asyncqueue.model import ASIDE, Claimant, ClaimedTask

if TYPE_CHECKING:
    import asyncpg

    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]

# Seconds that a full scan takes where very many dead index entries lie in its way.
_EXPENSIVE_SCAN = 0.05
#: Scheduled rows that are queued by one statement.
PROMOTED_AT_ONCE = 1000
#: An exchange that ends nothing.
NO_ENDS: dict[str, Any] = dict.fromkeys(("ids", "tokens", "statuses", "outputs", "errors", "logs", "keeps"), ())


class Claims:
    """The claims of one backend.

    Args:
        connections: the connections for them.
        translate: as `SharedConnection.run` takes it.
        arrivals: hears of what is set aside.
    """

    def __init__(
        self,
        table: Table,
        connections: ConnectionGroup[AsyncpgConnection],
        translate: Callable[[BaseException], Exception | None],
        promotions: Promotions,
    ) -> None:
        self.cursor = ClaimCursor(EARLIEST, expensive=_EXPENSIVE_SCAN)
        self.buckets = Buckets(EARLIEST, expensive=_EXPENSIVE_SCAN)
        self._table = table
        self._connections = connections
        self._translate = translate
        self._promotions = promotions

    async def claim(self, limit: int, claimant: Claimant) -> list[ClaimedTask]:
        """Claim up to so many rows, oldest first."""
        if self._table.migrated:
            _, claimed = await self._by_bucket(NO_ENDS, limit, claimant)
            return claimed
        bound = self.cursor.bound()
        claimed = await self._more(claimant.pid, limit, bound)
        return await self._complete(claimed, limit, bound, claimant.pid)

    async def claim_after(self, ends: dict[str, Any], limit: int, claimant: Claimant) -> tuple[int, list[ClaimedTask]]:
        """Write ends and claim, in one statement. Returns how many ends were written and what was claimed."""
        if self._table.migrated:
            return await self._by_bucket(ends, limit, claimant)
        bound = self.cursor.bound()
        rows = await self._seize("exchange", {**ends, **_claim(limit, claimant.pid, bound)})
        # One row at least, for the count; what was not claimed is NULL there.
        claimed = [] if rows[0][0] is None else [ClaimedTask(*row[:5]) for row in rows]
        claimed.sort(key=by_age)
        return rows[0][5], await self._complete(claimed, limit, bound, claimant.pid)

    def forget(self) -> None:
        """Look at everything next: something older has come back."""
        self.cursor.reset()
        self.buckets.forget()

    # -- level 1

    async def _by_bucket(self, ends: dict[str, Any], limit: int, claimant: Claimant) -> tuple[int, list[ClaimedTask]]:
        """One claim of the buckets that are known, or of all of them; another one where that has come back short."""
        scan = self.buckets.begin_scan()
        written, claimed, due_in = await self._take(ends, limit, claimant, scan=scan)
        if len(claimed) < limit and not scan:
            more, due_in = await self._take_more(claimed, limit, claimant, scan=not self.buckets.bloated)
            claimed += more
        if due_in is not None and due_in <= 0 and await self._promote(claimed) and len(claimed) < limit:
            more, _ = await self._take_more(claimed, limit, claimant, scan=True)
            claimed += more
        claimed = in_order(claimed, claimant.queues)
        self.buckets.take_in(claimed, limit)
        return written, claimed

    async def _take_more(
        self, claimed: list[ClaimedTask], limit: int, claimant: Claimant, *, scan: bool
    ) -> tuple[list[ClaimedTask], float | None]:
        """What is claimed already must reach the caller: one that is cancelled meanwhile, and in spite of an error."""
        try:
            with anyio.CancelScope(shield=True):
                _, more, due_in = await self._take(NO_ENDS, limit - len(claimed), claimant, scan=scan)
                return more, due_in
        except DatabaseError:
            if not claimed:
                raise
        return [], None

    async def _take(
        self, ends: dict[str, Any], limit: int, claimant: Claimant, *, scan: bool
    ) -> tuple[int, list[ClaimedTask], float | None]:
        """Returns how many ends were written, what was claimed, and in how many seconds the next row is due."""
        known = [] if scan else self.buckets.wanted(claimant.queues, back=self.buckets.bloated and not ends["ids"])
        values = {
            **ends,
            "limit": limit,
            "worker_pid": claimant.pid,
            "worker": claimant.name,
            "scan": scan,
            "serving": claimant.queues,
            "queues": [bucket.queue for bucket, _ in known],
            "priorities": [bucket.priority for bucket, _ in known],
            "bounds": [bound for _, bound in known],
        }
        began = time.monotonic()
        rows = await self._send("exchange", values)
        seconds = time.monotonic() - began
        first, due_in = rows[0], rows[0]["due_in"]
        width = len(first) - 3  # without what every row says of the statement as a whole
        claimed = [] if first[0] is None else [ClaimedTask._make(row[:width]) for row in rows]
        if scan:
            self.buckets.scanned(seconds, due_in, starmap(Bucket, json.loads(first["buckets"] or "[]")))
        else:
            self.buckets.worked(seconds)
        return first["written"], claimed, due_in

    async def _promote(self, claimed: list[ClaimedTask]) -> bool:
        """Queue what is due. Returns whether anything was."""
        try:
            with anyio.CancelScope(shield=True):
                promoted = await self._send("promote", {"limit": PROMOTED_AT_ONCE})
                self.buckets.promoted(bool(promoted))
                aside = [SetAside(*row) for row in promoted if row["links"] & ASIDE]
                self._promotions.came(aside)
                return len(promoted) > len(aside)
        except DatabaseError:
            if not claimed:
                raise
        return False

    # -- level 0

    async def _complete(
        self, claimed: list[ClaimedTask], limit: int, bound: datetime, worker_pid: int | None
    ) -> list[ClaimedTask]:
        return await self.cursor.complete(claimed, limit, bound, partial(self._more, worker_pid))

    async def _more(self, worker_pid: int | None, limit: int, bound: datetime) -> list[ClaimedTask]:
        claimed = [ClaimedTask(*row) for row in await self._seize("claim", _claim(limit, worker_pid, bound))]
        claimed.sort(key=by_age)  # RETURNING follows the join's order, not the CTE's
        return claimed

    async def _seize(self, name: str, values: dict[str, Any]) -> list[asyncpg.Record]:
        """Run a statement that claims."""
        began = time.monotonic()
        rows = await self._send(name, values)
        take_in = self.cursor.worked if self.cursor.bounds(values["cursor"]) else self.cursor.scanned
        take_in(time.monotonic() - began)
        return rows

    async def _send(self, name: str, values: dict[str, Any]) -> list[asyncpg.Record]:
        statement = self._table[name]
        arguments = statement.values(values)
        return await self._connections.run(
            lambda connection: connection.fetch(statement.text, *arguments),
            translate=self._translate,
            # Not on a new connection: the first attempt may have claimed, and its rows must not be forgotten as if
            # nothing had been sent.
            repeat=False,
        )


def _claim(limit: int, worker_pid: int | None, bound: datetime) -> dict[str, Any]:
    return {"limit": limit, "worker_pid": worker_pid, "cursor": bound}
