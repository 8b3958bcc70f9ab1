"""What a worker writes into the rows that it claims, and of which queues."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable

from asyncqueue.backends.base import Backend
from asyncqueue.errors import MigrationRequired
from asyncqueue.model import Claimant
from asyncqueue.queues import QueueOrder

#: The width of the `claimed_by` column.
_MAX_NAME = 64


def worker_name(host: str | None = None) -> str:
    """`<host>:<pid>:<8 random hex digits>`: no two workers have the same.

    A container that is started again has the same host and PID. With the name of the worker before it, it would keep
    that worker's rows from being rescued, and would release them as claims that had not begun.
    """
    suffix = f":{os.getpid()}:{secrets.token_hex(4)}"
    return (host or socket.gethostname())[: _MAX_NAME - len(suffix)] + suffix


class Identity:
    """Who this worker is to the table.

    Args:
        backend: whose table it is.
        pid: gives what to write into `worker_pid`.
        order: the queues to claim from, None for all.
    """

    def __init__(self, backend: Backend, pid: Callable[[], int | None], order: QueueOrder | None) -> None:
        self.name = worker_name()
        self._backend = backend
        self._pid = pid
        self._order = order

    def claimant(self) -> Claimant:
        """For one claim. Raises MigrationRequired where queues were chosen and the table has none."""
        if self._order is None:
            return Claimant(self._pid(), self.name)
        shape = self._backend.shape
        if shape is not None and not shape.migrated:
            raise MigrationRequired(
                f"a choice of queues needs columns that table {self._backend.options.table!r} lacks: run "
                "`asyncqueue migrate`, or start the worker without --queue (the setting queues)"
            )
        return Claimant(self._pid(), self.name, self._order.next())
