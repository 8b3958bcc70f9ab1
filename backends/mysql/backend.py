"""MySQL 8.0.11 or later and MariaDB 10.6 or later, through aiomysql."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence, Set
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any, Unpack
from uuid import UUID

import anyio

from asyncqueue.backends.base import Capabilities, Change, Extent, Options, Server, TableShape, TaskFilter, within
from asyncqueue.backends.common import statements
from asyncqueue.backends.common.connection import ConnectionGroup, SharedConnection
from asyncqueue.backends.common.convert import filtering, like, queue_states, status_of, task_record
from asyncqueue.backends.common.lost_replies import QUEUED, Tries, cancelled, once
from asyncqueue.backends.common.rescue import passing_over
from asyncqueue.backends.common.shielding import carried
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unreadable import records
from asyncqueue.backends.mysql import schema, session
from asyncqueue.backends.mysql.address import address_of
from asyncqueue.backends.mysql.attempts import Attempts
from asyncqueue.backends.mysql.batches import write
from asyncqueue.backends.mysql.claims import Claims
from asyncqueue.backends.mysql.connection import Call, MysqlConnection
from asyncqueue.backends.mysql.dependencies import MysqlDependencies
from asyncqueue.backends.mysql.enqueue import Enqueueing
from asyncqueue.backends.mysql.errors import translate
from asyncqueue.backends.mysql.limits import MysqlLimits
from asyncqueue.backends.mysql.lock_proof import LockProof
from asyncqueue.backends.mysql.maintenance import MysqlMaintenance
from asyncqueue.backends.mysql.periodic import MysqlPeriodic
from asyncqueue.backends.mysql.rescue import Upkeep
from asyncqueue.backends.mysql.retention import MysqlRetention
from asyncqueue.backends.mysql.rows import Row, end, fence, ids_json, numbers, ordered, rows_json
from asyncqueue.backends.mysql.scheduled import MysqlScheduled
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import transaction
from asyncqueue.backends.promotions import Promotions
from asyncqueue.errors import DatabaseError, SchemaError
from asyncqueue.model import (
    ENDED,
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
    Status,
    TaskCount,
    TaskRecord,
    WorkerInfo,
    WorkerState,
)

# Building an index on a very large table may take hours; the deadline only keeps a lost connection from hanging.
_MIGRATION_TIMEOUT = 6 * 3600.0
# The same for one lock that a heartbeat waits for: with the connection's retries it stays within the deadline.
_SHARE_FOR_BEATS = 1 / 6


class MysqlBackend:
    """The task table in a MySQL or MariaDB database.

    `url` is `mysql://user:password@host:port/database` (or `mariadb://`), user and password percent-encoded, with these
    query parameters:

    - `unix_socket`: the path of a socket, instead of host and port;
    - `ssl`: `disabled` (the default), `preferred` (TLS where the server has it), `required` (TLS, but any
      certificate), `verify_ca` (the certificate must be genuine), `verify_identity` or `true` (and be the host's; the
      default where one of the following is given). `ssl-mode` is another name for it;
    - `ssl_ca`: a file of certificates to trust instead of the system's; `ssl_cert` and `ssl_key`: the client's own;
    - `charset`: `utf8mb4`, which it is in any case.
    """

    #: Where its statements are; see `statements.load`.
    dialects: Sequence[str] = ("mysql",)
    capabilities = Capabilities(wakes=False, embedded=False, exchanges=2, row_locks=True)

    def __init__(self, url: str, options: Options) -> None:
        self.options = options
        self._address = address_of(url)
        self._times = Times(options.time_zone)
        names = schema.names_of(options.table)
        slots = schema.slots(names)
        self._table = Table(self.dialects, statements.pyformat, options.table, names, slots, remedy=options.remedy)
        # For a worker's hot path, for everything that must not wait behind it, for enqueueing, and for limits.
        self._engine = ConnectionGroup(
            [self._shared(self._connect_hurried) for _ in range(self.capabilities.exchanges)]
        )
        self._control, self._enqueue = self._shared(), self._shared()
        self._admit = self._shared(self._connect_hurried)
        # For heartbeats alone.
        self._pulse = self._shared(self._connect_impatient)
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
        self._within = options.statement_timeout
        self._server = Server("MySQL", "unknown until opened")
        self.promotions = Promotions()
        self._claims = Claims(
            *(self._table, self._times, self._engine, options.statement_timeout, self._translate, self.promotions),
            LockProof(self._table, self._control, self._translate),
        )
        self._attempts = Attempts(self._table, self._times)
        self._upkeep = Upkeep(self._table, self._times)
        self._enqueueing = Enqueueing(self._table, self._times, self._enqueue, self._beside, self._translate)
        self.scheduled = MysqlScheduled(self._table, self._fetch, self._claims.forget)
        run = partial(self._control.run, translate=self._translate)
        self.periodic = MysqlPeriodic(self._table, self._times, run)
        self.limits = MysqlLimits(self._table, self._times, partial(self._admit.run, translate=self._translate))
        linking = partial(self._linking.run, translate=self._translate)
        self.dependencies = MysqlDependencies(self._table, self._times, run, linking, self._claims.forget)
        self.maintenance = MysqlMaintenance(self._table, run)
        self.retention = MysqlRetention(self._table, self._times, run, self.observe)
        self._patience = session.Patience.of(options.statement_timeout)
        self._max_packet = 0

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
        await self._control.run(self._probe, translate=self._translate)

    async def refresh(self) -> None:
        await self._pulse.run(self._probe, translate=self._translate)

    def hurry(self, seconds: float | None) -> None:
        self._within = self._claims.patience = within(self.options, seconds)
        for shared in (self._engine, self._admit, self._pulse):
            shared.hurry(self._within)
        self._linking.hurry(self.options.statement_timeout)

    async def close(self) -> None:
        for shared in self._connections:
            shared.close()

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
        rows = _ends(finishes)
        if await self._write(self._engine, "finish", rows, utc_offset=self._times.offset()) == len(rows):
            return {finish.id for finish in finishes}
        # Either a claim was taken away, or this is a repetition and the first attempt did take effect.
        return await self._which(self._engine, "finished", rows)

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
        return await self._engine.run(partial(self._attempts.end, ends=ends), translate=self._translate)

    async def attempts(self, task_id: UUID) -> list[Attempt]:
        if not self._table.migrated:
            return []
        return await self._control.run(partial(self._attempts.of, task_id=task_id), translate=self._translate)

    async def append_output(self, chunks: Sequence[OutputChunk]) -> set[UUID]:
        rows = ordered({**fence(chunk), "offset": chunk.offset, "text": chunk.text} for chunk in chunks)
        if await self._write(self._engine, "append_output", rows) == len(rows):
            return {chunk.id for chunk in chunks}
        return await self._which(self._engine, "still_claimed", rows)

    async def append_log(self, chunks: Sequence[LogChunk]) -> set[UUID]:
        if not chunks or not self._table.logged:
            return set()
        rows = ordered(
            {**fence(chunk), "started": chunk.started, "offset": chunk.offset, "text": chunk.text} for chunk in chunks
        )
        return await self._engine.run(partial(self._upkeep.append_log, rows=rows), translate=self._translate)

    async def observe(self, ids: Collection[UUID], *, beating: bool = False) -> Observation:
        rows = await self._fetch("observe", shared=self._pulse if beating else None, ids=ids_json(ids))
        held = {UUID(row[1]): (row[2], row[3]) for row in rows if row[1] is not None}
        return Observation(self._times.local(rows[0][0]), held)

    async def renew(self, claims: Sequence[Claim], *, now: Stamp, worker_pid: int | None) -> set[UUID]:
        work = partial(self._upkeep.renew, claims=claims, now=now, worker_pid=worker_pid)
        return await self._pulse.run(work, translate=self._translate)

    async def locked(self, ids: Collection[UUID]) -> set[UUID]:
        return await self._engine.run(partial(self._upkeep.locked, ids=ids), translate=self._translate)

    async def release(self, releases: Sequence[Release]) -> None:
        self._claims.forget()
        rows = ordered({**fence(release), "queued_at": release.queued_at} for release in releases)
        await self._write(self._engine, "release", rows)

    async def end_lost(self, ends: Sequence[AttemptEnd], *, lease: float, foreign_lease: float | None) -> set[UUID]:
        self._table.require_migrated("another attempt")
        work = partial(self._attempts.end_lost, ends=ends, lease=lease, foreign_lease=foreign_lease)
        return await self._control.run(work, translate=self._translate)

    async def release_strays(self, worker: str, *, held: Collection[UUID], lease: float) -> set[UUID]:
        self._table.require_migrated("the name of a worker")
        work = partial(self._upkeep.release_strays, worker=worker, held=held, lease=lease)
        released = await self._control.run(work, translate=self._translate)
        if released:
            self._claims.forget()
        return released

    async def rescue(
        self, *, lease: float, error: str | None, limit: int = 1000, held: Collection[UUID] = ()
    ) -> list[LostTask]:
        async def rescue(limit: int, skip: int) -> list[LostTask]:
            work = partial(self._upkeep.rescue, lease=lease, error=error, limit=limit, skip=skip, held=held)
            return await self._control.run(work, translate=self._translate)

        return await passing_over(rescue, limit)

    async def fail_unreadable(self) -> None:
        await self._control.run(self._upkeep.fail_unreadable, translate=self._translate)

    async def overdue(
        self, *, lease: float, foreign_lease: float | None, unknown: Collection[str] = (), limit: int = 1000
    ) -> list[LostTask]:
        work = partial(self._upkeep.overdue, lease=lease, foreign_lease=foreign_lease, unknown=unknown, limit=limit)
        return await self._control.run(work, translate=self._translate)

    async def foreign_pids(self, own: int) -> set[int]:
        if self.shape is not None and not self.shape.errors:
            return set()
        return {row[0] for row in await self._fetch("foreign_pids", shared=self._pulse, own=own)}

    async def beat(self, worker: WorkerInfo) -> None:
        if self._table.migrated:
            await self._fetch("beat", shared=self._pulse, **asdict(worker))

    async def leave(self, name: str) -> None:
        if self._table.migrated:
            await self._fetch("leave", name=name)

    async def workers(self) -> list[WorkerState]:
        self._table.require_migrated("the list of workers")
        return [
            WorkerState(
                WorkerInfo(*info), started.replace(tzinfo=UTC), beat.replace(tzinfo=UTC), float(silent), running
            )
            for *info, started, beat, silent, running in await self._fetch("workers")
        ]

    async def wait_for_cancellation(self, timeout: float) -> bool:
        await anyio.sleep(timeout)
        return False

    async def wait_for_work(self, timeout: float) -> None:
        await anyio.sleep(min(timeout, self._claims.buckets.until_due))

    def announce_ends(self) -> None: ...

    async def wait_for_ends(self, timeout: float) -> None:
        await anyio.sleep(timeout)

    async def read_output(self, task_id: UUID, offset: int, limit: int) -> OutputPart | None:
        rows = await self._fetch("read_output", id=task_id.hex, offset=offset, limit=limit)
        return OutputPart(*rows[0]) if rows else None

    # -- looking and steering

    async def get(self, ids: Collection[UUID]) -> list[TaskRecord]:
        return self._records(await self._fetch("get", ids=ids_json(ids)))

    async def find(self, where: TaskFilter, *, limit: int, offset: int = 0) -> list[TaskRecord]:
        return self._records(await self._fetch("find", **self._filter(where), limit=limit, offset=offset))

    async def count(self, where: TaskFilter) -> int:
        rows = await self._fetch("count", **self._filter(where))
        return int(rows[0][0])

    async def counts(self) -> list[TaskCount]:
        rows = await self._fetch("counts")
        return [TaskCount(row[0], status_of(row[1]), row[2], self._times.instant(row[3])) for row in rows]

    async def failures(self, where: TaskFilter, *, limit: int) -> list[FailureGroup]:
        rows = await self._fetch("failures", **self._filter(where), limit=limit)
        return [FailureGroup(row[0], row[1] or "", row[2], self._times.instant(row[3])) for row in rows]

    async def cancel(self, ids: Collection[UUID]) -> set[UUID]:
        tries = Tries(self._translate)
        done = await tries.run(self._control, self._steering("cancel", ids, {Status.QUEUED, Status.RUNNING}))
        return cancelled(await self.observe(ids)) if tries.lost else done

    async def requeue(self, ids: Collection[UUID]) -> set[UUID]:
        await self.observe([])  # a connection that died while it was idle is found out by what may be repeated
        return await once(self._control, self._steering("requeue", ids, ENDED), self._translate, what=QUEUED)

    async def pause(self, queue: str, *, paused: bool) -> None:
        self._table.require_migrated("pausing a queue" if paused else "resuming a queue")
        await self._fetch("pause" if paused else "resume", name=queue)

    async def queues(self) -> list[QueueState]:
        self._table.require_migrated("a list of queues")
        return queue_states(await self._fetch("queues"))

    # -- schema

    async def pending(self, **extent: Unpack[Extent]) -> list[Change]:
        return await self._control.run(
            lambda connection: schema.pending(connection, self._table, **extent), translate=self._translate
        )

    async def migrate(self, **extent: Unpack[Extent]) -> list[Change]:
        async def work(connection: MysqlConnection) -> list[Change]:
            async with (
                session.unhurried(connection, self._table, self._patience),
                schema.migrating(connection, self._table),
            ):
                changes = await schema.pending(connection, self._table, **extent)
                for change in changes:
                    await schema.change(connection, self._table, change, self._patience.lock_wait)
                await self._probe(connection)
                return changes

        return await self._control.run(work, translate=self._translate, timeout=_MIGRATION_TIMEOUT)

    # -- inside

    async def _exchange(
        self, finishes: Sequence[Finish], limit: int, claimant: Claimant
    ) -> tuple[set[UUID] | None, list[ClaimedTask]]:
        parts = list(rows_json(_ends(finishes), self._max_packet))
        if len(parts) > 1:
            return await self.finish(finishes), await self._claims.claim(limit, claimant)
        finish = self._call("finish", rows=parts[0], utc_offset=self._times.offset())
        matched, claimed = await self._claims.claim_after(finish, limit, claimant)
        if matched == len(finishes):
            return {finish.id for finish in finishes}, claimed
        try:
            return await self._which(self._engine, "finished", _ends(finishes)), claimed
        except DatabaseError:
            return None, claimed  # what is claimed must reach the caller, which can ask for the ends again

    def _shared(
        self, connect: Callable[[], Awaitable[MysqlConnection]] | None = None
    ) -> SharedConnection[MysqlConnection]:
        return SharedConnection(
            connect=connect or self._connect,
            discard=lambda connection: connection.discard(),
            usable=lambda connection: connection.usable,
            connect_timeout=self.options.connect_timeout,
            statement_timeout=self.options.statement_timeout,
            refresh=self._probe,
            server=f"the database at {self._address.server}",
        )

    async def _connect_hurried(self) -> MysqlConnection:
        """For what a worker does under its leases: the server gives up as early as the worker does."""
        return await self._connect(session.Patience.of(self._within))

    async def _connect_impatient(self) -> MysqlConnection:
        """For heartbeats: what waits for a lock gives up after a second, or a part of the deadline if that is more."""
        lock_wait = max(1, int(self._within * _SHARE_FOR_BEATS))
        return await self._connect(self._patience._replace(lock_wait=lock_wait))

    async def _connect(self, patience: session.Patience | None = None) -> MysqlConnection:
        connection = MysqlConnection(self._address)
        try:
            await connection.open()
            version, now = await session.set_up(connection, self._table, patience or self._patience)
            self._server = schema.check_version(version, self._table)
        except BaseException:
            connection.discard()
            raise
        self._times.follow(now)
        self._max_packet = self._enqueueing.max_packet = connection.max_packet
        return connection

    def _translate(self, error: BaseException) -> Exception | None:
        return translate(error, self._table, self._address.server)

    def _call(self, name: str, /, **values: Any) -> Call:
        return self._table[name], values

    async def _fetch(
        self, name: str, /, *, shared: SharedConnection[MysqlConnection] | None = None, **values: Any
    ) -> list[tuple[Any, ...]]:
        call = self._call(name, **values)
        (reply,) = await (shared or self._control).run(
            lambda connection: connection.run(call), translate=self._translate
        )
        return reply.rows

    async def _write(
        self,
        shared: SharedConnection[MysqlConnection] | ConnectionGroup[MysqlConnection],
        name: str,
        rows: Sequence[Row],
        **values: Any,
    ) -> int:
        """Write rows in one statement, or where that is too large in several of one transaction: how many matched."""
        work = partial(write, table=self._table, name=name, rows=rows, **values)
        return await shared.run(work, translate=self._translate)

    async def _which(
        self,
        shared: SharedConnection[MysqlConnection] | ConnectionGroup[MysqlConnection],
        name: str,
        rows: Sequence[Row],
    ) -> set[UUID]:
        """The ids of those rows that a statement finds."""

        async def work(connection: MysqlConnection) -> set[UUID]:
            calls = [self._call(name, rows=part) for part in rows_json(rows, connection.max_packet)]
            return {UUID(row[0]) for call in calls for row in (await connection.run(call))[0].rows}

        return await shared.run(work, translate=self._translate)

    def _steering(
        self, name: str, ids: Collection[UUID], statuses: Set[int]
    ) -> Callable[[MysqlConnection], Awaitable[set[UUID]]]:
        """Change those rows that are in one of these statuses; what is scheduled can always be."""
        statuses = statuses | {Status.SCHEDULED} if self._table.migrated else statuses
        values = {"ids": ids_json(ids), "statuses": numbers(statuses)}

        async def work(connection: MysqlConnection) -> set[UUID]:
            async with transaction(connection, self._table) as steering:
                (found,) = await steering.run(self._call("lock", **values))
                locked = {UUID(row[0]) for row in found.rows}
                await steering.end(self._call(name, ids=ids_json(locked), utc_offset=self._times.offset()))
            return locked

        return work

    async def _probe(self, connection: MysqlConnection) -> None:
        self._enqueueing.task_length = await schema.read(connection, self._table)

    def _filter(self, where: TaskFilter) -> dict[str, Any]:
        self._table.check_filter(where)
        return filtering(where, numbers(where.statuses), like, self._times.written)

    def _records(self, rows: Iterable[tuple[Any, ...]]) -> list[TaskRecord]:
        return records(rows, lambda row: task_record(row, self._times.instant, _utc))


def _utc(naive: datetime) -> datetime:
    """`run_after`, which is in UTC whatever the table's zone is."""
    return naive.replace(tzinfo=UTC)


def _ends(finishes: Sequence[Finish]) -> list[Row]:
    return ordered(map(end, finishes))
