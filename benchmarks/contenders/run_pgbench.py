"""What PostgreSQL can do with asyncqueue's table, by its own benchmark program: claim and finish, batch after batch."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import tempfile
from pathlib import Path

import asyncpg
import run_limit
import shared

_BATCH = int(os.environ.get("BENCH_BATCH", "50"))
# As sql/postgresql/claim.sql and finish.sql; what the one returns is given to the other as text.
_SCRIPT = f"""\
WITH next AS MATERIALIZED (
    SELECT id, modified FROM django_simple_queue_task WHERE status = 0 AND modified >= :watermark::timestamptz
     ORDER BY modified, id LIMIT {_BATCH} FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
    UPDATE django_simple_queue_task AS t SET status = 1, worker_pid = NULL, modified = statement_timestamp()
      FROM next WHERE t.id = next.id RETURNING t.id, t.task, t.args, t.modified AS token, next.modified AS queued_at
)
SELECT array_agg(id) AS ids, array_agg(token) AS tokens, max(queued_at) AS watermark FROM taken \\gset
UPDATE django_simple_queue_task AS t
   SET status = 2, modified = statement_timestamp(), worker_pid = NULL, error = NULL, log = NULL, output = NULL
  FROM unnest(:ids::uuid[], :tokens::timestamptz[]) AS d (id, token)
 WHERE t.id = d.id AND t.status = 1 AND t.modified = d.token;
"""


def _pgbench() -> str:
    folders = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which("pgbench") or shutil.which("pgbench", path=os.pathsep.join(folders))
    if found is None:
        raise SystemExit("there is no pgbench on this machine: it comes with PostgreSQL's server")
    return found


class Pgbench(run_limit.Limit):
    """It runs as many transactions as there are batches, and is done."""

    async def work(self, concurrency: int) -> None:
        connection = await asyncpg.connect(self.url)
        queued = await connection.fetchval("SELECT count(*) FROM django_simple_queue_task WHERE status = 0")
        await connection.close()
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(_SCRIPT)
            script.flush()
            options = ["-n", "-c", "1", "-M", "prepared", "-D", "watermark=-infinity", "-f", script.name]
            transactions = math.ceil(queued / _BATCH)
            shared.ready()
            process = await asyncio.create_subprocess_exec(
                *(_pgbench(), *options, "-t", str(transactions), self.url),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            _, complaints = await process.communicate()
        if process.returncode:
            raise SystemExit(f"pgbench failed: {complaints.decode()[-500:]}")
        shared.shared().done(0, queued)
        await asyncio.Event().wait()


if __name__ == "__main__":
    shared.main(Pgbench)
