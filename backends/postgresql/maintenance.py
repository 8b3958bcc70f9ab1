"""What one worker of all does for the others, in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from asyncqueue.backends.common.table import Table

if TYPE_CHECKING:
    import asyncpg

    Fetch = Callable[[str, dict[str, Any]], Awaitable[list[asyncpg.Record]]]


class PostgresqlMaintenance:
    """See `asyncqueue.backends.services.Chores`.

    Args:
        fetch: runs a statement by name with its values.
    """

    def __init__(self, table: Table, fetch: Fetch) -> None:
        self._table = table
        self._fetch = fetch

    async def take(self, name: str, every: float) -> bool:
        self._table.require_migrated(f"the chore {name}")
        return bool(await self._fetch("take_duty", {"name": name, "every": every}))

    async def extend(self, name: str, every: float, *, resume_from: str | None = None) -> None:
        self._table.require_migrated(f"the chore {name}")
        await self._fetch("extend_duty", {"name": name, "every": every, "resume_from": resume_from})

    async def resume_from(self, name: str) -> str | None:
        self._table.require_migrated(f"the chore {name}")
        rows = await self._fetch("maintenance_cursor", {"name": name})
        return rows[0][0] if rows else None
