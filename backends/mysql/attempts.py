"""The attempts of tasks in a migrated MySQL or MariaDB table: how they end, and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.connection import Call, MysqlConnection, Reply
from asyncqueue.backends.mysql.rows import Row, end, ordered, rows_json
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import each, transaction
from asyncqueue.model import Attempt, AttemptEnd


class Attempts:
    """Ends attempts and reads what was kept of them. Its verbs are work for a connection."""

    def __init__(self, table: Table, times: Times) -> None:
        self._table = table
        self._times = times

    async def end(self, connection: MysqlConnection, ends: Sequence[AttemptEnd]) -> set[UUID]:
        """Write those whose claims are held, and records of them. Returns the ids of all that stand in the table."""
        rows = ordered(map(_row, ends))
        locks = self._calls(connection, "lock_claims", _only(rows, "id", "token"))
        held = await self._end(connection, rows, locks)
        if len(held) < len(rows):
            # Either a claim was taken away, or this is a repetition and the first try did take effect.
            asked = self._calls(connection, "recorded", _only(rows, "id", "started"))
            held |= _ids([(await connection.run(call))[0] for call in asked])
        return held

    async def end_lost(
        self, connection: MysqlConnection, *, ends: Sequence[AttemptEnd], lease: float, foreign_lease: float | None
    ) -> set[UUID]:
        """As `Backend.end_lost`."""
        (clock,) = await connection.run((self._table["clock"], {}))
        foreign = None if foreign_lease is None else self._times.cutoff(clock.rows[0][0], foreign_lease)
        rows = ordered(map(_row, ends))
        fences = _only(rows, "id", "token")
        return await self._end(
            connection,
            rows,
            self._calls(connection, "still_expired", fences, lease=lease, foreign_cutoff=foreign),
        )

    async def _end(self, connection: MysqlConnection, rows: Sequence[Row], locks: Sequence[Call]) -> set[UUID]:
        """Write those ends whose rows can be locked by these statements, and records of them. Returns their ids."""
        async with transaction(connection, self._table) as ending:
            held = _ids(await each(ending, locks))
            written = [row for row in rows if UUID(row["id"]) in held]
            if written:
                offset = self._times.offset()
                await each(ending, self._calls(connection, "end_attempts", written, utc_offset=offset))
                await each(ending, self._calls(connection, "record_attempts", written))
        return held

    async def of(self, connection: MysqlConnection, task_id: UUID) -> list[Attempt]:
        """Those of one task, the first one first."""
        (reply,) = await connection.run((self._table["attempts"], {"id": task_id.hex}))
        instant = self._times.instant
        return [
            Attempt(number, outcome, error, log, worker, None if started is None else instant(started), instant(ended))
            for number, outcome, error, log, worker, started, ended in reply.rows
        ]

    def _calls(self, connection: MysqlConnection, name: str, rows: Sequence[Row], **values: Any) -> list[Call]:
        return [(self._table[name], {"rows": part, **values}) for part in rows_json(rows, connection.max_packet)]


def _row(ended: AttemptEnd) -> Row:
    more = {"delay": ended.delay, "attempt": ended.attempt, "started": ended.started, "lost": int(ended.lost)}
    return {**end(ended), **more}


def _ids(replies: Iterable[Reply]) -> set[UUID]:
    return {UUID(row[0]) for reply in replies for row in reply.rows}


def _only(rows: Iterable[Row], *names: str) -> list[Row]:
    return [{name: row[name] for name in names} for row in rows]
