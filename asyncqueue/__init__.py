"""asyncqueue: an asyncio worker engine for tasks in your own database.

Names are loaded when they are first used, so that importing a module of tasks does not import a database driver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncqueue.chains import chain as chain
    from asyncqueue.chains import group as group
    from asyncqueue.default import default_queue as default_queue
    from asyncqueue.default import enqueue as enqueue
    from asyncqueue.handle import TaskHandle as TaskHandle
    from asyncqueue.limits import LimitState as LimitState
    from asyncqueue.limits import Rate as Rate
    from asyncqueue.model import Attempt as Attempt
    from asyncqueue.model import FailureGroup as FailureGroup
    from asyncqueue.model import PeriodicState as PeriodicState
    from asyncqueue.model import QueueState as QueueState
    from asyncqueue.model import Status as Status
    from asyncqueue.model import TaskCount as TaskCount
    from asyncqueue.model import TaskRecord as TaskRecord
    from asyncqueue.model import WorkerInfo as WorkerInfo
    from asyncqueue.model import WorkerState as WorkerState
    from asyncqueue.preceding import Predecessor as Predecessor
    from asyncqueue.queue import Queue as Queue
    from asyncqueue.requests import TaskRequest as TaskRequest
    from asyncqueue.retries import Retry as Retry
    from asyncqueue.retries import RetryDelay as RetryDelay
    from asyncqueue.running.application import Application as Application
    from asyncqueue.running.context import TaskInfo as TaskInfo
    from asyncqueue.running.context import current_task as current_task
    from asyncqueue.running.context import predecessors as predecessors
    from asyncqueue.running.hooks import Hooks as Hooks
    from asyncqueue.running.resolve import AllowRule as AllowRule
    from asyncqueue.settings import Settings as Settings
    from asyncqueue.tasks import task as task
    from asyncqueue.worker import Worker as Worker

_HOMES = {
    "AllowRule": "asyncqueue.running.resolve",
    "Application": "asyncqueue.running.application",
    "Attempt": "asyncqueue.model",
    "FailureGroup": "asyncqueue.model",
    "Hooks": "asyncqueue.running.hooks",
    "LimitState": "asyncqueue.limits",
    "PeriodicState": "asyncqueue.model",
    "Predecessor": "asyncqueue.preceding",
    "Queue": "asyncqueue.queue",
    "QueueState": "asyncqueue.model",
    "Rate": "asyncqueue.limits",
    "Retry": "asyncqueue.retries",
    "RetryDelay": "asyncqueue.retries",
    "Settings": "asyncqueue.settings",
    "Status": "asyncqueue.model",
    "TaskCount": "asyncqueue.model",
    "TaskHandle": "asyncqueue.handle",
    "TaskInfo": "asyncqueue.running.context",
    "TaskRecord": "asyncqueue.model",
    "WorkerInfo": "asyncqueue.model",
    "WorkerState": "asyncqueue.model",
    "TaskRequest": "asyncqueue.requests",
    "Worker": "asyncqueue.worker",
    "chain": "asyncqueue.chains",
    "current_task": "asyncqueue.running.context",
    "default_queue": "asyncqueue.default",
    "enqueue": "asyncqueue.default",
    "group": "asyncqueue.chains",
    "predecessors": "asyncqueue.running.context",
    "task": "asyncqueue.tasks",
}

__all__ = [
    "AllowRule",
    "Application",
    "Attempt",
    "FailureGroup",
    "Hooks",
    "LimitState",
    "PeriodicState",
    "Predecessor",
    "Queue",
    "QueueState",
    "Rate",
    "Retry",
    "RetryDelay",
    "Settings",
    "Status",
    "TaskCount",
    "TaskHandle",
    "TaskInfo",
    "TaskRecord",
    "TaskRequest",
    "Worker",
    "WorkerInfo",
    "WorkerState",
    "chain",
    "current_task",
    "default_queue",
    "enqueue",
    "group",
    "predecessors",
    "task",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'asyncqueue' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
