"""Opens connections to PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from asyncqueue.backends.base import Options
from asyncqueue.errors import ConfigurationError, DatabaseUnavailable

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
_NAME = {"application_name": "asyncqueue"}


class Connector:
    """Where the database is, and how to connect to it.

    Raises ConfigurationError for a URL that cannot be used.
    """

    def __init__(self, url: str, options: Options) -> None:
        self._dsn, self._cache = _split(url)
        self._place = _place(url)
        self._options = options
        self._pooled = False

    async def connect(self) -> AsyncpgConnection:
        """A connection. Raises DatabaseUnavailable, TimeoutError, or what asyncpg raises."""
        return await self._open(_NAME)

    async def connect_by_index(self) -> AsyncpgConnection:
        """The same for a worker's hot statements, with a planner that takes their indexes."""
        return await self._open_with(BY_INDEX)

    async def connect_impatient(self, patience: float) -> AsyncpgConnection:
        """The same for heartbeats: a statement gives up after `patience` seconds of waiting for a lock."""
        return await self._open_with({**BY_INDEX, "lock_timeout": str(max(1, int(patience * 1000)))})

    async def connect_unhurried(self) -> AsyncpgConnection:
        """The same for a migration: neither we nor the server end a statement that takes long."""
        return await self._open_with(UNHURRIED, patient=True)

    async def _open_with(self, settings: Mapping[str, str], *, patient: bool = False) -> AsyncpgConnection:
        if not self._pooled:
            try:
                return await self._open({**_NAME, **settings}, patient=patient)
            except asyncpg.ProtocolViolationError:
                # PgBouncer refuses settings of the session, which other clients would inherit.
                self._pooled = True
        return await self._open(_NAME, patient=patient)

    async def _open(self, settings: Mapping[str, str], *, patient: bool = False) -> AsyncpgConnection:
        try:
            return await asyncpg.connect(
                self._dsn,
                timeout=self._options.connect_timeout,
                command_timeout=None if patient else self._options.statement_timeout,
                statement_cache_size=self._cache,
                server_settings=dict(settings),
            )
        except FileNotFoundError as error:
            raise DatabaseUnavailable(
                f"PostgreSQL at {self._place} cannot be reached: {error} (its socket, or a file that sslcert, sslkey "
                "or sslrootcert names)"
            ) from error
        except TimeoutError:
            raise
        except OSError as error:
            raise DatabaseUnavailable(f"PostgreSQL at {self._place} cannot be reached: {error}") from error


def _split(url: str) -> tuple[str, int]:
    """The DSN for asyncpg, and the size of its cache of prepared statements."""
    parts = urlsplit(url)
    try:
        _ = "," in parts.netloc or parts.port  # of several hosts, each has a port of its own
    except ValueError as error:
        raise ConfigurationError("the port in the database URL must be a number from 1 to 65535") from error
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    size = query.pop("statement_cache_size", "100")
    if not size.isdecimal():
        raise ConfigurationError(f"statement_cache_size in the database URL must be a number, not {size!r}")
    return urlunsplit(parts._replace(query=urlencode(query))), int(size)


def _place(url: str) -> str:
    """Where the server is, to say so in an error: never with user or password."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return parts.netloc.rpartition("@")[2] or query.get("host") or query.get("service") or "its usual place"
