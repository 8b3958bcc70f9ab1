"""Deletes what is left beside the task table of tasks that are gone: what every dialect has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.services import Batch
from asyncqueue.model import ENDED, Observation, Stamp

_NIL = UUID(int=0)
#: Seconds that a key stays free before it is deleted: the clock of a table's zone may be put back by an hour meanwhile.
_FREE_FOR = 3600.0


def uuid_of(resume_from: str | None) -> UUID:
    """A place that is an id. One that is none was noted on another database: then it is the beginning, too."""
    try:
        return UUID(resume_from) if resume_from else _NIL
    except ValueError:
        return _NIL


class KeptKey(NamedTuple):
    """A unique key, the task that holds it, and for how many seconds after its end."""

    unique_key: str
    holder: UUID
    held_for: float


class Sweeping(ABC):
    """The sweeps of one backend.

    Nothing is looked for in the tasks: a batch of a side table is read by its primary key, and its tasks by theirs.

    Args:
        observe: the backend's verb.
    """

    def __init__(self, table: Table, observe: Callable[[Collection[UUID]], Awaitable[Observation]]) -> None:
        self._table = table
        self._observe = observe

    async def sweep_attempts(self, *, limit: int, resume_from: str | None = None) -> Batch:
        """As `Retention.sweep_attempts`."""
        self._table.require_migrated("a sweep")
        kept = await self._kept_attempts(uuid_of(resume_from), limit)
        # Attempts are written of a task that is there, and no task comes back: what is not there now never is again.
        found = (await self._observe(kept)).rows if kept else {}
        orphans = [key for key in kept if key not in found]
        if orphans:
            await self._delete_attempts(orphans)
        return Batch(len(orphans), len(kept), str(kept[-1]) if len(kept) == limit else None)

    async def sweep_edges(self, *, limit: int, resume_from: str | None = None) -> Batch:
        """As `Retention.sweep_edges`."""
        self._table.require_migrated("a sweep")
        kept = await self._kept_edges(uuid_of(resume_from), limit)
        # Edges are written with the task that waits, in one transaction.
        found = (await self._observe(kept)).rows if kept else {}
        orphans = [key for key in kept if key not in found]
        if orphans:
            await self._delete_edges(orphans)
        return Batch(len(orphans), len(kept), str(kept[-1]) if len(kept) == limit else None)

    async def sweep_keys(self, *, limit: int, resume_from: str | None = None) -> Batch:
        """As `Retention.sweep_keys`."""
        self._table.require_migrated("a sweep")
        kept = await self._kept_keys(resume_from or "", limit)
        free: list[KeptKey] = []
        if kept:
            seen = await self._observe({key.holder for key in kept})
            free = [key for key in kept if self._free(key, seen)]
        deleted = await self._delete_keys(free) if free else 0
        return Batch(deleted, len(kept), kept[-1].unique_key if len(kept) == limit else None)

    def _free(self, key: KeptKey, seen: Observation) -> bool:
        if key.holder not in seen.rows:
            return True
        status, modified = seen.rows[key.holder]
        return status in ENDED and self._seconds(modified, seen.now) > key.held_for + _FREE_FOR

    @abstractmethod
    def _seconds(self, since: Stamp, now: Stamp) -> float:
        """From one time of the table to another."""

    @abstractmethod
    async def _kept_attempts(self, after: UUID, limit: int) -> list[UUID]:
        """Tasks of which attempts are kept, the next ones in their order."""

    @abstractmethod
    async def _delete_attempts(self, ids: Sequence[UUID]) -> None:
        """Delete what is kept of these."""

    @abstractmethod
    async def _kept_edges(self, after: UUID, limit: int) -> list[UUID]:
        """Tasks of which it is kept what they have waited for, the next ones in their order."""

    @abstractmethod
    async def _delete_edges(self, ids: Sequence[UUID]) -> None:
        """Delete what these have waited for."""

    @abstractmethod
    async def _kept_keys(self, after: str, limit: int) -> list[KeptKey]:
        """Unique keys, the next ones in their order."""

    @abstractmethod
    async def _delete_keys(self, free: Sequence[KeptKey]) -> int:
        """Delete those of these keys that have the same holder still, without waiting for any. Returns how many."""
