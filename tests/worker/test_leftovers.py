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
    ends_well = [leftover_tasks.leaves_a_cancellation, leftover_tasks.leaves_a_scope]
    witnesses = [tmp_path / str(number) for number in range(3)]
    *well, badly = [
        await queue.enqueue(function, {"witness": str(witness)})
        for function, witness in zip(
            [*ends_well, leftover_tasks.leaves_a_cancellation_and_fails], witnesses, strict=True
        )
    ]
    async with working(queue) as worker:
        assert [await handle.result(timeout=30) for handle in well] == ["text", "text"]
        with pytest.raises(TaskFailed, match="its own"):
            await badly.result(timeout=30)
    assert [lines(witness) for witness in witnesses] == [["effect"]] * 3
    assert worker.progress.released == 0
    failed = await badly.record()
    assert (failed.status, failed.output) == (Status.FAILED, "text")
