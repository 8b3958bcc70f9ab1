"""Turns at a connection, its deadline, and what is tried again: with connections that are plain objects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from asyncqueue.backends.common.connection import SharedConnection
from asyncqueue.backends.common.shielding import Deadline, begin, carried
from asyncqueue.backends.common.turns import Turns
from asyncqueue.errors import DatabaseBusy, DatabaseUnavailable, QueueClosed


def known(error: BaseException) -> Exception | None:
    return error if isinstance(error, DatabaseUnavailable) else None


def shared(
    connect: Callable[[], Awaitable[object]] | None = None, discarded: list[object] | None = None
) -> SharedConnection[object]:
    async def object_() -> object:
        return object()

    async def refresh(_: object) -> None: ...

    return SharedConnection(
        connect=connect or object_,
        discard=(discarded if discarded is not None else []).append,
        usable=lambda _: True,
        connect_timeout=1,
        statement_timeout=1,
        refresh=refresh,
    )


async def test_a_connection_that_is_lost_after_several_busy_answers_says_that_it_is_lost() -> None:
    errors: Iterator[Exception] = iter([*[DatabaseBusy("deadlock")] * 4, *[DatabaseUnavailable("gone")] * 2])

    async def work(_: object) -> None:
        raise next(errors)

    with pytest.raises(DatabaseUnavailable, match="gone"):
        await shared().run(work, translate=known)


async def test_a_busy_answer_is_tried_five_times() -> None:
    tries = 0

    async def work(_: object) -> None:
        nonlocal tries
        tries += 1
        raise DatabaseBusy("deadlock")

    with pytest.raises(DatabaseBusy):
        await shared().run(work, translate=known)
    assert tries == 5


async def test_a_turn_ends_though_the_work_was_cancelled_before_it_began() -> None:
    """As by a task that cancels all tasks of the event loop."""
    one = shared()

    async def work(_: object) -> int:
        return 1

    before = asyncio.all_tasks()
    caller = asyncio.create_task(one.run(work, translate=known))
    await asyncio.sleep(0)
    for task in asyncio.all_tasks() - before:
        asyncio.Task.cancel(task)
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await asyncio.wait_for(one.run(work, translate=known), 1) == 1


async def test_a_turn_that_comes_to_a_caller_who_leaves_goes_to_the_next() -> None:
    turns = Turns(["only"])
    assert turns.take() == 0
    leaving, staying = asyncio.create_task(turns.wait()), asyncio.create_task(turns.wait())
    await asyncio.sleep(0)
    turns.give_back(0)
    leaving.cancel()
    assert await staying == 0
    assert turns.take() is None
    turns.give_back(0)
    assert turns.take() == 0


async def test_work_that_outlasts_its_deadline_loses_its_connection_before_it_is_cancelled() -> None:
    """So a clean-up that asks the server waits for nothing."""
    discarded: list[object] = []
    one = shared(discarded=discarded)
    cleaned_up_on: list[int] = []

    async def work(_: object) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            cleaned_up_on.append(len(discarded))

    with pytest.raises(DatabaseUnavailable, match=r"no answer from the database within 0\.05 seconds"):
        await one.run(work, translate=known, timeout=0.05, repeat=False)
    assert cleaned_up_on == [1]


async def test_a_deadline_leaves_no_cancellation_behind() -> None:
    async def work() -> tuple[int, str]:
        with pytest.raises(TimeoutError), Deadline(0.01, lambda: None):
            await asyncio.sleep(10)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling(), "goes on"

    assert await begin(work()) == (0, "goes on")


async def test_what_carried_work_carries_needs_no_further_task() -> None:
    async def inner() -> object:
        return asyncio.current_task()

    async def outer() -> tuple[object, object]:
        return asyncio.current_task(), await carried(inner())

    mine, its = await carried(outer())
    assert mine is its is not asyncio.current_task()


async def test_a_connection_that_opens_while_the_lane_is_closed_is_dropped() -> None:
    opening = asyncio.Event()
    discarded: list[object] = []

    async def connect() -> object:
        await opening.wait()
        return "connection"

    async def work(_: object) -> int:
        return 1

    one = shared(connect, discarded)
    call = asyncio.create_task(one.run(work, translate=known))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    one.close()
    opening.set()
    with pytest.raises(QueueClosed):
        await call
    assert discarded == ["connection"]
    one.open()
    assert await one.run(work, translate=known) == 1
