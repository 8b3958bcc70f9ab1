"""What becomes of a worker's loops that end with an error, or that something cancels."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from asyncqueue.errors import (
    DatabaseBusy,
    DatabaseError,
    DatabaseUnavailable,
    DataRejected,
    MigrationRequired,
    OutcomeUnknown,
    QueueClosed,
    TableMissing,
    UnsupportedServer,
)
from asyncqueue.worker import supervisor
from asyncqueue.worker.supervisor import Loop, keep

HEALS = [DatabaseUnavailable, DatabaseBusy, OutcomeUnknown, DataRejected, DatabaseError]
STAYS = [TableMissing, MigrationRequired, UnsupportedServer, QueueClosed, AssertionError]


class Failing:
    """A loop that ends with these errors, one after the other, and then goes on."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.going = anyio.Event()
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self.task = asyncio.current_task()
        if self.errors:
            raise self.errors.pop(0)
        self.going.set()
        await anyio.sleep_forever()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST", 0.001)


async def kept(failing: Failing, *, vital: bool = False) -> None:
    """Return when the loop goes on."""
    async with anyio.create_task_group() as group:
        group.start_soon(keep, Loop("do this", failing.run, vital=vital))
        await failing.going.wait()
        group.cancel_scope.cancel()


@pytest.mark.parametrize("error", [*HEALS, *STAYS])
async def test_a_helper_loop_is_begun_again_whatever_it_ends_with(error, caplog):
    await asyncio.wait_for(kept(Failing(error("one"), error("two"))), 5)
    assert "one" in caplog.text
    assert "two" in caplog.text


@pytest.mark.parametrize("error", HEALS)
async def test_a_vital_loop_waits_for_what_may_heal(error, caplog):
    await asyncio.wait_for(kept(Failing(error("away"), error("still away")), vital=True), 5)
    assert "cannot do this, again in" in caplog.text


@pytest.mark.parametrize("error", STAYS)
async def test_a_vital_loop_ends_the_worker_with_what_waiting_cannot_heal(error):
    with pytest.raises(BaseExceptionGroup) as raised:
        await asyncio.wait_for(kept(Failing(error("for good")), vital=True), 5)
    assert raised.group_contains(error, match="for good")


async def test_an_error_in_a_group_of_a_loop_is_judged_by_itself(caplog):
    error = ExceptionGroup("of a task group", [ExceptionGroup("inner", [DatabaseUnavailable("away")])])
    await asyncio.wait_for(kept(Failing(error), vital=True), 5)
    assert "cannot do this, again in" in caplog.text


@pytest.mark.parametrize("vital", [False, True])
async def test_a_loop_that_something_else_cancels_goes_on(vital, caplog):
    failing = Failing()
    async with anyio.create_task_group() as group:
        group.start_soon(keep, Loop("do this", failing.run, vital=vital))
        await failing.going.wait()
        failing.going = anyio.Event()
        assert failing.task is not None
        failing.task.cancel()
        with anyio.fail_after(5):
            await failing.going.wait()
        assert not failing.task.cancelling(), "the next cancellation counts"
        group.cancel_scope.cancel()
    assert "was cancelled, and not by the worker" in caplog.text


async def test_a_loop_ends_when_the_program_around_the_worker_cancels_it():
    failing = Failing()
    around = asyncio.create_task(kept_for_ever(failing))
    await failing.going.wait()
    around.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(around, 5)


async def kept_for_ever(failing: Failing) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(keep, Loop("do this", failing.run))
        await anyio.sleep_forever()


async def test_a_loop_that_returns_is_begun_again():
    turns = 0
    enough = anyio.Event()

    async def run() -> None:
        nonlocal turns
        turns += 1
        if turns == 3:
            enough.set()

    async with anyio.create_task_group() as group:
        group.start_soon(keep, Loop("do this", run))
        with anyio.fail_after(5):
            await enough.wait()
        group.cancel_scope.cancel()


async def test_work_that_ends_is_done():
    done = []

    async def work() -> None:
        done.append(1)

    await asyncio.wait_for(keep(Loop("do this", work, ends=True)), 5)
    assert done == [1]
