"""Named queues: which names they may have, and in which order a worker claims from several."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from asyncqueue.errors import ConfigurationError

#: The width of the `queue` column.
MAX_NAME = 64

_NAME = re.compile(r"[^\s,=]+")
_MAX_WEIGHT = 1_000_000


def check_queue_name(name: object) -> str:
    """The name, if it can be one. Raises ConfigurationError with what is wrong about it.

    `=` and `,` stand between names and weights where several are given, and databases do not agree about spaces at
    the end of a text.
    """
    if not isinstance(name, str):
        raise ConfigurationError(f"the name of a queue must be text, not {name!r}")
    if not name:
        raise ConfigurationError("the name of a queue is empty; leave it out for the queue named default")
    if len(name) > MAX_NAME:
        raise ConfigurationError(f"the queue name {name!r} has {len(name)} characters; the column holds {MAX_NAME}")
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise ConfigurationError(f"the queue name {name!r} has a space, a comma, an = or what cannot be printed in it")
    return name


def bare_name(entry: str) -> str:
    """The name of what a person gives for a worker to claim from, without its weight."""
    return entry.partition("=")[0]


class QueueOrder:
    """In which order a worker claims from its queues.

    Args:
        names: in the order that always holds, or in any order with `weights`.
        weights: of each name. Then the order of every claim is drawn: each queue is the first with a probability of
            its share of the weights, and what is left is drawn likewise.
    """

    def __init__(self, names: Sequence[str], weights: Sequence[int] | None = None) -> None:
        self._names = tuple(names)
        self._weights = None if weights is None else dict(zip(names, weights, strict=True))

    @classmethod
    def of(cls, entries: Sequence[str]) -> QueueOrder | None:
        """From what a person gives: `mail`, `default` or `mail=3`, `default=1`; None for nothing, which is all queues.

        Raises ConfigurationError.
        """
        if not entries:
            return None
        names, weights = zip(*map(_parse, entries), strict=True)
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigurationError(f"the queue {twice!r} is named twice")
        if all(weight is None for weight in weights):
            return cls(names)
        if None in weights:
            bare = names[weights.index(None)]
            raise ConfigurationError(
                f"give every queue a weight or none: {bare!r} has none. With weights (mail=3) the order of each claim "
                "is drawn, without them it is the one given"
            )
        return cls(names, weights)

    def next(self, draw: Callable[[float], float] = random.expovariate) -> tuple[str, ...]:
        """The order for one claim; `draw` gives a time at which something of this rate happens first."""
        weights = self._weights
        if weights is None:
            return self._names
        # Which of several clocks strikes first is a draw by their rates, and so is the rest of the sequence.
        return tuple(sorted(self._names, key=lambda name: draw(weights[name])))


def _parse(entry: str) -> tuple[str, int | None]:
    name, equals, weight = entry.partition("=")
    check_queue_name(name)
    if not equals:
        return name, None
    if not weight.isascii() or not weight.isdigit() or not 1 <= int(weight) <= _MAX_WEIGHT:
        raise ConfigurationError(
            f"the weight of the queue {name!r} must be a whole number from 1 to {_MAX_WEIGHT}, not {weight!r}"
        )
    return name, int(weight)
