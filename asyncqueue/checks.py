"""Checks of what a caller has given, which more than one module makes."""

from __future__ import annotations

from math import isnan

from asyncqueue.errors import ConfigurationError
from asyncqueue.reprs import shown

#: Characters that a column of keys holds.
MAX_KEY = 255


def whole(value: object) -> bool:
    """Whether it is a whole number, which True and False are not here."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_timeout(timeout: object) -> float | None:
    """Seconds to wait, None for as long as it takes. Raises ConfigurationError for anything else."""
    if timeout is None:
        return None
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or isnan(timeout):
        raise ConfigurationError(
            f"timeout must be a number of seconds, or None to wait as long as it takes, not {shown(timeout)}"
        )
    return float(timeout)


def check_count(name: str, number: object) -> int:
    """A number of rows. Raises ConfigurationError for what is none."""
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**63:
        raise ConfigurationError(f"{name} must be a whole number, 0 or more, not {shown(number)}")
    return number


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
