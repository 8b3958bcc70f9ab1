"""What follows a failed attempt: nothing, or another one after a delay."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import TypeGuard

from asyncqueue.errors import ConfigurationError, InvalidTask

#: No delay is longer, in seconds: a year. So whatever grows, its end is an instant that every database can write.
MAX_DELAY = 365 * 86400.0


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class RetryDelay:
    """How long a task waits before its next attempt. Made with `constant`, `linear`, `exponential` or `steps`.

    Each delay is shortened at random by up to the share `jitter` of it, so that what failed together does not come back
    together: with 0.1 a delay of 60 seconds is one from 54 to 60, with 0 it is exact, with 1 anything up to 60. No
    delay is longer than `cap`, or than a year.

    Attributes:
        first: seconds after the first attempts, one after the other.
        increment: seconds that each delay after those is longer than the one before.
        factor: how many times as long.
        cap: seconds, or None.
        jitter: a share from 0 to 1.

    Raises:
        ConfigurationError: numbers that give no delays.
    """

    first: tuple[float, ...]
    increment: float = 0.0
    factor: float = 1.0
    cap: float | None = None
    jitter: float = 0.1

    @classmethod
    def constant(cls, seconds: float, *, jitter: float = 0.1) -> RetryDelay:
        """Always as long: 10, 10, 10 seconds."""
        return cls((seconds,), jitter=jitter)

    @classmethod
    def linear(cls, first: float, *, cap: float | None = None, jitter: float = 0.1) -> RetryDelay:
        """Longer by `first` each time: 10, 20, 30 seconds."""
        return cls((first,), increment=first, cap=cap, jitter=jitter)

    @classmethod
    def exponential(
        cls, first: float, *, factor: float = 2.0, cap: float | None = None, jitter: float = 0.1
    ) -> RetryDelay:
        """Longer `factor` times each time: 10, 20, 40 seconds."""
        return cls((first,), factor=factor, cap=cap, jitter=jitter)

    @classmethod
    def steps(cls, *seconds: float, jitter: float = 0.1) -> RetryDelay:
        """These, and then the last one again and again."""
        return cls(seconds, jitter=jitter)

    @classmethod
    def of(cls, value: RetryDelay | float | Sequence[float]) -> RetryDelay:
        """What `@task(backoff=...)` means: a number is `constant`, a sequence of numbers `steps`."""
        if isinstance(value, RetryDelay):
            return value
        if _is_number(value):
            return cls.constant(value)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            return cls.steps(*value)
        raise ConfigurationError(
            f"backoff must be a RetryDelay, a number of seconds or a sequence of them, not {value!r}"
        )

    def __post_init__(self) -> None:
        if not self.first:
            raise ConfigurationError("a backoff needs at least one delay")
        grows = self.factor != 1
        least = "more than 0 and up" if grows else "from 0"
        for seconds in self.first:
            if not _is_number(seconds) or not 0 <= seconds <= MAX_DELAY or (grows and seconds == 0):
                raise ConfigurationError(f"a delay must be {least} to {MAX_DELAY:.0f} seconds, not {seconds!r}")
        if not _is_number(self.increment) or not 0 <= self.increment < inf:
            raise ConfigurationError(f"increment must be a number of seconds, 0 or more, not {self.increment!r}")
        if not _is_number(self.factor) or not 1 <= self.factor < inf:
            raise ConfigurationError(f"factor must be a number, 1 or more, not {self.factor!r}")
        if self.cap is not None and (not _is_number(self.cap) or not self.first[-1] <= self.cap < inf):
            raise ConfigurationError(f"cap must be a number of seconds, at least the first delay, not {self.cap!r}")
        if not _is_number(self.jitter) or not 0 <= self.jitter <= 1:
            raise ConfigurationError(f"jitter must be a share from 0 to 1, not {self.jitter!r}")

    def delay(self, attempt: int, random: Callable[[], float] = random.random) -> float:
        """Seconds from the end of failed attempt number `attempt` (1 is the first) to the next one.

        `random` gives a number from 0 to 1 for the jitter.
        """
        further = max(0, attempt - len(self.first))
        try:
            # A float to the power, because whole numbers would grow to any length.
            delay = self.first[min(attempt, len(self.first)) - 1] * float(self.factor) ** further
            delay += self.increment * further
        except OverflowError:
            delay = inf
        return min(delay, MAX_DELAY if self.cap is None else self.cap, MAX_DELAY) * (1 - self.jitter * random())


class Retry(Exception):
    """Raised by a task to ask for another attempt, whatever its `retry_on` and `give_up_on` say.

    It counts as a failed attempt: after the last of `max_attempts` the task has failed.

    Args:
        message: the reason, for whoever reads the error. `raise Retry(...) from error` shows another one.
        after: seconds to wait, or a timedelta; 0 or less for none, None for what the task's backoff says.

    Raises:
        ConfigurationError: `after` is no time.
    """

    #: Seconds, None for what the task's backoff says.
    after: float | None = None

    def __init__(self, message: str = "", *, after: float | timedelta | None = None) -> None:
        super().__init__(*([message] if message else []))
        seconds = after.total_seconds() if isinstance(after, timedelta) else after
        if seconds is not None:
            if not _is_number(seconds) or not -inf < seconds < inf:
                raise ConfigurationError(f"Retry(after=...) must be a number of seconds or a timedelta, not {after!r}")
            self.after = float(min(max(0, seconds), MAX_DELAY))

    def __repr__(self) -> str:
        details = [repr(detail) for detail in self.args]
        if self.after is not None:
            details.append(f"after={self.after:g}")
        return f"{type(self).__name__}({', '.join(details)})"


_DEFAULT_DELAY = RetryDelay.exponential(1, cap=600)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a task is tried again, as its function declares it. By default it is not.

    Attributes:
        max_attempts: how many times it is run at most, the first included.
        backoff: how long it waits in between.
        retry_on: exceptions after which it is tried again, as `except` would match them.
        give_up_on: of those, the ones after which it is not.

    Raises:
        ConfigurationError: values that mean nothing.
    """

    max_attempts: int = 1
    backoff: RetryDelay = _DEFAULT_DELAY
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    give_up_on: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.max_attempts, int) or isinstance(self.max_attempts, bool) or self.max_attempts < 1:
            raise ConfigurationError(f"max_attempts must be a whole number, 1 or more, not {self.max_attempts!r}")
        for name, classes in (("retry_on", self.retry_on), ("give_up_on", self.give_up_on)):
            for each in classes:
                if not (isinstance(each, type) and issubclass(each, BaseException)):
                    raise ConfigurationError(f"{name} takes classes of exceptions, not {each!r}")

    def limit(self, own: int | None) -> int:
        """How many attempts a row has: its own number, or None for what the function declares."""
        return self.max_attempts if own is None else max(1, own)

    def attempt(self, failed: int, own: int | None = None) -> int:
        """Which attempt it is after `failed` ones, from 1.

        A row that had used up all of them and was queued again by somebody begins anew.
        """
        return failed + 1 if failed < self.limit(own) else 1

    def retry_in(
        self,
        failure: BaseException,
        attempt: int,
        own: int | None = None,
        random: Callable[[], float] = random.random,
    ) -> float | None:
        """Seconds until the next attempt, or None: the task has failed for good.

        A row that cannot run, and a result that cannot be stored, is not tried again: it would end as it did.

        Args:
            failure: how the attempt ended: its exception; a TimeoutError if it took too long, a ChildProcessError if
                its process died.
            attempt: which one it was, from 1.
            own: the row's own number of attempts, or None for what the function declares.
            random: gives a number from 0 to 1 for the jitter.
        """
        if attempt >= self.limit(own) or isinstance(failure, InvalidTask):
            return None
        if isinstance(failure, Retry):
            after = failure.after
            return self.backoff.delay(attempt, random) if after is None else min(max(0.0, float(after)), MAX_DELAY)
        if isinstance(failure, self.give_up_on) or not isinstance(failure, self.retry_on):
            return None
        return self.backoff.delay(attempt, random)


#: One attempt, unless the row has a number of its own.
NO_RETRY = RetryPolicy()
