"""The one way in which a transaction is begun and ended on MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import aiomysql
import anyio

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.connection import Call, MysqlConnection, Reply, send

#: Seconds to undo a transaction on the caller's own connection.
_TO_UNDO = 5.0


class Transaction:
    """Statements that take effect together.

    BEGIN travels in one packet with the first statements, and COMMIT with the last ones where they are given to `end`:
    each saves a round trip.

    Args:
        send: sends statements in one packet, and returns the reply to each.
        begin: the statement that begins it.
        commit: the statement that ends it.
    """

    def __init__(self, send: Callable[..., Awaitable[list[Reply]]], begin: Call, commit: Call) -> None:
        self._send = send
        self._begin = [begin]
        self._commit = commit
        #: Whether the server may have it open.
        self.open = False

    async def run(self, *calls: Call) -> list[Reply]:
        """Send statements, and return the reply to each."""
        begin, self._begin = self._begin, []
        self.open = True
        replies = await self._send(*begin, *calls)
        return replies[len(begin) :]

    async def end(self, *calls: Call) -> list[Reply]:
        """Send the last statements and COMMIT. Returns the replies to the statements."""
        replies = await self.run(*calls, self._commit)
        self.open = False
        return replies[:-1]


@asynccontextmanager
async def transaction(connection: MysqlConnection, table: Table) -> AsyncIterator[Transaction]:
    """A transaction on a connection of ours: committed at the end, and rolled back whatever is raised inside.

    A connection that cannot be rolled back is dropped, and so is one whose caller was cancelled: the server then undoes
    the transaction, and frees its locks.
    """
    made = Transaction(connection.run, (table["begin"], {}), (table["commit"], {}))
    try:
        yield made
        if made.open:
            await made.end()
    except Exception:
        if made.open and connection.usable:
            await _roll_back(connection, (table["rollback"], {}))
        raise
    except BaseException:
        if made.open:
            connection.discard()
        raise


async def _roll_back(connection: MysqlConnection, call: Call) -> None:
    try:
        await connection.run(call)
    except BaseException:
        connection.discard()
        raise


@asynccontextmanager
async def within(raw: aiomysql.Connection, table: Table, max_packet: int) -> AsyncIterator[Transaction]:
    """A part of the caller's transaction that takes effect as a whole or not at all."""
    calls: list[Call] = [(table[name], {}) for name in ("savepoint", "release_savepoint", "undo_savepoint")]
    begin, commit, undo = calls

    async def one_by_one(*calls: Call) -> list[Reply]:
        return [(await send(raw, call, max_packet))[0] for call in calls]

    made = Transaction(one_by_one, begin, commit)
    try:
        yield made
        if made.open:
            await made.end()
    except BaseException:
        if made.open and not raw.closed:
            with anyio.move_on_after(_TO_UNDO, shield=True):
                await _undo(raw, undo, max_packet)
        raise


async def _undo(raw: aiomysql.Connection, call: Call, max_packet: int) -> None:
    try:
        await send(raw, call, max_packet)
    except aiomysql.MySQLError:
        # A deadlock has undone all of it, the savepoint too; and on a lost connection nothing is left to undo.
        return


async def each(transaction: Transaction, calls: Sequence[Call]) -> list[Reply]:
    """Send each statement in a packet of its own: together they may be more than the server takes."""
    return [(await transaction.run(call))[0] for call in calls]
