"""Finds functions in threads: an import may take long and do anything, and the event loop must not stand still."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass

from asyncqueue.background import OwnTask
from asyncqueue.running.resolve import Resolved, Resolver
from asyncqueue.running.threads import Threads


@dataclass(slots=True)
class _Import:
    task: asyncio.Task[Resolved]
    waiting: int = 0


class Imports:
    """Resolves each path once for all that wait for it at a time, who go on in the order in which they came."""

    def __init__(self, resolver: Resolver, threads: Threads) -> None:
        self._resolver = resolver
        self._threads = threads
        self._under_way: dict[str, _Import] = {}

    @property
    def under_way(self) -> bool:
        """Whether anything is being resolved."""
        return bool(self._under_way)

    async def resolve(self, path: str) -> Resolved:
        """As `Resolver.resolve`. One that is cancelled stops nobody else; of the last one the thread is abandoned."""
        own = self._under_way.get(path) or self._begin(path)
        own.waiting += 1
        try:
            return await asyncio.shield(own.task)
        except asyncio.CancelledError:
            own.waiting -= 1
            if not own.waiting and not own.task.done():
                self._forget(path, own)
                asyncio.Task.cancel(own.task)  # by the code of the run that waits for it: see `GuardedTask`
            raise

    def _begin(self, path: str) -> _Import:
        resolving = self._threads.run(functools.partial(self._resolver.resolve, path), f"the import of {path}")
        loop = asyncio.get_running_loop()
        begun = self._under_way[path] = _Import(OwnTask(resolving, loop=loop, name="asyncqueue import"))
        begun.task.add_done_callback(functools.partial(self._ended, path, begun))
        return begun

    def _ended(self, path: str, ended: _Import, task: asyncio.Task[Resolved]) -> None:
        self._forget(path, ended)
        if not task.cancelled():
            task.exception()  # whoever would have seen it may be gone

    def _forget(self, path: str, one: _Import) -> None:
        if self._under_way.get(path) is one:
            del self._under_way[path]
