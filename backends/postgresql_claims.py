"""How a PostgreSQL worker claims."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from asyncqueue.backends.lane import Lanes
from asyncqueue.backends.table import Table
from asyncqueue.backends.watermark import Watermark, by_age
from asyncqueue.model import ClaimedTask

if TYPE_CHECKING:
    import asyncpg

    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]

# Seconds for a claim that looks at everything, when very many dead index entries lie in its way.
_COSTLY_LOOK = 0.05


class Claims:
    """The claims of one backend.

    Args:
        lanes: the connections for them.
        translate: as `Lane.run` takes it.
    """

    def __init__(
        self, table: Table, lanes: Lanes[AsyncpgConnection], translate: Callable[[BaseException], Exception | None]
    ) -> None:
        self.watermark = Watermark(datetime.min.replace(tzinfo=UTC), costly=_COSTLY_LOOK)
        self._table = table
        self._lanes = lanes
        self._translate = translate

    async def claim(self, limit: int, worker_pid: int | None) -> list[ClaimedTask]:
        """Claim up to so many rows, oldest first."""
        bound = self.watermark.bound()
        claimed = await self._more(worker_pid, limit, bound)
        return await self._complete(claimed, limit, bound, worker_pid)

    async def claim_after(
        self, ends: dict[str, Any], limit: int, worker_pid: int | None
    ) -> tuple[int, list[ClaimedTask]]:
        """Write ends and claim, in one statement. Returns how many ends were written and what was claimed."""
        bound = self.watermark.bound()
        rows = await self._seize("exchange", {**ends, **_claim(limit, worker_pid, bound)})
        # One row at least, for the count; what was not claimed is NULL there.
        claimed = [] if rows[0][0] is None else [ClaimedTask._make(row[:5]) for row in rows]
        claimed.sort(key=by_age)
        return rows[0][5], await self._complete(claimed, limit, bound, worker_pid)

    async def _complete(
        self, claimed: list[ClaimedTask], limit: int, bound: datetime, worker_pid: int | None
    ) -> list[ClaimedTask]:
        return await self.watermark.complete(claimed, limit, bound, partial(self._more, worker_pid))

    async def _more(self, worker_pid: int | None, limit: int, bound: datetime) -> list[ClaimedTask]:
        claimed = list(map(ClaimedTask._make, await self._seize("claim", _claim(limit, worker_pid, bound))))
        claimed.sort(key=by_age)  # RETURNING follows the join's order, not the CTE's
        return claimed

    async def _seize(self, name: str, values: dict[str, Any]) -> list[asyncpg.Record]:
        """Run a statement that claims."""
        statement = self._table[name]
        arguments = statement.values(values)
        began = time.monotonic()
        rows = await self._lanes.run(
            lambda connection: connection.fetch(statement.text, *arguments),
            translate=self._translate,
            # Not on a new connection: the first attempt may have claimed, and its rows must not be forgotten as if
            # nothing had been sent.
            repeat=False,
        )
        take_in = self.watermark.worked if self.watermark.bounds(values["watermark"]) else self.watermark.looked
        take_in(time.monotonic() - began)
        return rows


def _claim(limit: int, worker_pid: int | None, bound: datetime) -> dict[str, Any]:
    return {"limit": limit, "worker_pid": worker_pid, "watermark": bound}
