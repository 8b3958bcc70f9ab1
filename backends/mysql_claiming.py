"""A claim that survives the loss of its connection."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from asyncqueue.backends.mysql_connection import Call, MysqlConnection
from asyncqueue.backends.mysql_rows import encode, ids_json
from asyncqueue.backends.mysql_times import Times
from asyncqueue.backends.table import Table
from asyncqueue.backends.watermark import by_age
from asyncqueue.model import ClaimedTask

#: Rows that other workers may have locked at one moment: several claims of a hundred or two.
HELD_BY_OTHERS = 1000


class Claiming:
    """One claim, as work for a lane. It may be run again after its connection was lost.

    Before the COMMIT is sent, its rows and its token are known. So when the reply is lost, the next run first looks
    which rows it holds, and takes new ones only if it holds none.

    Args:
        ready: the statement that finds and locks rows.
        limit: of rows.
        watermark: of their `modified`.
        first: a statement to run before, in the same transaction.
        timed: whether to ask the clock once more afterwards.
    """

    def __init__(
        self,
        table: Table,
        times: Times,
        ready: str,
        limit: int,
        worker_pid: int | None,
        watermark: datetime,
        first: Call | None = None,
        *,
        timed: bool,
    ) -> None:
        #: How many rows the statement before has matched; None where that got lost on the way.
        self.matched: int | None = None
        #: Seconds that the server has looked for rows, by its own clock; taken with `timed` only.
        self.looked = 0.0
        self._table = table
        self._times = times
        self._ready = ready
        self._limit = limit
        self._worker_pid = worker_pid
        self.watermark = watermark
        self._timed = timed
        self._first = [] if first is None else [first]
        self._taken: list[ClaimedTask] = []

    @property
    def in_doubt(self) -> bool:
        """Whether rows may have been claimed whose claim nobody has confirmed yet."""
        return bool(self._taken)

    async def __call__(self, connection: MysqlConnection) -> list[ClaimedTask]:
        """Claim."""
        begin: Call = self._table["begin"], {}
        commit: Call = self._table["commit"], {}
        if self._taken:
            held = await self._held(connection)
            if held:
                self.matched = None
                return held
        clock: Call = self._table["clock"], {}
        values = {"limit": self._limit, "candidates": self._limit + HELD_BY_OTHERS, "watermark": self.watermark}
        ready: Call = self._table[self._ready], values
        replies = await connection.run(begin, *self._first, clock, ready, *([clock] if self._timed else []))
        began, found, *ended = replies[1 + len(self._first) :]
        if self._timed:
            self.looked = (ended[0].rows[0][0] - began.rows[0][0]).total_seconds()
        if self._first:
            self.matched = replies[1].matched
        if not found.rows:
            await connection.run(commit)
            return []
        now = self._times.local(began.rows[0][0])
        taken = [ClaimedTask(UUID(key), task, args, now, queued_at) for key, task, args, queued_at in found.rows]
        values = {"ids": ids_json(task.id for task in taken), "now": now, "worker_pid": self._worker_pid}
        self._taken = taken
        try:
            await connection.run((self._table["claim"], values), commit)
        except Exception:
            if connection.usable:  # so the server has answered, and it was rolled back
                self._taken = []
            raise
        self._taken = []
        return sorted(taken, key=by_age)

    async def _held(self, connection: MysqlConnection) -> list[ClaimedTask]:
        rows = encode([{"id": task.id.hex, "token": task.token} for task in self._taken])
        (reply,) = await connection.run((self._table["held"], {"rows": rows}))
        held = {UUID(row[0]) for row in reply.rows}
        taken, self._taken = self._taken, []
        return sorted((task for task in taken if task.id in held), key=by_age)
