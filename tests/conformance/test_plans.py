"""Level 1: that hot statements read their index and nothing else, on PostgreSQL and SQLite."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from asyncqueue.model import NewTask
from tests.conformance.conftest import opened
from tests.conformance.helpers import explained, with_literals
from tests.servers.cases import Case, cases


def _explain(backend, name: str, **values: str) -> str:
    return f"EXPLAIN {with_literals(backend._table[name], **values)}"


async def _plan(backend, name: str, **values: str) -> str:
    """What the planner says in the session that a worker's statements have."""
    text = _explain(backend, name, **values)
    rows = await backend._engine.run(lambda connection: connection.fetch(text), translate=lambda error: None)
    return "\n".join(row[0] for row in rows)


@cases("fresh_database", [Case("postgresql", 10)])
@pytest.mark.parametrize("scan", [True, False], ids=["scan", "bounded"])
@pytest.mark.parametrize("statistics", [True, False], ids=["analysed", "new"])
async def test_a_claim_reads_the_index_of_buckets(fresh_database, scan, statistics):
    """Whatever the statistics say, and however many rows are queued, scheduled or have ended."""
    fresh_database.execute(f"ALTER TABLE {fresh_database.table} SET (autovacuum_enabled = off)")
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        rows = [NewTask(uuid.uuid4(), "app.task", "{}", f"q{n % 3}", n // 3 % 5) for n in range(30_000)]
        await backend.enqueue(rows)
        await backend.enqueue([NewTask(uuid.uuid4(), "app.task", "{}", delay=3600.0) for _ in range(10_000)])
        if statistics:
            fresh_database.execute(f"ANALYZE {fresh_database.table}")
        buckets = {
            "queues": "ARRAY['q0', 'q1']",
            "priorities": "ARRAY[4, 4]",
            "bounds": "ARRAY[timestamptz '2020-01-01', timestamptz '2020-01-01']",
        }
        empty = {"queues": "'{}'::text[]", "priorities": "'{}'::int[]", "bounds": "'{}'::timestamptz[]"}
        plan = await _plan(backend, "exchange", limit="100", scan=str(scan).lower(), **(empty if scan else buckets))
        scans = re.findall(r"Scan (?:using \w+ )?on (?:django_simple_queue_task)\b.*", plan)
        assert not re.search(r"Seq Scan on django|Bitmap Heap Scan on django", plan), plan
        assert "_asyncqueue_bucket on" in plan, plan
        assert scans, plan
        ready = plan[plan.index("CTE next") : plan.index("CTE taken")]
        assert "Sort" not in ready, ready
        promoting = await _plan(backend, "promote", limit="1000")
        assert "_asyncqueue_due on" in promoting, promoting
        assert "Seq Scan on django" not in promoting, promoting


@cases("fresh_database", [Case("postgresql", 10)])
@pytest.mark.parametrize("statistics", [True, False], ids=["analysed", "new"])
async def test_a_heartbeat_finds_its_rows_by_the_primary_key(fresh_database, statistics):
    fresh_database.execute(f"ALTER TABLE {fresh_database.table} SET (autovacuum_enabled = off)")
    backend: Any
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        await backend.enqueue([NewTask(uuid.uuid4(), "app.task", "{}") for _ in range(30_000)])
        if statistics:
            fresh_database.execute(f"ANALYZE {fresh_database.table}")
        ids = f"'{{{', '.join(str(uuid.uuid4()) for _ in range(50))}}}'::uuid[]"
        tokens = f"ARRAY[{', '.join(['now()'] * 50)}]"
        for name, values in {"observe": {}, "locked": {}, "renew": {"tokens": tokens, "now": "now()"}}.items():
            text = _explain(backend, name, ids=ids, **values)
            rows = await backend._pulse.run(lambda connection, text=text: connection.fetch(text), translate=str)
            plan = "\n".join(row[0] for row in rows)
            assert "_pkey" in plan, plan
            assert "Seq Scan on django" not in plan, plan


@cases("fresh_database", [Case("sqlite", 10)])
async def test_sqlite_takes_two_steps_for_each_queue(fresh_database):
    backend: Any
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        plans = {
            name: "\n".join(line[3] for line in fresh_database.execute(explained(backend._table[name])))
            for name in (
                "top_priorities",
                "top_priority",
                "ready",
                "next_due",
                "due",
                "finish",
                "renew",
                "end_attempts",
                "overdue",
                "still_expired",
                "release_strays",
            )
        }
    index = "django_simple_queue_task USING INDEX django_simple_queue_task_asyncqueue"
    for step in ("queue>?", "queue=? AND priority<?"):
        assert f"USING INDEX django_simple_queue_task_asyncqueue_bucket ({step})" in plans["top_priorities"]
    assert f"SEARCH {index}_bucket (queue=? AND priority<?)" in plans["top_priority"]
    assert plans["ready"] == f"SEARCH {index}_bucket (queue=? AND priority=?)"
    assert f"SEARCH {index}_due" in plans["next_due"]
    assert f"SEARCH {index}_due (run_after<?)" in plans["due"]
    assert "SEARCH t USING INDEX django_simple_queue_task_asyncqueue_running (modified<?)" in plans["overdue"]
    assert f"SEARCH {index}_running (modified<?)" in plans["release_strays"]
    for name in ("finish", "renew", "end_attempts", "still_expired"):
        assert "asyncqueue_running (modified=? AND id>? AND id<?)" in plans[name]


@cases("fresh_database", [Case("postgresql", 10)])
@pytest.mark.parametrize("statistics", [True, False], ids=["analysed", "new"])
async def test_a_clean_up_reads_a_batch_by_the_primary_key(fresh_database, statistics):
    fresh_database.execute(f"ALTER TABLE {fresh_database.table} SET (autovacuum_enabled = off)")
    backend: Any
    async with opened(fresh_database.url) as backend:
        await backend.enqueue([NewTask(uuid.uuid4(), "app.task", "{}") for _ in range(30_000)])
        fresh_database.execute(f"UPDATE {fresh_database.table} SET status = 2")
        if statistics:
            fresh_database.execute(f"ANALYZE {fresh_database.table}")
        ids = f"'{{{', '.join(str(uuid.uuid4()) for _ in range(10))}}}'"
        for name, values in {
            "prunable": {"after": f"'{uuid.UUID(int=0)}'", "limit": "1000"},
            "cleanup": {"ids": ids},
        }.items():
            text = _explain(backend, name, completed="60", **values)
            rows = await backend._control.run(lambda connection, text=text: connection.fetch(text), translate=str)
            plan = "\n".join(row[0] for row in rows)
            assert "_pkey" in plan, plan
            assert "Seq Scan on django" not in plan, plan


@cases("fresh_database", [Case("sqlite", 10)])
async def test_sqlite_cleans_up_by_places(fresh_database):
    backend: Any
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        for name in ("prunable", "cleanup"):
            plan = "\n".join(line[3] for line in fresh_database.execute(explained(backend._table[name])))
            assert re.search(r"SEARCH (django_simple_queue_task|t) USING INTEGER PRIMARY KEY \(rowid", plan), plan


#: What reads edges.
EDGES = ("edges_of", "edges_to", "still_open", "close_edges", "open_predecessors", "outstanding", "preceding")
#: That, and what reads rows by their ids, when tasks end for which others wait.
CHAINS = (
    *EDGES,
    *("lock_waiting", "chain_states", "lock_unfollowed", "follow", "resolve", "cancel_waiting", "cleanup"),
)


@cases("fresh_database", [Case("sqlite", 10)])
async def test_sqlite_finds_edges_from_either_end(fresh_database):
    backend: Any
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        for name in CHAINS:
            plan = "\n".join(line[3] for line in fresh_database.execute(explained(backend._table[name])))
            assert not re.search(r"SCAN (?!d\b|json_each|CONSTANT)", plan), f"{name}: {plan}"
            if name not in ("open_predecessors", "outstanding", "preceding"):
                assert not re.search(r"\((open|task_id)=\?\)", plan), f"{name}: {plan}"


@cases("fresh_database", [Case("postgresql", 10)])
@pytest.mark.parametrize("statistics", [True, False], ids=["analysed", "new"])
async def test_postgresql_finds_edges_from_either_end(fresh_database, statistics):
    """Beside many closed and open edges of others, with the settings of any session."""
    for table in (fresh_database.table, "asyncqueue_edges"):
        backend: Any
        async with opened(fresh_database.url) as backend:
            await backend.migrate()
        fresh_database.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    fresh_database.execute(
        "INSERT INTO asyncqueue_edges (task_id, predecessor_id, position, open) "
        "SELECT gen_random_uuid(), gen_random_uuid(), 1, mod(n, 2) FROM generate_series(1, 40000) AS n"
    )
    if statistics:
        fresh_database.execute("ANALYZE asyncqueue_edges")
    ids = f"'{{{', '.join(str(uuid.uuid4()) for _ in range(10))}}}'"
    nil = f"'{uuid.UUID(int=0)}'"
    values = {"ids": ids, "predecessor_ids": ids, "after_task": nil, "limit": "1000", "id": nil}
    async with opened(fresh_database.url) as backend:
        for name in EDGES:
            text = _explain(backend, name, **{**values, "after": "0" if name == "preceding" else nil})
            rows = await backend._control.run(
                lambda connection, text=text: connection.fetch(text), translate=lambda error: None
            )
            plan = "\n".join(row[0] for row in rows)
            assert "Seq Scan on asyncqueue_edges" not in plan, f"{name}: {plan}"
