"""Sets up a session with MySQL or MariaDB: all that correctness rests on is set, and no default is trusted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

import aiomysql

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.connection import MysqlConnection
from asyncqueue.backends.mysql.errors import STATEMENT_LOG
from asyncqueue.errors import UnsupportedServer

# The server gives a lock up before the caller's deadline ends, so that nothing goes on behind the caller's back.
_SHARE_FOR_WAITING = 0.5
#: Seconds of silence at least after which the server ends a session.
_IDLE = 10


class Patience(NamedTuple):
    """How long the server waits for a session of ours, in seconds.

    Args:
        lock_wait: for a lock that somebody else holds.
        idle: for its next statement; then the server ends it, and frees what its transaction has locked.
        give_up: for the end of a statement.
    """

    lock_wait: int
    idle: int
    give_up: int

    @classmethod
    def of(cls, statement_timeout: float) -> Patience:
        """What fits callers who wait so many seconds."""
        whole = int(statement_timeout) + 1
        return cls(max(1, int(statement_timeout * _SHARE_FOR_WAITING)), max(_IDLE, whole), whole)


async def set_up(connection: MysqlConnection, table: Table, patience: Patience) -> tuple[str, datetime]:
    """Make a new connection ready for use. Returns the server's version and what its clock says, in UTC.

    Raises UnsupportedServer where the server writes a binary log that our transactions cannot be written to.
    """
    setup = table.setup
    *_, log, about = await connection.run(
        (setup["session"], patience._asdict()),
        (setup["isolation"], {}),
        (setup["binary_log"], {}),
        (setup["server"], {}),
    )
    version, now, connection.max_packet = about.rows[0]
    logged = dict(log.rows)
    if logged.get("log_bin", "").upper() == "ON" and logged.get("binlog_format", "").upper() == "STATEMENT":
        try:
            await connection.run((setup["log_rows"], {}))
        except aiomysql.MySQLError as error:
            if not connection.usable:
                raise
            raise UnsupportedServer(STATEMENT_LOG) from error
    return version, now


@asynccontextmanager
async def unhurried(connection: MysqlConnection, table: Table, patience: Patience) -> AsyncIterator[None]:
    """The server ends no statement inside, however long it takes."""
    await connection.run((table.setup["give_up"], {"give_up": 0}))
    try:
        yield
    finally:
        if connection.usable:
            await connection.run((table.setup["give_up"], {"give_up": patience.give_up}))
