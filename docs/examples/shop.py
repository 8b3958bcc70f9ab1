"""A small shop: the application of docs/testing.md."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from asyncqueue import enqueue, task

#: Stands for a mail server.
outbox: list[tuple[str, str]] = []


async def deliver(to: str, subject: str) -> None:
    """Stands for a connection to it."""
    outbox.append((to, subject))


@task(max_attempts=3, backoff=60, retry_on=OSError)
async def send_mail(to: str, subject: str) -> str:
    """Send one mail; tried again while the server is away."""
    if "@" not in to:
        raise ValueError(f"{to!r} is no address")
    await deliver(to, subject)
    return f"sent to {to}"


@task
async def remind(order: int, to: str) -> None:
    """Ask for the money."""
    await enqueue(send_mail, {"to": to, "subject": f"Order {order} is not paid"})


async def place_order(order: int, to: str) -> None:
    """What the shop does when somebody orders."""
    await enqueue(send_mail, {"to": to, "subject": f"Order {order}"}, priority=10)
    await enqueue(remind, {"order": order, "to": to}, delay=timedelta(days=3))


def order_view(order: int, to: str) -> str:
    """A view that is not async."""
    asyncio.run(place_order(order, to))
    return "Thank you!"
