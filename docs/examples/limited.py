"""The tasks under limits that docs/limits.md shows."""

from __future__ import annotations

import asyncio

from asyncqueue import Queue, Rate, task


@task(limit=5)
async def render(page: int) -> str:
    """At most five at once, on all workers together."""
    await asyncio.sleep(0.01)
    return f"page {page}"


@task(limit=1, limit_key="customer-{customer}")
async def synchronise(customer: int) -> None:
    """One at a time for each customer, and as many customers as there is room for."""
    await asyncio.sleep(0.01)


@task(rate="100/m", limit_key=lambda args: args["to"].partition("@")[2])
async def mail(to: str) -> None:
    """A hundred in any minute to one domain."""


@task(limit=2, rate=Rate(10, per=1.0))
async def ask(question: str) -> str:
    """Both: two at once, and no more than ten in a second."""
    return question.upper()


async def shown(queue: Queue) -> None:
    """What `asyncqueue limits` prints."""
    for state in await queue.limits():
        print(state.limit.name, "keys:", state.keys, "running:", state.running, "held:", state.held)
