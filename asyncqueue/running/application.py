"""What an application brings to the running of its tasks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from uuid import UUID

from asyncqueue.running.hooks import Hooks
from asyncqueue.running.resolve import AllowRule


@dataclass(frozen=True)
class Application:
    """The application around the tasks.

    Attributes:
        hooks: functions to call around each task.
        allow: which functions may run.
        prepare: dotted path of a function that the process of an isolated task calls first.
        around: makes a context manager that each plain function runs within, in its thread.
        caught: called with a task's id and the exception of an attempt that failed, before that becomes text. Not for
            those of a child process, of which only texts are known. It must return at once and raise nothing.
    """

    hooks: Hooks = field(default_factory=Hooks)
    allow: AllowRule = field(default_factory=AllowRule)
    prepare: str | None = None
    around: Callable[[], AbstractContextManager[None]] = nullcontext
    caught: Callable[[UUID, BaseException], None] | None = None
