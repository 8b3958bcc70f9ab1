"""A backend on each database, opened and closed by the fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from asyncqueue.backends.base import Backend, Options
from asyncqueue.backends.registry import backend_for
from tests.servers.database import Database


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Backend]:
    """A backend, open."""
    backend = backend_for(url, Options(**options))
    try:
        await backend.open()
        yield backend
    finally:
        await backend.close()


@pytest.fixture
async def backend(database: Database) -> AsyncIterator[Backend]:
    async with opened(database.url) as backend:
        yield backend


@pytest.fixture
def another(database: Database) -> Callable[..., Any]:
    """Opens further backends on the same database, as other processes would."""
    return lambda **options: opened(database.url, **options)
