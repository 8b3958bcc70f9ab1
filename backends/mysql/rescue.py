"""What a worker does beside its tasks: leases are renewed, and rows are taken whose worker was lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unreadable import UNREADABLE_AT_ONCE, failed, passed_over
from asyncqueue.backends.mysql import unreadable
from asyncqueue.backends.mysql.claiming import HELD_BY_OTHERS
from asyncqueue.backends.mysql.connection import Call, MysqlConnection
from asyncqueue.backends.mysql.rows import Row, encode, fence, ids_json, ordered, rows_json
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import Transaction, each, transaction
from asyncqueue.model import Claim, LostTask, Stamp


class Upkeep:
    """Renewals and rescues. Its verbs are work for a connection."""

    def __init__(self, table: Table, times: Times) -> None:
        self._table = table
        self._times = times

    async def renew(
        self, connection: MysqlConnection, *, claims: Sequence[Claim], now: Stamp, worker_pid: int | None
    ) -> set[UUID]:
        """As `Backend.renew`."""
        if not claims:
            return set()
        renewed: set[UUID] = set()
        for part in rows_json(ordered(map(fence, claims)), connection.max_packet):
            async with transaction(connection, self._table) as renewing:
                (free,) = await renewing.run(self._call("lock_renewable", rows=part, now=now))
                ids = {UUID(row[0]) for row in free.rows}
                values = {"ids": ids_json(ids), "now": now, "worker_pid": worker_pid}
                await renewing.end(*([self._call("renew", **values)] if ids else []))
            renewed |= ids
        return renewed

    async def locked(self, connection: MysqlConnection, *, ids: Collection[UUID]) -> set[UUID]:
        """As `Backend.locked`."""
        listed = ids_json(ids)
        async with transaction(connection, self._table) as looking:
            free, there = await looking.end(self._call("lockable", ids=listed), self._call("observe", ids=listed))
        return {UUID(row[1]) for row in there.rows if row[1] is not None} - {UUID(row[0]) for row in free.rows}

    async def append_log(self, connection: MysqlConnection, *, rows: Sequence[Row]) -> set[UUID]:
        """As `Backend.append_log`, of rows as `append_log` has them."""
        parts = list(rows_json(rows, connection.max_packet))
        async with transaction(connection, self._table) as appending:
            (free,) = await appending.run(self._call("lockable", ids=encode([row["id"] for row in rows])))
            ids = {UUID(row[0]) for row in free.rows}
            if len(ids) < len(rows):
                rows = [row for row in rows if UUID(row["id"]) in ids]
                parts = list(rows_json(rows, connection.max_packet)) if rows else []
            replies = await each(appending, [self._call("append_log", rows=part) for part in parts])
            if sum(reply.matched for reply in replies) == len(rows):
                return ids
            running = await each(appending, [self._call("still_claimed", rows=part) for part in parts])
            return {UUID(row[0]) for reply in running for row in reply.rows}

    async def release_strays(
        self, connection: MysqlConnection, *, worker: str, held: Collection[UUID], lease: float
    ) -> set[UUID]:
        """As `Backend.release_strays`."""
        cutoff = self._times.cutoff(await self._now(connection), lease)
        async with transaction(connection, self._table) as releasing:
            (found,) = await releasing.run(self._call("strays", worker=worker, held=ids_json(held), cutoff=cutoff))
            ids = {UUID(row[0]) for row in found.rows}
            await releasing.end(*([self._call("release_strays", ids=ids_json(ids))] if ids else []))
        return ids

    async def rescue(
        self,
        connection: MysqlConnection,
        *,
        lease: float,
        error: str | None,
        limit: int,
        skip: int,
        held: Collection[UUID],
    ) -> list[LostTask]:
        """As `Backend.rescue`, without so many of the oldest; DataRejected where one of the others is refused."""
        cutoff = self._times.cutoff(await self._now(connection), lease)
        values = {"cutoff": cutoff, "limit": limit, "skip": skip, "candidates": limit + skip + HELD_BY_OTHERS}
        looking = self._call("expired", **values, held=ids_json(held))
        async with transaction(connection, self._table) as rescuing:
            (found,) = await rescuing.run(looking)
            rows, bad = unreadable.lost(self._table).apart(found.rows)
            if bad:
                await self._fail(rescuing, unreadable.keys_of(bad))
            lost = [LostTask(UUID(key), task, worker_pid) for key, task, worker_pid in rows]
            ends = {"ids": ids_json(task.id for task in lost), "error": error, "utc_offset": self._times.offset()}
            await rescuing.end(*([self._call("rescue", **ends)] if lost else []))
        return lost

    async def overdue(
        self,
        connection: MysqlConnection,
        *,
        lease: float,
        foreign_lease: float | None,
        unknown: Collection[str],
        limit: int,
    ) -> list[LostTask]:
        """As `Backend.overdue`."""
        now = await self._now(connection)
        cutoff = self._times.cutoff(now, lease)
        foreign = None if foreign_lease is None else self._times.cutoff(now, foreign_lease)
        cutoffs = {"cutoff": cutoff, "foreign_cutoff": foreign, "latest": max(cutoff, foreign or cutoff)}
        looking = self._call("overdue", **cutoffs, lease=lease, unknown=encode(list(unknown)), limit=limit)
        rows, bad = unreadable.ready(self._table).apart((await connection.run(looking))[0].rows)
        if bad:
            async with transaction(connection, self._table) as failing:
                await self._fail(failing, unreadable.keys_of(bad))
        elapsed = self._times.elapsed
        return [
            LostTask(UUID(key), task, pid, at, bool(ours), attempt, losses, by, started, elapsed(at, now), queue)
            for key, task, pid, at, ours, attempt, losses, by, started, queue in rows
        ]

    async def fail_unreadable(self, connection: MysqlConnection) -> None:
        """As `Backend.fail_unreadable`."""
        (found,) = await connection.run(self._call("unreadable", limit=UNREADABLE_AT_ONCE))
        if found.rows:
            async with transaction(connection, self._table) as failing:
                await self._fail(failing, unreadable.keys_of(found.rows))

    async def _fail(self, failing: Transaction, keys: Sequence[str]) -> None:
        (reply,) = await failing.run(unreadable.failing(self._table, keys, self._times.offset()))
        (failed if reply.matched else passed_over)(keys)

    async def _now(self, connection: MysqlConnection) -> datetime:
        (reply,) = await connection.run(self._call("clock"))
        now: datetime = reply.rows[0][0]
        return now

    def _call(self, name: str, /, **values: Any) -> Call:
        return self._table[name], values
