"""What is scheduled in a PostgreSQL table, and time that passes for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asyncqueue.backends.common.table import Table


class PostgresqlScheduled:
    """`services.Scheduled`.

    Args:
        fetch: runs a statement by name.
        forget: makes the next claim look at everything.
    """

    def __init__(
        self, table: Table, fetch: Callable[[str, dict[str, Any]], Awaitable[Any]], forget: Callable[[], None]
    ) -> None:
        self._table = table
        self._fetch = fetch
        self._forget = forget

    async def until_due(self) -> float | None:
        if not self._table.migrated:
            return None
        [[seconds]] = await self._fetch("until_due", {})
        return None if seconds is None else float(seconds)

    async def advance(self, microseconds: int) -> None:
        self._table.require_migrated("bringing scheduled tasks forward")
        self._forget()
        await self._fetch("advance", {"microseconds": microseconds})
