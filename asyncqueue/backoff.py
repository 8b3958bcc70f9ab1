"""Delays that grow, with jitter so that many waiters do not return at the same moment."""

from __future__ import annotations

import random


class Backoff:
    """Delays in seconds from `first`, growing by `factor` up to `last`, each shortened at random by up to `jitter`."""

    def __init__(self, first: float, last: float, factor: float = 2.0, *, jitter: float = 0.5) -> None:
        self._first = first
        self._last = last
        self._factor = factor
        self._jitter = jitter
        self._next = first

    def next(self) -> float:
        """The delay to wait now."""
        delay = self._next
        self._next = min(self._last, delay * self._factor)
        return delay * random.uniform(1 - self._jitter, 1.0)  # noqa: S311 - jitter, not a secret

    def reset(self) -> None:
        """Start from the first delay again."""
        self._next = self._first
