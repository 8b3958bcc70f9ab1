"""The bare INSERT in the caller's own thread, which stands still for as long as the disk takes."""

from __future__ import annotations

import run_limit
import shared


class Sqlite3(run_limit.Limit):
    """As the limit, but by sqlite3 instead of aiosqlite."""

    async def open(self, callers: int) -> None:
        await super().open(callers)
        self.database.direct = True


if __name__ == "__main__":
    shared.main(Sqlite3)
