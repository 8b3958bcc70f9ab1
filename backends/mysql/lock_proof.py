"""Proves that the server holds the row locks that claims rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from asyncqueue.backends.common.connection import SharedConnection
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.connection import Call, MysqlConnection
from asyncqueue.backends.mysql.rows import ids_json
from asyncqueue.backends.mysql.transactions import Transaction
from asyncqueue.errors import UnsupportedServer
from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.backend")

_WITHOUT_LOCKS = (
    "this server does not keep rows locked that SELECT ... FOR UPDATE SKIP LOCKED has locked: two workers would run "
    'the same task. asyncqueue needs MySQL or MariaDB with InnoDB (see docs/databases.md, "Servers that speak the same '
    'protocol")'
)


class LockProof:
    """Some servers speak MySQL's protocol, accept SKIP LOCKED and lock nothing.

    With the first rows that a backend claims, before it takes them, a second connection tries to lock them too. That
    writes nothing, and happens once. Afterwards each claim counts the rows that it has changed, which costs nothing.

    Args:
        shared: another connection than that of claims.
        translate: as `SharedConnection.run` takes it.
    """

    def __init__(
        self,
        table: Table,
        shared: SharedConnection[MysqlConnection],
        translate: Callable[[BaseException], Exception | None],
    ) -> None:
        self._table = table
        self._shared = shared
        self._translate = translate
        self._given = self._refuted = False

    async def give(self, claiming: Transaction, ids: Sequence[UUID]) -> None:
        """Raise UnsupportedServer if these rows, which `claiming` has locked, can be locked by another session."""
        if self._given:
            return
        asked: Call = self._table["still_free"], {"ids": ids_json(ids)}
        where: Call = self._table["whereabouts"], {}
        there, free = await self._shared.run(lambda connection: connection.run(where, asked), translate=self._translate)
        (here,) = await claiming.run(where)
        if here.rows != there.rows:
            # Two servers of a cluster. They do not share locks: the one that commits second is told so (error 1213).
            logger.debug("the locks of claims cannot be proved: %s and %s answered", here.rows, there.rows)
        elif free.rows:
            self.refute()
            self.check()
        self._given = True

    def refute(self) -> None:
        """Note that rows which a claim had locked were taken by somebody else."""
        self._refuted = True

    def check(self) -> None:
        """Raise UnsupportedServer once it is known that the server does not hold locks."""
        if self._refuted:
            raise UnsupportedServer(_WITHOUT_LOCKS)
