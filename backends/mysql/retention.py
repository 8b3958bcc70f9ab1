"""What is deleted of a MySQL or MariaDB database when it is old, or belongs to nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from asyncqueue.backends.common.orphans import KeptKey, Sweeping
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql import unreadable
from asyncqueue.backends.mysql.connection import Call, MysqlConnection, Reply
from asyncqueue.backends.mysql.rows import encode, ids_json
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import transaction
from asyncqueue.backends.services import Batch
from asyncqueue.model import ENDED, Observation, Stamp, Status

Result = TypeVar("Result")
#: Does work on a connection.
Run = Callable[[Callable[[MysqlConnection], Awaitable[Any]]], Awaitable[Any]]

#: Where a clean-up goes on that has not come to its end. What is old stands together in the index of claims, so every
#: batch begins where that begins.
_BEGINNING = "0"


class MysqlRetention(Sweeping):
    """See `asyncqueue.backends.services.Retention`.

    Args:
        run: does work with a connection.
        observe: the backend's verb.
    """

    #: Deleted in some ten milliseconds.
    batch = 1000

    def __init__(
        self, table: Table, times: Times, run: Run, observe: Callable[[Collection[UUID]], Awaitable[Observation]]
    ) -> None:
        super().__init__(table, observe)
        self._times = times
        self._run = run

    async def cleanup(self, ages: Mapping[Status, float], *, limit: int, resume_from: str | None = None) -> Batch:
        async def work(connection: MysqlConnection) -> int:
            return await self._clean(connection, ages, limit)

        deleted = await self._run(work)
        return Batch(deleted, deleted, _BEGINNING if deleted == limit else None)

    async def _clean(self, connection: MysqlConnection, ages: Mapping[Status, float], limit: int) -> int:
        (reply,) = await connection.run(self._call("clock"))
        now = reply.rows[0][0]
        cutoffs = {int(status): self._times.cutoff(now, age) for status, age in ages.items() if status in ENDED}
        slowest = self._times.slowest(now)
        old: list[str] = []  # as they were read: one that is no UUID is deleted, too
        parts = await self._parts(connection, cutoffs)
        async with transaction(connection, self._table) as cleaning:
            for part in parts:
                (reply,) = await cleaning.run(self._call("prunable", **part, limit=limit - len(old), now=slowest))
                old += unreadable.keys_of(reply.rows)
            ids = unreadable.raw_ids(self._table, old)
            gone = [self._call(name, ids=ids) for name in (*self._beside(), "cleanup")]
            await cleaning.end(*(gone if old else []))
        return len(old)

    def _beside(self) -> list[str]:
        """The statements that delete what belongs to tasks, beside their table."""
        there = {"cleanup_attempts": self._table.migrated, "cleanup_edges": self._table.migrated}
        return [name for name, is_there in there.items() if is_there]

    async def _parts(self, connection: MysqlConnection, cutoffs: Mapping[int, datetime]) -> list[dict[str, Any]]:
        """The parts of the index where `cleanup` looks: at level 1, those buckets that hold old rows."""
        if not self._table.migrated:
            return [
                {"status": status, "queue": None, "priority": None, "cutoff": cutoff}
                for status, cutoff in cutoffs.items()
            ]
        return [
            {"status": status, "queue": queue, "priority": priority, "cutoff": cutoff}
            for status, cutoff in cutoffs.items()
            for reply in await connection.run(self._call("prunable_buckets", status=status, cutoff=cutoff))
            for queue, priority, _ in reply.rows
        ]

    def _seconds(self, since: Stamp, now: Stamp) -> float:
        assert isinstance(since, datetime)  # noqa: S101 - this database's stamps are
        assert isinstance(now, datetime)  # noqa: S101
        return (self._times.instant(now) - self._times.instant(since)).total_seconds()

    async def _kept_attempts(self, after: UUID, limit: int) -> list[UUID]:
        reply = await self._one(self._call("orphan_candidates_attempts", after=after.hex, limit=limit))
        return [UUID(key) for (key,) in reply.rows]

    async def _delete_attempts(self, ids: Sequence[UUID]) -> None:
        await self._one(self._call("cleanup_attempts", ids=ids_json(ids)))

    async def _kept_edges(self, after: UUID, limit: int) -> list[UUID]:
        reply = await self._one(self._call("orphan_candidates_edges", after=after.hex, limit=limit))
        return [UUID(key) for (key,) in reply.rows]

    async def _delete_edges(self, ids: Sequence[UUID]) -> None:
        await self._one(self._call("cleanup_edges", ids=ids_json(ids)))

    async def _kept_keys(self, after: str, limit: int) -> list[KeptKey]:
        reply = await self._one(self._call("orphan_candidates_keys", after=after, limit=limit))
        return [KeptKey(key, UUID(holder), held_for) for key, holder, held_for in reply.rows]

    async def _delete_keys(self, free: Sequence[KeptKey]) -> int:
        asked = encode([{"unique_key": key.unique_key, "id": key.holder.hex} for key in free])

        async def work(connection: MysqlConnection) -> int:
            async with transaction(connection, self._table) as deleting:
                (locked,) = await deleting.run(self._call("lock_keys", rows=asked))
                rows = encode([{"unique_key": key, "id": holder} for key, holder in locked.rows])
                await deleting.end(*([self._call("delete_keys", rows=rows)] if locked.rows else []))
            return len(locked.rows)

        return int(await self._run(work))

    async def _one(self, call: Call) -> Reply:
        async def work(connection: MysqlConnection) -> Reply:
            (reply,) = await connection.run(call)
            return reply

        reply: Reply = await self._run(work)
        return reply

    def _call(self, name: str, /, **values: Any) -> Call:
        return self._table[name], values
