"""A queue on each test's database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from asyncqueue import Queue, Settings
from tests.servers.database import Database


@pytest.fixture
async def queue(database: Database) -> AsyncIterator[Queue]:
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        yield queue
