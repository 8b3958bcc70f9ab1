"""What asyncqueue's values are as parameters of SQLite's statements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, compress
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.convert import numbered
from asyncqueue.backends.sqlite.times import Times
from asyncqueue.model import ASIDE, AttemptEnd, Claim, Finish, Link, LogChunk, NewTask, OutputChunk, Release

# Plain numbers, because they are asked of every row.
_ASIDE, _LIMITED, _WAITING = int(ASIDE), int(Link.LIMITED), int(Link.WAITING)
#: Rows of one statement at most: SQLite takes 32,766 placeholders.
_LISTED_AT_ONCE = 256
#: A statement is prepared for multiples of so many rows, and not for each number anew. Rows of zeros match nothing.
_LISTED_STEP = 16


def array(ids: Iterable[UUID]) -> str:
    """Ids as a JSON array."""
    return json.dumps([key.hex for key in ids])


def json_array(texts: Iterable[str]) -> str:
    """Texts as a JSON array."""
    return json.dumps(list(texts))


def first_column(rows: Iterable[tuple[Any, ...]]) -> str:
    """The first columns, as they were read."""
    return json.dumps([row[0] for row in rows])


def numbers(statuses: Iterable[int]) -> str:
    """Statuses as a JSON array."""
    return json.dumps([int(status) for status in statuses])


def glob(pattern: str | None) -> str | None:
    """A pattern with `*` for any characters, as GLOB has it."""
    return None if pattern is None else re.sub(r"[\[?]", r"[\g<0>]", pattern)


def fence(claim: AttemptEnd | Claim | Finish | LogChunk | OutputChunk | Release) -> dict[str, Any]:
    """What fences a write."""
    return {"id": claim.id.hex, "token": claim.token}


def ending(end: AttemptEnd | Finish) -> dict[str, Any]:
    """The end of a run."""
    return {
        "id": end.id.hex,
        "token": end.token,
        "status": int(end.status),
        "output": end.output,
        "error": end.error,
        "log": end.log,
        "keep": end.keep_output,
    }


def listed(text: str, rows: Sequence[tuple[Any, ...]]) -> Iterable[tuple[str, list[Any]]]:
    """A statement that takes `:rows` as a list, once for each part of them, with what stands for its placeholders.

    A column without a value in any row of a part is NULL in the text already, because sqlite3 takes as long for one
    None as for three texts.
    """
    for start in range(0, len(rows), _LISTED_AT_ONCE):
        part = rows[start : start + _LISTED_AT_ONCE]
        lacking = -len(part) % _LISTED_STEP
        columns, nothing = list(zip(*part, strict=True)), (None,) * len(part)
        filled = tuple(column != nothing for column in columns)
        values = list(chain.from_iterable(zip(*compress(columns, filled), strict=True)))
        yield _with_placeholders(text, len(part) + lacking, filled), values + [0] * (lacking * sum(filled))


@lru_cache
def _with_placeholders(text: str, rows: int, filled: tuple[bool, ...]) -> str:
    number = f"({', '.join('?' if each else 'NULL' for each in filled)})"
    return text.replace(":rows", ", ".join([number] * rows))


def new_rows(tasks: Sequence[NewTask], times: Times, *, plain: bool) -> Iterable[dict[str, Any]]:
    """Rows to insert, each a microsecond younger than the one that was given before it."""
    stamps = list(times.series(len(tasks)))
    for number, task in enumerate(tasks) if plain else numbered(tasks):
        row = {
            "id": task.id.hex,
            "created": stamps[0],
            "modified": stamps[number],
            "task": task.task,
            "args": task.args,
        }
        yield row if plain else {**row, **_more(task, times)}


def _more(task: NewTask, times: Times) -> dict[str, Any]:
    """What level 1 has of a new row."""
    run_after = None
    if task.run_at is not None:
        run_after = times.utc(task.run_at)
    elif task.delay is not None:
        run_after = times.now_utc(task.delay)
    links = int(task.links)
    if run_after is not None and run_after <= times.now_utc() and not links & _WAITING:
        run_after = None
    if run_after is None and links & _ASIDE == _LIMITED:
        run_after = times.now_utc()
    return {
        "status": 5 if run_after is not None or links & _ASIDE else 0,
        "queue": task.queue,
        "priority": task.priority,
        "run_after": run_after,
        "max_attempts": task.max_attempts,
        "links": links,
        "limit_key": task.limit_key,
    }
