"""What MySQL and MariaDB read of a migrated table: as much as they take, however many rows there are."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from asyncqueue.backends.common.statements import Statement
from asyncqueue.backends.mysql.backend import MysqlBackend
from asyncqueue.backends.mysql.connection import MysqlConnection
from asyncqueue.model import NewTask, Status
from tests.conformance.conftest import opened
from tests.servers.cases import cases, migrated

ON_BOTH = cases("database", migrated(["mysql", "mariadb"]))

BUCKETS = [(queue, priority) for queue in ("a", "default", "mail", "x", "z") for priority in (-1, 0, 1)]
ROWS = 1000  # of each bucket and status
LONG_AGO, FUTURE = datetime(2020, 1, 1), datetime(2100, 1, 1)

#: What the statements take, for EXPLAIN.
VALUES: dict[str, Any] = {
    "rows": "[]",
    "ids": "[]",
    "status": 2,
    "queue": "mail",
    "priority": 0,
    "limit": 50,
    "skip": 0,
    "candidates": 1050,
    "cursor": LONG_AGO,
    "cutoff": LONG_AGO,
    "lease": 30.0,
    "held": "[]",
    "foreign_cutoff": None,
    "latest": LONG_AGO,
    "unknown": "[]",
    "now": LONG_AGO,
    "utc_offset": 0,
    "worker_pid": 1,
    "worker": "me",
    "id": "0" * 32,
    "after": "0" * 32,
    "after_task": "0" * 32,
}


@pytest.fixture
async def full(database) -> AsyncIterator[MysqlBackend]:
    """A table of 15 buckets, in which as many rows are queued as have ended, and some are scheduled."""
    async with opened(database.url) as backend:
        assert isinstance(backend, MysqlBackend)
        for delay in (None, 3600.0):
            for queue, priority in BUCKETS:
                count = ROWS if delay is None else 20
                await backend.enqueue(
                    [NewTask(uuid.uuid4(), "app.task", "{}", queue, priority, delay) for _ in range(count)]
                )
            if delay is None:
                database.execute(f"UPDATE {database.table} SET status = 2")
        for queue, priority in BUCKETS:
            await backend.enqueue([NewTask(uuid.uuid4(), "app.task", "{}", queue, priority) for _ in range(ROWS)])
        database.execute(f"ANALYZE TABLE {database.table}")  # the server does it by itself, seconds later
        yield backend


async def plan(backend: MysqlBackend, name: str) -> list[str]:
    """The lines that EXPLAIN says of a statement."""
    statement = backend._table[name]
    explain = Statement(name, f"EXPLAIN FORMAT=TRADITIONAL {statement.text}", statement.params)

    async def work(connection: MysqlConnection) -> list[str]:
        (reply,) = await connection.run((explain, VALUES))
        return [" ".join(map(str, row)) for row in reply.rows]

    return await backend._control.run(work, translate=backend._translate)


async def entries(backend: MysqlBackend, name: str, **values: Any) -> tuple[int, int]:
    """How many rows a statement gives, and how many entries of indexes the server has read for them."""

    async def work(connection: MysqlConnection) -> tuple[int, int]:
        show = Statement("show", "SHOW SESSION STATUS LIKE 'Handler_read%%'", ())
        before, reply, after = await connection.run(
            (show, {}), (backend._table[name], {**VALUES, **values}), (show, {})
        )
        return len(reply.rows), _read(after.rows) - _read(before.rows)

    return await backend._control.run(work, translate=backend._translate)


def _read(status: list[tuple[Any, ...]]) -> int:
    # What is read of a table in memory, and by SHOW itself, is counted as `rnd`.
    return sum(int(value) for name, value in status if "rnd" not in name)


@ON_BOTH
async def test_a_claim_reads_its_bucket_in_order(full):
    for name in ("ready", "ready_apart", "any_queued", "count_queued"):
        lines = "\n".join(await plan(full, name))
        assert "asyncqueue_bucket" in lines, lines
        assert "filesort" not in lines, lines
    assert await entries(full, "ready") in [(50, read) for read in range(50, 60)]
    rows, read = await entries(full, "ready_apart", candidates=80)
    assert rows == 50
    assert read < 200
    rows, read = await entries(full, "ready", cursor=FUTURE)
    assert (rows, read < 10) == (0, True)


@ON_BOTH
async def test_a_scan_takes_a_step_for_each_bucket(full):
    assert "Using index for group-by" in "\n".join(await plan(full, "list_buckets"))
    rows, read = await entries(full, "list_buckets")
    assert rows == len(BUCKETS)
    assert read < 4 * len(BUCKETS)


@ON_BOTH
async def test_a_scan_says_how_long_the_server_took(full):
    rows = await full._fetch("list_buckets")
    assert all(0 < took < 5 for took, *_ in rows), rows


@ON_BOTH
async def test_a_promotion_reads_what_is_due(full, database):
    lines = "\n".join(await plan(full, "due"))
    assert "asyncqueue_due" in lines, lines
    assert "filesort" not in lines, lines
    assert await entries(full, "due") in [(0, read) for read in range(5)]
    some = "run_after = UTC_TIMESTAMP(6) WHERE status = 5 AND queue = 'mail'"
    database.execute(f"UPDATE {database.table} SET {some}")
    rows, read = await entries(full, "due")
    assert rows == 50
    assert read < 250


@ON_BOTH
async def test_a_rescue_reads_rows_in_progress_alone(full):
    await full.claim(50, worker_pid=None, worker="me")
    for name in ("expired", "overdue", "strays"):
        assert "asyncqueue_bucket" in "\n".join(await plan(full, name))
        rows, read = await entries(full, name, cutoff=FUTURE, latest=FUTURE)
        assert rows == 50
        assert read < 400


@ON_BOTH
async def test_a_clean_up_does_not_read_what_is_younger(full, database):
    some = "modified = '2020-01-01' WHERE status = 2 AND queue = 'mail' AND priority = 1 LIMIT 7"
    database.execute(f"UPDATE {database.table} SET {some}")
    cutoff = datetime(2021, 1, 1)
    assert "Using index for group-by" in "\n".join(await plan(full, "prunable_buckets"))
    rows, read = await entries(full, "prunable_buckets", cutoff=cutoff)
    assert rows == 1
    assert read < 6 * len(BUCKETS)
    await entries(
        full, "prunable", cutoff=cutoff, priority=0
    )  # the first one opens the table of edges, which counts, too
    _, read = await entries(full, "prunable", cutoff=cutoff, priority=0)
    assert read < 10
    year = 365 * 86400.0
    ages = {Status.COMPLETED: year, Status.FAILED: year}
    batches = [await full.retention.cleanup(ages, limit=5) for _ in range(3)]
    assert [(batch.deleted, batch.resume_from is None) for batch in batches] == [(5, False), (2, True), (0, True)]


@ON_BOTH
async def test_claimed_rows_are_found_by_their_key(full):
    """And in the order given: a scan of a small table would wait for rows that others hold."""
    names = (
        "claim",
        "finish",
        "release",
        "append_log",
        "append_output",
        "lock_renewable",
        "lockable",
        "renew",
        "observe",
        "promote",
        "end_attempts",
        "lock_claims",
        "still_expired",
        "cleanup",
    )
    for name in names:
        lines = await plan(full, name)
        assert any(" t " in line and "PRIMARY" in line for line in lines), (name, lines)


@ON_BOTH
async def test_edges_are_found_from_either_end(full, database):
    """Beside many of others, of which a half is open."""
    hexed = "REPLACE(CAST(id AS CHAR), '-', '')"
    edges = full._table.slots["edges"]
    database.execute(
        f"INSERT INTO {edges} (task_id, predecessor_id, position, open) "
        f"SELECT LEFT(SHA2({hexed}, 256), 32), {hexed}, 1, MOD(CRC32({hexed}), 2) FROM {database.table}"
    )
    database.execute(f"ANALYZE TABLE {edges}")
    some = database.execute(f"SELECT task_id, predecessor_id FROM {edges} WHERE open = 1 ORDER BY task_id LIMIT 10")
    tasks, predecessors = (json.dumps(sorted(column)) for column in zip(*some, strict=True))
    rows = json.dumps([{"id": task, "predecessor_id": predecessor} for task, predecessor in some])
    given: dict[str, dict[str, Any]] = {
        "edges_of": {"ids": tasks},
        "edges_to": {"ids": predecessors},
        "still_open": {"ids": tasks},
        "open_predecessors": {},
        "outstanding": {},
        "orphan_candidates_edges": {},
        "preceding": {"id": some[0][0], "after": 0},
        "close_edges": {"rows": rows},
        "cleanup_edges": {"ids": tasks},
    }
    found = {
        "open_predecessors": 50,
        "outstanding": 1,
        "orphan_candidates_edges": 50,
        "preceding": 1,
        "close_edges": 0,
        "cleanup_edges": 0,
    }
    for name, values in given.items():
        count, read = await entries(full, name, **values)
        assert count == found.get(name, 10), name
        assert read < 120, (name, read, await plan(full, name))
    ids = json.dumps([str(uuid.UUID(key)) if full.shape.native_uuid else key for _, key in some])
    for name in ("chain_states", "lock_waiting", "lock_unfollowed", "follow", "resolve", "cancel_waiting"):
        _, read = await entries(full, name, ids=ids)
        assert read < 120, (name, read, await plan(full, name))


@ON_BOTH
async def test_a_clean_up_looks_up_open_edges_row_by_row(full, database):
    hexed = "REPLACE(CAST(id AS CHAR), '-', '')"
    edges = full._table.slots["edges"]
    database.execute(
        f"INSERT INTO {edges} (task_id, predecessor_id, position) "
        f"SELECT LEFT(SHA2({hexed}, 256), 32), {hexed}, 1 FROM {database.table} WHERE status = 0"
    )
    database.execute(f"ANALYZE TABLE {edges}")
    rows, read = await entries(full, "prunable", cutoff=FUTURE)
    assert rows == 50
    assert read < 300, await plan(full, "prunable")
