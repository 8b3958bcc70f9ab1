"""Level 1: what a look costs while a session holds an old snapshot, and nothing that it could see is removed."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asyncqueue.backends.base import Backend
from asyncqueue.model import Claimant, NewTask
from tests.conformance.helpers import done, with_literals
from tests.conformance.transactions import transaction
from tests.servers.cases import cases, migrated
from tests.servers.database import Database

CHURNED = 6000


@asynccontextmanager
async def churned(backend: Backend, database: Database) -> AsyncIterator[None]:
    """Thousands of tasks have ended in front of a few, and the server must keep all that they were."""
    async with transaction(database, "REPEATABLE READ") as other:
        await other.execute(f"SELECT count(*) FROM {database.table}")
        await backend.enqueue([NewTask(uuid.uuid4(), "app.task", "{}") for _ in range(CHURNED)])
        for _ in range(CHURNED // 1000):
            await backend.finish([done(claim) for claim in await backend.claim(1000, worker_pid=None)])
        await backend.enqueue([NewTask(uuid.uuid4(), "app.task", "{}") for _ in range(10)])
        yield


@cases("database", migrated(["postgresql"]))
async def test_postgresql_walks_once_over_what_lies_before_a_bucket(backend, database):
    database.execute(f"ALTER TABLE {database.table} SET (autovacuum_enabled = off)")
    async with churned(backend, database):
        found, ready = await _pages_of_a_scan(backend)
        assert found > CHURNED / 100, "else the snapshot keeps nothing, and this test says nothing"
        assert ready < found / 5


async def _pages_of_a_scan(backend: Any) -> tuple[int, int]:
    """How many pages the server reads to find the buckets, and then to find rows in them."""
    values = {"scan": "true", "limit": "10", "queues": "'{}'::text[]", "priorities": "'{}'::int[]"}
    text = with_literals(backend._table["exchange"], **values)

    async def explain(connection: Any) -> Any:
        async with connection.transaction():
            return await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}")

    said = await backend._engine.run(explain, translate=lambda error: None)
    nodes = list(_nodes(json.loads(said)[0]["Plan"]))
    return _pages(nodes, "CTE found"), _pages(nodes, "CTE next")


def _nodes(node: dict[str, Any]) -> Any:
    yield node
    for each in node.get("Plans", ()):
        yield from _nodes(each)


def _pages(nodes: list[dict[str, Any]], name: str) -> int:
    """What a CTE reads itself, without the others that it reads from."""
    [top] = [node for node in nodes if node.get("Subplan Name") == name]
    scans = [node for node in _nodes(top) if node["Node Type"].startswith("Index")]
    return sum(node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in scans)


@cases("database", migrated(["mysql", "mariadb"]))
async def test_mysql_reads_no_more_of_a_bucket_than_a_look_has_found(backend, database):
    """The claim after a look would walk over all that the look has walked over, which pages do not tell apart here."""
    async with churned(backend, database):
        await backend.enqueue([NewTask(uuid.uuid4(), "app.task", "{}", priority=priority) for priority in (5, -5)])
        wanted = await backend._claims._by_bucket._scan(Claimant(None, "me"))
        claims = await backend.claim(100, worker_pid=None)
        oldest = {claim.priority: claim.queued_at for claim in reversed(claims)}
        assert [(bucket.priority, bound) for bucket, bound in wanted] == list(reversed(oldest.items()))
