"""What is scheduled, as tests of an application see it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import MigrationRequired
from asyncqueue.ids import new_id
from asyncqueue.model import NewTask, Status
from tests.conformance.helpers import row
from tests.servers.cases import cases, migrated, shaped

MIGRATED = cases("database", migrated())


@MIGRATED
async def test_it_says_when_the_next_task_is_due(backend):
    assert await backend.scheduled.until_due() is None
    await backend.enqueue([NewTask(new_id(), "x.late", "{}", delay=600), NewTask(new_id(), "x.soon", "{}", delay=60)])
    seconds = await backend.scheduled.until_due()
    assert isinstance(seconds, float)
    assert 30 < seconds <= 60


@MIGRATED
async def test_time_passes_for_all_that_is_scheduled(backend):
    tasks = [NewTask(new_id(), f"x.t{delay}", "{}", delay=delay, max_attempts=3) for delay in (60, 600, 700)]
    await backend.enqueue(tasks)
    before = [await row(backend, task.id) for task in tasks]
    assert await backend.claim(10, worker_pid=None) == []
    await backend.scheduled.advance(599_000_001)
    after = [await row(backend, task.id) for task in tasks]
    for was, is_now in zip(before, after, strict=True):
        assert was.run_after is not None
        assert is_now.run_after is not None
        assert was.run_after - is_now.run_after == timedelta(seconds=599, microseconds=1)
        assert (is_now.status, is_now.modified) == (Status.SCHEDULED, was.modified)
    seconds = await backend.scheduled.until_due()
    assert -599 < seconds < -500
    assert [claim.task for claim in await backend.claim(10, worker_pid=None)] == ["x.t60"]
    await backend.scheduled.advance(200_000_000)
    assert [claim.task for claim in await backend.claim(10, worker_pid=None)] == ["x.t600", "x.t700"]
    assert await backend.scheduled.until_due() is None


@MIGRATED
async def test_nothing_but_what_is_scheduled_is_changed(backend):
    queued = NewTask(new_id(), "x.y", "{}")
    await backend.enqueue([queued])
    before = await row(backend, queued.id)
    await backend.scheduled.advance(1_000_000)
    assert await row(backend, queued.id) == before
    assert await backend.count(TaskFilter(statuses=[Status.SCHEDULED])) == 0


@cases("database", shaped())
async def test_a_table_that_is_not_migrated_has_none(backend):
    assert await backend.scheduled.until_due() is None
    with pytest.raises(MigrationRequired, match="bringing scheduled tasks forward needs columns"):
        await backend.scheduled.advance(1)
