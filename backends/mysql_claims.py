"""How a MySQL or MariaDB worker claims: which way of reading is the cheapest, and what is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

import anyio

from asyncqueue.backends.lane import Lanes
from asyncqueue.backends.mysql_claiming import Claiming
from asyncqueue.backends.mysql_connection import Call, MysqlConnection
from asyncqueue.backends.mysql_times import Times
from asyncqueue.backends.table import Table
from asyncqueue.backends.watermark import Watermark
from asyncqueue.errors import DatabaseBusy, DatabaseUnavailable
from asyncqueue.model import ClaimedTask

_RETRY_DELAY = 0.2
# Seconds for which the server looks at everything that is queued, where some 200,000 dead entries lie in the way.
_COSTLY_LOOK = 0.004


class Claims:
    """The claims of one backend.

    Args:
        lanes: the connections for them.
        patience: seconds after which an error is raised that tries cannot heal.
        translate: as `Lane.run` takes it.
    """

    def __init__(
        self,
        table: Table,
        times: Times,
        lanes: Lanes[MysqlConnection],
        patience: float,
        translate: Callable[[BaseException], Exception | None],
    ) -> None:
        self.watermark = Watermark(datetime.min, costly=_COSTLY_LOOK)
        self._table = table
        self._times = times
        self._lanes = lanes
        self._patience = patience
        self._translate = translate
        self._empty = False

    async def claim(self, limit: int, worker_pid: int | None) -> list[ClaimedTask]:
        """Claim up to so many rows, oldest first."""
        if self._empty and not await self._waiting():
            return []
        bound = self.watermark.bound()
        claimed = await self._complete(await self._more(worker_pid, limit, bound), limit, bound, worker_pid)
        self._empty = limit > 0 and not claimed
        return claimed

    async def claim_after(
        self, first: Call, limit: int, worker_pid: int | None
    ) -> tuple[int | None, list[ClaimedTask]]:
        """Claim in one transaction with another statement, which comes first.

        Returns how many rows that one has matched (None where the reply got lost on the way) and what was claimed.
        """
        bound = self.watermark.bound()
        claiming = self._claiming(worker_pid, limit, bound, first)
        claimed = await self._run(claiming)
        return claiming.matched, await self._complete(claimed, limit, bound, worker_pid)

    async def _complete(
        self, claimed: list[ClaimedTask], limit: int, bound: datetime, worker_pid: int | None
    ) -> list[ClaimedTask]:
        return await self.watermark.complete(claimed, limit, bound, partial(self._more, worker_pid))

    async def _more(self, worker_pid: int | None, limit: int, bound: datetime) -> list[ClaimedTask]:
        return await self._run(self._claiming(worker_pid, limit, bound))

    def _claiming(self, worker_pid: int | None, limit: int, bound: datetime, first: Call | None = None) -> Claiming:
        """A claim, whose way of reading is the cheapest there, see `ready_apart.sql`."""
        indexed = self._table.shape is None or self._table.shape.indexed
        bounded = self.watermark.bounds(bound)
        ready = "ready" if indexed and bounded and not self.watermark.piled else "ready_apart"
        return Claiming(self._table, self._times, ready, limit, worker_pid, bound, first, timed=not bounded)

    async def _waiting(self) -> bool:
        """Whether anything is queued: one statement, where a claim is four."""
        since = self.watermark.since()
        call: Call = self._table["waiting"], {"watermark": since}
        (reply,) = await self._lanes.run(lambda connection: connection.run(call), translate=self._translate)
        if reply.rows and not self.watermark.bounds(since):
            self.watermark.reset()  # what was found may lie anywhere
        return bool(reply.rows)

    async def _run(self, claiming: Claiming) -> list[ClaimedTask]:
        began = time.monotonic()
        give_up_at = began + self._patience
        claimed = None
        while claimed is None:
            with anyio.CancelScope(shield=claiming.in_doubt):
                claimed = await self._try(claiming, give_up_at)
        if self.watermark.bounds(claiming.watermark):
            self.watermark.worked(time.monotonic() - began)
        else:
            self.watermark.looked(claiming.looked)
        return claimed

    async def _try(self, claiming: Claiming, give_up_at: float) -> list[ClaimedTask] | None:
        """Try to claim; None where another try is due: after a deadlock, or while it is in doubt what was claimed."""
        try:
            left = max(give_up_at - time.monotonic(), _RETRY_DELAY)
            return await self._lanes.run(claiming, translate=self._translate, repeat=False, timeout=left)
        except DatabaseUnavailable as error:
            if not (claiming.in_doubt or isinstance(error, DatabaseBusy)) or time.monotonic() >= give_up_at:
                raise
        with anyio.CancelScope(shield=claiming.in_doubt):
            await anyio.sleep(_RETRY_DELAY)
        return None
