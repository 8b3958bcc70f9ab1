"""Rows that asyncqueue cannot read: other programs wrote them. They fail alone, by their key as the table has it.

A claim looks at each column of what it has read as a whole, because that costs a row next to nothing. Only where
something is found there are the rows looked at one by one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from uuid import UUID

from asyncqueue.errors import DatabaseError
from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.worker")

#: Ids as Django writes them to a column of characters.
AS_DJANGO = re.compile("(?:[0-9a-f]{32},)*")
#: The same where the column's collation takes capitals for small letters.
ANY_CASE = re.compile("(?:[0-9a-fA-F]{32},)*")
#: Ids in a native type of UUIDs, which holds nothing else.
ANYTHING = re.compile("[^,]*(?:,[^,]*)*")

#: What becomes the error of such a row.
ERROR = (
    "Task failed: asyncqueue cannot read this row. Its id is no UUID as Django writes it (32 hexadecimal digits, in "
    "lower case), or its `modified`, `run_after`, `attempt`, `max_attempts` or `links` is of another type than its "
    "column, or one of its texts is no UTF-8. Another program wrote it: enqueue the task again through asyncqueue or "
    "Django, and delete this row."
)
#: The same where `modified` is all that can be wrong.
TIME_ERROR = (
    "Task failed: asyncqueue cannot read this row. Its `modified` was no time from the year 1 to the year 9999, but "
    "infinity or a zero date, for example. Another program wrote it: enqueue the task again, or requeue this row."
)

#: What stands for times that Python's cannot be.
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)

#: Seconds after which the same complaint may stand in the log again.
_AGAIN = 60.0
_NAMED = 5
#: Rows that are failed by one statement of the maintenance.
UNREADABLE_AT_ONCE = 1000
_said: dict[str, float] = {}

Row = tuple[Any, ...]
#: The types of numbers, and of those that may be NULL.
NUMBER, OPTIONAL = frozenset((int,)), frozenset((int, type(None)))


class Undecodable(str):
    r"""A text of a table that is no UTF-8: legible, with an escape such as `\xff` for each byte that is none.

    A database gives such texts as this type, so that `Form` sees them and people can read them.

    Args:
        raw: the text as it stands in the table.
    """

    __slots__ = ("raw",)

    raw: bytes

    def __new__(cls, raw: bytes) -> Undecodable:
        text = super().__new__(cls, raw.decode("utf-8", "backslashreplace"))
        text.raw = raw
        return text


def decoded(raw: bytes) -> str:
    """A text of a table, whatever stands there."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Undecodable(raw)


def legible(value: Any) -> Any:
    """A value of a table for people to read: bytes where a text should be become one."""
    return decoded(value) if isinstance(value, bytes) else value


class Form:
    """What rows must be like to be read.

    Args:
        ids: matches ids, each with a comma after it.
        key: the column of the id.
        types: what else can be wrong, by its column.
    """

    def __init__(self, ids: re.Pattern[str], key: int, types: dict[int, frozenset[type]] | None = None) -> None:
        self._ids = ids
        self._key = key
        self._types = types or {}

    def fits(self, rows: Sequence[Row]) -> bool:
        """Whether all of these can be read."""
        if not rows:
            return True
        columns = list(zip(*rows, strict=True))
        try:
            if not self._ids.fullmatch(",".join(columns[self._key]) + ","):
                return False
        except TypeError:
            return False
        if Undecodable in set(map(type, chain.from_iterable(columns))):
            return False
        return all(types.issuperset(map(type, columns[column])) for column, types in self._types.items())

    def apart(self, rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
        """Those that can be read, and those that cannot."""
        if self.fits(rows):
            return list(rows), []
        good: list[Row] = []
        bad: list[Row] = []
        for row in rows:
            (good if self.fits([row]) else bad).append(row)
        return good, bad


def key_of(value: Any) -> UUID | None:
    """The UUID of an id in a table; None where it is none."""
    try:
        return UUID(value)
    except (AttributeError, TypeError, ValueError):
        return None


def complain(text: str, keys: Iterable[Any]) -> None:
    """Say once a while which rows cannot be read.

    Args:
        text: with a place for their number and one for their ids.
        keys: their ids.
    """
    named = [repr(key) for key in keys]
    now = time.monotonic()
    if not named or now < _said.get(text, 0.0):
        return
    _said[text] = now + _AGAIN
    logger.error(text, len(named), ", ".join(named[:_NAMED]) + (", ..." if len(named) > _NAMED else ""))


def failed(keys: Iterable[Any]) -> None:
    """Say which rows were failed because they cannot be read."""
    complain("%d rows cannot be read and were failed, with the cause as their error. Their ids: %s", keys)


def passed_over(keys: Iterable[Any]) -> None:
    """Say which rows are left alone, because they cannot be read and not even be failed."""
    complain("%d rows cannot be read, and the database refuses to have them failed: delete them. Their ids: %s", keys)


def instant_or(read: Callable[[Any], datetime], value: Any) -> datetime:
    """A time of a record; the earliest one where there is something else than a time."""
    try:
        return read(value)
    except (AttributeError, TypeError, ValueError, OverflowError, DatabaseError):
        return EARLIEST


def records(rows: Iterable[Row], read: Callable[[Row], Any]) -> list[Any]:
    """The records of rows; a row whose id cannot be read is left out."""
    found, left = [], []
    for row in rows:
        if key_of(row[0]) is None:
            left.append(row[0])
        else:
            found.append(read(row))
    complain("%d rows are left out of what is listed, because their ids are no UUIDs: delete them. Their ids: %s", left)
    return found
