"""G12: beside rows that it cannot read, queued or running, a worker goes on, and they fail."""

from __future__ import annotations

import pytest

from asyncqueue import Status
from tests.conformance.test_unreadable import change
from tests.servers.cases import DIALECTS, cases, migrated, shaped
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, until
from tests.worker.test_fleet import LEASE

ON_ALL = cases("database", [*shaped(DIALECTS, [10]), *migrated()])
#: What makes a row unreadable.
SPOILT = {
    "postgresql": "modified = '-infinity'",
    "mysql": "id = 'no uuid'",
    "mariadb": "modified = '0000-00-00'",
    "sqlite": "id = 'no uuid'",
}


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
@ON_ALL
async def test_a_worker_goes_on_beside_a_row_that_it_cannot_read(queue, database, tmp_path, status):
    before, bad, after = [await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2}) for _ in range(3)]
    key = str(bad.id) if database.dialect in ("postgresql", "mariadb") else bad.id.hex
    old = "'2020-01-01 00:00:00'"
    change(database, f"SET status = {int(status)}, modified = {old}, task = 'bad.row' WHERE id = '{key}'")
    if queue.backend.shape.migrated and status == Status.RUNNING:
        change(database, f"SET claimed_by = 'gone', started = {old}, renewed = {old} WHERE id = '{key}'")
        if database.dialect == "mariadb":
            change(database, f"SET renewed = '0000-00-00' WHERE id = '{key}'")
    change(database, f"SET {SPOILT[database.dialect]} WHERE id = '{key}'")

    def outcome() -> tuple[int, str | None]:
        [(found, error)] = database.execute(f"SELECT status, error FROM {database.table} WHERE task = 'bad.row'")
        return found, error

    with WorkerProcess(database.url, tmp_path, *LEASE) as worker:
        assert [await handle.result(timeout=30) for handle in (before, after)] == [3, 3]
        await until(lambda: outcome()[0] == Status.FAILED, 30, "the row to fail")
        assert worker.alive
    status_now, error = outcome()
    assert error, status_now
