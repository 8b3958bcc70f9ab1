"""Functions of the application that are called around tasks."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any

from asyncqueue.errors import ConfigurationError
from asyncqueue.importing import problem
from asyncqueue.logs import about
from asyncqueue.reprs import shown
from asyncqueue.running.boundary import Raised, awaited, call
from asyncqueue.running.threads import Threads

logger = logging.getLogger("asyncqueue.hooks")

Hook = Callable[..., Any]

#: Of plain functions. One that hangs keeps nothing from ending.
_threads = Threads()


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

    async def fire(self, event: str, *details: Any) -> None:
        """Call the hooks of an event, one after the other."""
        for hook in getattr(self, event):
            try:
                await awaited(_called(hook, details))
            except Raised as raised:
                text = "the hook %s %s failed; the task is not affected"
                logger.error(text, event, shown(hook), exc_info=raised.error, extra=_about(*details))


def _about(info: Any, *_: Any) -> dict[str, str | int]:
    return about(info.id, info.task, info.attempt)


async def _called(hook: Hook, details: tuple[Any, ...]) -> None:
    if inspect.iscoroutinefunction(hook):
        await hook(*details)
    else:
        await _threads.run(functools.partial(hook, *details), f"the thread of the hook {shown(hook)}")
