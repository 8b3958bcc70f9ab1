"""SQLite 3.35 or later, through aiosqlite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar, Unpack
from uuid import UUID

import anyio

from asyncqueue.backends.base import Capabilities, Change, Extent, Options, Server, TableShape, TaskFilter, within
from asyncqueue.backends.common import statements, unique_keys
from asyncqueue.backends.common.callers_connection import for_callers
from asyncqueue.backends.common.connection import SharedConnection, translated
from asyncqueue.backends.common.convert import filtering, outcome_of, queue_states, status_of, task_record
from asyncqueue.backends.common.edges import edges_of
from asyncqueue.backends.common.rescue import passing_over
from asyncqueue.backends.common.shielding import carried
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unreadable import (
    AS_DJANGO,
    NUMBER,
    UNREADABLE_AT_ONCE,
    Form,
    instant_or,
    legible,
    records,
)
from asyncqueue.backends.promotions import Promotions
from asyncqueue.backends.sqlite import savepoint as part
from asyncqueue.backends.sqlite import schema
from asyncqueue.backends.sqlite.claims import Claims, fail
from asyncqueue.backends.sqlite.connection import SqliteConnection, Work, check_callers
from asyncqueue.backends.sqlite.connections import Connections
from asyncqueue.backends.sqlite.dependencies import SqliteDependencies
from asyncqueue.backends.sqlite.errors import translate
from asyncqueue.backends.sqlite.limits import SqliteLimits
from asyncqueue.backends.sqlite.location import MEMORY, check, exists, location
from asyncqueue.backends.sqlite.maintenance import SqliteMaintenance
from asyncqueue.backends.sqlite.periodic import SqlitePeriodic
from asyncqueue.backends.sqlite.retention import SqliteRetention
from asyncqueue.backends.sqlite.rows import (
    array,
    ending,
    fence,
    first_column,
    glob,
    json_array,
    listed,
    new_rows,
    numbers,
)
from asyncqueue.backends.sqlite.scheduled import SqliteScheduled
from asyncqueue.backends.sqlite.times import Times
from asyncqueue.backends.sqlite.unique_keys import Keys
from asyncqueue.errors import SchemaError
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

Result = TypeVar("Result")
Row = tuple[Any, ...]

# Building an index on a very large table may take long; the deadline only keeps a lost thread from hanging.
_MIGRATION_TIMEOUT = 6 * 3600.0
# Seconds that a rescue waits for the file's lock. The workers that wait to renew are to have it first.
_NO_PATIENCE = 0.5
# What rows of `lost` and `overdue` must be like.
_LOST, _OVERDUE = Form(AS_DJANGO, 0), Form(AS_DJANGO, 0, {5: NUMBER, 6: NUMBER})


class SqliteBackend:
    """The task table in a SQLite file, or in memory.

    `url` is `sqlite:///relative/path`, `sqlite:////absolute/path`, or `sqlite://` for a database in memory, which
    lives as long as its one connection. A file that does not exist is made by the first verb that needs it. A file is
    switched to write-ahead logging, which it keeps; Django opens it as before, and no longer waits for writers when
    it reads.
    """

    #: Where its statements are; see `statements.load`.
    dialects: Sequence[str] = ("sqlite",)
    capabilities = Capabilities(wakes=True, embedded=True, exchanges=1, row_locks=False)

    def __init__(self, url: str, options: Options) -> None:
        self.options = options
        self._path = location(url)
        self._times = Times(options.time_zone)
        names = schema.names_of(options.table)
        slots = schema.slots(names)
        self._table = Table(self.dialects, statements.colon, options.table, names, slots, remedy=options.remedy)
        self.promotions = Promotions()
        self._claims = Claims(self._table, self._times)
        self._keys = Keys(self._table, self._times)
        self.scheduled = SqliteScheduled(self._table, self._times, self._read, self._write)
        self.limits = SqliteLimits(self._table, self._times, self._write)
        self.maintenance = SqliteMaintenance(self._table, self._times, self._read, self._write)
        self.retention = SqliteRetention(self._table, self._times, self._select, self._write, self.observe)
        self._server = Server("SQLite", "unknown until opened")
        self._files = Connections(self._path, self._table.setup, options)
        # SQLite has one writer at a time, so one connection does all the writing; in WAL mode another reads meanwhile.
        self._writer = self._files.shared(self._probe, self._probe_new)
        self._reader = self._writer if self._path == MEMORY else self._files.shared(self._probe, self._probe_new)
        # Heartbeats have one of their own, on which no other verb of this process can delay them.
        self._pulse = self._writer if self._path == MEMORY else self._files.shared(self._probe, self._probe_new)
        self.dependencies = SqliteDependencies(self._table, self._times, read=self._read, write=self._write)
        self.periodic = SqlitePeriodic(self._table, self._times, read=self._read, write=self._write)
        self._news, self._ends = self._files.news(), self._files.news()

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
        check(self._path)
        for shared in (self._writer, self._reader, self._pulse):
            shared.open()
        self._news.open()
        self._ends.open()
        await self._peek(self._probe)

    async def refresh(self) -> None:
        await self._read(self._probe, shared=self._pulse)

    def hurry(self, seconds: float | None) -> None:
        self._files.deadline = within(self.options, seconds)
        for shared in (self._writer, self._pulse):
            shared.hurry(self._files.deadline)

    async def close(self) -> None:
        connections = (self._pulse, self._reader, self._writer)
        await self._files.close(self._news.close, self._ends.close, *(shared.close for shared in connections))

    # -- enqueueing

    async def enqueue(self, tasks: Sequence[NewTask], *, connection: Any = None) -> None:
        if not tasks:
            return
        plain = self._table.check(tasks)
        if not plain and edges_of(tasks):
            await self._writing(connection, lambda raw: self._keys.insert(raw, tasks))
            return
        sql = self._table["enqueue_plain" if plain else "enqueue"].text

        def insert(raw: sqlite3.Connection) -> None:
            raw.executemany(sql, new_rows(tasks, self._times, plain=plain))

        await self._writing(connection, insert)

    async def enqueue_unique(self, tasks: Sequence[NewTask], *, connection: Any = None) -> list[UUID]:
        self._table.require_migrated(unique_keys.WHAT)
        self._table.check(tasks)
        return await self._writing(connection, lambda raw: self._keys.enqueue(raw, tasks))

    # -- a worker's path of a task

    async def claim(
        self,
        limit: int,
        *,
        worker_pid: int | None,
        worker: str | None = None,
        queues: Sequence[str] | None = None,
    ) -> list[ClaimedTask]:
        claimant = Claimant.of(worker_pid, worker, queues)
        return await self._claim(lambda raw: self._claims.claim(raw, limit, claimant))

    async def finish(self, finishes: Sequence[Finish]) -> set[UUID]:
        return await self._write(lambda raw: self._finish(raw, finishes))

    async def exchange(
        self,
        finishes: Sequence[Finish],
        limit: int,
        *,
        worker_pid: int | None,
        worker: str | None = None,
        queues: Sequence[str] | None = None,
    ) -> tuple[set[UUID] | None, list[ClaimedTask]]:
        claimant = Claimant.of(worker_pid, worker, queues)
        return await self._claim(
            lambda raw: (self._finish(raw, finishes), self._claims.claim(raw, limit, claimant)),
        )

    async def end_attempts(self, ends: Sequence[AttemptEnd]) -> set[UUID]:
        self._table.require_migrated("another attempt")
        return await self._write(lambda raw: {end.id for end in ends if self._end_attempt(raw, end)})

    async def attempts(self, task_id: UUID) -> list[Attempt]:
        if not self._table.migrated:
            return []
        instant = self._instant
        return [
            Attempt(number, outcome, error, log, worker, instant(started) if started else None, instant(ended))
            for number, outcome, error, log, worker, started, ended in await self._select(
                "attempts", {"id": task_id.hex}
            )
        ]

    async def append_output(self, chunks: Sequence[OutputChunk]) -> set[UUID]:
        rows = [{**fence(chunk), "offset": chunk.offset, "text": chunk.text} for chunk in chunks]
        changed = await self._each("append_output", rows)
        return {chunk.id for chunk, count in zip(chunks, changed, strict=True) if count}

    async def append_log(self, chunks: Sequence[LogChunk]) -> set[UUID]:
        if not chunks or not self._table.logged:
            return set()
        rows = [
            {**fence(chunk), "started": chunk.started, "offset": chunk.offset, "text": chunk.text} for chunk in chunks
        ]
        changed = await self._each("append_log", rows)
        return {chunk.id for chunk, count in zip(chunks, changed, strict=True) if count}

    async def observe(self, ids: Collection[UUID], *, beating: bool = False) -> Observation:
        now = self._times.now()
        rows = await self._select("observe", {"ids": array(ids)}, shared=self._pulse if beating else None)
        return Observation(now, {UUID(key): (status, modified) for key, status, modified in rows})

    async def renew(self, claims: Sequence[Claim], *, now: Stamp, worker_pid: int | None) -> set[UUID]:
        rows = [{**fence(claim), "now": now, "worker_pid": worker_pid} for claim in claims]
        changed = await self._each("renew", rows, shared=self._pulse)
        return {claim.id for claim, count in zip(claims, changed, strict=True) if count}

    async def locked(self, ids: Collection[UUID]) -> set[UUID]:
        return set()

    async def release(self, releases: Sequence[Release]) -> None:
        await self._each("release", [{**fence(release), "queued_at": release.queued_at} for release in releases])

    async def end_lost(self, ends: Sequence[AttemptEnd], *, lease: float, foreign_lease: float | None) -> set[UUID]:
        self._table.require_migrated("another attempt")
        still_lost = self._table["still_expired"].text

        def work(raw: sqlite3.Connection) -> set[UUID]:
            cutoff = self._times.cutoffs(lease, foreign_lease)["foreign_cutoff"]
            leases = {"lease": lease, "foreign_cutoff": cutoff, "now_utc": self._times.now_utc()}
            lost = [end for end in ends if raw.execute(still_lost, {**fence(end), **leases}).fetchall()]
            return {end.id for end in lost if self._end_attempt(raw, end)}

        return await self._write(work, patience=_NO_PATIENCE)

    async def release_strays(self, worker: str, *, held: Collection[UUID], lease: float) -> set[UUID]:
        self._table.require_migrated("the name of a worker")
        sql = self._table["release_strays"].text

        def work(raw: sqlite3.Connection) -> list[Row]:
            values = {"worker": worker, "held": array(held), "cutoff": self._times.cutoff(lease)}
            return raw.execute(sql, values).fetchall()

        return {UUID(row[0]) for row in await self._write(work, patience=_NO_PATIENCE)}

    async def rescue(
        self, *, lease: float, error: str | None, limit: int = 1000, held: Collection[UUID] = ()
    ) -> list[LostTask]:
        lost, rescue = self._table["expired"].text, self._table["rescue"].text

        def work(raw: sqlite3.Connection, limit: int, skip: int) -> list[LostTask]:
            values = {"cutoff": self._times.cutoff(lease), "limit": limit, "skip": skip, "held": array(held)}
            rows, bad = _LOST.apart(raw.execute(lost, values).fetchall())
            if bad:
                fail(raw, self._table, [row[0] for row in bad], self._times.now())
            if rows:
                raw.execute(rescue, {"ids": first_column(rows), "error": error, "now": self._times.now()})
            return [LostTask(UUID(key), task, worker_pid) for key, task, worker_pid in rows]

        return await passing_over(
            lambda some, skip: self._write(lambda raw: work(raw, some, skip), patience=_NO_PATIENCE), limit
        )

    async def fail_unreadable(self) -> None:
        values, sql = {"limit": UNREADABLE_AT_ONCE}, self._table["unreadable"].text

        def work(raw: sqlite3.Connection) -> int:
            keys = [row[0] for row in raw.execute(sql, values).fetchall()]
            return fail(raw, self._table, keys, self._times.now())

        if await self._select("unreadable", values):
            await self._write(work, patience=_NO_PATIENCE)

    async def overdue(
        self, *, lease: float, foreign_lease: float | None, unknown: Collection[str] = (), limit: int = 1000
    ) -> list[LostTask]:
        cutoffs = self._times.cutoffs(lease, foreign_lease)
        values = {"unknown": json_array(unknown), "limit": limit, "lease": lease, "now_utc": self._times.now_utc()}
        rows, bad = _OVERDUE.apart(await self._select("overdue", {**cutoffs, **values}))
        if bad:
            keys = [row[0] for row in bad]
            await self._write(lambda raw: fail(raw, self._table, keys, self._times.now()), patience=_NO_PATIENCE)
        silent = self._times.silence
        return [
            LostTask(UUID(key), task, pid, token, bool(ours), attempt, losses, by, started, silent(token), queue)
            for key, task, pid, token, ours, attempt, losses, by, started, queue in rows
        ]

    async def foreign_pids(self, own: int) -> set[int]:
        if self.shape is not None and not self.shape.errors:
            return set()
        return {row[0] for row in await self._select("foreign_pids", {"own": own}, shared=self._pulse)}

    async def beat(self, worker: WorkerInfo) -> None:
        if self._table.migrated:
            sql, info = self._table["beat"].text, asdict(worker)
            await self._write(
                # The time is read under the lock: the wait for it does not make the beat older.
                lambda raw: raw.execute(sql, {**info, "now_utc": self._times.now_utc()}).rowcount,
                shared=self._pulse,
            )

    async def leave(self, name: str) -> None:
        if self._table.migrated:
            sql, values = self._table["leave"].text, {"name": name, "day_ago": self._times.now_utc(-86_400)}
            await self._write(lambda raw: raw.execute(sql, values).rowcount)

    async def workers(self) -> list[WorkerState]:
        self._table.require_migrated("the list of workers")
        utc, since = self._times.parse_utc, self._times.until_utc
        return [
            WorkerState(WorkerInfo(*info), utc(started), utc(beat), -since(beat), running)
            for *info, started, beat, running in await self._select("workers", {})
        ]

    async def wait_for_cancellation(self, timeout: float) -> bool:
        await anyio.sleep(timeout)
        return False

    async def wait_for_work(self, timeout: float) -> None:
        await self._news.wait(min(timeout, self._claims.until_due))

    def announce_ends(self) -> None: ...

    async def wait_for_ends(self, timeout: float) -> None:
        await self._ends.wait(timeout)

    async def read_output(self, task_id: UUID, offset: int, limit: int) -> OutputPart | None:
        rows = await self._select("read_output", {"id": task_id.hex, "offset": offset, "limit": limit})
        return OutputPart(*map(legible, rows[0])) if rows else None

    # -- looking and steering

    async def get(self, ids: Collection[UUID]) -> list[TaskRecord]:
        return self._records(await self._select("get", {"ids": array(ids)}))

    async def find(self, where: TaskFilter, *, limit: int, offset: int = 0) -> list[TaskRecord]:
        return self._records(await self._select("find", {**self._filter(where), "limit": limit, "offset": offset}))

    async def count(self, where: TaskFilter) -> int:
        rows = await self._select("count", self._filter(where))
        return int(rows[0][0])

    async def counts(self) -> list[TaskCount]:
        rows = await self._select("counts", {})
        return [TaskCount(legible(row[0]), status_of(row[1]), row[2], self._instant(row[3])) for row in rows]

    async def failures(self, where: TaskFilter, *, limit: int) -> list[FailureGroup]:
        rows = await self._select("failures", {**self._filter(where), "limit": limit})
        return [FailureGroup(legible(row[0]), legible(row[1]) or "", row[2], self._instant(row[3])) for row in rows]

    async def cancel(self, ids: Collection[UUID]) -> set[UUID]:
        return await self._steer("cancel", ids)

    async def requeue(self, ids: Collection[UUID]) -> set[UUID]:
        return await self._steer("requeue", ids)

    async def pause(self, queue: str, *, paused: bool) -> None:
        self._table.require_migrated("pausing a queue" if paused else "resuming a queue")
        sql = self._table["pause" if paused else "resume"].text
        await self._write(lambda raw: raw.execute(sql, {"name": queue}).rowcount)

    async def queues(self) -> list[QueueState]:
        self._table.require_migrated("a list of queues")
        return queue_states((legible(row[0]), *row[1:]) for row in await self._select("queues", {}))

    # -- schema

    async def pending(self, **extent: Unpack[Extent]) -> list[Change]:
        self._files.accept()
        return await self._peek(lambda raw: schema.pending(raw, self._table, **extent))

    async def migrate(self, **extent: Unpack[Extent]) -> list[Change]:
        def work(raw: sqlite3.Connection) -> list[Change]:
            changes = schema.pending(raw, self._table, **extent)
            for change in changes:
                raw.execute(change.sql)
            return changes

        self._files.accept()
        changes = await self._write(work, timeout=_MIGRATION_TIMEOUT)
        await self._read(self._probe)
        return changes

    # -- inside

    async def _writing(self, connection: Any, work: Work[Result]) -> Result:
        """Insert rows: in a transaction of our own, or as a part of the caller's."""
        if connection is None:
            return await self._write(work)
        check_callers(connection)
        with translated(for_callers(self._translate)):
            result: Result = await connection._execute(part.within, connection._conn, work)
            return result

    def _probe(self, raw: sqlite3.Connection) -> None:
        self._server = Server("SQLite", schema.version(raw, self._table))
        schema.read(raw, self._table)

    def _probe_new(self, raw: sqlite3.Connection) -> None:
        """Look at a file that has replaced the one that was open. Raises TableMissing while it has no task table."""
        schema.require(raw, self._table)
        self._probe(raw)

    def _translate(self, error: BaseException) -> Exception | None:
        return translate(error, self._table, self._path)

    async def _peek(self, work: Work[Result]) -> Result:
        """Read without making a file that is not there: an empty database says the same."""
        if exists(self._path):
            return await self._read(work)
        with closing(sqlite3.connect(MEMORY)) as empty, translated(self._translate):
            return work(empty)

    async def _read(self, work: Work[Result], *, shared: SharedConnection[SqliteConnection] | None = None) -> Result:
        # Without a server there is no connection to lose: a repetition would meet the same error.
        return await (shared or self._reader).run(
            lambda connection: connection.read(work), translate=self._translate, repeat=False
        )

    async def _write(
        self,
        work: Work[Result],
        *,
        timeout: float | None = None,
        shared: SharedConnection[SqliteConnection] | None = None,
        patience: float | None = None,
    ) -> Result:
        result = await (shared or self._writer).run(
            lambda connection: connection.write(work, patience=patience),
            translate=self._translate,
            repeat=False,
            timeout=timeout,
        )
        self._news.ring()
        self._ends.ring()
        return result

    async def _claim(self, work: Work[Result]) -> Result:
        """Write what claims, and may have set rows aside before."""
        result = await carried(self._write(work), for_result=True)
        if self._claims.aside:
            self.promotions.came([self._claims.aside.popleft() for _ in range(len(self._claims.aside))])
        return result

    def _finish(self, raw: sqlite3.Connection, finishes: Sequence[Finish]) -> set[UUID]:
        now, text = self._times.now(), self._table["finish"].text
        # Plain numbers throughout: what is no exact int or str is looked up among sqlite3's adapters first.
        rows = [(key.hex, token, int(status), *texts, int(keep), now) for key, token, status, *texts, keep in finishes]
        if sum(raw.execute(*part).rowcount for part in listed(text, rows)) == len(rows):
            return {end.id for end in finishes}
        # Either a claim was taken away, or this is a repetition and the first attempt did take effect.
        finished = self._table["finished"].text
        return {end.id for end in finishes if raw.execute(finished, ending(end)).fetchall()}

    def _end_attempt(self, raw: sqlite3.Connection, end: AttemptEnd) -> bool:
        values = {
            **ending(end),
            "run_after": None if end.delay is None else self._times.now_utc(end.delay),
            "attempt": end.attempt,
            "lost": end.lost,
            "now": self._times.now(),
            "started": end.started,
            "outcome": outcome_of(end),
        }
        if raw.execute(self._table["end_attempts"].text, values).rowcount:
            raw.execute(self._table["record"].text, values)
            return True
        return bool(raw.execute(self._table["recorded"].text, values).fetchall())

    async def _select(
        self, name: str, values: dict[str, Any], *, shared: SharedConnection[SqliteConnection] | None = None
    ) -> list[Row]:
        sql = self._table[name].text
        return await self._read(lambda raw: raw.execute(sql, values).fetchall(), shared=shared)

    async def _each(
        self, name: str, rows: list[dict[str, Any]], *, shared: SharedConnection[SqliteConnection] | None = None
    ) -> list[int]:
        """Run a statement once for each row, all in one transaction; return how many rows each changed."""
        sql = self._table[name].text
        return await self._write(lambda raw: [raw.execute(sql, row).rowcount for row in rows], shared=shared)

    async def _steer(self, name: str, ids: Collection[UUID]) -> set[UUID]:
        sql = self._table[name].text

        def work(raw: sqlite3.Connection) -> list[Row]:
            values = {"ids": array(ids), "now": self._times.now(), "now_utc": self._times.now_utc()}
            return raw.execute(sql, values).fetchall()

        return {UUID(row[0]) for row in await self._write(work)}

    def _filter(self, where: TaskFilter) -> dict[str, Any]:
        self._table.check_filter(where)
        return filtering(where, numbers(where.statuses), glob, self._times.written)

    def _records(self, rows: list[Row]) -> list[TaskRecord]:
        times = self._times
        return records(rows, lambda row: task_record([row[0], *map(legible, row[1:])], times.parse, times.parse_utc))

    def _instant(self, value: Any) -> datetime:
        return instant_or(self._times.parse, value)
