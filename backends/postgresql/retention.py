"""What is deleted of a PostgreSQL database when it is old, or belongs to nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from asyncqueue.backends.common.convert import ages_by_name
from asyncqueue.backends.common.orphans import KeptKey, Sweeping, uuid_of
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.services import Batch
from asyncqueue.model import Observation, Stamp, Status

if TYPE_CHECKING:
    import asyncpg

    Fetch = Callable[[str, dict[str, Any]], Awaitable[list[asyncpg.Record]]]

#: Bits of a UUID of version 7 after its milliseconds.
_AFTER_TIME = 80


class PostgresqlRetention(Sweeping):
    """See `asyncqueue.backends.services.Retention`.

    Args:
        fetch: runs a statement by name with its values.
        observe: the backend's verb.
    """

    #: Read in a millisecond, deleted in ten.
    batch = 1000

    def __init__(
        self, table: Table, fetch: Fetch, observe: Callable[[Collection[UUID]], Awaitable[Observation]]
    ) -> None:
        super().__init__(table, observe)
        self._fetch = fetch

    async def cleanup(self, ages: Mapping[Status, float], *, limit: int, resume_from: str | None = None) -> Batch:
        values = ages_by_name(ages)
        after = uuid_of(resume_from)
        [(seen, last, now, ids)] = await self._fetch("prunable", {"after": after, "limit": limit, **values})
        deleted = 0
        if ids:
            deleted = (await self._fetch("cleanup", {"ids": ids, **values}))[0][0]
        further = str(_beyond_the_young(last, now, min(ages.values()))) if seen == limit else None
        return Batch(deleted, seen, further)

    def _seconds(self, since: Stamp, now: Stamp) -> float:
        assert isinstance(since, datetime)  # noqa: S101 - this database's stamps are
        assert isinstance(now, datetime)  # noqa: S101
        return (now - since).total_seconds()

    async def _kept_attempts(self, after: UUID, limit: int) -> list[UUID]:
        return [row[0] for row in await self._fetch("orphan_candidates_attempts", {"after": after, "limit": limit})]

    async def _delete_attempts(self, ids: Sequence[UUID]) -> None:
        await self._fetch("cleanup_attempts", {"ids": ids})

    async def _kept_edges(self, after: UUID, limit: int) -> list[UUID]:
        return [row[0] for row in await self._fetch("orphan_candidates_edges", {"after": after, "limit": limit})]

    async def _delete_edges(self, ids: Sequence[UUID]) -> None:
        await self._fetch("cleanup_edges", {"ids": ids})

    async def _kept_keys(self, after: str, limit: int) -> list[KeptKey]:
        return [KeptKey(*row) for row in await self._fetch("orphan_candidates_keys", {"after": after, "limit": limit})]

    async def _delete_keys(self, free: Sequence[KeptKey]) -> int:
        values = {"unique_keys": [key.unique_key for key in free], "ids": [key.holder for key in free]}
        return int((await self._fetch("delete_keys", values))[0][0])


def _beyond_the_young(last: UUID, now: datetime, youngest: float) -> UUID:
    """Where to go on after this id.

    An id of ours begins with the time when its task was enqueued. So once those have come that are younger than the
    youngest age, all others are passed over up to the present; what follows are ids of Django's, which are random. It
    is a hint only: where a host's clock is wrong its tasks are seen earlier, or later.
    """
    since, until = (int((now.timestamp() - ago) * 1000) << _AFTER_TIME for ago in (youngest, 0.0))
    return UUID(int=until) if since <= last.int < until else last
