"""Makes commands of async functions."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, get_type_hints

from asyncqueue.cli.errors import USAGE, fail
from asyncqueue.cli.options import Database
from asyncqueue.cli.selecting import Selected

#: Parameters of these types are groups of options, one for each of their fields.
_GROUPS: tuple[type[Any], ...] = (Database, Selected)

if TYPE_CHECKING:
    import asyncio


def command(function: Callable[..., Coroutine[Any, Any, None]], *, steady: bool = False) -> Callable[..., None]:
    """Make a Typer command of an async function.

    In place of a parameter of type `Selected` the command has the options that select tasks, in place of one of type
    `Database` those that say which database it is. The latter come last, but for `--json`. An error of asyncqueue's
    becomes one line and an exit code. A steady one works for long, and runs tasks: they cannot end its event loop, and
    as the first process of a container it reaps orphans.
    """
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    groups = {each.name: each.annotation for each in parameters if each.annotation in _GROUPS}
    options = {name: list(_options(group)) for name, group in groups.items()}

    @functools.wraps(function)
    def call(**given: Any) -> None:
        if steady and os.getpid() == 1:
            from asyncqueue.cli.init import be_init

            be_init()
        from asyncqueue.errors import AsyncQueueError, ConfigurationError, InvalidTask

        for name, group in groups.items():
            given[name] = group(**{option.name: given.pop(option.name) for option in options[name]})
        _find_modules_here()
        try:
            _run(functools.partial(function, **given), steady)
        except (ConfigurationError, InvalidTask) as error:
            raise fail(str(error), USAGE) from error
        except AsyncQueueError as error:
            raise fail(str(error)) from error

    shown = [option for each in parameters for option in options.get(each.name, [each])]
    last = {option.name for name, group in groups.items() if group is Database for option in options[name]}
    shown.sort(key=lambda each: 2 if each.name == "json" else each.name in last)
    call.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in shown}
    return call


def _find_modules_here() -> None:
    """As `python -m` does it: the modules of the current folder can be imported, tasks and Django's settings."""
    with contextlib.suppress(OSError):  # the folder was deleted
        here = os.getcwd()  # noqa: PTH109 - sys.path holds strings
        if here not in sys.path:
            sys.path.insert(0, here)


def _options(group: type[Any]) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for name, parameter in inspect.signature(group).parameters.items():
        yield parameter.replace(annotation=hints[name])


def _run(function: Callable[[], Coroutine[Any, Any, None]], steady: bool) -> None:
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    if steady:
        from asyncqueue.cli.steady import run_to_its_end

        run_to_its_end(function, loop_factory=factory)
    else:
        import anyio

        anyio.run(function, backend_options={"loop_factory": factory})
