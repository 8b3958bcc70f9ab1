"""That what is asked about limits reads an index, however many tasks are held."""

from __future__ import annotations

import json
import re
from typing import Any

from asyncqueue.ids import new_id
from asyncqueue.model import Link, NewTask
from tests.conformance.conftest import opened
from tests.conformance.helpers import explained
from tests.conformance.test_plans_mysql import entries
from tests.servers.cases import Case, cases

HELD = """
INSERT INTO asyncqueue_limited (name, limit_key, task_id, held_at)
SELECT 'app.task', 'app.task:' || mod(n, 3), gen_random_uuid(), now() FROM generate_series(1, 20000) AS n
"""


@cases("fresh_database", [Case("postgresql", 10)])
async def test_postgresql_reads_the_index_whatever_its_statistics_say(fresh_database):
    backend: Any
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        fresh_database.execute("ALTER TABLE asyncqueue_limited SET (autovacuum_enabled = off)")
        fresh_database.execute(HELD)
        given = {
            "taken_slots": ("'{1,2}'::int[]", "'{a,a}'::text[]"),
            "first_waiting": ("'{app.task:1,app.task:2}'::text[]", "'{2,2}'::int[]", "'{later}'::text[]", "NULL"),
            "waiting_keys": ("''", "10"),
            "outstanding": (),
            "slots_of": ("'{018f0000-0000-7000-8000-000000000000}'::uuid[]",),
            "orphan_candidates_slots": ("0", "500"),
            "declared": ("'{app.task}'::text[]",),
            "orphaned_waiters": ("500",),
        }
        for name, values in given.items():
            text = backend._table[name].text
            for number, value in enumerate(values, 1):
                text = text.replace(f"${number}", value)

            async def explain(connection, text=text):
                return await connection.fetch(f"EXPLAIN {text}")

            plan = "\n".join(row[0] for row in await backend._admit.run(explain, translate=lambda error: None))
            assert "Seq Scan on asyncqueue_limited" not in plan, plan
            assert f"Seq Scan on {fresh_database.table}" not in plan, plan
            if name == "first_waiting":
                assert "Sort" not in plan, plan


@cases("fresh_database", [Case("sqlite", 10)])
async def test_sqlite_reads_the_index(fresh_database):
    backend: Any
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        plans = {
            name: "\n".join(line[3] for line in fresh_database.execute(explained(backend._table[name])))
            for name in (
                "taken_slots",
                "first_waiting",
                "waiting_keys",
                "outstanding",
                "slots_of",
                "orphan_candidates_slots",
                "orphaned_waiters",
            )
        }
    for name, plan in plans.items():
        assert not re.search(r"SCAN (asyncqueue_limited|e|t)\b(?! USING)", plan), (name, plan)
    assert "(state=? AND limit_key=?)" in plans["first_waiting"]
    assert "TEMP B-TREE" not in plans["first_waiting"]
    assert "(state=? AND limit_key>?)" in plans["waiting_keys"]


DIGITS = "(SELECT 0 AS n " + " ".join(f"UNION ALL SELECT {n}" for n in range(1, 10)) + ")"
FULL = f"""
INSERT INTO asyncqueue_limited (name, limit_key, task_id, queue, state, held_at, admitted_at)
SELECT 'app.task', concat('app.task:', mod(n.n, 3)), lpad(hex(n.n), 32, '0'), if(mod(n.n, 30) < 10, 'later', 'default'),
       if(n.n < 9900, 0, 1 + mod(n.n, 2)), utc_timestamp(6), utc_timestamp(6)
  FROM (SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n AS n
          FROM {DIGITS} AS a JOIN {DIGITS} AS b JOIN {DIGITS} AS c JOIN {DIGITS} AS d) AS n
 ORDER BY n.n
"""


@cases("fresh_database", [Case("mysql", 10), Case("mariadb", 10)])
async def test_mysql_reads_as_much_as_it_takes(fresh_database):
    """Of ten thousand entries: how many of the indexes' are read for each statement."""
    backend: Any
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        await backend.enqueue([NewTask(new_id(), "app.task", "{}", links=Link.LIMITED) for _ in range(300)])
        await backend.claim(0, worker_pid=None)
        await backend.enqueue([NewTask(new_id(), "app.task", "{}") for _ in range(3000)])
        fresh_database.execute(FULL)
        for table in ("asyncqueue_limited", fresh_database.table):
            fresh_database.execute(f"ANALYZE TABLE {table}")
        first = {"limit_key": "app.task:1", "count": 20, "served": None}
        _, read = await entries(backend, "first_waiting", **first, paused="")
        assert read < 30
        rows, read = await entries(backend, "first_waiting", **first, paused="later,other")
        assert (rows, read < 120) == (20, True)
        rows, read = await entries(backend, "first_waiting", **{**first, "served": "later"}, paused="")
        assert (rows, read < 160) == (20, True)
        asked = [{"state": state, "limit_key": "app.task:1"} for state in (1, 2)]
        rows, read = await entries(backend, "taken_slots", rows=json.dumps(asked))
        assert rows < 40
        assert read < 120
        rows, read = await entries(backend, "waiting_keys", after="", count=500)
        assert (rows, read < 30) == (4, True)
        await entries(backend, "outstanding")  # opens the other table: the server reads what it keeps of it
        _, read = await entries(backend, "outstanding")
        assert read < 5
        rows, read = await entries(backend, "slots_of", rows=json.dumps([{"task_id": "0" * 28 + "26AC"}]))
        assert read < 10
        rows, read = await entries(backend, "orphan_candidates_slots", after=0, count=500)
        assert (rows, read < 520) == (500, True)
        rows, read = await entries(backend, "orphaned_waiters", count=500)
        assert (rows, read < 1500) == (0, True), "what waits, and not what is queued"
