"""What a function can be called with and returns, seen through the decorators that it wears."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints


@dataclass(frozen=True, slots=True)
class Parameters:
    """The keyword arguments that a function takes.

    Attributes:
        named: its parameters by name. A decorator's `**kwargs` takes those of the function that it wraps as well.
        required: those that every call must give, in order.
        open: whether it takes arguments of any name.
        positional_only: a parameter that no keyword argument can fill, None where there is none.
    """

    named: Mapping[str, inspect.Parameter]
    required: tuple[str, ...]
    open: bool
    positional_only: str | None = None


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """The keyword arguments that a function takes.

    A wrapper made with `functools.wraps` is what is called, so its own signature decides what is required: it may give
    an argument of the wrapped function by itself. Raises ValueError or TypeError where there is no signature.
    """
    named: dict[str, inspect.Parameter] = {}
    required: list[str] = []
    positional_only: str | None = None
    passes_on = False
    for parameter in inspect.signature(function, follow_wrapped=False).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            passes_on = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            if parameter.default is parameter.empty:
                required.append(parameter.name)
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional_only = positional_only or parameter.name
            else:
                named[parameter.name] = parameter
    wrapped = getattr(function, "__wrapped__", None)
    if passes_on and callable(wrapped):
        named = {**parameters_of(wrapped).named, **named}
    return Parameters(named, tuple(required), passes_on, positional_only)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, evaluated, by parameter and `return`.

    One that cannot be evaluated, such as a name imported under TYPE_CHECKING, is left out; the others stay.
    """
    try:
        return get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - annotations are arbitrary code
        hints: dict[str, Any] = {}
    names = _globals_of(function)
    for name, annotation in _annotations_of(function).items():
        try:
            hints |= get_type_hints(_annotated(name, annotation), names, include_extras=True)
        except Exception:  # noqa: BLE001, S112 - likewise, and this one alone is left out
            continue
    return hints


def _annotations_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """The annotations as they are written, without evaluating them all."""
    try:
        if sys.version_info >= (3, 14):
            import annotationlib

            return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
        found = getattr(function, "__annotations__", None)
    except Exception:  # noqa: BLE001 - likewise
        return {}
    return found if isinstance(found, Mapping) else {}


def _globals_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The names that a function's annotations may use: those of the module of the innermost function."""
    found = getattr(inspect.unwrap(function), "__globals__", {})
    return found if isinstance(found, dict) else {}


def _annotated(name: str, annotation: Any) -> Callable[..., Any]:
    """A function with this annotation alone."""

    def one() -> None: ...

    one.__annotations__ = {name: annotation}
    return one
