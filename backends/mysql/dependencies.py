"""Tasks that wait for others in a MySQL or MariaDB table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.dependencies import Ask, Asking, Chaining, Row
from asyncqueue.backends.common.scripts import answer
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.connection import Call, MysqlConnection
from asyncqueue.backends.mysql.rows import encode, ids_json
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import Transaction, transaction
from asyncqueue.backends.services import Settled

Run = Callable[[Callable[[MysqlConnection], Awaitable[Any]]], Awaitable[Any]]


class MysqlDependencies(Chaining):
    """`facets.Chains`.

    Args:
        run: does work that reads, on a connection.
        alone: does work that may wait for the locks of others, on a connection that nothing else waits for.
        forget: makes the next claim look at everything.
    """

    def __init__(self, table: Table, times: Times, run: Run, alone: Run, forget: Callable[[], None]) -> None:
        super().__init__(table, forget)
        self._times = times
        self._run = run
        self._alone = alone

    async def _transaction(self, asking: Callable[[], Asking]) -> Settled:
        async def work(connection: MysqlConnection) -> Settled:
            async with transaction(connection, self._table) as settling:
                return await answer(asking(), partial(self._ask, settling))

        settled: Settled = await self._alone(work)
        return settled

    async def _ask(self, settling: Transaction, asked: Ask) -> Sequence[Row]:
        (reply,) = await settling.run(self._call(asked))
        return reply.rows

    async def _read(self, name: str, **values: Any) -> Sequence[Row]:
        call: Call = self._table[name], _plain(values)

        async def work(connection: MysqlConnection) -> Sequence[Row]:
            (reply,) = await connection.run(call)
            return reply.rows

        rows: Sequence[Row] = await self._run(work)
        return rows

    def _call(self, asked: Ask) -> Call:
        rows, ids = encode([_plain(row) for row in asked.rows]), encode([key.hex for key in asked.ids])
        return self._table[asked.name], {"ids": ids, "rows": rows, "utc_offset": self._times.offset()}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Ids as they stand beside the table."""
    return {name: _of(value) for name, value in values.items()}


def _of(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    return ids_json(value) if isinstance(value, list) else value
