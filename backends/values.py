"""Small conversions that several backends share."""

from __future__ import annotations

from asyncqueue.model import Status

_STATUSES: dict[int, Status] = {int(status): status for status in Status}


def status_of(number: int) -> Status | int:
    """The Status of a number, or the number itself where asyncqueue has no name for it."""
    return _STATUSES.get(number, number)


def identifiers(table: str, quote: str) -> str:
    """Quote a table name for use in SQL; a dot separates schema and table."""
    return ".".join(f"{quote}{part.replace(quote, quote * 2)}{quote}" for part in table.split("."))


def index_name(table: str, purpose: str, *, limit: int = 63) -> str:
    """The name of our index on `table`: without schema, within the database's limit."""
    suffix = f"_asyncqueue_{purpose}"
    return table.rpartition(".")[2][: limit - len(suffix)] + suffix
