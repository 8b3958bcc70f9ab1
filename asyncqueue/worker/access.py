"""Shared and exclusive access, within one event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Access:
    """Many may share it, or one has it alone. Who wants it alone goes before those that come to share it later."""

    def __init__(self) -> None:
        self._sharing = 0
        self._turn = anyio.Lock(fast_acquire=True)
        self._unshared: anyio.Event | None = None

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Have it together with others."""
        async with self._turn:
            self._sharing += 1
        try:
            yield
        finally:
            self._sharing -= 1
            if not self._sharing and self._unshared is not None:
                self._unshared.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Have it alone."""
        async with self._turn:
            if self._sharing:
                self._unshared = anyio.Event()
                await self._unshared.wait()
                self._unshared = None
            yield
