"""One connection to MySQL or MariaDB, as the backend uses it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiomysql
from pymysql.constants import CLIENT, CR
from pymysql.err import OperationalError

from asyncqueue.backends.common.statements import Statement
from asyncqueue.backends.mysql.address import Address
from asyncqueue.errors import DataRejected

#: A statement and its values by name.
Call = tuple[Statement, Mapping[str, Any]]

# Seconds of silence, seconds between questions, unanswered questions, until the system gives a connection up.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class Reply(NamedTuple):
    """What one statement answered: how many rows it matched, or returned, and these."""

    matched: int
    rows: list[tuple[Any, ...]]


class _Raw(aiomysql.Connection):  # type: ignore[misc]  # aiomysql has no types
    """Asked for TLS, aiomysql goes on without it where the server offers none. This one does not."""

    tls_required = False

    async def _request_authentication(self) -> None:
        if self.tls_required and not self.server_capabilities & CLIENT.SSL:
            raise OperationalError(
                CR.CR_SSL_CONNECTION_ERROR, "the server offers no TLS, and the database URL asks for it"
            )
        await super()._request_authentication()


class _Cursor(aiomysql.Cursor):  # type: ignore[misc]
    """In strict mode nothing that a warning could tell goes wrong; aiomysql would fetch each in a round trip."""

    async def _show_warnings(self, conn: aiomysql.Connection) -> None: ...


class MysqlConnection:
    """Sends statements, several in a packet where that saves a round trip, and reads all their replies."""

    def __init__(self, address: Address) -> None:
        #: The largest statement in bytes that the server takes.
        self.max_packet = 1024 * 1024
        self._raw = _Raw(**address.arguments(), charset="utf8mb4", autocommit=True, client_flag=CLIENT.FOUND_ROWS)
        self._raw.tls_required = address.tls_required

    async def open(self) -> None:
        """Connect. What a failed or cancelled attempt leaves is for `discard`."""
        await self._raw.ping(reconnect=True)  # on a connection that is not connected yet, this connects
        self._keep_alive()

    @property
    def usable(self) -> bool:
        """Whether neither side is known to have closed it."""
        return is_open(self._raw)

    def discard(self) -> None:
        """Drop it at once, whatever is still to be sent."""
        if not self._raw.closed:
            self._transport.abort()
        self._raw.close()

    async def run(self, *calls: Call) -> list[Reply]:
        """Send statements in one packet and return the reply to each.

        After an error the server runs none of the rest; what an open transaction has done is rolled back.
        """
        try:
            query = ";\n".join(text(call, self._raw) for call in calls).encode()
            return await fetch(self._raw, _fitting(query, self.max_packet))
        except (AttributeError, RuntimeError) as error:
            # Raised where the connection is closed between two steps of the driver.
            if self.usable:
                raise
            raise OperationalError(CR.CR_SERVER_LOST, "Lost connection to MySQL server") from error
        except (aiomysql.MySQLError, DataRejected, UnicodeEncodeError):
            if self.usable:
                await self._raw.rollback()
            raise

    @property
    def _transport(self) -> asyncio.Transport:
        transport: asyncio.Transport = self._raw._writer.transport  # aiomysql has no public way to it
        return transport

    def _keep_alive(self) -> None:
        connected = self._transport.get_extra_info("socket")
        if connected.family == socket.AF_UNIX:
            return
        for name, value in _KEEP_ALIVE.items():
            if hasattr(socket, name):  # not on every system
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def is_open(raw: aiomysql.Connection) -> bool:
    """Whether neither side is known to have closed it."""
    return not (raw.closed or raw._reader.at_eof() or raw._writer.transport.is_closing())


async def send(raw: aiomysql.Connection, call: Call, max_packet: int) -> list[Reply]:
    """Run a statement on somebody else's connection, which may be of any character set: ASCII is part of them all.

    What it returns is in ASCII, too. With `use_unicode=False` the driver leaves texts as bytes.
    """
    replies = await fetch(raw, _fitting(text(call, raw).encode("ascii"), max_packet))
    return [Reply(matched, [tuple(map(_decoded, row)) for row in rows]) for matched, rows in replies]


def _decoded(value: Any) -> Any:
    return value.decode("ascii") if isinstance(value, bytes) else value


def text(call: Call, raw: aiomysql.Connection) -> str:
    """A statement with its values in place."""
    statement, values = call
    return statement.text % {name: raw.escape(values[name]) for name in statement.params}


async def fetch(raw: aiomysql.Connection, query: bytes) -> list[Reply]:
    """Send a packet of statements and read every reply: an error of a later one shows only there."""
    cursor = await raw.cursor(_Cursor)
    await cursor.execute(query)
    replies = [Reply(cursor.rowcount, await cursor.fetchall())]
    while await cursor.nextset():
        replies.append(Reply(cursor.rowcount, await cursor.fetchall()))
    return replies


def _fitting(query: bytes, max_packet: int) -> bytes:
    """A packet that the server takes. It would close the connection on a larger one, which looks like an outage."""
    if len(query) >= max_packet:
        raise DataRejected(
            f"this takes {len(query)} bytes to send, and the server takes max_allowed_packet = {max_packet}: "
            "enlarge that"
        )
    return query
