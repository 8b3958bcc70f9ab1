"""Async generators that end well and leave behind what cancels their asyncio task later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import anyio

from asyncqueue import task
from tests.worker.sample_tasks import witnessed


def cancel_at_every_turn(task: asyncio.Task[object]) -> None:
    """As a home-made timeout that nobody takes back, at whatever moment it comes."""

    def again() -> None:
        if not task.done():
            task.cancel()
            loop.call_soon(again)

    loop = asyncio.get_running_loop()
    loop.call_soon(again)


def _here() -> asyncio.Task[object]:
    here = asyncio.current_task()
    assert here is not None
    return here


@task(max_attempts=3)
async def leaves_a_cancellation(witness: str) -> AsyncIterator[str]:
    yield "text"
    witnessed(witness, "effect")
    cancel_at_every_turn(_here())


@task(max_attempts=3)
async def leaves_a_scope(witness: str) -> AsyncIterator[str]:
    yield "text"
    witnessed(witness, "effect")
    scope = anyio.CancelScope()
    scope.__enter__()
    scope.cancel()


@task
async def leaves_a_cancellation_and_fails(witness: str) -> AsyncIterator[str]:
    yield "text"
    witnessed(witness, "effect")
    cancel_at_every_turn(_here())
    raise ValueError("its own")
