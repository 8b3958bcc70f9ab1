"""Tasks that wait for others in a SQLite table."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.dependencies import Ask, Asking, Chaining, Row
from asyncqueue.backends.common.scripts import answer_here
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.services import Settled
from asyncqueue.backends.sqlite.connection import Work
from asyncqueue.backends.sqlite.rows import array
from asyncqueue.backends.sqlite.times import Times

Run = Callable[[Work[Any]], Awaitable[Any]]


class SqliteDependencies(Chaining):
    """`facets.Chains`.

    Args:
        read: does work on the connection that reads.
        write: does work in a transaction.
    """

    def __init__(self, table: Table, times: Times, *, read: Run, write: Run) -> None:
        super().__init__(table)
        self._times = times
        self._reading = read
        self._writing = write

    async def _transaction(self, asking: Callable[[], Asking]) -> Settled:
        settled: Settled = await self._writing(lambda raw: answer_here(asking(), partial(self._do, raw)))
        return settled

    def _do(self, raw: sqlite3.Connection, asked: Ask) -> Sequence[Row]:
        sql = self._table[asked.name].text
        if asked.name == "resolve":
            rows = zip(asked.ids, self._times.series(len(asked.ids)), strict=True)
            now_utc = self._times.now_utc()
            raw.executemany(sql, [{"id": key.hex, "modified": modified, "now_utc": now_utc} for key, modified in rows])
            return []
        if asked.rows:
            now = self._times.now()
            raw.executemany(sql, [{**_plain(row), "now": now} for row in asked.rows])
            return []
        return raw.execute(sql, {"ids": array(asked.ids)}).fetchall()

    async def _read(self, name: str, **values: Any) -> Sequence[Row]:
        sql, plain = self._table[name].text, _plain(values)
        rows: Sequence[Row] = await self._reading(lambda raw: raw.execute(sql, plain).fetchall())
        return rows


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Ids as they stand in the tables."""
    return {name: _of(value) for name, value in values.items()}


def _of(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    return array(value) if isinstance(value, list) else value
