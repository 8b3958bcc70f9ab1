"""That what is asked about limits reads an index, however many tasks are held."""

from __future__ import annotations

import re
from typing import Any

from tests.conformance.conftest import opened
from tests.conformance.helpers import explained
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
            "places": ("'{1,2}'::int[]", "'{a,a}'::text[]"),
            "first_held": ("'{app.task:1,app.task:2}'::text[]", "'{2,2}'::int[]"),
            "held_keys": ("''", "10"),
            "places_of": ("'{018f0000-0000-7000-8000-000000000000}'::uuid[]",),
            "kept_places": ("0", "500"),
        }
        for name, values in given.items():
            text = backend._table[name].text
            for number, value in enumerate(values, 1):
                text = text.replace(f"${number}", value)

            async def explain(connection, text=text):
                return await connection.fetch(f"EXPLAIN {text}")

            plan = "\n".join(row[0] for row in await backend._admit.run(explain, translate=lambda error: None))
            assert "Seq Scan on asyncqueue_limited" not in plan, plan
            if name == "first_held":
                assert "Sort" not in plan, plan


@cases("fresh_database", [Case("sqlite", 10)])
async def test_sqlite_reads_the_index(fresh_database):
    backend: Any
    async with opened(fresh_database.url) as backend:
        await backend.migrate()
        plans = {
            name: "\n".join(line[3] for line in fresh_database.execute(explained(backend._table[name])))
            for name in ("places", "first_held", "held_keys", "places_of", "kept_places")
        }
    for name, plan in plans.items():
        assert not re.search(r"SCAN asyncqueue_limited\b(?! USING)", plan), (name, plan)
    assert "(state=? AND limit_key=?)" in plans["first_held"]
    assert "TEMP B-TREE" not in plans["first_held"]
    assert "(state=? AND limit_key>?)" in plans["held_keys"]
