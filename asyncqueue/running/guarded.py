"""Keeps tasks from cancelling what is not theirs: the worker's own asyncio tasks, and those of other tasks.

Common shutdown code cancels `asyncio.all_tasks()`. In a worker that would be its loops and all tasks that it runs. Code
that finds them by another way meets `GuardedTask`, or a loop that `asyncqueue.worker.supervisor` begins again.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import sys
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from asyncqueue.running.run import Run, current_run


def guard(loop: asyncio.AbstractEventLoop) -> None:
    """From now on `asyncio.all_tasks()` shows to the code of a run in this loop only what is the run's own.

    That is the asyncio task that executes it, and those that its code has created. Outside of runs nothing changes.
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


def _visible(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
    run = current_run.get()
    loop = loop or asyncio.get_running_loop()
    if run is None or loop not in _loops:
        return _all_tasks(loop)
    # The asyncio task that waits for a thread is nothing that a plain function has made.
    own = None if run.in_thread else run.task
    return {task for task in _all_tasks(loop) if task is own or (task is not run.task and _is_of(run, task))}


def _is_of(run: Run, task: asyncio.Task[Any]) -> bool:
    """Whether the code of a run has made it. What asyncqueue does on its behalf others may wait for, too."""
    return _run_of(task) is run and not task.get_name().startswith("asyncqueue ")


def _run_of(task: asyncio.Task[Any]) -> Run | None:
    if sys.version_info >= (3, 12):
        return task.get_context().get(current_run)
    return _runs.get(task)


def _noting(factory: Any) -> Any:
    """A task factory that notes for which run a task is made, where Python does not."""

    def create(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        task = factory(loop, coroutine, **options) if factory else asyncio.Task(coroutine, loop=loop, **options)
        run = current_run.get()
        if run is not None:
            _runs[task] = run
        return task

    return create


# Here, because a module of tasks may import the function by its name. Outside of runs it is what it was.
asyncio.all_tasks = asyncio.tasks.all_tasks = _visible
