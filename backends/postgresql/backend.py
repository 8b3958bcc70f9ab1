"""PostgreSQL 12 or later, through asyncpg."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Unpack
from uuid import UUID

import anyio
import asyncpg

from asyncqueue.backends.base import Capabilities, Change, Extent, Options, Server, TableShape, TaskFilter, within
from asyncqueue.backends.common import statements
from asyncqueue.backends.common.connection import ConnectionGroup, SharedConnection
from asyncqueue.backends.common.convert import filtering, like, queue_states, status_of
from asyncqueue.backends.common.lost_replies import QUEUED, Tries, cancelled, once
from asyncqueue.backends.common.rescue import passing_over
from asyncqueue.backends.common.shielding import carried
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unreadable import TIME_ERROR, UNREADABLE_AT_ONCE, failed
from asyncqueue.backends.postgresql import schema
from asyncqueue.backends.postgresql.claims import Claims
from asyncqueue.backends.postgresql.connection import Connector, GivenUp, Timeouts
from asyncqueue.backends.postgresql.dependencies import PostgresqlDependencies
from asyncqueue.backends.postgresql.enqueue import Enqueueing
from asyncqueue.backends.postgresql.errors import translate
from asyncqueue.backends.postgresql.limits import PostgresqlLimits
from asyncqueue.backends.postgresql.listener import AWAITED, CANCELLED, ENDED, NEWS, Listener
from asyncqueue.backends.postgresql.maintenance import PostgresqlMaintenance
from asyncqueue.backends.postgresql.notifier import Notifier
from asyncqueue.backends.postgresql.periodic import PostgresqlPeriodic
from asyncqueue.backends.postgresql.retention import PostgresqlRetention
from asyncqueue.backends.postgresql.scheduled import PostgresqlScheduled
from asyncqueue.backends.postgresql.transaction import transaction
from asyncqueue.backends.promotions import Promotions
from asyncqueue.errors import DatabaseError, SchemaError
from asyncqueue.model import (
    Attempt,
    AttemptEnd,
    Claim,
    Claimant,
    ClaimedTask,
    FailureGroup,
    Finish,
    LogChunk,
    LostTask,
    NewTask,
    Observation,
    OutputChunk,
    OutputPart,
    QueueState,
    Release,
    Stamp,
    TaskCount,
    TaskRecord,
    WorkerInfo,
    WorkerState,
)

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]
    Row = asyncpg.Record

# Building an index on a very large table may take hours; the deadline only keeps a lost connection from hanging.
_MIGRATION_TIMEOUT = 6 * 3600.0
# What `end_attempts` calls the columns of a batch of ends.
_ATTEMPT_ARRAYS = (
    *("ids", "tokens", "statuses", "outputs", "errors", "logs", "keeps", "delays", "attempts", "starteds", "losts"),
)
# How long a rescue waits for a lock on the whole table. The workers that wait to renew are to have it first.
_NO_PATIENCE = "50ms"
# Seconds after which workers are told again that somebody waits.
_SAY_WAITING = 1.0


class PostgresqlBackend:
    """The task table in a PostgreSQL database.

    `url` is `postgresql://user:password@host:port/database`, with asyncpg's query parameters (`sslmode`,
    `host=/run/...` for a socket) and one of ours: `statement_cache_size=0` for a PgBouncer that pools transactions.
    """

    #: Where its statements are; see `statements.load`.
    dialects: Sequence[str] = ("postgresql",)
    capabilities = Capabilities(wakes=True, embedded=False, exchanges=2, row_locks=True)

    def __init__(self, url: str, options: Options) -> None:
        self.options = options
        self._within = options.statement_timeout
        self._given_up = GivenUp()
        names = schema.names_of(options.table)
        slots = {**schema.slots(names), **Timeouts.of(options.statement_timeout).slots()}
        self._table = Table(self.dialects, statements.dollar, options.table, names, slots, remedy=options.remedy)
        self._connector = Connector(url, options, self._table.setup["array_types"].text)
        # For a worker's hot path, for everything that must not wait behind it, for enqueueing, and for limits.

        def by_index() -> Awaitable[AsyncpgConnection]:
            return self._connector.connect_by_index(self._within)

        self._engine = ConnectionGroup([self._shared(by_index) for _ in range(self.capabilities.exchanges)])
        self._control, self._enqueue, self._admit = self._shared(), self._shared(), self._shared(by_index)
        # For heartbeats alone.
        self._pulse = self._shared(lambda: self._connector.connect_impatient(self._within))
        # For what follows from ends, which may wait for locks.
        self._linking = self._shared()
        # For what a caller's transaction does not see.
        self._beside = self._shared()
        self._connections = (
            self._engine,
            self._control,
            self._enqueue,
            self._admit,
            self._pulse,
            self._linking,
            self._beside,
        )
        self._listener = Listener(
            self._connector.connect, lambda: self._table.names.channel, self._table.setup["listen_ping"].text
        )
        self._ends = Notifier(lambda: self._notify(ENDED))
        self._said_waiting = -inf
        self._server = Server("PostgreSQL", "unknown until opened")
        self.promotions = Promotions()
        self._claims = Claims(self._table, self._engine, self._translate, self.promotions)
        notifier = Notifier(lambda: self._notify(NEWS)) if options.notify else None
        self._enqueueing = Enqueueing(self._table, self._enqueue, self._beside, notifier, self._translate)
        run, fetch = partial(self._control.run, translate=self._translate), partial(self._fetch, self._control)
        self.scheduled = PostgresqlScheduled(self._table, fetch, self._claims.forget)
        self.periodic = PostgresqlPeriodic(self._table, run)
        admit = partial(self._admit.run, translate=self._translate)
        self.limits = PostgresqlLimits(self._table, admit)
        linking = partial(self._linking.run, translate=self._translate)
        self.dependencies = PostgresqlDependencies(self._table, run, linking, self._claims.forget)
        self.maintenance = PostgresqlMaintenance(self._table, fetch)
        self.retention = PostgresqlRetention(self._table, fetch, self.observe)

    @property
    def server(self) -> Server:
        return self._server

    @property
    def shape(self) -> TableShape | None:
        return self._table.shape

    @property
    def defect(self) -> SchemaError | None:
        return self._table.defect

    async def open(self) -> None:
        for shared in self._connections:
            shared.open()
        self._listener.open()
        await self._control.run(self._discover, translate=self._translate)

    async def refresh(self) -> None:
        await self._pulse.run(self._probe, translate=self._translate)

    def hurry(self, seconds: float | None) -> None:
        self._within = within(self.options, seconds)
        for shared in (self._engine, self._admit, self._pulse):
            shared.hurry(self._within)
        self._linking.hurry(self.options.statement_timeout)

    async def close(self) -> None:
        await self._enqueueing.close()
        await self._ends.close()
        for shared in self._connections:
            shared.close()
        self._given_up.close()
        self._listener.close()

    # -- enqueueing

    async def enqueue(self, tasks: Sequence[NewTask], *, connection: Any = None) -> None:
        await self._enqueueing.enqueue(tasks, connection)

    async def enqueue_unique(self, tasks: Sequence[NewTask], *, connection: Any = None) -> list[UUID]:
        return await self._enqueueing.enqueue_unique(tasks, connection)

    # -- a worker's path of a task

    async def claim(
        self,
        limit: int,
        *,
        worker_pid: int | None,
        worker: str | None = None,
        queues: Sequence[str] | None = None,
    ) -> list[ClaimedTask]:
        claim = self._claims.claim(limit, Claimant.of(worker_pid, worker, queues))
        return await carried(claim, for_result=True)

    async def finish(self, finishes: Sequence[Finish]) -> set[UUID]:
        values = _ends(finishes)
        written = {row[0] for row in await self._fetch(self._engine, "finish", values)}
        if len(written) < len(finishes):
            # Either the claim was taken away, or this is a repetition and the first attempt did take effect.
            written |= {row[0] for row in await self._fetch(self._engine, "finished", values)}
        return written

    async def exchange(
        self,
        finishes: Sequence[Finish],
        limit: int,
        *,
        worker_pid: int | None,
        worker: str | None = None,
        queues: Sequence[str] | None = None,
    ) -> tuple[set[UUID] | None, list[ClaimedTask]]:
        return await carried(self._exchange(finishes, limit, Claimant.of(worker_pid, worker, queues)), for_result=True)

    async def end_attempts(self, ends: Sequence[AttemptEnd]) -> set[UUID]:
        self._table.require_migrated("another attempt")
        columns = zip(*ends, strict=True)
        values = dict(zip(_ATTEMPT_ARRAYS, columns, strict=True))
        written = {row[0] for row in await self._fetch(self._engine, "end_attempts", values)}
        if len(written) < len(ends):
            written |= {row[0] for row in await self._fetch(self._engine, "recorded", values)}
        return written

    async def attempts(self, task_id: UUID) -> list[Attempt]:
        if not self._table.migrated:
            return []
        return [Attempt(*row) for row in await self._fetch(self._control, "attempts", {"id": task_id})]

    async def append_output(self, chunks: Sequence[OutputChunk]) -> set[UUID]:
        values = {
            "ids": [chunk.id for chunk in chunks],
            "tokens": [chunk.token for chunk in chunks],
            "offsets": [chunk.offset for chunk in chunks],
            "texts": [chunk.text for chunk in chunks],
        }
        return {row[0] for row in await self._fetch(self._engine, "append_output", values)}

    async def append_log(self, chunks: Sequence[LogChunk]) -> set[UUID]:
        if not chunks or not self._table.logged:
            return set()
        columns = zip(*chunks, strict=True)
        values = dict(zip(("ids", "tokens", "starteds", "offsets", "texts"), columns, strict=True))
        return {row[0] for row in await self._fetch(self._engine, "append_log", values)}

    async def observe(self, ids: Collection[UUID], *, beating: bool = False) -> Observation:
        rows = await self._fetch(self._pulse if beating else self._control, "observe", {"ids": list(ids)})
        return Observation(rows[0][0], {row[1]: (row[2], row[3]) for row in rows if row[1] is not None})

    async def renew(self, claims: Sequence[Claim], *, now: Stamp, worker_pid: int | None) -> set[UUID]:
        values = {**_fences(claims), "now": now, "worker_pid": worker_pid}
        return {row[0] for row in await self._fetch(self._pulse, "renew", values)}

    async def locked(self, ids: Collection[UUID]) -> set[UUID]:
        async def work(connection: AsyncpgConnection) -> set[UUID]:
            async with self._without_waiting(connection):
                return {row[0] for row in await self._fetching("locked", {"ids": list(ids)})(connection)}

        return await self._engine.run(work, translate=self._translate)

    async def release(self, releases: Sequence[Release]) -> None:
        self._claims.forget()
        values = {**_fences(releases), "queued_ats": [release.queued_at for release in releases]}
        await self._fetch(self._engine, "release", values)

    async def end_lost(self, ends: Sequence[AttemptEnd], *, lease: float, foreign_lease: float | None) -> set[UUID]:
        self._table.require_migrated("another attempt")
        leases = {"lease": lease, "foreign_lease": foreign_lease}

        async def work(connection: AsyncpgConnection) -> set[UUID]:
            async with self._without_waiting(connection):
                lost = await self._fetching("still_expired", {**_fences(ends), **leases})(connection)
                taken = {row[0] for row in lost}
                if taken:
                    columns = zip(*(end for end in ends if end.id in taken), strict=True)
                    await self._fetching("end_attempts", dict(zip(_ATTEMPT_ARRAYS, columns, strict=True)))(connection)
            return taken

        return await self._control.run(work, translate=self._translate)

    async def release_strays(self, worker: str, *, held: Collection[UUID], lease: float) -> set[UUID]:
        self._table.require_migrated("the name of a worker")
        values = {"worker": worker, "held": list(held), "lease": lease}
        released = {row[0] for row in await self._fetch(self._control, "release_strays", values)}
        if released:
            self._claims.forget()
        return released

    async def rescue(
        self, *, lease: float, error: str | None, limit: int = 1000, held: Collection[UUID] = ()
    ) -> list[LostTask]:
        async def rescue(limit: int, skip: int) -> list[LostTask]:
            values = {"lease": lease, "error": error, "limit": limit, "skip": skip, "held": list(held)}

            async def work(connection: AsyncpgConnection) -> list[LostTask]:
                async with self._without_waiting(connection):
                    return [LostTask(*row) for row in await self._fetching("rescue", values)(connection)]

            return await self._control.run(work, translate=self._translate)

        return await passing_over(rescue, limit)

    async def fail_unreadable(self) -> None:
        rows = await self._fetch(self._control, "fail_unreadable", {"error": TIME_ERROR, "limit": UNREADABLE_AT_ONCE})
        failed(str(row[0]) for row in rows)

    async def overdue(
        self, *, lease: float, foreign_lease: float | None, unknown: Collection[str] = (), limit: int = 1000
    ) -> list[LostTask]:
        values = {"lease": lease, "foreign_lease": foreign_lease, "unknown": list(unknown), "limit": limit}
        return [LostTask(*row) for row in await self._fetch(self._control, "overdue", values)]

    async def foreign_pids(self, own: int) -> set[int]:
        if self.shape is not None and not self.shape.errors:
            return set()
        return {row[0] for row in await self._fetch(self._pulse, "foreign_pids", {"own": own})}

    async def beat(self, worker: WorkerInfo) -> None:
        if self._table.migrated:
            await self._fetch(self._pulse, "beat", asdict(worker))

    async def leave(self, name: str) -> None:
        if self._table.migrated:
            await self._fetch(self._control, "leave", {"name": name})

    async def workers(self) -> list[WorkerState]:
        self._table.require_migrated("the list of workers")
        return [WorkerState(WorkerInfo(*row[:7]), *row[7:]) for row in await self._fetch(self._control, "workers", {})]

    async def wait_for_cancellation(self, timeout: float) -> bool:
        if self.options.notify:
            return await self._listener.wait(CANCELLED, timeout)
        await anyio.sleep(timeout)
        return False

    async def wait_for_work(self, timeout: float) -> None:
        timeout = min(timeout, self._claims.buckets.until_due)
        if self.options.notify:
            await self._listener.wait(NEWS, timeout)
        else:
            await anyio.sleep(timeout)

    def announce_ends(self) -> None:
        if self._listener.awaited:
            self._ends.announce()

    async def wait_for_ends(self, timeout: float) -> None:
        if not self.options.notify:
            await anyio.sleep(timeout)
            return
        if time.monotonic() - self._said_waiting > _SAY_WAITING:
            self._said_waiting = time.monotonic()
            with suppress(DatabaseError):
                await self._notify(AWAITED)
        await self._listener.wait(ENDED, timeout)

    async def read_output(self, task_id: UUID, offset: int, limit: int) -> OutputPart | None:
        rows = await self._fetch(self._control, "read_output", {"id": task_id, "offset": offset, "limit": limit})
        return OutputPart(*rows[0]) if rows else None

    # -- looking and steering

    async def get(self, ids: Collection[UUID]) -> list[TaskRecord]:
        return _records(await self._fetch(self._control, "get", {"ids": list(ids)}))

    async def find(self, where: TaskFilter, *, limit: int, offset: int = 0) -> list[TaskRecord]:
        values = {**self._filter(where), "limit": limit, "offset": offset}
        return _records(await self._fetch(self._control, "find", values))

    async def count(self, where: TaskFilter) -> int:
        rows = await self._fetch(self._control, "count", self._filter(where))
        return int(rows[0][0])

    async def counts(self) -> list[TaskCount]:
        rows = await self._fetch(self._control, "counts", {})
        return [TaskCount(row[0], status_of(row[1]), row[2], row[3]) for row in rows]

    async def failures(self, where: TaskFilter, *, limit: int) -> list[FailureGroup]:
        rows = await self._fetch(self._control, "failures", {**self._filter(where), "limit": limit})
        return [FailureGroup(row[0], row[1] or "", row[2], row[3]) for row in rows]

    async def cancel(self, ids: Collection[UUID]) -> set[UUID]:
        values = {"ids": list(ids), "channel": self._table.names.channel}
        tries = Tries(self._translate)
        done = {row[0] for row in await tries.run(self._control, self._fetching("cancel", values))}
        return cancelled(await self.observe(ids)) if tries.lost else done

    async def requeue(self, ids: Collection[UUID]) -> set[UUID]:
        await self.observe([])  # a connection that died while it was idle is found out by what may be repeated
        requeue = self._fetching("requeue", {"ids": list(ids)})
        return {row[0] for row in await once(self._control, requeue, self._translate, what=QUEUED)}

    async def pause(self, queue: str, *, paused: bool) -> None:
        self._table.require_migrated("pausing a queue" if paused else "resuming a queue")
        await self._fetch(self._control, "pause" if paused else "resume", {"name": queue})

    async def queues(self) -> list[QueueState]:
        self._table.require_migrated("a list of queues")
        return queue_states(map(tuple, await self._fetch(self._control, "queues", {})))

    # -- schema

    async def pending(self, **extent: Unpack[Extent]) -> list[Change]:
        return await self._control.run(
            lambda connection: schema.pending(connection, self._table, **extent), translate=self._translate
        )

    async def migrate(self, **extent: Unpack[Extent]) -> list[Change]:
        # Connections that end with it, and with them what they hold, whatever becomes of it.
        locked, working = self._shared(), self._shared(self._connector.connect_unhurried)

        async def work(connection: AsyncpgConnection) -> list[Change]:
            changes = await schema.pending(connection, self._table, **extent)
            for change in changes:
                await schema.change(connection, self._table, change)
            await self._probe(connection)
            return changes

        async def alone(connection: AsyncpgConnection) -> list[Change]:
            async with schema.migrating(connection, self._table, self._table.names.channel):
                return await working.run(work, translate=self._translate, timeout=_MIGRATION_TIMEOUT)

        try:
            return await locked.run(alone, translate=self._translate, repeat=False, timeout=_MIGRATION_TIMEOUT)
        finally:
            working.close()
            locked.close()

    # -- inside

    @asynccontextmanager
    async def _without_waiting(self, connection: AsyncpgConnection) -> AsyncIterator[None]:
        """A transaction that gives up where somebody has locked the whole table."""
        async with transaction(connection, self._table):
            await connection.fetchval(self._table.setup["lock_timeout"].text, _NO_PATIENCE)
            yield

    async def _exchange(
        self, finishes: Sequence[Finish], limit: int, claimant: Claimant
    ) -> tuple[set[UUID] | None, list[ClaimedTask]]:
        ends = _ends(finishes)
        count, claimed = await self._claims.claim_after(ends, limit, claimant)
        if count == len(finishes):
            return {finish.id for finish in finishes}, claimed
        try:
            return {row[0] for row in await self._fetch(self._engine, "finished", ends)}, claimed
        except DatabaseError:
            return None, claimed  # what is claimed must reach the caller, which can ask for the ends again

    def _filter(self, where: TaskFilter) -> dict[str, Any]:
        self._table.check_filter(where)
        return filtering(where, [int(status) for status in where.statuses], like)

    async def _notify(self, payload: str) -> None:
        await self._fetch(self._control, "notify", {"channel": self._table.names.channel, "payload": payload})

    def _shared(
        self, connect: Callable[[], Awaitable[AsyncpgConnection]] | None = None
    ) -> SharedConnection[AsyncpgConnection]:
        return SharedConnection(
            connect=connect or self._connector.connect,
            discard=lambda connection: connection.terminate(),
            give_up=self._given_up.add,
            usable=lambda connection: not connection.is_closed(),
            connect_timeout=self.options.connect_timeout,
            statement_timeout=self.options.statement_timeout,
            refresh=self._probe,
            server=f"PostgreSQL at {self._connector.server}",
        )

    def _translate(self, error: BaseException) -> Exception | None:
        return translate(error, self._table, self._connector.server)

    async def _fetch(
        self,
        shared: SharedConnection[AsyncpgConnection] | ConnectionGroup[AsyncpgConnection],
        name: str,
        values: dict[str, Any],
    ) -> list[Row]:
        return await shared.run(self._fetching(name, values), translate=self._translate)

    def _fetching(self, name: str, values: dict[str, Any]) -> Callable[[AsyncpgConnection], Awaitable[list[Row]]]:
        statement = self._table[name]
        arguments = statement.values(values)
        return lambda connection: connection.fetch(statement.text, *arguments)

    async def _discover(self, connection: AsyncpgConnection) -> None:
        # In a transaction, which a PgBouncer that pools statements refuses: before anything is written.
        async with transaction(connection, self._table):
            await self._probe(connection)

    async def _probe(self, connection: AsyncpgConnection) -> None:
        self._server = await schema.server(connection, self._table)
        await schema.read(connection, self._table, notify=self.options.notify)


def _ends(finishes: Sequence[Finish]) -> dict[str, Any]:
    """The columns of a batch of ends."""
    ids, tokens, statuses, outputs, errors, logs, keeps = zip(*finishes, strict=True) if finishes else [()] * 7
    return {
        "ids": ids,
        "tokens": tokens,
        "statuses": statuses,
        "outputs": outputs,
        "errors": errors,
        "logs": logs,
        "keeps": keeps,
    }


def _fences(claims: Sequence[Claim] | Sequence[Release] | Sequence[AttemptEnd]) -> dict[str, Any]:
    return {"ids": [claim.id for claim in claims], "tokens": [claim.token for claim in claims]}


def _records(rows: list[Row]) -> list[TaskRecord]:
    return [TaskRecord(row[0], row[1], row[2], row[3], row[4], status_of(row[5]), *row[6:]) for row in rows]
