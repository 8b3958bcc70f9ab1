"""Opens connections to PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from asyncqueue.backends.base import Options
from asyncqueue.backends.postgresql.address import address_of, refused
from asyncqueue.errors import DatabaseUnavailable

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]

#: The hot statements go by their indexes, whatever the planner thinks of a table whose statistics are older than what
# was queued since: it would rather sort all that is queued for every claim. Where an index is lacking there is no other
# way than one of these, which then looks so dear that each statement would be compiled first, for 50 ms.
BY_INDEX = {
    **{f"enable_{way}": "off" for way in ("bitmapscan", "seqscan", "sort", "hashjoin", "mergejoin")},
    "jit": "off",
}
#: A migration takes as long as it takes, whatever the server or the role has for other sessions.
UNHURRIED = {"statement_timeout": "0", "lock_timeout": "0"}
#: What statements mean is set, whatever the server, the database or the role has for other sessions. The search path is
# theirs: it says which task table is meant. So is default_transaction_read_only, by which a server that is full or has
# been replaced is protected.
_MEANING = {
    "default_transaction_isolation": "read committed",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
}
#: Seconds of silence after which the server asks whether this host is still there, seconds between two questions, and
# how many it asks. So it knows within a minute that a host has vanished, and lets go of what its sessions have locked.
_KEEP_ALIVE = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
#: PostgreSQL 14 or later, on Linux: while it works for a client it looks so often whether that is still connected.
_CHECK = {"client_connection_check_interval": "10000"}
#: The share of the statement timeout after which the server gives up waiting for a lock: before the caller does, so
# that nothing waits behind the caller's back. Also before a worker that hurries, whose deadline is a third by default.
_SHARE_FOR_LOCKS = 1 / 4
#: The same of a heartbeat: with the connection's retries it stays within the deadline.
_SHARE_FOR_LOCKS_OF_BEATS = 1 / 6
#: The share of it after which the server ends a session that does nothing in the middle of a transaction. Between two
# of its statements lies a round trip, unless this process is frozen.
_SHARE_FOR_IDLENESS = 1 / 3


#: Seconds to ask the server to cancel a statement.
_CANCEL_TIMEOUT = 1.0


class Timeouts(NamedTuple):
    """How long the server goes on for us, in milliseconds."""

    statement: int
    lock: int
    idle_in_transaction: int

    @classmethod
    def of(cls, seconds: float) -> Timeouts:
        """Those that fit a deadline of ours."""
        whole = seconds * 1000
        return cls(*(max(1, int(whole * share)) for share in (1.0, _SHARE_FOR_LOCKS, _SHARE_FOR_IDLENESS)))

    def slots(self) -> dict[str, str]:
        """What of them fills the slots of statements."""
        return {"lock_timeout": str(self.lock), "idle_timeout": str(self.idle_in_transaction)}

    def settings(self) -> dict[str, str]:
        """Them as settings of a session."""
        return {
            "statement_timeout": str(self.statement),
            "lock_timeout": str(self.lock),
            "idle_in_transaction_session_timeout": str(self.idle_in_transaction),
        }


class Connector:
    """Where the database is, and how to connect to it.

    Every session is set up here, by parameters of its start, which cost no round trip. A PgBouncer refuses them,
    because other clients would inherit them. Then a session is as the server has it, and only transactions of several
    statements set what they need, see `transaction`.

    There the driver's look-up of types is made when a connection is opened, in a transaction. asyncpg switches the
    compiler (`jit`) off for it by a statement of its own, which else may reach another session of the server than the
    look-up itself: that then takes the server a second. Where a whole fleet opens its connections at once, as after a
    crash of the PgBouncer, nobody would write a result for many seconds.

    Args:
        url: where the database is.
        options: how long to wait for it.
        array_types: the statement whose types are looked up.

    Raises ConfigurationError for a URL that cannot be used.
    """

    def __init__(self, url: str, options: Options, array_types: str) -> None:
        self._array_types = array_types
        self._address = address_of(url)
        self._name = {"application_name": self._address.name}
        self._options = options
        self._pooled = False
        self._checks = True

    @property
    def server(self) -> str:
        """Where the server is, to say so in an error."""
        return self._address.server

    async def connect(self) -> AsyncpgConnection:
        """A connection. Raises DatabaseUnavailable, TimeoutError, or what asyncpg raises."""
        return await self._open_with(Timeouts.of(self._options.statement_timeout).settings())

    async def connect_by_index(self, within: float) -> AsyncpgConnection:
        """The same for a worker's hot statements, with a planner that takes their indexes.

        The time-outs fit a deadline of `within` seconds.
        """
        return await self._open_with({**Timeouts.of(within).settings(), **BY_INDEX})

    async def connect_impatient(self, within: float) -> AsyncpgConnection:
        """The same for heartbeats: a statement gives up sooner where it waits for a lock."""
        patience = {"lock_timeout": str(max(1, int(within * _SHARE_FOR_LOCKS_OF_BEATS * 1000)))}
        return await self._open_with({**Timeouts.of(within).settings(), **BY_INDEX, **patience})

    async def connect_unhurried(self) -> AsyncpgConnection:
        """The same for a migration: neither we nor the server end a statement that takes long."""
        settings = Timeouts.of(self._options.statement_timeout).settings()
        return await self._open_with({**settings, **UNHURRIED}, patient=True)

    async def _open_with(self, settings: Mapping[str, str], *, patient: bool = False) -> AsyncpgConnection:
        while not self._pooled:
            checks = _CHECK if self._checks else {}
            try:
                whole = {**self._name, **_MEANING, **_KEEP_ALIVE, **checks, **settings}
                return await self._open(whole, patient=patient)
            except (asyncpg.UndefinedObjectError, asyncpg.InvalidParameterValueError) as error:
                if not self._checks:
                    raise refused(error) from error
                self._checks = False  # before PostgreSQL 14, or not on this system
            except asyncpg.ProtocolViolationError:
                self._pooled = True
        connection = await self._open(self._name, patient=patient)
        try:
            async with connection.transaction():
                await connection.fetch(self._array_types)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _open(self, settings: Mapping[str, str], *, patient: bool = False) -> AsyncpgConnection:
        server = self.server
        try:
            return await asyncpg.connect(
                **self._address.arguments,
                timeout=self._options.connect_timeout,
                command_timeout=None if patient else self._options.statement_timeout,
                server_settings=dict(settings),
            )
        except FileNotFoundError as error:
            raise DatabaseUnavailable(
                f"PostgreSQL at {server} cannot be reached: {error} (its socket, or a file that sslcert, sslkey "
                "or sslrootcert names)"
            ) from error
        except TimeoutError:
            raise
        except OSError as error:
            raise DatabaseUnavailable(f"PostgreSQL at {server} cannot be reached: {error}") from error


class GivenUp:
    """Connections whose server has not answered in time.

    asyncpg asks the server to cancel a statement whose caller is cancelled, if the connection is still there. Without
    that the server would notice late that nobody waits any more, and behind a PgBouncer, which lends its own
    connections, not at all.
    """

    def __init__(self) -> None:
        self._connections: set[AsyncpgConnection] = set()

    def add(self, connection: AsyncpgConnection) -> None:
        """Drop a connection in a moment."""
        self._connections.add(connection)
        asyncio.get_running_loop().call_later(_CANCEL_TIMEOUT, self._drop, connection)

    def close(self) -> None:
        """Drop them all."""
        for connection in list(self._connections):
            self._drop(connection)

    def _drop(self, connection: AsyncpgConnection) -> None:
        self._connections.discard(connection)
        connection.terminate()
