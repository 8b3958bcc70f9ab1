"""Parameters of a database URL that mean nothing to us: their values are checked all the same, and they are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from asyncqueue.errors import ConfigurationError
from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.backend")


class Kind(NamedTuple):
    """What a value may be, in words, and the test of it."""

    what: str
    fits: Callable[[str], bool]


def one_of(*words: str) -> Kind:
    """One of these words, in small letters or capitals."""
    return Kind(f"one of {', '.join(words)}", lambda value: value.lower() in words)


ANYTHING = Kind("text", lambda value: True)
WHOLE = Kind("a whole number", lambda value: value.removeprefix("-").isdecimal())
SECONDS = Kind("a number of seconds", lambda value: value.replace(".", "", 1).isdecimal())
SWITCH = one_of("0", "1")
FLAG = one_of("true", "false", "1", "0", "yes", "no", "on", "off")


def check(query: Mapping[str, str], kinds: Mapping[str, Kind]) -> None:
    """Raise ConfigurationError for a value that its parameter cannot have."""
    for name, kind in kinds.items():
        if name in query and not kind.fits(query[name]):
            raise ConfigurationError(f"{name} in the database URL must be {kind.what}, not {query[name]!r}")


def passed_over(query: Mapping[str, str], kinds: Mapping[str, Kind]) -> dict[str, str]:
    """The other parameters. Those of these kinds are checked, and named in the log."""
    check(query, kinds)
    names = sorted(kinds.keys() & query.keys())
    if names:
        logger.info(
            "passed over of the database URL: %s (docs/databases.md says why; the time to connect is the setting "
            "connect_timeout)",
            ", ".join(names),
        )
    return {name: value for name, value in query.items() if name not in kinds}
