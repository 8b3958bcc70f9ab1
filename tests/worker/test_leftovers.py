"""What a task leaves behind changes nothing of its outcome."""

from __future__ import annotations

import pytest

from asyncqueue import Status
from asyncqueue.errors import TaskFailed
from tests.servers.cases import DIALECTS, cases, migrated, shaped
from tests.worker import leftover_tasks
from tests.worker.process import lines
from tests.worker.test_trouble import working

LEVELS = cases("database", [*shaped(DIALECTS, [10]), *migrated()])


@LEVELS
async def test_a_cancellation_that_comes_after_the_end_of_a_task_changes_nothing(queue, tmp_path):
    """It comes while the worker writes what the task has yielded last."""
    given = {
        function.__name__: (function, {"witness": str(tmp_path / function.__name__)})
        for function in (
            leftover_tasks.leaves_a_cancellation,
            leftover_tasks.leaves_a_scope,
            leftover_tasks.leaves_a_cancellation_and_fails,
        )
    }
    handles = dict(zip(given, await queue.enqueue_many(list(given.values())), strict=True))
    async with working(queue) as worker:
        assert await handles["leaves_a_cancellation"].result(timeout=30) == "text"
        assert await handles["leaves_a_scope"].result(timeout=30) == "text"
        with pytest.raises(TaskFailed, match="its own"):
            await handles["leaves_a_cancellation_and_fails"].result(timeout=30)
    assert {name: lines(tmp_path / name) for name in given} == dict.fromkeys(given, ["effect"])
    assert worker.progress.released == 0
    failed = await handles["leaves_a_cancellation_and_fails"].record()
    assert (failed.status, failed.output) == (Status.FAILED, "text")
