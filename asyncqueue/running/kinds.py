"""What sort of function a task is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import Enum, auto
from typing import Any


class Kind(Enum):
    """How a function is to be called."""

    ASYNC = auto()
    SYNC = auto()
    ASYNC_GENERATOR = auto()
    GENERATOR = auto()


def kind_of(function: Callable[..., Any]) -> Kind:
    """Look through partials and at the call method of callable objects."""
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function) and not isinstance(function, type):
        function = type(function).__call__
    if inspect.isasyncgenfunction(function):
        return Kind.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(function):
        return Kind.GENERATOR
    return Kind.ASYNC if inspect.iscoroutinefunction(function) else Kind.SYNC
