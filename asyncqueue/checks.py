"""Checks of what a caller has given, which more than one module makes."""

from __future__ import annotations

from asyncqueue.errors import ConfigurationError
from asyncqueue.reprs import shown

#: Characters that a column of keys holds.
MAX_KEY = 255


def whole(value: object) -> bool:
    """Whether it is a whole number, which True and False are not here."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_key(name: str, key: object, error: type[Exception] = ConfigurationError) -> str:
    """The key, if it is one that every database can store and compare. Raises `error`, which names it."""
    if not isinstance(key, str):
        raise error(f"{name} must be text, not {shown(key)}")
    if not key or len(key) > MAX_KEY:
        raise error(f"{name} must have from 1 to {MAX_KEY} characters, and this one has {len(key)}")
    # Databases do not agree about spaces at the end of a text, nor about characters that cannot be printed.
    if not key.isprintable() or key.endswith(" "):
        raise error(f"{name} {key!r} ends with a space, or has what cannot be printed in it")
    return key
