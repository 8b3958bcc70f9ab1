"""Limits in a MySQL or MariaDB database, see `limits.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC
from functools import partial
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.limits.admission import Ask, Asking, LimitsOf, Rows
from asyncqueue.backends.common.scripts import answer
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.connection import Call, MysqlConnection, Reply
from asyncqueue.backends.mysql.rows import rows_json
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import transaction

Run = Callable[[Callable[[MysqlConnection], Awaitable[Any]]], Awaitable[Any]]

#: Statements in one packet, where there is one for each row.
_AT_ONCE = 100


class MysqlLimits(LimitsOf):
    """The verbs of `Limits`.

    Args:
        run: does work on a connection.
    """

    def __init__(self, table: Table, times: Times, run: Run) -> None:
        super().__init__(table)
        self._times = times
        self._run = run

    async def _in_transaction(self, make: Callable[[], Asking]) -> Any:
        async def work(connection: MysqlConnection) -> Any:
            async with transaction(connection, self._table) as limiting:
                return await answer(make(), partial(self._ask, limiting.run, connection.max_packet))

        return await self._run(work)

    async def _alone(self, ask: Ask) -> Rows:
        rows: Rows = await self._run(lambda connection: self._ask(connection.run, connection.max_packet, ask))
        return rows

    async def _ask(self, run: Callable[..., Awaitable[list[Reply]]], max_packet: int, ask: Ask) -> Rows:
        found: list[tuple[Any, ...]] = []
        calls = list(self._calls(ask, max_packet))
        for start in range(0, len(calls), _AT_ONCE):
            for reply in await run(*calls[start : start + _AT_ONCE]):
                found += reply.rows
        return [self._task(row) for row in found] if ask.name == "limited_tasks" else found

    def _task(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A task with ages for its times, which the table has in a zone of its own."""
        key, status, started, limit_key, renewed, attempt, now = row
        age = self._times.age
        return (
            key,
            status,
            age(started, now),
            limit_key,
            age(renewed, now),
            attempt,
            now.replace(tzinfo=UTC).timestamp(),
        )

    def _calls(self, ask: Ask, max_packet: int) -> Iterator[Call]:
        statement = self._table[ask.name]
        rows = [{name: _written(value) for name, value in row.items()} for row in ask.rows]
        if "rows" not in statement.params:
            yield from ((statement, row) for row in rows)
        elif rows:
            for part in rows_json(rows, max_packet):
                yield statement, {"rows": part, "utc_offset": self._times.offset()}


def _written(value: Any) -> Any:
    if isinstance(value, tuple):
        return ",".join(value)
    return value.hex if isinstance(value, UUID) else value
