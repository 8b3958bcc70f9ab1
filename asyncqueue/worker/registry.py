"""Keeps a worker on the list of those that are running."""

from __future__ import annotations

import os
import socket
from importlib import metadata

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseError, DatabaseUnavailable
from asyncqueue.loggers import get_logger
from asyncqueue.model import WorkerInfo
from asyncqueue.settings import Settings
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.strays import Strays

logger = get_logger("asyncqueue.worker")

_VERSION = metadata.version("asyncqueue")


class Registry:
    """One worker's entry, on a migrated table.

    People see it, and other workers: while a worker beats, nobody rescues what it holds.

    Args:
        name: the worker's.
        leases: the lease that is listed.
    """

    def __init__(self, backend: Backend, settings: Settings, name: str, leases: Leases) -> None:
        self._backend = backend
        self._settings = settings
        self._name = name
        self._leases = leases

    async def beat(self) -> bool:
        """Say that it is running; the next one says it if that fails. Returns whether the database takes writes."""
        info = WorkerInfo(
            name=self._name,
            host=socket.gethostname()[:255],
            pid=os.getpid(),
            version=_VERSION,
            queues=", ".join(self._settings.queues) or None,
            concurrency=self._settings.concurrency,
            lease=self._leases.own,
        )
        try:
            await self._backend.beat(info)
        except DatabaseError as error:
            logger.debug("cannot say that this worker is running: %s", error)
            return not isinstance(error, DatabaseUnavailable)
        return True

    async def leave(self, strays: Strays) -> None:
        """Release what it holds without knowing it, and take it off the list. A database that is away is left alone."""
        try:
            await strays.release()
            await self._backend.leave(self._name)
        except DatabaseError as error:
            logger.debug("cannot leave the list of workers: %s", error)
