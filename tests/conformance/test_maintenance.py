"""What one worker of all does for the others: that it is one, and that somebody does."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from asyncqueue.errors import MigrationRequired
from tests.servers.cases import cases, migrated, shaped
from tests.worker.process import until

MIGRATED = cases("database", migrated())
LEVEL_0 = cases("database", shaped())


@MIGRATED
async def test_of_many_who_ask_exactly_one_has_the_turn(another):
    async with AsyncExitStack() as stack:
        backends = [await stack.enter_async_context(another()) for _ in range(6)]
        for every in (0.3, 60.0):  # the row is made, and then it is there
            taken = await asyncio.gather(*(backend.maintenance.take("sweep", every) for backend in backends * 3))
            assert taken.count(True) == 1
            if every < 1:
                await asyncio.sleep(0.4)


@MIGRATED
async def test_each_chore_has_turns_of_its_own(backend):
    maintenance = backend.maintenance
    assert [await maintenance.take(name, 60) for name in ("cleanup", "sweep", "cleanup")] == [True, True, False]


@MIGRATED
async def test_a_turn_that_is_kept_is_nobody_elses(backend, another):
    assert await backend.maintenance.take("sweep", 0.5)
    await backend.maintenance.extend("sweep", 60)
    async with another() as other:
        await asyncio.sleep(0.7)
        assert not await other.maintenance.take("sweep", 0.5)


@MIGRATED
async def test_after_one_who_died_comes_the_next(backend, another):
    """By the interval alone: nobody has to say that he is done."""
    assert await backend.maintenance.take("sweep", 0.3)
    await backend.close()
    async with another() as other:
        await until(lambda: other.maintenance.take("sweep", 0.3))


@MIGRATED
async def test_a_shortened_interval_counts_at_once(backend):
    assert await backend.maintenance.take("sweep", 86400)
    assert not await backend.maintenance.take("sweep", 86400)
    assert await backend.maintenance.take("sweep", 60)
    assert not await backend.maintenance.take("sweep", 60)


@MIGRATED
async def test_where_to_go_on_outlives_the_worker(backend, another):
    maintenance = backend.maintenance
    assert await maintenance.resume_from("sweep") is None
    assert await maintenance.take("sweep", 0.01)
    assert await maintenance.resume_from("sweep") is None
    await maintenance.extend("sweep", 0.01, resume_from="here")
    async with another() as other:
        await until(lambda: other.maintenance.take("sweep", 60))
        assert await other.maintenance.resume_from("sweep") == "here"
        await other.maintenance.extend("sweep", 60)
        assert await other.maintenance.resume_from("sweep") is None


@LEVEL_0
async def test_chores_need_a_migrated_table(backend):
    for verb in (
        backend.maintenance.take("sweep", 60),
        backend.maintenance.extend("sweep", 60),
        backend.maintenance.resume_from("sweep"),
    ):
        with pytest.raises(MigrationRequired, match=r"the chore sweep needs .* `asyncqueue migrate`"):
            await verb
