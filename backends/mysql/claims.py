"""How a MySQL or MariaDB worker claims: which way of reading is the cheapest, and what is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

import anyio

from asyncqueue.backends.common.claim_cursor import ClaimCursor
from asyncqueue.backends.common.connection import ConnectionGroup
from asyncqueue.backends.common.priority_buckets import Buckets
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.claiming import Claiming
from asyncqueue.backends.mysql.connection import Call, MysqlConnection
from asyncqueue.backends.mysql.lock_proof import LockProof
from asyncqueue.backends.mysql.priority_buckets import EXPENSIVE_SCAN, BucketClaims
from asyncqueue.backends.mysql.read_strategies import Ways
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.promotions import Promotions
from asyncqueue.errors import DatabaseBusy, DatabaseUnavailable
from asyncqueue.model import Claimant, ClaimedTask

_RETRY_DELAY = 0.2
#: Seconds after which a try has not met a deadlock, but has waited for somebody's lock.
_WAITED = 0.9
#: Tries of a claim with ends before it, where each fails at once: it may be a trigger that fails, time after time.
_TRIES = 4


class Claims:
    """The claims of one backend.

    Args:
        connections: the connections for them.
        patience: seconds after which an error is raised that tries cannot heal.
        translate: as `SharedConnection.run` takes it.
        arrivals: hears of what is set aside.
        proof: that the locks of what is claimed hold.
    """

    def __init__(
        self,
        table: Table,
        times: Times,
        connections: ConnectionGroup[MysqlConnection],
        patience: float,
        translate: Callable[[BaseException], Exception | None],
        promotions: Promotions,
        proof: LockProof,
    ) -> None:
        self.cursor = ClaimCursor(datetime.min, expensive=EXPENSIVE_SCAN)
        self._table = table
        self._times = times
        self._connections = connections
        self.patience = patience
        self._translate = translate
        self._proof = proof
        self._empty = False
        self._ways = Ways(table, connections, translate)
        self._by_bucket = BucketClaims(table, times, connections, translate, self._carry_out, promotions, proof)

    @property
    def buckets(self) -> Buckets:
        """What is known of the buckets of a migrated table."""
        return self._by_bucket.buckets

    async def claim(self, limit: int, claimant: Claimant) -> list[ClaimedTask]:
        """Claim up to so many rows, oldest first."""
        if self._table.migrated:
            return (await self._by_bucket.claim(limit, claimant))[1]
        if self._empty and not await self._waiting():
            return []
        bound = self.cursor.bound()
        claimed = await self._complete(await self._more(claimant, limit, bound), limit, bound, claimant)
        self._empty = limit > 0 and not claimed
        return claimed

    async def claim_after(self, first: Call, limit: int, claimant: Claimant) -> tuple[int | None, list[ClaimedTask]]:
        """Claim in one transaction with another statement, which comes first.

        Returns how many rows that one has matched (None where the reply got lost on the way) and what was claimed.
        """
        if self._table.migrated:
            return await self._by_bucket.claim(limit, claimant, first)
        bound = self.cursor.bound()
        matched, claimed = await self._once(claimant, limit, bound, first)
        return matched, await self._complete(claimed, limit, bound, claimant)

    def forget(self) -> None:
        """Look at everything next: something older has come back."""
        self.cursor.reset()
        self.buckets.forget()

    # -- level 0

    async def _complete(
        self, claimed: list[ClaimedTask], limit: int, bound: datetime, claimant: Claimant
    ) -> list[ClaimedTask]:
        return await self.cursor.complete(claimed, limit, bound, partial(self._more, claimant))

    async def _more(self, claimant: Claimant, limit: int, bound: datetime) -> list[ClaimedTask]:
        return (await self._once(claimant, limit, bound))[1]

    async def _once(
        self, claimant: Claimant, limit: int, bound: datetime, first: Call | None = None
    ) -> tuple[int | None, list[ClaimedTask]]:
        bounded = self.cursor.bounds(bound)
        reads = await self._ways.choose([(None, bound)], limit)
        claiming = Claiming(self._table, self._times, reads, limit, claimant, self._proof, first, timed=not bounded)
        claimed = await self._carry_out(claiming)
        self._ways.take_in(reads, limit, claiming)
        if not bounded:
            self.cursor.scanned(claiming.scanned)
        return claiming.matched, claimed

    async def _waiting(self) -> bool:
        """Whether anything is queued: one statement, where a claim is four."""
        since = self.cursor.since()
        call: Call = self._table["any_queued"], {"cursor": since, "queue": None, "priority": None}
        (reply,) = await self._connections.run(lambda connection: connection.run(call), translate=self._translate)
        if reply.rows and not self.cursor.bounds(since):
            self.cursor.reset()  # what was found may lie anywhere
        return bool(reply.rows)

    # -- at either level

    async def _carry_out(self, claiming: Claiming) -> list[ClaimedTask]:
        """Claim, until it is known what was claimed. Raises UnsupportedServer where locks do not hold."""
        self._proof.check()
        give_up_at = time.monotonic() + self.patience
        claimed, tries = None, 0
        while claimed is None:
            tries += 1
            with anyio.CancelScope(shield=claiming.commit_unknown):
                claimed = await self._try(claiming, give_up_at, last=tries >= _TRIES and not claiming.alone)
        return claimed

    async def _try(self, claiming: Claiming, give_up_at: float, *, last: bool) -> list[ClaimedTask] | None:
        """Try to claim; None where another try is due: after a deadlock, or while it is in doubt what was claimed."""
        began = time.monotonic()
        try:
            left = max(give_up_at - time.monotonic(), _RETRY_DELAY)
            return await self._connections.run(claiming, translate=self._translate, repeat=False, timeout=left)
        except DatabaseUnavailable as error:
            if not (claiming.commit_unknown or isinstance(error, DatabaseBusy)) or time.monotonic() >= give_up_at:
                raise
            if not claiming.alone and not claiming.commit_unknown and (last or time.monotonic() - began > _WAITED):
                raise  # the ends before it wait for the lock of a row, or for a trigger: the worker sets that row aside
        with anyio.CancelScope(shield=claiming.commit_unknown):
            await anyio.sleep(_RETRY_DELAY)
        return None
