"""MySQL 8.0.11 or later and MariaDB 10.6 or later, through aiomysql."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import aiomysql
import anyio

from asyncqueue.backends import mysql_schema as schema
from asyncqueue.backends import statements
from asyncqueue.backends.base import Capabilities, Change, Options, Server, TableShape, TaskFilter
from asyncqueue.backends.lane import Lane
from asyncqueue.backends.mysql_address import address_of
from asyncqueue.backends.mysql_claiming import Claiming
from asyncqueue.backends.mysql_connection import Call, MysqlConnection, Reply, fetch, text
from asyncqueue.backends.mysql_errors import translate
from asyncqueue.backends.mysql_rows import Row, ids_json, ordered, rows_json
from asyncqueue.backends.mysql_times import Times
from asyncqueue.backends.table import Table
from asyncqueue.backends.values import status_of
from asyncqueue.errors import ConfigurationError, DatabaseUnavailable, DataRejected
from asyncqueue.model import (
    ENDED,
    Claim,
    ClaimedTask,
    Finish,
    LostTask,
    NewTask,
    Observation,
    OutputChunk,
    Release,
    Stamp,
    Status,
    TaskCount,
    TaskRecord,
)

# Building an index on a very large table may take hours; the deadline only keeps a lost connection from hanging.
_MIGRATION_TIMEOUT = 6 * 3600.0
# The server gives a lock up before the caller's deadline ends, so that nothing goes on behind the caller's back.
_SHARE_FOR_WAITING = 0.5
_RETRY_DELAY = 0.2


class MysqlBackend:
    """The task table in a MySQL or MariaDB database.

    `url` is `mysql://user:password@host:port/database` (or `mariadb://`), user and password percent-encoded, with these
    query parameters:

    - `unix_socket`: the path of a socket, instead of host and port;
    - `ssl`: `disabled` (the default), `preferred` (TLS where the server has it), `required` (TLS, but any
      certificate), `verify_ca` (the certificate must be genuine), `verify_identity` or `true` (and be the host's; the
      default where one of the following is given). `ssl-mode` is another name for it;
    - `ssl_ca`: a file of certificates to trust instead of the system's; `ssl_cert` and `ssl_key`: the client's own;
    - `charset`: `utf8mb4`, which it is in any case.
    """

    capabilities = Capabilities(wakes=False, embedded=False)

    def __init__(self, url: str, options: Options) -> None:
        self.options = options
        self._address = address_of(url)
        self._times = Times(options.time_zone)
        self._table = Table("mysql", statements.pyformat, options.table, schema.slots(options.table))
        # One for a worker's hot path, one for everything that must not wait behind it, one for enqueueing.
        self._engine, self._control, self._enqueue = self._lane(), self._lane(), self._lane()
        self._server = Server("MySQL", "unknown until opened")
        self._max_packet = 0
        self._task_length = 0

    @property
    def server(self) -> Server:
        return self._server

    @property
    def shape(self) -> TableShape | None:
        return self._table.shape

    async def open(self) -> None:
        await self._control.run(self._probe, translate=self._translate)

    async def close(self) -> None:
        for lane in (self._engine, self._control, self._enqueue):
            lane.close()

    # -- enqueueing

    async def enqueue(self, tasks: Sequence[NewTask], *, connection: Any = None) -> None:
        if not tasks:
            return
        rows = [{"id": task.id.hex, "task": task.task, "args": task.args} for task in tasks]
        if connection is None:
            await self._write(self._enqueue, "enqueue", rows)
            return
        if not isinstance(connection, aiomysql.Connection):
            raise ConfigurationError(
                f"connection= must be an aiomysql connection for a MySQL or MariaDB queue, "
                f"not {type(connection).__name__}"
            )
        self._check_lengths(tasks)
        # The caller's connection may be of any character set: ASCII is part of them all.
        values = {"rows": json.dumps(rows), "utc_offset": self._times.offset()}
        try:
            query = text((self._table["enqueue"], values), connection).encode("ascii")
            self._check_size(len(query))
            await fetch(connection, query)
        except Exception as error:
            known = self._translate(error)
            if known is None:
                raise
            raise known from error
