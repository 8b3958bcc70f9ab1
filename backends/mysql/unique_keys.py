"""Unique keys on MySQL and MariaDB, see `keys.py`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from typing import Any
from uuid import UUID

import aiomysql

from asyncqueue.backends.common.connection import SharedConnection
from asyncqueue.backends.common.edges import as_rows, edges_of
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unique_keys import WHAT, Decision, Holder, Noted, asked, decide, wanted
from asyncqueue.backends.mysql.connection import Call, MysqlConnection, Reply
from asyncqueue.backends.mysql.rows import Row, ids_json, new_rows, rows_json
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import transaction, within
from asyncqueue.model import NewTask, Status

#: Runs one statement by its name, with its values, and returns its rows.
Run = Callable[..., Awaitable[list[tuple[Any, ...]]]]
#: Says how tasks are, in a transaction that has such a `Run`.
ReadHolders = Callable[[Run, Set[UUID]], Awaitable[dict[UUID, Holder]]]
Split = Callable[[Sequence[Row]], Iterable[str]]


class Keys:
    """Enqueues what has unique keys.

    Args:
        shared: the connection for it.
        beside: one that waits for no lock, for callers whose own transaction sees what was, and not what is.
        translate: as `SharedConnection.run` takes it.
    """

    def __init__(
        self,
        table: Table,
        times: Times,
        shared: SharedConnection[MysqlConnection],
        beside: SharedConnection[MysqlConnection],
        translate: Callable[[BaseException], Exception | None],
    ) -> None:
        self._table = table
        self._times = times
        self._shared = shared
        self._beside = beside
        self._translate = translate

    async def enqueue(self, tasks: Sequence[NewTask]) -> list[UUID]:
        """As `Backend.enqueue_unique`, committed on return."""
        self._check(tasks)
        ids: list[UUID] = await self._committed(lambda run, split: self._enqueue(run, tasks, split, self._holders))
        return ids

    async def enqueue_within(
        self, connection: aiomysql.Connection, tasks: Sequence[NewTask], max_packet: int
    ) -> list[UUID]:
        """The same as a part of the caller's transaction."""
        self._check(tasks)
        async with within(connection, self._table, max_packet) as writing:
            return await self._enqueue(_run_by(writing.run, self._table), tasks, _whole, self._holders_within)

    async def insert(self, tasks: Sequence[NewTask]) -> None:
        """Insert tasks without unique keys, and what they wait for; committed on return."""
        await self._committed(lambda run, split: self._write(run, Decision(new=[*tasks]), split))

    async def insert_within(self, connection: aiomysql.Connection, tasks: Sequence[NewTask], max_packet: int) -> None:
        """The same as `enqueue_within` does it."""
        async with within(connection, self._table, max_packet) as writing:
            await self._write(_run_by(writing.run, self._table), Decision(new=[*tasks]), _whole)

    def _check(self, tasks: Sequence[NewTask]) -> None:
        self._table.require_migrated(WHAT)
        self._table.check(tasks)

    async def _committed(self, do: Callable[[Run, Split], Awaitable[Any]]) -> Any:
        async def work(connection: MysqlConnection) -> Any:
            async with transaction(connection, self._table) as writing:
                return await do(_run_by(writing.run, self._table), lambda rows: rows_json(rows, connection.max_packet))

        return await self._shared.run(work, translate=self._translate)

    async def _enqueue(self, run: Run, tasks: Sequence[NewTask], split: Split, read_holders: ReadHolders) -> list[UUID]:
        """Do all of it in a transaction.

        Args:
            run: runs a statement in it.
            tasks: to enqueue.
            split: makes texts of rows, as few as the server takes.
            read_holders: how the tasks are that keys are noted for.
        """
        keys = wanted(tasks)
        await run("hold_keys", rows=_rows(keys))
        found = await run("noted_keys", unique_keys=json.dumps([each.key for each in keys]))
        noted = [Noted(bytes.fromhex(key).decode(), UUID(task_id), held_for) for key, task_id, held_for in found]
        ids = asked(tasks, noted)
        made = decide(tasks, noted, await read_holders(run, ids) if ids else {})
        await self._write(run, made, split)
        return made.ids

    async def _holders(self, run: Run, ids: Set[UUID], name: str = "holders") -> dict[UUID, Holder]:
        rows = await run(name, ids=ids_json(ids))
        return {
            UUID(str(key)): Holder(status, self._times.elapsed(modified, now)) for key, status, modified, now in rows
        }

    async def _holders_within(self, run: Run, ids: Set[UUID]) -> dict[UUID, Holder]:
        """As they are now, which a transaction of the caller's own may not see (REPEATABLE READ).

        Without a lock on them: a worker that ends one must not wait for the caller's commit.
        """

        async def read_holders(beside: MysqlConnection) -> dict[UUID, Holder]:
            return await self._holders(_run_by(beside.run, self._table), ids)

        now = await self._beside.run(read_holders, translate=self._translate)
        rest = ids - now.keys()
        own = (await self._holders(run, rest)).keys() if rest else set()
        return {**now, **(await self._holders(run, own, "holders_now") if own else {})}

    async def _write(self, run: Run, made: Decision, split: Split) -> None:
        offset = self._times.offset()
        if made.taken:
            await run("take_keys", rows=_rows(made.taken))
        if made.replacing:
            await self._replace(run, made.replacing, split)
        if made.new:
            for part in split(new_rows(made.new, migrated=True)):
                await run("enqueue", rows=part, utc_offset=offset)
        if edges := edges_of(made.new):
            for part in split(as_rows(edges)):
                await run("insert_edges", rows=part)

    async def _replace(self, run: Run, replacing: Mapping[UUID, NewTask], split: Split) -> None:
        rows = new_rows([task._replace(id=key) for key, task in replacing.items()], migrated=True)
        for row, task in zip(rows, replacing.values(), strict=True):
            if task.unique is not None:
                row |= {"unique_key": task.unique.key, "held_for": task.unique.held_for}
        # Locked before it is said what they were to run after: those that are scheduled still, and stay so.
        held = await run("lock", ids=ids_json(replacing), statuses=str(int(Status.SCHEDULED)))
        for part in split(rows):
            await run("replace", rows=part, utc_offset=self._times.offset())
        if held and self._table.migrated:
            await run("cleanup_edges", ids=ids_json(UUID(str(key)) for (key,) in held))


def _run_by(send: Callable[[Call], Awaitable[list[Reply]]], table: Table) -> Run:
    async def run(name: str, **values: Any) -> list[tuple[Any, ...]]:
        (reply,) = await send((table[name], values))
        return reply.rows

    return run


def _whole(rows: Sequence[Row]) -> list[str]:
    """One text, in ASCII for a connection of whichever character set."""
    return [json.dumps(rows, default=str)]


def _rows(noted: Sequence[Noted]) -> str:
    return json.dumps(
        [{"unique_key": key, "id": task_id.hex, "held_for": held_for} for key, task_id, held_for in noted]
    )
