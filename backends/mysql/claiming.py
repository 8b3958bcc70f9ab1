"""A claim that survives the loss of its connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from asyncqueue.backends.common.claim_cursor import by_age
from asyncqueue.backends.common.priority_buckets import Bucket
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unreadable import failed, passed_over
from asyncqueue.backends.mysql import unreadable
from asyncqueue.backends.mysql.connection import Call, MysqlConnection, Reply
from asyncqueue.backends.mysql.lock_proof import LockProof
from asyncqueue.backends.mysql.rows import encode, ids_json
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import Transaction, transaction
from asyncqueue.model import Claimant, ClaimedTask

#: Rows that other workers may have locked at one moment: several claims of a hundred or two.
HELD_BY_OTHERS = 1000


class Read(NamedTuple):
    """Where a claim reads, and how.

    Args:
        ready: the statement that finds and locks rows.
        claim cursor: of their `modified`.
        bucket: at level 1, which has one read for each.
        beyond: so many candidates more than are wanted, with `ready_apart`.
    """

    ready: str
    cursor: datetime
    bucket: Bucket | None = None
    beyond: int = HELD_BY_OTHERS


class Claiming:
    """One claim, as work for a connection. It may be run again after its connection was lost.

    Before the COMMIT is sent, its rows and its token are known. So when the reply is lost, the next run first looks
    which rows it holds, and takes new ones only if it holds none.

    Args:
        reads: where to find rows, in order, until there are enough.
        limit: of rows.
        proof: that the locks of the rows hold.
        first: a statement to run before, in the same transaction.
        timed: whether to ask the clock once more after the first read.
    """

    def __init__(
        self,
        table: Table,
        times: Times,
        reads: Sequence[Read],
        limit: int,
        claimant: Claimant,
        proof: LockProof,
        first: Call | None = None,
        *,
        timed: bool = False,
    ) -> None:
        #: How many rows the statement before has matched; None where that got lost on the way.
        self.matched: int | None = None
        #: Seconds that the server's scan took, by its own clock; read with `timed` only.
        self.scanned = 0.0
        #: The buckets read: how many rows were found there, and how many were wanted.
        self.found: dict[Bucket | None, tuple[int, int]] = {}
        self._table = table
        self._times = times
        self._reads = reads
        self._limit = limit
        self._claimant = claimant
        self._proof = proof
        self._timed = timed
        self._first = [] if first is None else [first]
        self.alone = first is None
        self._taken: list[ClaimedTask] = []

    @property
    def commit_unknown(self) -> bool:
        """Whether rows may have been claimed whose claim nobody has confirmed yet."""
        return bool(self._taken)

    async def __call__(self, connection: MysqlConnection) -> list[ClaimedTask]:
        """Claim."""
        if self._taken:
            held = await self._held(connection)
            if held:
                self.matched = None
                return held
        if not self._reads:  # nothing can be claimed: the first statement is all
            self.matched = (await connection.run(*self._first))[0].matched
            return []
        async with transaction(connection, self._table) as claiming:
            now, taken = await self._find(claiming)
            if not taken:
                await claiming.end()
                return []
            values = {
                "ids": ids_json(task.id for task in taken),
                "now": now,
                "worker_pid": self._claimant.pid,
                "worker": self._claimant.name,
            }
            await self._proof.give(claiming, [task.id for task in taken])
            self._taken = taken
            try:
                (reply,) = await claiming.end((self._table["claim"], values))
            except Exception:
                if connection.usable:  # so the server has answered, and it was rolled back
                    self._taken = []
                raise
        if reply.matched < len(taken):
            self._proof.refute()
            return await self._held(connection)
        self._taken = []
        return sorted(taken, key=by_age)

    async def _find(self, claiming: Transaction) -> tuple[datetime, list[ClaimedTask]]:
        """Run the statement before, and lock rows. Returns the table's time before that, and what they are."""
        clock: Call = self._table["clock"], {}
        calls = [*self._first, clock, self._ready(self._reads[0], self._limit)]
        replies = await claiming.run(*calls, *([clock] if self._timed else []))
        began, reply, *ended = replies[len(self._first) :]
        if self._timed:
            self.scanned = (ended[0].rows[0][0] - began.rows[0][0]).total_seconds()
        if self._first:
            self.matched = replies[0].matched
        self._note(self._reads[:1], [reply], self._limit)
        now = self._times.local(began.rows[0][0])
        found, done = (
            _claimed(self._reads[0], await self._readable(claiming, self._reads[0], reply, self._limit), now),
            1,
        )
        # Each packet has as many reads as all before it. What it locks beyond the limit is free again a moment later.
        while len(found) < self._limit and done < len(self._reads):
            wanted, reads = self._limit - len(found), self._reads[done : 2 * done]
            replies = await claiming.run(*(self._ready(read, wanted) for read in reads))
            self._note(reads, replies, wanted)
            for read, reply in zip(reads, replies, strict=True):
                found += _claimed(read, await self._readable(claiming, read, reply, wanted), now)
            done *= 2
        return now, found[: self._limit]

    async def _readable(self, claiming: Transaction, read: Read, reply: Reply, limit: int) -> Sequence[tuple[Any, ...]]:
        """The rows of a reply. Those that cannot be read are failed, and it is read again what comes after them."""
        form, rows = unreadable.ready(self._table), reply.rows
        while not form.fits(rows):
            good, bad = form.apart(rows)
            keys = unreadable.keys_of(bad)
            failing = unreadable.failing(self._table, keys, self._times.offset())
            done, again = await claiming.run(failing, self._ready(read, limit))
            if not done.matched:
                passed_over(keys)
                return good
            failed(keys)
            rows = again.rows
        return rows

    def _note(self, reads: Sequence[Read], replies: Sequence[Reply], limit: int) -> None:
        for read, reply in zip(reads, replies, strict=True):
            self.found[read.bucket] = len(reply.rows), limit

    def _ready(self, read: Read, limit: int) -> Call:
        queue, priority = read.bucket or (None, None)
        values = {"limit": limit, "candidates": limit + read.beyond, "cursor": read.cursor}
        return self._table[read.ready], {**values, "queue": queue, "priority": priority}

    async def _held(self, connection: MysqlConnection) -> list[ClaimedTask]:
        rows = encode([{"id": task.id.hex, "token": task.token} for task in self._taken])
        (reply,) = await connection.run((self._table["still_claimed"], {"rows": rows}))
        held = {UUID(row[0]) for row in reply.rows}
        taken, self._taken = self._taken, []
        return sorted((task for task in taken if task.id in held), key=by_age)


def _claimed(read: Read, rows: Sequence[tuple[Any, ...]], now: datetime) -> list[ClaimedTask]:
    """What was found by a read of the table as Django makes it, or of a bucket."""
    if read.bucket is None:
        return [ClaimedTask(UUID(key), task, args, now, queued_at) for key, task, args, queued_at in rows]
    queue, priority = read.bucket
    return [
        ClaimedTask(UUID(key), task, args, now, queued_at, attempt or 0, most, queue, priority, links or 0)
        for key, task, args, queued_at, attempt, most, links in rows
    ]
