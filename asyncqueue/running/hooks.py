"""Functions of the application that are called around tasks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from importlib import import_module
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from asyncqueue.errors import ConfigurationError
from asyncqueue.importing import problem
from asyncqueue.loggers import get_logger
from asyncqueue.logs import about
from asyncqueue.running.boundary import Raised, awaited, call
from asyncqueue.running.threads import Threads

logger = get_logger("asyncqueue.hooks")

Hook = Callable[..., Any]

#: Of plain functions. One that hangs keeps nothing from ending.
_threads = Threads()


def threads_left() -> int:
    """How many threads of hooks run on although nobody waits for them any more."""
    return _threads.abandoned


@dataclass(frozen=True)
class Hooks:
    """Functions to call; each is async, or plain and then called in a thread.

    What a hook raises is logged and changes nothing, SystemExit and its like included.

    Attributes:
        before_job: `(info)`, before a task runs.
        on_success: `(info)`, after its completion was written.
        on_failure: `(info, error)`, after its failure was written; error is None for a lost worker's task.
        before_loop: `(info, iteration)`, before each iteration of a generator.
        after_loop: `(info, output, iteration)`, after each.
    """

    before_job: tuple[Hook, ...] = ()
    on_success: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()
    before_loop: tuple[Hook, ...] = ()
    after_loop: tuple[Hook, ...] = ()

    @classmethod
    def from_module(cls, path: str) -> Hooks:
        """The functions of these names in a module. Raises ConfigurationError if it cannot be imported or has none."""
        try:
            module = call(import_module, path)
            named = {field.name: call(getattr, module, field.name, None) for field in fields(cls)}
        except Raised as raised:
            if isinstance(raised.error, KeyboardInterrupt):
                raise raised.error from None
            text = f"the module of hooks {path!r} cannot be imported: {problem(raised.error)}"
            raise ConfigurationError(text) from raised.error
        found = {name: (hook,) for name, hook in named.items() if callable(hook)}
        if not found:
            names = ", ".join(field.name for field in fields(cls))
            raise ConfigurationError(f"the module {path!r} has no hook: it may define {names}")
        return cls(**found)

    @classmethod
    def combined(cls, some: Iterable[Hooks]) -> Hooks:
        """All of them, called in this order."""
        some = list(some)
        return cls(*(tuple(hook for hooks in some for hook in getattr(hooks, field.name)) for field in fields(cls)))

    def has(self, event: str) -> bool:
        """Whether anything is to be called."""
        return bool(getattr(self, event))

    async def fire(self, event: str, *details: Any, note: Callable[[str], None] = lambda _: None) -> None:
        """Call the hooks of an event, one after the other, and tell `note` before each which one it is."""
        for hook in getattr(self, event):
            note(f"the {event} hook {_name(hook)}")
            try:
                await awaited(_called(event, hook, details))
            except Raised as raised:
                info = details[0]
                logger.error(
                    "the %s hook %s failed for task %s (%s): the task is not affected",
                    event,
                    _name(hook),
                    info.id,
                    info.task,
                    exc_info=raised.error,
                    extra=_about(info),
                )


def _about(info: Any) -> dict[str, str | int]:
    return about(info.id, info.task, info.attempt, info.queue)


def _name(hook: Hook) -> str:
    """Where the hook is defined; of an object that can be called, its class."""
    while isinstance(hook, functools.partial):
        hook = hook.func
    named = hook if isinstance(hook, FunctionType | MethodType | BuiltinFunctionType | type) else type(hook)
    return f"{named.__module__}.{named.__qualname__}"


async def _called(event: str, hook: Hook, details: tuple[Any, ...]) -> None:
    if inspect.iscoroutinefunction(hook):
        await hook(*details)
    else:
        info = details[0]
        what = f"the thread of the {event} hook {_name(hook)} for task {info.id} ({info.task})"
        await _threads.run(functools.partial(hook, *details), what, about=lambda: _about(info))
