"""Concurrent enqueue() calls share a write; nobody returns before their row is written, or with another's error."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

import pytest

from asyncqueue import background
from asyncqueue.batcher import Batcher
from asyncqueue.errors import DatabaseUnavailable, DataRejected
from asyncqueue.model import NewTask


def row(task: str = "a.b") -> NewTask:
    return NewTask(uuid.uuid4(), task, None)


class Writer:
    def __init__(self) -> None:
        self.batches: list[list[NewTask]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, rows: Sequence[NewTask]) -> None:
        await asyncio.sleep(0)
        await self.gate.wait()
        if any(row.task == "bad" for row in rows):
            raise DataRejected("bad row")
        self.batches.append(list(rows))

    @property
    def written(self) -> list[NewTask]:
        return [row for batch in self.batches for row in batch]


async def test_a_lone_caller_writes_at_once() -> None:
    writer = Writer()
    await Batcher(writer).add(row())
    assert [len(batch) for batch in writer.batches] == [1]


async def test_callers_that_come_during_a_write_share_the_next_one() -> None:
    writer = Writer()
    batcher = Batcher(writer)
    writer.gate.clear()
    first = asyncio.create_task(batcher.add(row()))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(batcher.add(row())) for _ in range(49)]
    await asyncio.sleep(0.01)
    writer.gate.set()
    await asyncio.gather(first, *others)
    assert [len(batch) for batch in writer.batches] == [1, 49]


async def test_a_batch_is_bounded() -> None:
    writer = Writer()
    batcher = Batcher(writer, limit=20)
    await asyncio.gather(*(batcher.add(row()) for _ in range(50)))
    assert [len(batch) for batch in writer.batches] == [20, 20, 10]


async def test_a_refused_row_fails_its_own_caller_only() -> None:
    writer = Writer()
    batcher = Batcher(writer)
    rows = [row(), row(), row("bad"), row()]
    results = await asyncio.gather(*(batcher.add(one) for one in rows), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), type(None), DataRejected, type(None)]
    assert {one.id for one in writer.written} == {rows[0].id, rows[1].id, rows[3].id}


async def test_an_outage_fails_every_caller_of_the_batch_and_the_next_call_works() -> None:
    writer = Writer()
    away = True

    async def write(rows: Sequence[NewTask]) -> None:
        if away:
            await asyncio.sleep(0)
            raise DatabaseUnavailable("away")
        await writer(rows)

    batcher = Batcher(write)
    results = await asyncio.gather(*(batcher.add(row()) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, DatabaseUnavailable) for result in results)
    away = False
    await batcher.add(row())
    assert len(writer.written) == 1


@pytest.mark.parametrize("victim", [0, 1, 2])
async def test_a_cancelled_caller_leaves_the_others_to_be_written(victim: int) -> None:
    writer = Writer()
    writer.gate.clear()
    batcher = Batcher(writer)
    rows = [row() for _ in range(4)]
    calls = [asyncio.create_task(batcher.add(one)) for one in rows]
    await asyncio.sleep(0.01)
    calls[victim].cancel()
    await asyncio.sleep(0.01)
    writer.gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    others = [one.id for number, one in enumerate(rows) if number != victim]
    assert set(others) <= {one.id for one in writer.written}
    assert [result for number, result in enumerate(results) if number != victim] == [None] * 3
    await batcher.add(row())


async def test_a_caller_cancelled_before_its_batch_began_is_not_written() -> None:
    writer = Writer()
    writer.gate.clear()
    batcher = Batcher(writer)
    rows = [row(), row()]
    first = asyncio.create_task(batcher.add(rows[0]))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(batcher.add(rows[1]))
    await asyncio.sleep(0.01)
    second.cancel()
    writer.gate.set()
    await asyncio.gather(first, second, return_exceptions=True)
    assert writer.written == [rows[0]]


async def test_a_writer_that_something_cancels_leaves_an_unknown_outcome_and_is_replaced() -> None:
    writer = Writer()
    writer.gate.clear()
    batcher = Batcher(writer)
    adding = asyncio.create_task(batcher.add(row()))
    await asyncio.sleep(0.01)
    later = asyncio.create_task(batcher.add(row()))
    await asyncio.sleep(0.01)
    [work] = [each for each in asyncio.all_tasks() if each.get_name() == "asyncqueue work"]
    background.cancel(work)
    for each in (adding, later):
        with pytest.raises(DatabaseUnavailable, match="may have been done"):
            await each
    writer.gate.set()
    await batcher.add(row())
    assert len(writer.written) == 1
