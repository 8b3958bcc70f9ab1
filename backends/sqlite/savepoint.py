"""Several statements within a transaction of the caller's: all of them or none, and that transaction goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from asyncqueue.backends.common.unreadable import decoded

Result = TypeVar("Result")


def within(raw: sqlite3.Connection, work: Callable[[sqlite3.Connection], Result]) -> Result:
    """Do `work` in the thread of the caller's connection; undo what it did if it raises.

    The connection may make anything of rows and texts. What `work` reads is as SQLite has it.
    """
    with _plain(raw):
        if not raw.in_transaction:
            raw.execute("BEGIN")  # as the driver itself does before it writes
        raw.execute("SAVEPOINT asyncqueue")
        try:
            result = work(raw)
        except BaseException:
            if raw.in_transaction:  # a trigger's RAISE(ROLLBACK) has undone all of it
                raw.execute("ROLLBACK TO SAVEPOINT asyncqueue")
                raw.execute("RELEASE SAVEPOINT asyncqueue")
            raise
        raw.execute("RELEASE SAVEPOINT asyncqueue")
        return result


@contextmanager
def _plain(raw: sqlite3.Connection) -> Iterator[None]:
    factories = raw.row_factory, raw.text_factory
    raw.row_factory, raw.text_factory = None, decoded
    try:
        yield
    finally:
        raw.row_factory, raw.text_factory = factories
