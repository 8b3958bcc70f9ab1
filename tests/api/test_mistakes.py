"""Arguments of a wrong type get an error that names the argument and what it may be, and nothing is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from asyncqueue import Queue, Status, TaskHandle
from asyncqueue.errors import ConfigurationError, InvalidTask, ResultTimeout
from asyncqueue.testing import memory_queue

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
TIMEOUT = "timeout must be a number of seconds, or None"
STATUS = "must be a Status, such as Status.FAILED"
Call = Callable[[Any, Any], Awaitable[Any]]


async def _all(iterator: Any) -> list[Any]:
    return [each async for each in iterator]


MISTAKES: list[tuple[str, Call]] = [
    (TIMEOUT, lambda queue, handle: handle.result(timeout="x")),
    (TIMEOUT, lambda queue, handle: handle.result(timeout=HOUR)),
    (TIMEOUT, lambda queue, handle: handle.result(timeout=True)),
    (TIMEOUT, lambda queue, handle: handle.result(timeout=float("nan"))),
    (TIMEOUT, lambda queue, handle: _all(handle.stream(timeout="1s"))),
    (TIMEOUT, lambda queue, handle: _all(queue.watch([handle], timeout="1s"))),
    ("several tasks are wanted, as a list", lambda queue, handle: _all(queue.watch(handle))),
    ("several tasks are wanted, as a list", lambda queue, handle: _all(queue.watch(str(handle.id)))),
    ("a task's id is a UUID or its text", lambda queue, handle: _all(queue.watch([5]))),
    ("limit must be a whole number", lambda queue, handle: queue.list(limit="5")),
    ("limit must be a whole number", lambda queue, handle: queue.list(limit=-1)),
    ("limit must be a whole number", lambda queue, handle: queue.failures(limit=1.5)),
    ("offset must be a whole number", lambda queue, handle: queue.list(offset=None)),
    (f"status {STATUS}", lambda queue, handle: queue.list(status="failed")),
    (f"status {STATUS}", lambda queue, handle: queue.count(status=["failed"])),
    ("since must be an aware datetime", lambda queue, handle: queue.list(since="2h")),
    ("until must be an aware datetime", lambda queue, handle: queue.list(until=date(2026, 12, 1))),
    ("since=.* is later than until=", lambda queue, handle: queue.count(since=NOW, until=NOW - HOUR)),
    ("task must be text", lambda queue, handle: queue.list(task=_all)),
    ("error must be text", lambda queue, handle: queue.count(error=5)),
    ("tasks are not selected by 'state'", lambda queue, handle: queue.list(state=Status.FAILED)),
    ("priority must be a whole number", lambda queue, handle: queue.enqueue("x.y", priority="high")),
    ("delay must be a number of seconds", lambda queue, handle: queue.enqueue("x.y", delay="5m")),
    ("run_at must be an aware datetime", lambda queue, handle: queue.enqueue("x.y", run_at="2026-12-01")),
    ("after= takes handles", lambda queue, handle: queue.enqueue("x.y", after=5)),
    ("enqueue_many takes several", lambda queue, handle: queue.enqueue_many(5)),
    (f"statuses {STATUS}", lambda queue, handle: queue.cleanup(older_than=HOUR, statuses=["failed"])),
    (f"older_than {STATUS}", lambda queue, handle: queue.cleanup(older_than={"failed": HOUR})),
    ("ended tasks only .* not queued", lambda queue, handle: queue.cleanup(older_than=HOUR, statuses=[Status.QUEUED])),
]


@pytest.mark.parametrize(
    ("text", "call"), MISTAKES, ids=[f"{place}-{text[:20]}" for place, (text, _) in enumerate(MISTAKES)]
)
async def test_a_mistake_is_named(text: str, call: Call) -> None:
    async with memory_queue() as queue:
        handle = await queue.enqueue("x.y")
        with pytest.raises((ConfigurationError, InvalidTask), match=text):
            await call(queue, handle)
        assert await queue.count() == 1


async def test_what_is_no_mistake() -> None:
    async with memory_queue() as queue:
        handle: TaskHandle = await queue.enqueue("x.y")
        for timeout in (0, -1, 0.0):
            with pytest.raises(ResultTimeout):
                await handle.result(timeout=timeout)
        assert len(await queue.list(status=Status.QUEUED, since=NOW - HOUR, until=NOW + HOUR)) == 1
        assert await queue.count(status={Status.QUEUED, Status.FAILED}) == 1
        assert await queue.cleanup(older_than=timedelta(0), statuses=[]) == 0


def test_settings_are_no_dictionary() -> None:
    settings: Any = {"database_url": "sqlite://"}
    with pytest.raises(ConfigurationError, match=r"settings= must be asyncqueue\.Settings, not dict"):
        Queue(settings=settings)
