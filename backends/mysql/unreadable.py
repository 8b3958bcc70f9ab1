"""What MySQL's and MariaDB's rows must be like to be read, and what fails the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unreadable import ANY_CASE, ANYTHING, AS_DJANGO, ERROR, Form
from asyncqueue.backends.mysql.connection import Call
from asyncqueue.backends.mysql.rows import encode

# The driver gives a zero date, or one with a zero in it, as a text.
_TIME = frozenset((datetime,))
# Of ids in a native type; else in a column that tells capitals from small letters, or one that does not.
_IDS = {None: ANYTHING, True: AS_DJANGO, False: ANY_CASE}
_READY = {kind: Form(ids, 0, {3: _TIME}) for kind, ids in _IDS.items()}
_LOST = {kind: Form(ids, 0) for kind, ids in _IDS.items()}


def ready(table: Table) -> Form:
    """Of rows of `ready`, and of `overdue`, which has its token where that has `modified`."""
    return _READY[_binary(table)]


def lost(table: Table) -> Form:
    """Of rows of `lost`."""
    return _LOST[_binary(table)]


def due(table: Table) -> Form:
    """Of rows of `due`."""
    return _LOST[_binary(table)]


def failing(table: Table, keys: Iterable[Any], utc_offset: int) -> Call:
    """The statement that fails these rows."""
    return table["fail_unreadable"], {"ids": raw_ids(table, keys), "error": ERROR, "utc_offset": utc_offset}


def raw_id(table: Table, key: str) -> str:
    """An id as `{id_type}` has it, of a row as it was read, whatever stands there."""
    return key.replace("-", "") if _binary(table) is None else key


def raw_ids(table: Table, keys: Iterable[str]) -> str:
    """A JSON array of such ids, in a fixed order."""
    return encode(sorted(raw_id(table, key) for key in keys))


def keys_of(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """The ids of rows, as they were read."""
    return [row[0] for row in rows]


def _binary(table: Table) -> bool | None:
    if table.shape is not None and table.shape.native_uuid:
        return None
    return table.slots["id_type"].endswith("_bin")
