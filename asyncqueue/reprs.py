"""Texts of the application's objects, made so that a broken `__repr__` or `__str__` ends nothing.

Both methods are code of the application: they may raise anything, SystemExit too, and return what is no text.
"""

from __future__ import annotations

from collections.abc import Callable


def shown(value: object) -> str:
    """The object's repr; where that raises, a text that says so."""
    return _text(repr, value, "repr")


def said(value: object) -> str:
    """The object as text; where that raises, a text that says so."""
    return _text(str, value, "str")


def _text(make: Callable[[object], str], value: object, name: str) -> str:
    try:
        return str.__str__(make(value))  # a plain str, whatever subclass of it was returned
    except BaseException as failure:  # noqa: BLE001 - SystemExit and its like as well
        return f"<{type(value).__name__} whose {name} raised {type(failure).__name__}>"
