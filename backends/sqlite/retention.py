"""What is deleted of a SQLite database when it is old, or belongs to nobody."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.convert import ages_by_name
from asyncqueue.backends.common.orphans import KeptKey, Sweeping
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.services import Batch
from asyncqueue.backends.sqlite.rows import array, first_column
from asyncqueue.backends.sqlite.times import Times
from asyncqueue.model import Observation, Stamp, Status

Row = tuple[Any, ...]
#: Reads the rows of a statement by name.
Select = Callable[[str, dict[str, Any]], Awaitable[list[Row]]]
#: Does work in a transaction; it returns how many rows that was about.
Write = Callable[[Callable[[sqlite3.Connection], int]], Awaitable[int]]


class SqliteRetention(Sweeping):
    """See `asyncqueue.backends.services.Retention`.

    Args:
        select: reads.
        write: does work in a transaction.
        observe: the backend's verb.
    """

    #: There is one writer at a time, and so long does a claim wait for this one: half a millisecond for a hundred small
    #: rows with their commit, three for a thousand (docs/performance.md).
    batch = 100

    def __init__(
        self,
        table: Table,
        times: Times,
        select: Select,
        write: Write,
        observe: Callable[[Collection[UUID]], Awaitable[Observation]],
    ) -> None:
        super().__init__(table, observe)
        self._times = times
        self._select = select
        self._write = write

    async def cleanup(self, ages: Mapping[Status, float], *, limit: int, resume_from: str | None = None) -> Batch:
        values = ages_by_name({status: self._times.cutoff(age) for status, age in ages.items()})
        after = int(resume_from) if resume_from and resume_from.isdecimal() else 0
        rows = await self._select("prunable", {"after": after, "limit": limit, **values})
        old = [number for number, is_old in rows if is_old]
        deleted = await self._write(lambda raw: self._delete(raw, old, values)) if old else 0
        return Batch(deleted, len(rows), str(rows[-1][0]) if len(rows) == limit else None)

    def _delete(self, raw: sqlite3.Connection, rowids: list[int], cutoffs: dict[str, str | None]) -> int:
        values = {"rowids": json.dumps(rowids), "now": self._times.slowest(), **cutoffs}
        gone = raw.execute(self._table["cleanup"].text, values).fetchall()
        if gone and self._table.migrated:
            raw.execute(self._table["cleanup_attempts"].text, {"ids": first_column(gone)})
        if gone and self._table.migrated:
            raw.execute(self._table["cleanup_edges"].text, {"ids": first_column(gone)})
        return len(gone)

    def _seconds(self, since: Stamp, now: Stamp) -> float:
        return self._times.silence(since, self._times.parse(str(now)))

    async def _kept_attempts(self, after: UUID, limit: int) -> list[UUID]:
        rows = await self._select("orphan_candidates_attempts", {"after": after.hex, "limit": limit})
        return [UUID(key) for (key,) in rows]

    async def _delete_attempts(self, ids: Sequence[UUID]) -> None:
        sql, values = self._table["cleanup_attempts"].text, {"ids": array(ids)}
        await self._write(lambda raw: raw.execute(sql, values).rowcount)

    async def _kept_edges(self, after: UUID, limit: int) -> list[UUID]:
        rows = await self._select("orphan_candidates_edges", {"after": after.hex, "limit": limit})
        return [UUID(key) for (key,) in rows]

    async def _delete_edges(self, ids: Sequence[UUID]) -> None:
        sql, values = self._table["cleanup_edges"].text, {"ids": array(ids)}
        await self._write(lambda raw: raw.execute(sql, values).rowcount)

    async def _kept_keys(self, after: str, limit: int) -> list[KeptKey]:
        rows = await self._select("orphan_candidates_keys", {"after": after, "limit": limit})
        return [KeptKey(key, UUID(holder), held_for) for key, holder, held_for in rows]

    async def _delete_keys(self, free: Sequence[KeptKey]) -> int:
        sql = self._table["delete_keys"].text
        rows = [{"unique_key": key.unique_key, "id": key.holder.hex} for key in free]
        return await self._write(lambda raw: raw.executemany(sql, rows).rowcount)
