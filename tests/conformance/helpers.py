"""Short words for what the conformance tests do all the time."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from asyncqueue.backends.base import Backend
from asyncqueue.backends.common.statements import Statement
from asyncqueue.model import Claim, ClaimedTask, Finish, LogChunk, OutputChunk, Release, Stamp, Status, TaskRecord


def new(count: int = 1, task: str = "app.task", args: str | None = "{}") -> list[Any]:
    from asyncqueue.model import NewTask

    return [NewTask(uuid.uuid4(), task, args) for _ in range(count)]


async def queued(backend: Backend, count: int = 1, **fields: Any) -> list[uuid.UUID]:
    rows = new(count, **fields)
    await backend.enqueue(rows)
    return [row.id for row in rows]


async def claimed(backend: Backend, count: int = 1, worker_pid: int | None = 42) -> list[ClaimedTask]:
    """Enqueue and claim; the ids are those of the claim."""
    await queued(backend, count)
    claims = await backend.claim(count, worker_pid=worker_pid)
    assert len(claims) == count
    return claims


async def row(backend: Backend, task_id: uuid.UUID) -> TaskRecord:
    [record] = await backend.get([task_id])
    return record


def done(claim: ClaimedTask | Claim, output: str | None = "done", **fields: Any) -> Finish:
    return Finish(claim.id, claim.token, Status.COMPLETED, output=output, **fields)


def failed(claim: ClaimedTask | Claim, error: str = "no", **fields: Any) -> Finish:
    return Finish(claim.id, claim.token, Status.FAILED, error=error, **fields)


def chunk(claim: ClaimedTask, offset: int, text: str) -> OutputChunk:
    return OutputChunk(claim.id, claim.token, offset, text)


def log_chunk(claim: ClaimedTask, offset: int, text: str, token: Stamp | None = None) -> LogChunk:
    """By the claim's token, or another one."""
    return LogChunk(claim.id, claim.token if token is None else token, claim.token, offset, text)


def release(claim: ClaimedTask) -> Release:
    return Release(claim.id, claim.token, claim.queued_at)


def fences(claims: Sequence[ClaimedTask]) -> list[Claim]:
    return [Claim(claim.id, claim.token) for claim in claims]


async def cleanup(backend: Backend, *, older_than: float, statuses: Collection[int], limit: int = 1000) -> int:
    """Clean up to the end, `limit` rows at a time: how many were deleted."""
    ages = {Status(status): older_than for status in statuses}
    deleted, resume_from, more = 0, None, True
    while more:
        batch = await backend.retention.cleanup(ages, limit=limit, resume_from=resume_from)
        assert batch.deleted <= batch.seen <= limit
        deleted, resume_from, more = deleted + batch.deleted, batch.resume_from, batch.resume_from is not None
    return deleted


def with_literals(statement: Statement, **values: str) -> str:
    """A statement for PostgreSQL with literals for its parameters: those given, NULL for the rest."""
    text = statement.text
    for number, param in reversed(list(enumerate(statement.params, 1))):
        text = text.replace(f"${number}", values.get(param, "NULL"))
    return text


def explained(statement: Statement) -> str:
    """What asks SQLite for the plan of a statement."""
    text = statement.text.replace(":rows", ", ".join(["(1, 2, 3, 4, 5, 6, 7, 8)"] * 2))
    return f"EXPLAIN QUERY PLAN {re.sub(':[a-z_]+', '1', text)}"
