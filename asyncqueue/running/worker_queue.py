"""The queue of the worker that runs this code: what enqueue() means inside of a task.

It is known in two ways. What a worker starts in its own process inherits a context variable: asyncio tasks, hooks, and
the threads of plain functions. A process that is there for a worker as a whole, `asyncqueue run` and the process of an
isolated task, says so once; that also serves threads which a task starts by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar, Token
from pathlib import Path
from typing import Any

from asyncqueue.settings import Settings
from asyncqueue.urls import anchored

#: What the settings of a task's own process leave out: a worker alone has use for it.
_WORKERS_OWN = {"periodic", "imports", "hooks", "log_level", "log_format"}


class WorkerQueue:
    """A worker's queue.

    Attributes:
        queue: the Queue itself, for code in its event loop; None in another process.
        loop: that event loop.
    """

    def __init__(
        self,
        settings: Settings | None,
        *,
        queue: Any = None,
        loop: asyncio.AbstractEventLoop | None = None,
        told: Mapping[str, Any] | None = None,
    ) -> None:
        self.queue = queue
        self.loop = loop
        # A task may change the current folder.
        self._settings = None if settings is None else settings.at(anchored(settings.database_url, Path.cwd()))
        self._told = told

    @property
    def settings(self) -> Settings:
        """Its settings, with which further event loops open a queue of their own."""
        if self._settings is None:
            self._settings = Settings(**{**(self._told or {}), "periodic": ()})
        return self._settings

    def tell(self) -> dict[str, Any]:
        """What the process of an isolated task has to know, as JSON has it. It holds the database's password."""
        return self.settings.model_dump(mode="json", exclude=_WORKERS_OWN)


_here: ContextVar[WorkerQueue | None] = ContextVar("asyncqueue_worker_queue", default=None)
_process: WorkerQueue | None = None


def current() -> WorkerQueue | None:
    """The queue of the worker that runs this code, None where no worker does."""
    return _here.get() or _process


def enter(queue: Any) -> Token[WorkerQueue | None]:
    """From here on, code of this context and what it starts belongs to the worker of an open queue."""
    return _here.set(WorkerQueue(queue.settings, queue=queue, loop=asyncio.get_running_loop()))


def leave(token: Token[WorkerQueue | None]) -> None:
    """Undo `enter`."""
    _here.reset(token)


def serve(settings: Settings) -> None:
    """Say that this process is there for a worker with these settings."""
    global _process
    _process = WorkerQueue(settings)


def told(values: Mapping[str, Any] | None) -> None:
    """Say that this process is there for a task of a worker that has told this; see `WorkerQueue.tell`."""
    global _process
    _process = None if values is None else WorkerQueue(None, told=values)


def tell() -> dict[str, Any] | None:
    """What the process of an isolated task is to be `told`."""
    here = current()
    return None if here is None else here.tell()
