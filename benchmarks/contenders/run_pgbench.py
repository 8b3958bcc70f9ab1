"""What PostgreSQL can do with asyncqueue's table, by its own benchmark program: ends and claims, batch after batch."""

from __future__ import annotations

import asyncio
import math
import os
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

import run_limit
import shared

from asyncqueue.backends.common.statements import Statement
from asyncqueue.backends.postgresql.connection import BY_INDEX
from tests.servers.postgresql import PostgreSQL

_BATCH = int(os.environ.get("BENCH_BATCH", "50"))
# pgbench has no arrays of its own: what one batch claimed is given to the next as text, and the rest is made there.
_GIVEN = {
    "ids": ":ids::uuid[]",
    "tokens": ":tokens::timestamptz[]",
    "bounds": "ARRAY[:cursor::timestamptz]",
    "queues": "ARRAY['default']",
    "priorities": "ARRAY[0]",
    "scan": "false",
    "serving": "NULL",
    "worker": "NULL",
    "limit": str(_BATCH),
    "worker_pid": "NULL",
}
_FILLED = {"statuses": "2", "outputs": "NULL::text", "errors": "NULL::text", "logs": "NULL::text", "keeps": "false"}
_CLAIMED = (
    "SELECT coalesce(array_agg(taken.id), '{}') AS ids, coalesce(array_agg(taken.token), '{}') AS tokens, "
    "coalesce(max(taken.queued_at), '-infinity') AS cursor, array_agg(taken.task) AS tasks, "
    "array_agg(taken.args) AS args, (SELECT count(*) FROM done) AS written FROM taken \\gset\n"
)


def _script(statement: Statement) -> str:
    """`sql/postgresql/exchange.sql`, with its rows gathered in one: pgbench can keep no more."""
    given = _GIVEN | {
        name: f"array_fill({value}, ARRAY[cardinality({_GIVEN['ids']})])" for name, value in _FILLED.items()
    }
    text = statement.text[: statement.text.rindex("SELECT taken.id")]
    for number, name in reversed(list(enumerate(statement.params, 1))):
        text = text.replace(f"${number}", given[name])
    return text + _CLAIMED


class Pgbench(run_limit.Limit):
    """It runs as many transactions as there are batches, and is done."""

    async def work(self, concurrency: int) -> None:
        database = await self._database(1)
        queued = await database.connection.fetchval("SELECT count(*) FROM django_simple_queue_task WHERE status = 0")
        await database.close()
        installed = PostgreSQL.install("postgresql")
        with tempfile.NamedTemporaryFile("w", suffix=".sql", dir=installed.root / "tmp") as script:
            script.write(_script(database.table["exchange"]))
            script.flush()
            variables = [option for name in ("ids={}", "tokens={}", "cursor=-infinity") for option in ("-D", name)]
            options = ["-n", "-c", "1", "-M", "prepared", *variables, "-f", installed.inside(Path(script.name))]
            # One more, which ends what the last but one has claimed.
            transactions = math.ceil(queued / _BATCH) + 1
            shared.ready()
            process = await asyncio.create_subprocess_exec(
                *installed.command("pgbench", *options, "-t", str(transactions), self.url),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in BY_INDEX.items())},
            )
            _, complaints = await process.communicate()
        if process.returncode:
            raise SystemExit(f"pgbench failed: {complaints.decode()[-500:]}")
        shared.shared().done(0, queued)
        await asyncio.Event().wait()


if __name__ == "__main__":
    shared.main(Pgbench)
