"""How many tasks of a function may run at once, and how many may start in a while, as `@task` declares it."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from asyncqueue.checks import check_key, whole
from asyncqueue.durations import seconds_of
from asyncqueue.errors import ConfigurationError, InvalidArguments
from asyncqueue.model import Stamp
from asyncqueue.reprs import said, shown
from asyncqueue.signatures import Parameters, parameters_of

#: Of a task's arguments, as they are in JSON, which of its function's limits it comes under.
LimitKey: TypeAlias = str | Callable[[Mapping[str, Any]], str]

#: All slots of one key are looked at together.
_COUNTS = range(1, 10_001)
_SHORTEST, _LONGEST = 0.001, 366 * 86400.0


class Limit(NamedTuple):
    """How many tasks of a function run at once (`capacity`), and start within `rate_period` seconds (`rate_count`).

    None is no such limit. They count in the whole fleet, for each limit key apart. `name` is the function's path.
    """

    name: str
    capacity: int | None = None
    rate_count: int | None = None
    rate_period: float | None = None


class Admission(NamedTuple):
    """What came of admitting tasks: how many were queued.

    `opens_in` says of each key that is stopped by its rate in how many seconds that opens, and `undeclared` of which
    functions tasks wait whose limit nobody has declared: none of them is queued.
    """

    admitted: int
    opens_in: dict[str, float]
    undeclared: frozenset[str] = frozenset()


class Terms(NamedTuple):
    """What a worker that admits tasks knows of the fleet.

    Args:
        lease: for how many seconds after its last renewal a run may go on that was cancelled; None for ever.
        unknown_for: after so many seconds a task is let through of whose function nobody has declared the limit.
        queues: from which the worker claims; None for all. Nobody is admitted in a queue from which no worker does.
    """

    lease: float | None = 0.0
    unknown_for: float = inf
    queues: Collection[str] | None = None


class HandBack(NamedTuple):
    """A claimed row that needs a slot under a limit, under `limit_key` of its function, and has none."""

    id: UUID
    token: Stamp
    limit_key: str | None


class PutOff(NamedTuple):
    """A claimed row whose function its worker does not find; `error` says why."""

    id: UUID
    token: Stamp
    error: str


@dataclass(frozen=True, slots=True)
class LimitState:
    """A limit as it is: under how many keys tasks come at present, how many have a slot, and how many wait for one."""

    limit: Limit
    keys: int
    running: int
    held: int


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` starts within any `per` seconds (or a timedelta, or a text such as 5m).

    The window slides: it is no matter when a minute begins. Raises ConfigurationError.
    """

    count: int
    per: float

    def __post_init__(self) -> None:
        if not whole(self.count) or self.count not in _COUNTS:
            raise ConfigurationError(
                f"a rate is of 1 to {_COUNTS[-1]} starts, not {self.count!r}: 100/s is as much as 360000/h"
            )
        seconds = seconds_of(self.per)
        if not _SHORTEST <= seconds <= _LONGEST:
            raise ConfigurationError(f"a rate is per a time from a millisecond to a year, not {self.per!r}")
        object.__setattr__(self, "per", seconds)

    @classmethod
    def of(cls, value: Rate | str) -> Rate:
        """A rate, or one written as 100/m, 5/s, 10/30s. Raises ConfigurationError."""
        if isinstance(value, Rate):
            return value
        match = re.fullmatch(r"(\d{1,9})/(\d+(?:\.\d+)?)?([smhd])", value, re.ASCII) if isinstance(value, str) else None
        if match is None:
            raise ConfigurationError(
                f"rate must be a Rate, or text such as '100/m' (in any minute), '5/s' or '10/30s', not {value!r}"
            )
        return cls(int(match[1]), seconds_of(f"{match[2] or 1}{match[3]}"))

    def __str__(self) -> str:
        units = {1.0: "s", 60.0: "m", 3600.0: "h", 86400.0: "d"}
        return f"{self.count}/{units.get(self.per) or f'{self.per:g}s'}"


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """What a function declares.

    Args:
        limit: how many of its tasks run at once in the whole fleet; None for any number.
        rate: how many start in a while; None for any number.
        key: what tells apart tasks that have limits of their own; None where all have one together.
        defaults: of the function's parameters, for arguments that a task leaves out.
    """

    limit: int | None
    rate: Rate | None
    key: LimitKey | None = None
    defaults: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(
        cls, function: Callable[..., Any], limit: int | None, rate: Rate | str | None, key: LimitKey | None
    ) -> LimitPolicy | None:
        """What these options of `@task` say, None where they say nothing. Raises ConfigurationError."""
        if limit is None and rate is None:
            if key is not None:
                raise ConfigurationError("limit and rate are missing: limit_key says what they are counted by")
            return None
        if limit is not None and (not whole(limit) or limit not in _COUNTS):
            raise ConfigurationError(f"limit must be a whole number from 1 to {_COUNTS[-1]}, not {limit!r}")
        if key is not None and not isinstance(key, str) and not callable(key):
            raise ConfigurationError(
                f"limit_key must be text such as 'customer-{{customer}}', or a function of the arguments, not {key!r}"
            )
        parameters = parameters_of(function)
        if isinstance(key, str):
            _check_names(key, parameters)
        named = parameters.named.values()
        defaults = tuple((each.name, each.default) for each in named if each.default is not each.empty)
        return cls(limit, None if rate is None else Rate.of(rate), key, defaults)

    def declared(self, path: str) -> Limit:
        """The same for the table, of the function at this path."""
        rate = self.rate
        return Limit(path, self.limit, rate.count if rate else None, rate.per if rate else None)

    def key_of(self, args: Mapping[str, Any]) -> str | None:
        """Which of the limits a task with these arguments comes under, None where there is one for all.

        Raises InvalidArguments.
        """
        if self.key is None:
            return None
        try:
            whole = {**dict(self.defaults), **args}
            key = self.key.format(**whole) if isinstance(self.key, str) else self.key(whole)
        except Exception as error:
            what = f"it lacks {said(error)}" if isinstance(error, KeyError) else shown(error)
            raise InvalidArguments(f"there is no limit_key for these arguments: {what}") from error
        return check_key("limit_key", key, InvalidArguments)


def _check_names(key: str, parameters: Parameters) -> None:
    """Raise ConfigurationError for a format string that no arguments can fill."""
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(key) if field is not None]
    except ValueError as error:
        raise ConfigurationError(f"limit_key {key!r} is no format string: {error}") from None
    for field in fields:
        name = re.split(r"[.\[]", field)[0]
        if name not in parameters.named and not (parameters.open and name):
            raise ConfigurationError(f"limit_key {key!r} names {name!r}, which is no parameter of the function")
