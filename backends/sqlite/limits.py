"""Limits in a SQLite database, see `limits.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.limits.admission import Ask, Asking, LimitsOf, Rows
from asyncqueue.backends.common.scripts import answer_here
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.sqlite.connection import Work
from asyncqueue.backends.sqlite.times import Times

Run = Callable[[Work[Any]], Awaitable[Any]]


class SqliteLimits(LimitsOf):
    """The verbs of `Limits`.

    Args:
        run: does work in a transaction that may write.
    """

    def __init__(self, table: Table, times: Times, run: Run) -> None:
        super().__init__(table)
        self._times = times
        self._run = run

    async def _in_transaction(self, make: Callable[[], Asking]) -> Any:
        # The present as of when the file was locked: whatever is in it is older, and of one age for all that is asked.
        return await self._run(lambda raw: answer_here(make(), partial(self._ask, raw, datetime.now(UTC))))

    async def _alone(self, ask: Ask) -> Rows:
        rows: Rows = await self._run(lambda raw: self._ask(raw, datetime.now(UTC), ask))
        return rows

    def _ask(self, raw: sqlite3.Connection, now: datetime, ask: Ask) -> Rows:
        sql, read = self._table[ask.name].text, _READ.get(ask.name)
        rows = sorted(ask.rows, key=lambda values: values.get("position", 0))  # each is later than the one before
        found = [row for values in rows for row in raw.execute(sql, self._values(values)).fetchall()]
        return found if read is None else [read(self._times, now, row) for row in found]

    def _values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        values = {name: _written(value) for name, value in row.items()}
        if "age" in values:
            values["then_utc"] = None if values["age"] is None else self._times.now_utc(-values["age"])
        if "start" in values:
            values["start_utc"] = self._times.utc(datetime.fromtimestamp(values["start"], UTC))
        values |= {"now": self._times.now(), "now_utc": self._times.now_utc()}
        if "patience" in values:
            values["due_utc"] = self._times.now_utc(values["delay"])
            values["over_utc"] = self._times.now_utc(values["patience"])
            values["since_utc"] = self._times.now_utc(-values["patience"])
        return values


def _written(value: Any) -> Any:
    if isinstance(value, tuple):
        return ",".join(value)
    return value.hex if isinstance(value, UUID) else value


def _since(times: Times, now: datetime, text: str | None) -> float | None:
    """Seconds from a time in UTC until now: SQLite's own arithmetic of times knows no microseconds."""
    return None if text is None else -times.until_utc(text, now)


def _slot(times: Times, now: datetime, row: tuple[Any, ...]) -> tuple[Any, ...]:
    *fields, admitted, started, queue = row
    return (*fields, _since(times, now, admitted), _since(times, now, started), queue, now.timestamp())


def _last(times: Times, now: datetime, row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:-1], _since(times, now, row[-1]))


def _task(times: Times, now: datetime, row: tuple[Any, ...]) -> tuple[Any, ...]:
    key, status, started, limit_key, renewed, attempt = row
    # A column of times may have anything: what is no time is not known.
    ages = (times.silence(text, now) for text in (started, renewed))
    started, renewed = (None if age == inf else age for age in ages)
    return key, status, started, limit_key, renewed, attempt, now.timestamp()


_READ: dict[str, Callable[[Times, datetime, tuple[Any, ...]], tuple[Any, ...]]] = {
    "first_waiting": _last,
    "orphan_candidates_slots": _slot,
    "limited_tasks": _task,
    "lock_limits": _last,
    "taken_slots": _slot,
}
