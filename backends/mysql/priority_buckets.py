"""How a MySQL or MariaDB worker claims from a migrated table: bucket by bucket."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import anyio

from asyncqueue.backends.common.connection import ConnectionGroup
from asyncqueue.backends.common.pacing import pause_after
from asyncqueue.backends.common.priority_buckets import Bucket, Buckets, in_order
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unreadable import failed, passed_over
from asyncqueue.backends.mysql import unreadable
from asyncqueue.backends.mysql.claiming import HELD_BY_OTHERS, Claiming
from asyncqueue.backends.mysql.connection import Call, MysqlConnection
from asyncqueue.backends.mysql.lock_proof import LockProof
from asyncqueue.backends.mysql.read_strategies import Ways
from asyncqueue.backends.mysql.rows import Row, ordered, rows_json
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import Transaction, each, transaction
from asyncqueue.backends.promotions import Promotions, SetAside
from asyncqueue.errors import DatabaseError
from asyncqueue.model import ASIDE, Claimant, ClaimedTask, Link, Status

#: Seconds that the server takes for a full scan where some 200,000 dead index entries lie in the way.
EXPENSIVE_SCAN = 0.004
#: Scheduled rows that are queued by one transaction.
PROMOTED_AT_ONCE = 1000

_LOWEST = datetime.min


class Due(NamedTuple):
    """A row that is due."""

    id: str
    status: int
    run_after: datetime
    modified: datetime
    task: str = ""
    limit_key: str | None = None
    priority: int = 0
    links: int = 0
    queue: str = ""


_Wanted = Sequence[tuple[Bucket, datetime]]


class BucketClaims:
    """The claims of one backend from a migrated table.

    Args:
        connections: the connections for them.
        translate: as `SharedConnection.run` takes it.
        carry_out: runs a claim until it is known what was claimed.
        arrivals: hears of what is set aside.
        proof: that the locks of what is claimed hold.
    """

    def __init__(
        self,
        table: Table,
        times: Times,
        connections: ConnectionGroup[MysqlConnection],
        translate: Callable[[BaseException], Exception | None],
        carry_out: Callable[[Claiming], Awaitable[list[ClaimedTask]]],
        promotions: Promotions,
        proof: LockProof,
    ) -> None:
        self.buckets = Buckets(_LOWEST, expensive=EXPENSIVE_SCAN)
        self._table = table
        self._times = times
        self._connections = connections
        self._translate = translate
        self._carry_out = carry_out
        self._promotions = promotions
        self._proof = proof
        self._ways = Ways(table, connections, translate)
        # When to read those buckets again in which there was nothing.
        self._again: dict[Bucket | None, float] = {}
        self._empty = False

    async def claim(
        self, limit: int, claimant: Claimant, first: Call | None = None
    ) -> tuple[int | None, list[ClaimedTask]]:
        """Claim up to so many rows, in one transaction with another statement that comes first.

        Returns how many rows that one has matched (None where the reply got lost on the way) and what was claimed.
        """
        scan, back = self.buckets.begin_scan(), self.buckets.bloated and first is None
        if scan:
            wanted = await self._scan(claimant)
        else:
            wanted = self.buckets.wanted(claimant.queues, back=back)
            if not back:
                wanted = self._rested(wanted)
            if self._empty and first is None:
                wanted = await self._waiting(wanted)
        matched, claimed = await self._take(wanted, limit, claimant, first)
        if len(claimed) < limit and not scan and not back:
            claimed = claimed + await self._take_more(claimed, limit, claimant)
        claimed = in_order(claimed, claimant.queues)
        self.buckets.take_in(claimed, limit)
        self._empty = limit > 0 and not claimed
        return matched, claimed

    async def _take(
        self, wanted: _Wanted, limit: int, claimant: Claimant, first: Call | None = None
    ) -> tuple[int | None, list[ClaimedTask]]:
        if not wanted and first is None:
            return None, []
        reads = await self._ways.choose(wanted, limit)
        claiming = Claiming(self._table, self._times, reads, limit, claimant, self._proof, first)
        claimed = await self._carry_out(claiming)
        self._ways.take_in(reads, limit, claiming)
        for bucket, (found, wanting) in claiming.found.items():
            if found == 0 < wanting:
                self._again[bucket] = time.monotonic() + pause_after(0)
        return claiming.matched, claimed

    async def _take_more(self, claimed: list[ClaimedTask], limit: int, claimant: Claimant) -> list[ClaimedTask]:
        """What is claimed already must reach the caller: one that is cancelled meanwhile, and in spite of an error."""
        try:
            with anyio.CancelScope(shield=True):
                bloated = self.buckets.bloated
                wanted = self.buckets.wanted(claimant.queues, back=True) if bloated else await self._scan(claimant)
                _, more = await self._take(wanted, limit - len(claimed), claimant)
        except DatabaseError:
            if not claimed:
                raise
            return []
        return more

    def _rested(self, wanted: _Wanted) -> _Wanted:
        """Without the buckets that were found empty within a second: under an old snapshot even that is expensive."""
        now = time.monotonic()
        return [(bucket, bound) for bucket, bound in wanted if self._again.get(bucket, 0.0) <= now]

    async def _waiting(self, wanted: _Wanted) -> _Wanted:
        """Those buckets in which anything is queued: statements without a transaction, where a claim is one."""
        statement = self._table["any_queued"]
        calls = [
            (statement, {"cursor": bound, "queue": bucket.queue, "priority": bucket.priority})
            for bucket, bound in wanted
        ]
        if not calls:
            return []
        replies = await self._connections.run(lambda connection: connection.run(*calls), translate=self._translate)
        return [each for each, reply in zip(wanted, replies, strict=True) if reply.rows]

    # -- looking, and queueing what is due

    async def _scan(self, claimant: Claimant) -> _Wanted:
        """The buckets that hold queued rows, in order, each from its oldest row on. What is due is queued first."""
        found, due_in = await self._found()
        if due_in is not None and due_in <= 0 and await self._promote():
            found, _ = await self._found()
        return [(bucket, found[bucket]) for bucket, _ in self.buckets.wanted(claimant.queues) if bucket in found]

    async def _found(self) -> tuple[dict[Bucket, datetime], float | None]:
        """The buckets found, each with the `modified` of its oldest row, and in how many seconds a row is due."""
        scan: Call = self._table["list_buckets"], {}
        (reply,) = await self._connections.run(lambda connection: connection.run(scan), translate=self._translate)
        due_in = reply.rows[0][1]
        found = {
            # A zero date is no bound: a claim passes over such rows.
            Bucket(queue, priority): oldest if isinstance(oldest, datetime) else _LOWEST
            for _, _, queue, priority, oldest in reply.rows
            if queue is not None
        }
        # The longest by the server's own clock: this process may be busy with its tasks.
        self.buckets.scanned(float(max(took for took, *_ in reply.rows)), due_in, found)
        self._ways.keep(found.keys())
        self._again.clear()
        return found, due_in

    async def _promote(self) -> int:
        """Queue what is due, a batch at a time. Returns how many rows were."""

        async def work(connection: MysqlConnection) -> tuple[int, int, list[Due]]:
            due: Call = self._table["due"], {"limit": PROMOTED_AT_ONCE, "candidates": PROMOTED_AT_ONCE + HELD_BY_OTHERS}
            async with transaction(connection, self._table) as promoting:
                (found,) = await promoting.run(due)
                every = await self._timely(promoting, [Due(*row) for row in found.rows])
                scheduled = sorted((row for row in every if row.status == Status.SCHEDULED), key=_when)
                positions = {row.id: position for position, row in enumerate(scheduled, 1)}
                # What cannot be read is queued, so that a claim finds it and fails it.
                form = unreadable.due(self._table)
                aside = [row for row in scheduled if row.links & ASIDE and form.fits([row])]
                await self._queue(promoting, connection.max_packet, every, positions, {row.id for row in aside})
                held = [_held(row) for row in aside if not row.links & Link.WAITING]
                parts = rows_json(held, connection.max_packet) if held else ()
                await each(promoting, [(self._table["wait_for_slot"], {"rows": part}) for part in parts])
            return len(found.rows), len(positions) - len(aside), aside

        found, count, aside = await self._connections.run(work, translate=self._translate)
        self.buckets.promoted(found > 0)
        self._promotions.came([SetAside(UUID(row.id), row.links, row.limit_key) for row in aside])
        return count

    async def _timely(self, promoting: Transaction, due: list[Due]) -> list[Due]:
        """Those that are due at a time. The others have a zero date, which the driver gives as a text: they fail."""
        bad = [row.id for row in due if row.status == Status.SCHEDULED and not isinstance(row.run_after, datetime)]
        if not bad:
            return due
        (done,) = await promoting.run(unreadable.failing(self._table, bad, self._times.offset()))
        (failed if done.matched else passed_over)(bad)
        return [row for row in due if row.id not in bad]

    async def _queue(
        self,
        promoting: Transaction,
        max_packet: int,
        due: Sequence[Due],
        positions: Mapping[str, int],
        aside: Set[str],
    ) -> None:
        """Queue these, or set them aside; those without a place lose their time only."""
        rows = ordered(
            {
                "id": unreadable.raw_id(self._table, row.id),
                "position": positions.get(row.id),
                "aside": int(row.id in aside),
            }
            for row in due
        )
        offset = self._times.offset()
        parts = rows_json(rows, max_packet)
        await each(promoting, [(self._table["promote"], {"rows": part, "utc_offset": offset}) for part in parts])


def _when(row: Due) -> tuple[str, str, str]:
    """The order in which rows that are due are queued: as texts, because a zero date is one."""
    return str(row.run_after), str(row.modified), row.id


def _held(row: Due) -> Row:
    """What is held for a slot under a limit."""
    key = UUID(row.id).hex
    return {"id": key, "task": row.task, "limit_key": row.limit_key, "precedence": -row.priority, "queue": row.queue}
