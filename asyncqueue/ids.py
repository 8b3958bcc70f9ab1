"""The ids of tasks: of new ones, and as callers give them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from asyncqueue.errors import ConfigurationError

# Version 7 and the variant of RFC 9562.
_FIXED = 0x7 << 76 | 0b10 << 62
_RANDOM = (1 << 62) - 1
#: Of the time in an id, in each millisecond: as many as 12 bits hold, so that each is 0.24 µs long.
_TICKS = 1 << 12
_SECOND = 1000 * _TICKS

_made = threading.local()


def id_of(given: UUID | str) -> UUID:
    """The id that a caller means by a UUID or its text, with or without dashes. Raises ConfigurationError."""
    if isinstance(given, UUID):
        return given
    if isinstance(given, str):
        try:
            return UUID(given)
        except ValueError:
            raise ConfigurationError(
                f"{given!r} is not a task's id: that is a UUID, such as 0198c0de-7a6b-7cde-8f01-23456789abcd"
            ) from None
    raise ConfigurationError(f"a task's id is a UUID or its text, not {type(given).__name__}")


def ids_of(tasks: object) -> list[UUID]:
    """Those of several handles, records, UUIDs or their texts. Raises ConfigurationError for anything else."""
    if isinstance(tasks, str) or not isinstance(tasks, Iterable):
        raise ConfigurationError(f"several tasks are wanted, as a list of handles or ids, not {type(tasks).__name__}")
    given: list[Any] = list(tasks)
    return [id_of(each if isinstance(each, UUID | str) else getattr(each, "id", each)) for each in given]


def new_id() -> UUID:
    """An id as `new_ids` makes them."""
    [made] = new_ids(1)
    return made


def new_ids(count: int) -> list[UUID]:
    """UUIDs of version 7 (RFC 9562, section 6.2, method 3): the time in UTC to 1/4096 ms, and 62 random bits.

    Ids that begin with the time lie beside each other in the primary key, and so do the rows themselves on MySQL and
    MariaDB. With ids that are random altogether every task touches pages of its own, which are as many as the table is
    large. Django's own tasks have ids of version 4; both kinds go together.

    Each id of a thread is greater than the one before: tasks that become ready at the same time are claimed in the
    order of their ids, which so is the one in which they were enqueued.
    """
    first = time.time_ns() * _TICKS // 1_000_000
    last: int = getattr(_made, "last", 0)
    # A clock that was set back is followed, or ids would say for as long that they are younger than they are.
    if last - _SECOND < first <= last:
        first = last + 1
    _made.last = first + count - 1
    bits = memoryview(os.urandom(8 * count)).cast("Q")  # of all at once, which is half of what ids cost
    return [
        UUID(int=ticks // _TICKS << 80 | ticks % _TICKS << 64 | _FIXED | each & _RANDOM)
        for ticks, each in enumerate(bits, first)
    ]
