"""When the write-ahead log of a SQLite database goes back into its file."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping

from asyncqueue.backends.common.pacing import pause_after
from asyncqueue.backends.common.statements import Statement

# Pages that a reader from before may keep from being copied until commits no longer try.
_HELD = 4000


class Checkpoints:
    """Keeps commits fast while somebody reads for long, a backup for instance.

    Once its log has 1,000 pages, SQLite tries a checkpoint at every commit, and for that sorts the whole log, also
    where a reader that began on an empty log lets it copy nothing (`walCheckpoint` in SQLite's wal.c). With 300 MB of
    log that costs 3 ms a commit, and the log grows on. So a look now and then finds out whether the log is held, and
    switches the tries of commits off until it is not.

    Args:
        setup: the statements.
    """

    def __init__(self, setup: Mapping[str, Statement]) -> None:
        self._try = setup["checkpoint"].text
        self._switch = {held: setup[f"checkpoints_{name}"].text for held, name in ((True, "off"), (False, "on"))}
        self._held = False
        self._due = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to look."""
        return time.monotonic() >= self._due

    def consider(self, raw: sqlite3.Connection) -> None:
        """Copy what can be copied, and see whether that was all of it. To be called outside a transaction.

        Raises nothing: an error of the file meets the next write as well.
        """
        began = time.monotonic()
        with contextlib.suppress(sqlite3.Error):
            _, pages, copied = raw.execute(self._try).fetchone()
            held = pages - copied > _HELD
            if held != self._held:
                raw.execute(self._switch[held]).fetchall()
                self._held = held
        ended = time.monotonic()
        self._due = ended + pause_after(ended - began)
