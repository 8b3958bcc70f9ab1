"""Dotted paths, and the names with which functions are declared beside the place where they stand."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Iterable
from typing import Any

from asyncqueue.errors import ConfigurationError

#: The width of the `task` column.
MAX_PATH = 127

#: What was declared with each name. A function that is gone, such as one of a module loaded anew, frees its names.
_declared: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()


def is_path(text: object) -> bool:
    """Whether it is a dotted path that the column can hold, as far as its form says."""
    return (
        isinstance(text, str)
        and "." in text
        and len(text) <= MAX_PATH
        and all(part.isidentifier() for part in text.split("."))
    )


def check_names(option: str, names: Iterable[object]) -> tuple[str, ...]:
    """The names, if each can stand in a row. Raises ConfigurationError, which names the option."""
    if isinstance(names, str):
        raise ConfigurationError(f"{option} is a sequence of names, not the text {names!r}")
    checked: list[str] = []
    for name in names:
        if not isinstance(name, str) or not is_path(name):
            raise ConfigurationError(
                f"{option}: {name!r} is not a dotted path of at most {MAX_PATH} characters, such as 'app.tasks.send'"
            )
        checked.append(name)
    return tuple(checked)


def declare(function: Any, names: Iterable[str]) -> None:
    """Note with which names a function is declared. Raises ConfigurationError where another one has such a name."""
    for name in names:
        other = _declared.get(name)
        if other is not None and _definition(other) != _definition(function):
            raise ConfigurationError(
                f"the name {name!r} is declared twice: by {other.__module__}.{other.__qualname__} and by "
                f"{function.__module__}.{function.__qualname__}"
            )
    for name in names:
        _declared[name] = function


def declared_as(name: str) -> Any:
    """The function that was declared with this name or alias, None where there is none in the modules loaded."""
    return _declared.get(name)


def _definition(function: Any) -> tuple[str, str]:
    """Where a function stands, by its file: a module may be loaded under two names, or anew."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return (code.co_filename if code is not None else function.__module__), function.__qualname__
