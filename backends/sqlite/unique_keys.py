"""Unique keys on SQLite, see `keys.py`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from uuid import UUID

from asyncqueue.backends.common.edges import as_rows, edges_of
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unique_keys import Decision, Holder, Noted, asked, decide, wanted
from asyncqueue.backends.sqlite.rows import array, new_rows
from asyncqueue.backends.sqlite.times import Times
from asyncqueue.model import NewTask


class Keys:
    """Enqueues what has unique keys, in the thread of a connection and in a transaction that may write."""

    def __init__(self, table: Table, times: Times) -> None:
        self._table = table
        self._times = times

    def enqueue(self, raw: sqlite3.Connection, tasks: Sequence[NewTask]) -> list[UUID]:
        """As `Backend.enqueue_unique`. Returns the ids of the tasks, or of those that hold their keys."""
        keys = wanted(tasks)
        raw.executemany(self._table["hold_keys"].text, map(_row, keys))
        found = raw.execute(self._table["noted_keys"].text, {"unique_keys": json.dumps([each.key for each in keys])})
        noted = [Noted(key, UUID(task_id), held_for) for key, task_id, held_for in found.fetchall()]
        ids = {"ids": array(asked(tasks, noted))}
        holders = {
            UUID(key): Holder(status, self._times.silence(modified))
            for key, status, modified in raw.execute(self._table["holders"].text, ids).fetchall()
        }
        made = decide(tasks, noted, holders)
        self._write(raw, made)
        return made.ids

    def insert(self, raw: sqlite3.Connection, tasks: Sequence[NewTask]) -> None:
        """Insert tasks without unique keys, and what they wait for."""
        self._write(raw, Decision(new=[*tasks]))

    def _write(self, raw: sqlite3.Connection, made: Decision) -> None:
        raw.executemany(self._table["take_keys"].text, map(_row, made.taken))
        for key, task in made.replacing.items():
            [row] = new_rows([task._replace(id=key)], self._times, plain=False)
            if raw.execute(self._table["replace"].text, row).rowcount and self._table.migrated:
                raw.execute(self._table["cleanup_edges"].text, {"ids": array([key])})
            if task.unique is not None:
                raw.execute(self._table["take_keys"].text, _row(Noted(task.unique.key, key, task.unique.held_for)))
        raw.executemany(self._table["enqueue"].text, new_rows(made.new, self._times, plain=False))
        if edges := edges_of(made.new):
            raw.executemany(self._table["insert_edges"].text, as_rows(edges))


def _row(noted: Noted) -> dict[str, object]:
    return {"unique_key": noted.key, "id": noted.task_id.hex, "held_for": noted.held_for}
