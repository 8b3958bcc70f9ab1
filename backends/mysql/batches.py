"""Rows that are written as few statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.connection import MysqlConnection
from asyncqueue.backends.mysql.rows import Row, rows_json
from asyncqueue.backends.mysql.transactions import each, transaction


async def write(connection: MysqlConnection, *, table: Table, name: str, rows: Sequence[Row], **values: Any) -> int:
    """Write rows in one statement, or where that is too large in several of one transaction: how many matched."""
    calls = [(table[name], {"rows": part, **values}) for part in rows_json(rows, connection.max_packet)]
    if len(calls) == 1:
        return (await connection.run(calls[0]))[0].matched
    async with transaction(connection, table) as writing:
        return sum(reply.matched for reply in await each(writing, calls))
