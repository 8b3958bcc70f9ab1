"""Rows as the JSON parameters that the statements unfold with JSON_TABLE."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.timezones import to_naive
from asyncqueue.errors import DataRejected
from asyncqueue.model import AttemptEnd, Claim, Finish, LogChunk, NewTask, OutputChunk, Release

Row = dict[str, Any]

#: What a statement may be beside its rows, in bytes.
_REST = 8192
_WIDEST = 4  # bytes of a character

#: Makes JSON of a value. Plain characters travel as they are, so that a statement stays small.
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def ids_json(ids: Iterable[UUID]) -> str:
    """Ids in a fixed order: statements that lock rows in the same order cannot deadlock."""
    return encode(sorted(key.hex for key in ids))


def numbers(statuses: Iterable[int]) -> str:
    """Statuses as a list with commas."""
    return ",".join(str(int(status)) for status in statuses)


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Rows by id, for the same reason."""
    return sorted(rows, key=_id)


def new_rows(tasks: Iterable[NewTask], *, migrated: bool) -> list[Row]:
    """Rows to insert, with all that the table can hold."""
    if not migrated:
        return [{"id": task.id.hex, "task": task.task, "args": task.args} for task in tasks]
    return [
        {
            "id": task.id.hex,
            "task": task.task,
            "args": task.args,
            "queue": task.queue,
            "priority": task.priority,
            "delay": task.delay,
            "run_at": None if task.run_at is None else to_naive(task.run_at, UTC),
            "max_attempts": task.max_attempts,
            **({"links": int(task.links), "limit_key": task.limit_key} if task.links else {}),
        }
        for task in tasks
    ]


def fence(claim: Claim | Finish | LogChunk | OutputChunk | Release | AttemptEnd) -> Row:
    """What a write to a claimed row is fenced by."""
    return {"id": claim.id.hex, "token": claim.token}


def end(finish: Finish | AttemptEnd) -> Row:
    """The end of a run."""
    return {
        **fence(finish),
        "status": int(finish.status),
        "keep": int(finish.keep_output),
        "output": finish.output,
        "error": finish.error,
        "log": finish.log,
    }


def rows_json(rows: Sequence[Row], max_packet: int) -> Iterator[str]:
    """The rows as few JSON texts, each small enough for one statement.

    Raises DataRejected for a row that no statement can hold, before the first text is handed out.
    """
    texts = [encode(row) for row in rows]
    limit = max_packet - _REST
    if sum(map(len, texts)) * _WIDEST < limit:
        return iter([f"[{','.join(texts)}]"])
    sizes = [_size(text) for text in texts]
    for row, size in zip(rows, sizes, strict=True):
        if size > limit:
            raise DataRejected(
                f"task {UUID(row['id'])} needs a statement of {size} bytes, and the server takes no more than "
                f"max_allowed_packet = {max_packet}: enlarge that, or store less"
            )
    return _split(texts, sizes, limit)


def _split(texts: list[str], sizes: list[int], limit: int) -> Iterator[str]:
    batch: list[str] = []
    room = limit
    for text, size in zip(texts, sizes, strict=True):
        if size > room:
            yield f"[{','.join(batch)}]"
            batch, room = [], limit
        batch.append(text)
        room -= size
    yield f"[{','.join(batch)}]"


def _size(text: str) -> int:
    """How many bytes a text adds to a statement, with its comma; a quotation mark is doubled there."""
    return len(text.encode()) + text.count("'") + 1


def _id(row: Row) -> str:
    key: str = row["id"]
    return key
