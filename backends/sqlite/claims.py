"""How a SQLite worker claims, in the thread of the connection and in one transaction with whatever goes with it."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections import deque
from collections.abc import Iterator, Sequence
from math import inf
from operator import attrgetter
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.priority_buckets import Bucket
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unreadable import (
    AS_DJANGO,
    ERROR,
    NUMBER,
    OPTIONAL,
    Form,
    Undecodable,
    failed,
    key_of,
    passed_over,
)
from asyncqueue.backends.promotions import SetAside
from asyncqueue.backends.sqlite.scheduled import NEXT_AT_ONCE
from asyncqueue.backends.sqlite.times import Times
from asyncqueue.model import ASIDE, Claimant, ClaimedTask, Link, Stamp, Status

#: Scheduled rows that are queued by one claim.
_PROMOTED_AT_ONCE = 1000
#: Where `due` has the links.
_LINKS = 6
#: The order of rows of several buckets, each of which is in this order already.
_QUEUED_AT = attrgetter("queued_at")
#: What rows of `ready` must be like: at level 1 with numbers of attempts and links.
_FORMS = {
    False: Form(AS_DJANGO, 1),
    True: Form(AS_DJANGO, 1, {5: NUMBER, 6: OPTIONAL, 7: NUMBER}),
}


class Claims:
    """The claims of one backend. There is no claim cursor, because SQLite removes index entries at once."""

    def __init__(self, table: Table, times: Times) -> None:
        self._table = table
        self._times = times
        self._due_at = inf
        #: What was set aside, as the thread of the connection leaves it for the event loop.
        self.aside: deque[SetAside] = deque()

    @property
    def until_due(self) -> float:
        """Seconds until the next scheduled row is due, as far as is known."""
        return max(0.001, self._due_at - time.monotonic())

    def claim(self, raw: sqlite3.Connection, limit: int, claimant: Claimant) -> list[ClaimedTask]:
        """Claim up to so many rows, oldest first; at level 1 bucket by bucket."""
        migrated = self._table.migrated
        aside = self._promote(raw) if migrated else []
        taking = _Taking(raw, self._table, self._times.now())
        claimed = taking.read_buckets(limit, claimant.queues) if migrated else taking.read(limit)
        taking.mark(claimant)
        self.aside.extend(aside)
        return claimed

    def _promote(self, raw: sqlite3.Connection) -> list[SetAside]:
        """Queue what is due, and note when the next row will be. Returns what is set aside."""
        aside: list[SetAside] = []
        first, now = self._first(raw), self._times.now_utc()
        if first is not None and first <= now:
            due = raw.execute(self._table["due"].text, {"now_utc": now, "limit": _PROMOTED_AT_ONCE}).fetchall()
            due = [row for row in due if self._times.is_utc(row[2])]
            times = self._times.series(len(due))
            rows = [
                {"rowid": row[0], "modified": modified, "status": int(_promoted(row))}
                for row, modified in zip(due, times, strict=True)
            ]
            raw.executemany(self._table["promote"].text, rows)
            aside = self._set_aside(raw, [row for row in due if _promoted(row) == Status.SCHEDULED], now)
            first = self._first(raw)
        self._due_at = inf if first is None else time.monotonic() + self._times.until_utc(first)
        return aside

    def _first(self, raw: sqlite3.Connection) -> str | None:
        """When the next scheduled row is due. Those before it that have something else than a time fail."""
        sql = self._table["next_due"].text
        rows = raw.execute(sql, {"limit": 1}).fetchall()
        if rows and not self._times.is_utc(rows[0][1]):
            rows = raw.execute(sql, {"limit": NEXT_AT_ONCE}).fetchall()
            fail(raw, self._table, [key for key, text in rows if not self._times.is_utc(text)], self._times.now())
        return next((text for _, text in rows if self._times.is_utc(text)), None)

    def _set_aside(self, raw: sqlite3.Connection, rows: Sequence[tuple[Any, ...]], now: str) -> list[SetAside]:
        """Hold those rows of `due` that need a slot under a limit and wait for nobody, and return all of them."""
        raw.executemany(
            self._table["wait_for_slot"].text,
            [
                {
                    "id": key,
                    "task": task,
                    "limit_key": limit_key,
                    "precedence": -priority,
                    "queue": queue,
                    "now_utc": now,
                }
                for _, key, _, task, limit_key, priority, links, queue in rows
                if links & ASIDE == Link.LIMITED
            ],
        )
        return [SetAside(UUID(key), links, limit_key) for _, key, _, _, limit_key, _, links, _ in rows]


def _promoted(row: tuple[Any, ...]) -> Status:
    """What becomes of a row that is due. One that cannot be read is queued, so that a claim finds it and fails it."""
    aside = len(row) > _LINKS and isinstance(row[_LINKS], int) and row[_LINKS] & ASIDE and key_of(row[1])
    legible = Undecodable not in map(type, row)
    return Status.SCHEDULED if aside and legible else Status.QUEUED


def _as_bound(name: str, value: Any) -> dict[str, Any]:
    """A value that was read as a parameter. SQLite takes bytes for a text where `as_text` says so."""
    legible = not isinstance(value, Undecodable)
    return {name: value if legible else value.raw, "as_text": not legible}


def fail(raw: sqlite3.Connection, table: Table, keys: Sequence[Any], now: Stamp) -> int:
    """Fail rows that cannot be read, by their ids as they stand in the table. Returns how many were."""
    sql = table["fail_unreadable"].text
    try:
        count = sum(raw.execute(sql, {**_as_bound("id", key), "error": ERROR, "now": now}).rowcount for key in keys)
    except sqlite3.IntegrityError:  # a trigger or a constraint of the user's
        count = 0
    (failed if count else passed_over)(keys)
    return count


def _by_age(taken: list[ClaimedTask]) -> list[ClaimedTask]:
    """The oldest first, as far as they can be compared: a column of times may hold anything here."""
    try:
        return sorted(taken, key=_QUEUED_AT)
    except TypeError:
        return sorted(taken, key=lambda each: str(each.queued_at))


class _Taking:
    """One claim in a transaction that keeps everybody else away: what it takes is read, and then marked at once.

    Args:
        token: of what it takes.
    """

    def __init__(self, raw: sqlite3.Connection, table: Table, token: Stamp) -> None:
        self._raw = raw
        self._table = table
        self._token = token
        self._rowids: list[int] = []

    def read(self, limit: int) -> list[ClaimedTask]:
        """The oldest rows of a table as Django makes it."""
        rows, token = self._rows({"limit": limit, "skip": 0}), self._token
        return [ClaimedTask(UUID(key), task, args, token, queued_at) for _, key, task, args, queued_at in rows]

    def read_buckets(self, limit: int, serving: Sequence[str] | None) -> list[ClaimedTask]:
        """The oldest rows of level 1, bucket by bucket; of these queues in their order, or of all of them."""
        taken: list[ClaimedTask] = []
        for equals in self._ranked(serving):
            taken += self.read_evenly(limit - len(taken), equals)
            if len(taken) == limit:
                break
        return taken

    def _ranked(self, serving: Sequence[str] | None) -> Iterator[list[Bucket]]:
        """Buckets in the order in which they are claimed, those together that come at once.

        Most claims want the first only, so the next are looked up when they are wanted.
        """
        if serving is None:
            heads = self._heads(inf)
            while heads:
                top = max(heads.values())
                equals = [Bucket(queue, top) for queue, priority in heads.items() if priority == top]
                random.shuffle(equals)
                yield equals
                heads = self._heads(top)
            return
        for queue in dict.fromkeys(serving):
            priority = self._head(queue, inf)
            while priority is not None:
                yield [Bucket(queue, priority)]
                priority = self._head(queue, priority)

    def _heads(self, below: float) -> dict[str, int]:
        """The highest priority below this one at which each queue has something to claim."""
        rows = self._raw.execute(self._table["top_priorities"].text, {"below": below})
        return {queue: priority for queue, priority in rows if priority is not None}

    def _head(self, queue: str, below: float) -> int | None:
        """The highest priority below this one at which one queue has something to claim."""
        found = self._raw.execute(self._table["top_priority"].text, {"queue": queue, "below": below}).fetchall()
        return found[0][0] if found else None

    def read_bucket(self, limit: int, bucket: Bucket, skip: int) -> list[ClaimedTask]:
        """The oldest rows of a bucket, without the first `skip`, which are read already."""
        (queue, priority), token = bucket, self._token
        rows = self._rows({"limit": limit, "skip": skip, **_as_bound("queue", queue), "priority": priority})
        return [
            ClaimedTask(UUID(key), task, args, token, queued_at, attempt, most, queue, priority, links)
            for _, key, task, args, queued_at, attempt, most, links in rows
        ]

    def read_evenly(self, limit: int, buckets: Sequence[Bucket]) -> list[ClaimedTask]:
        """From buckets that come at once: as many from each, as far as it has them.

        What was enqueued at the same time then runs at the same time; it lies on the same pages, too, each of which a
        commit writes whole.
        """
        taken: list[ClaimedTask] = []
        several = len(buckets) > 1
        fuller = [(bucket, 0) for bucket in buckets]
        while fuller and len(taken) < limit:
            turn, fuller = fuller, []
            share = -(-(limit - len(taken)) // len(turn))
            for bucket, skip in turn:
                wanted = min(share, limit - len(taken))
                rows = self.read_bucket(wanted, bucket, skip) if wanted else []
                if len(rows) == wanted:
                    fuller.append((bucket, skip + wanted))
                taken += rows
        return _by_age(taken) if several else taken

    def _rows(self, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        rows = self._raw.execute(self._table["ready"].text, values).fetchall()
        form = _FORMS[self._table.migrated]
        # The rows do not have the name of their queue, which is the same for all of them.
        named = not values.get("as_text")
        while rows and not (named and form.fits(rows)):
            good, bad = form.apart(rows) if named else ([], rows)
            if not fail(self._raw, self._table, [row[1] for row in bad], self._token):
                rows = good
                break
            rows = self._raw.execute(self._table["ready"].text, values).fetchall()
        self._rowids += [row[0] for row in rows]
        return rows

    def mark(self, claimant: Claimant) -> None:
        """Claim what was read."""
        if self._rowids:
            rowids = json.dumps(self._rowids)
            values = {"rowids": rowids, "worker_pid": claimant.pid, "worker": claimant.name, "now": self._token}
            self._raw.execute(self._table["claim"].text, values)
