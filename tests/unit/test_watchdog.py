"""A task that blocks the event loop is named while it does."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from asyncqueue.worker.watchdog import Watchdog


async def test_the_culprit_is_named_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    async def culprit() -> None:
        time.sleep(1.6)

    watchdog = Watchdog(lambda task: task.get_name())
    watchdog.start()
    with caplog.at_level(logging.WARNING, "asyncqueue.worker"):
        await asyncio.create_task(culprit(), name="task app.tasks.bad (1)")
    watchdog.stop()
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1, "once for one blockage"
    assert "blocked for 1." in warnings[0]
    assert "task app.tasks.bad (1)" in warnings[0]
    assert "time.sleep(1.6)" in warnings[0]


async def test_a_busy_loop_that_takes_turns_is_no_blockage(caplog: pytest.LogCaptureFixture) -> None:
    watchdog = Watchdog(lambda task: task.get_name())
    watchdog.start()
    until = time.monotonic() + 1.6
    while time.monotonic() < until:
        time.sleep(0.01)
        await asyncio.sleep(0)
    watchdog.stop()
    assert caplog.records == []
