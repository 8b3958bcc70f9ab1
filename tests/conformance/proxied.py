"""A backend that reaches its server by way of a proxy, which can stall, cut, or swallow replies."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from asyncqueue.errors import DatabaseUnavailable
from tests.conformance.conftest import opened
from tests.conformance.helpers import new
from tests.proxy import Proxy


@asynccontextmanager
async def proxied(database, **options):
    """A backend that reaches its server by way of a proxy, with all its connections open."""
    async with Proxy(database.url) as proxy, opened(proxy.url, notify=False, **options) as backend:
        await backend.claim(0, worker_pid=None)
        # A single row and several are different statements on PostgreSQL, each prepared when it is first used.
        rows = new(3, task="warm.up")
        await backend.enqueue(rows[:1])
        await backend.enqueue(rows[1:])
        await backend.cancel([row.id for row in rows])
        yield proxy, backend


async def hang_up_on(proxy: Proxy, call) -> None:
    """Let a call take effect and lose its reply, and whatever it tries after that."""
    proxy.deaf = True
    with pytest.raises(DatabaseUnavailable):
        await call()
    assert proxy.swallowed, "the reply was not lost: the test shows nothing"
    proxy.deaf = False
    proxy.swallowed = 0
