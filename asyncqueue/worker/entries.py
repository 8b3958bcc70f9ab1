"""The periodic tasks that a worker knows."""

from __future__ import annotations

import importlib
import sys

from asyncqueue.errors import ConfigurationError
from asyncqueue.importing import problem
from asyncqueue.periodic import PeriodicTask, check_names
from asyncqueue.running.boundary import Raised, call, is_a
from asyncqueue.settings import Settings
from asyncqueue.tasks import TaskFunction


def entries_of(settings: Settings) -> tuple[PeriodicTask, ...]:
    """Those of the setting `periodic`, and of the functions declared with `@task(cron=)` in the modules of `imports`.

    A package counts with all modules of it that are loaded when it is.

    Raises ConfigurationError for a module that cannot be imported, and for two entries of the same name.
    """
    for name in settings.imports:
        _import(name)
    functions = {
        id(value): value
        for name, module in sorted(sys.modules.items())
        if any(name == each or name.startswith(f"{each}.") for each in settings.imports)
        for value in _values(module)
        if is_a(value, TaskFunction)
    }
    declared = map(PeriodicTask.of_function, functions.values())
    entries = (*settings.periodic, *(entry for entry in declared if entry is not None))
    check_names(entries)
    return entries


def _values(module: object) -> list[object]:
    """What stands in a module. Not all that `sys.modules` holds is one: some of it computes its attributes."""
    try:
        return list(call(vars, module).values())
    except (Raised, AttributeError, TypeError):
        return []


def _import(name: str) -> None:
    try:
        call(importlib.import_module, name)
    except Raised as raised:
        if isinstance(raised.error, KeyboardInterrupt):
            raise raised.error from None
        # What a module does when it is imported is its own affair, and the person who named it is to know.
        text = f"imports: the module {name!r} cannot be imported: {problem(raised.error)}"
        raise ConfigurationError(text) from raised.error
