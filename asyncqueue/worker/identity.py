"""What a worker says of itself when it claims."""

from __future__ import annotations

from asyncqueue.backends.base import Backend
from asyncqueue.errors import MigrationRequired
from asyncqueue.model import Claimant
from asyncqueue.queues import QueueOrder
from asyncqueue.worker.heart import WorkerPid


class Identity:
    """Who this worker is to the table, and which queues it serves.

    Args:
        backend: whose table it is.
        name: for the column `claimed_by`.
        pid: for the column `worker_pid`.
        order: the queues to claim from, None for all.
    """

    def __init__(self, backend: Backend, name: str, pid: WorkerPid, order: QueueOrder | None) -> None:
        self._backend = backend
        self._name = name
        self._pid = pid
        self._order = order

    def claimant(self) -> Claimant:
        """For one claim. Raises MigrationRequired where queues were chosen and the table has none."""
        if self._order is None:
            return Claimant(self._pid.value, self._name)
        shape = self._backend.shape
        if shape is not None and not shape.migrated:
            raise MigrationRequired(
                f"a choice of queues needs columns that table {self._backend.options.table!r} lacks: run "
                "`asyncqueue migrate`, or start the worker without --queue (the setting queues)"
            )
        return Claimant(self._pid.value, self._name, self._order.next())
