"""A cancellation of a run's asyncio task that comes when its code has ended, by whatever that has left behind."""

from __future__ import annotations

import asyncio

import pytest

from asyncqueue.model import Status
from asyncqueue.running import process
from asyncqueue.running.threads import Threads
from tests.running.helpers import run
from tests.worker.leftover_tasks import cancel_at_every_turn


@pytest.mark.parametrize("fails", [False, True])
async def test_a_thread_that_has_ended_is_not_abandoned(monkeypatch, fails):
    """The cancellation comes between its end and the next step of the task that waits for it."""
    threads, loop = Threads(), asyncio.get_running_loop()
    call_soon_threadsafe = loop.call_soon_threadsafe

    def function() -> str:
        monkeypatch.setattr(loop, "call_soon_threadsafe", cancelling)
        if fails:
            raise ValueError("its own")
        return "result"

    def cancelling(done, *arguments):
        def call() -> None:
            done(*arguments)
            waiting.cancel()

        return call_soon_threadsafe(call)

    waiting = asyncio.create_task(threads.run(function, "a thread"))
    if fails:
        with pytest.raises(ValueError, match="its own"):
            await waiting
    else:
        assert await waiting == "result"
    assert threads.abandoned == 0


@pytest.mark.parametrize(("name", "error"), [("in_process", None), ("fails_in_process", "ValueError('in the child')")])
async def test_what_a_process_has_told_counts(runner, monkeypatch, name, error):
    take = process._Frames._take

    def cancelling(self, frame):
        take(self, frame)
        if self.end is not None:
            cancel_at_every_turn(self._run.task)

    monkeypatch.setattr(process._Frames, "_take", cancelling)
    result = await run(runner, name, {"value": "a"} if error is None else None)
    assert result.status == (Status.COMPLETED if error is None else Status.FAILED)
    assert (result.error or "").startswith(error or "")
    assert result.error is None or error is not None
