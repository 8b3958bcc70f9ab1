"""What an administrator may have set for every session, as a whole worker meets it, at both levels."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from asyncqueue import Queue, Settings, Status, Worker
from tests.conformance.test_hostile_mysql import _having
from tests.servers.cases import cases, shaped
from tests.worker import refused_tasks

TEXT = "gr\u00fc\u00df \\ ' \" %s \U0001f600"

ON_POSTGRESQL = {
    # An idle connection is ended after half a second, and used again later.
    "idle_session_timeout": "500",
    "array_nulls": "off",
    "backslash_quote": "off",
    "escape_string_warning": "on",
    "extra_float_digits": "-15",
    "force_parallel_mode": "on",
    "session_replication_role": "replica",
    "from_collapse_limit": "1",
    "join_collapse_limit": "1",
    "work_mem": "64",
}
ON_MYSQL_AND_MARIADB = (
    "SET completion_type = 'CHAIN', group_concat_max_len = 4, div_precision_increment = 0, big_tables = 1",
    "SET unique_checks = 0, foreign_key_checks = 0, max_sort_length = 64, default_storage_engine = MyISAM",
    "SET lock_wait_timeout = 1, innodb_lock_wait_timeout = 1, optimizer_switch = 'derived_merge=off'",
    "SET max_heap_table_size = 16384, tmp_table_size = 1024, character_set_results = latin1, lc_messages = 'de_DE'",
    "SET timestamp = 1600000000",
)
ONLY = {
    "mysql": "SET range_optimizer_max_mem_size = 1, default_collation_for_utf8mb4 = utf8mb4_general_ci",
    "mariadb": "SET sql_mode = 'ORACLE', old_mode = 'ZERO_DATE_TIME_CAST'",
}


async def cycle(url: str) -> None:
    """Enqueue, run, retry, fail and cancel: before the table is migrated, and after."""
    settings = Settings(database_url=url, poll_max=0.1, connect_timeout=5)
    async with Queue(settings=settings) as queue:
        for migrated in (False, True):
            if migrated:
                await asyncio.sleep(0.8)  # so long that connections are ended which have nothing to do
                await queue.migrate()
            said, failed = await queue.enqueue_many(
                [(refused_tasks.say, {"what": TEXT}), (refused_tasks.shout, {"what": TEXT})]
            )
            cancelled = await queue.enqueue(refused_tasks.say, {"what": "never"})
            assert await cancelled.cancel()
            again = [await queue.enqueue(refused_tasks.stutter, {"what": "again"})] if migrated else []
            await Worker(queue).run(burst=True)
            assert await said.result(timeout=10) == TEXT
            assert await failed.status() == Status.FAILED
            assert await cancelled.status() == Status.CANCELLED
            for handle in again:
                assert [(each.number, each.outcome) for each in await handle.attempts()] == [
                    *((number, "failed") for number in (1, 2, 3))
                ]


@cases("fresh_database", shaped(["postgresql"], [10]))
async def test_a_worker_does_its_work_whatever_a_postgresql_database_says(fresh_database):
    name = urlsplit(fresh_database.url).path[1:]
    known = {row[0] for row in fresh_database.execute("SELECT name FROM pg_settings")}
    for setting, value in ON_POSTGRESQL.items():
        if setting in known:
            fresh_database.administer(f"ALTER DATABASE {name} SET {setting} = {value}")
    await cycle(fresh_database.url)


@cases("restartable_database", shaped(["mysql", "mariadb"], [10]))
async def test_a_worker_does_its_work_whatever_mysql_and_mariadb_say(restartable_database):
    database, local = restartable_database
    told = "; ".join((*ON_MYSQL_AND_MARIADB, ONLY[database.dialect])).replace("'", "''")
    with _having(local.url, init_connect=f"'{told}'"):
        await cycle(database.url)
