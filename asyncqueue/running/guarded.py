"""Keeps code from cancelling what is not its own: the worker's asyncio tasks, and those of other tasks.

Common shutdown code cancels `asyncio.all_tasks()`. In a worker that would be its loops and all tasks that it runs. Code
that finds them by another way meets `GuardedTask`, or a loop that `asyncqueue.worker.supervisor` begins again.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import sys
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from asyncqueue.background import GuardedTask, own_code
from asyncqueue.running.run import Run, current_run


def guard(loop: asyncio.AbstractEventLoop) -> None:
    """From now on `asyncio.all_tasks()` shows only what is the caller's own, while this loop goes on.

    To the code of a run that is the asyncio task that executes it, and those that its code has created. To asyncqueue's
    own code it is all. Anybody else sees what is neither asyncqueue's nor a run's: that may be the program around the
    worker, and as well a thread or a callback of a run, which has no context that tells.
    """
    if loop not in _loops:
        _loops.add(loop)
        if sys.version_info < (3, 12):
            loop.set_task_factory(_noting(loop.get_task_factory()))


#: The loops in which workers run, or have run.
_loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
_all_tasks = asyncio.all_tasks
#: The runs of asyncio tasks that runs have created. From Python 3.12 on a task tells its context, and so its run.
_runs: WeakKeyDictionary[asyncio.Task[Any], Run] = WeakKeyDictionary()
#: Likewise those that asyncqueue has created.
_own: WeakSet[asyncio.Task[Any]] = WeakSet()


def _visible(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
    loop = loop or asyncio.get_running_loop()
    # Whoever has stopped the loop takes it down.
    if loop not in _loops or not loop.is_running() or own_code.get():
        return _all_tasks(loop)
    run = current_run.get()
    if run is None:
        return {task for task in _all_tasks(loop) if task is _current(loop) or not _has_owner(task)}
    # The asyncio task that waits for a thread is nothing that a plain function has made.
    own = None if run.in_thread else run.task
    return {task for task in _all_tasks(loop) if task is own or (task is not run.task and _is_of(run, task))}


def _current(loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task() if asyncio.get_running_loop() is loop else None
    except RuntimeError:  # in a thread
        return None


def _has_owner(task: asyncio.Task[Any]) -> bool:
    """Whether it is asyncqueue's, or a run's."""
    return isinstance(task, GuardedTask) or _is_own(task) or _run_of(task) is not None


def _is_own(task: asyncio.Task[Any]) -> bool:
    if sys.version_info >= (3, 12):
        return task.get_context().get(own_code, False)
    return task in _own


def _is_of(run: Run, task: asyncio.Task[Any]) -> bool:
    """Whether the code of a run has made it. What asyncqueue does on its behalf others may wait for, too."""
    return _run_of(task) is run and not task.get_name().startswith("asyncqueue ")


def _run_of(task: asyncio.Task[Any]) -> Run | None:
    if sys.version_info >= (3, 12):
        return task.get_context().get(current_run)
    return _runs.get(task)


def _noting(factory: Any) -> Any:
    """A task factory that notes for whom a task is made, where Python does not."""

    def create(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        task = factory(loop, coroutine, **options) if factory else asyncio.Task(coroutine, loop=loop, **options)
        run = current_run.get()
        if run is not None:
            _runs[task] = run
        elif own_code.get():
            _own.add(task)
        return task

    return create


# Here, because a module of tasks may import the function by its name. In loops without a worker it is what it was.
asyncio.all_tasks = asyncio.tasks.all_tasks = _visible
