"""Delays, policies and their declaration, without running anything."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncqueue import Retry, RetryDelay, task
from asyncqueue.errors import ConfigurationError, InvalidArguments, ResultNotStorable
from asyncqueue.retries import MAX_DELAY, NO_RETRY, RetryPolicy

seconds = st.floats(0.001, MAX_DELAY)
jitters = st.floats(0, 1)
caps = st.none() | st.floats(MAX_DELAY, 1e300)
delays = st.one_of(
    st.builds(RetryDelay.constant, st.floats(0, MAX_DELAY), jitter=jitters),
    st.builds(RetryDelay.linear, seconds, cap=caps, jitter=jitters),
    st.builds(RetryDelay.exponential, seconds, factor=st.floats(1, 1e300), cap=caps, jitter=jitters),
    st.lists(st.floats(0, MAX_DELAY), min_size=1).map(RetryDelay.of),
)
attempts = st.integers(1, 100) | st.integers(1, 10**400)


def exact(delay: RetryDelay, count: int) -> list[float]:
    return [delay.delay(attempt, lambda: 0) for attempt in range(1, count + 1)]


# -- delays


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (RetryDelay.constant(10), [10, 10, 10, 10]),
        (RetryDelay.constant(0), [0, 0, 0, 0]),
        (RetryDelay.linear(10), [10, 20, 30, 40]),
        (RetryDelay.linear(0), [0, 0, 0, 0]),
        (RetryDelay.linear(10, cap=25), [10, 20, 25, 25]),
        (RetryDelay.exponential(10), [10, 20, 40, 80]),
        (RetryDelay.exponential(10, factor=3, cap=100), [10, 30, 90, 100]),
        (RetryDelay.exponential(10, factor=1), [10, 10, 10, 10]),
        (RetryDelay.steps(1, 5, 0), [1, 5, 0, 0]),
        (RetryDelay((1, 2, 10), factor=2, increment=1), [1, 2, 10, 21]),
        (RetryDelay.of(3), [3, 3, 3, 3]),
        (RetryDelay.of([3, 4.5]), [3, 4.5, 4.5, 4.5]),
        (RetryDelay.of(RetryDelay.linear(1)), [1, 2, 3, 4]),
        (NO_RETRY.backoff, [1, 2, 4, 8]),
    ],
)
def test_how_delays_grow(delay, expected):
    assert exact(delay, 4) == expected


@given(delays, attempts, st.floats(0, 1))
def test_a_delay_is_shortened_by_its_jitter_and_never_beyond_its_cap(delay, attempt, random):
    full = delay.delay(attempt, lambda: 0)
    assert 0 <= full <= MAX_DELAY
    assert full * (1 - delay.jitter) * 0.999999 <= delay.delay(attempt, lambda: random) <= full


@given(delays.filter(lambda delay: len(delay.first) == 1), attempts)
def test_a_delay_is_never_shorter_than_the_one_before(delay, attempt):
    assert delay.delay(attempt, lambda: 0) <= delay.delay(attempt + 1, lambda: 0)


@pytest.mark.parametrize("attempt", [1_000, 100_000, 10**30, 10**300])
def test_late_attempts_wait_as_long_as_the_cap(attempt):
    assert RetryDelay.exponential(1, cap=300, jitter=0).delay(attempt) == 300
    assert RetryDelay.exponential(1, factor=10**9, jitter=0).delay(attempt) == MAX_DELAY
    assert RetryDelay.linear(1, cap=300, jitter=0).delay(attempt) == 300
    assert RetryDelay.constant(7, jitter=0).delay(attempt) == 7


def test_jitter_spreads_what_failed_together():
    assert len({RetryDelay.constant(60).delay(1) for _ in range(100)}) > 90
    assert RetryDelay.constant(60, jitter=1).delay(1, lambda: 1) == 0, "full jitter"
    assert RetryDelay.constant(60, jitter=0).delay(1) == 60


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: RetryDelay.constant(-1), "a delay must be from 0 to 31536000 seconds, not -1"),
        (lambda: RetryDelay.constant(float("nan")), "not nan"),
        (lambda: RetryDelay.constant(MAX_DELAY + 1), "a delay must be"),
        (lambda: RetryDelay.constant(True), "not True"),
        (lambda: RetryDelay.exponential(0), "more than 0"),
        (lambda: RetryDelay.exponential(1, factor=0.5), "factor must be a number, 1 or more, not 0.5"),
        (lambda: RetryDelay.exponential(1, factor=float("inf")), "factor"),
        (lambda: RetryDelay.exponential(10, cap=5), "cap must be a number of seconds, at least the first delay, not 5"),
        (lambda: RetryDelay.constant(1, jitter=1.1), "jitter must be a share from 0 to 1, not 1.1"),
        (lambda: RetryDelay((1,), increment=-1), "increment"),
        (lambda: RetryDelay.of([]), "at least one delay"),
        (lambda: RetryDelay.of([1, "2"]), "not '2'"),  # type: ignore[list-item]
        (lambda: RetryDelay.of("12"), "backoff must be a RetryDelay, a number of seconds or a sequence"),  # type: ignore[arg-type]
        (lambda: RetryDelay.of({1: 2}), "backoff must be"),  # type: ignore[arg-type]
        (lambda: RetryPolicy(0), "max_attempts must be a whole number, 1 or more, not 0"),
        (lambda: RetryPolicy(True), "max_attempts"),
        (lambda: RetryPolicy(2, retry_on=("ValueError",)), "retry_on takes classes of exceptions, not 'ValueError'"),  # type: ignore[arg-type]
        (lambda: RetryPolicy(2, give_up_on=(int,)), "give_up_on takes classes of exceptions, not <class 'int'>"),  # type: ignore[arg-type]
        (lambda: Retry(after=float("nan")), "a number of seconds or a timedelta, not nan"),
        (lambda: Retry(after=float("inf")), "not inf"),
        (lambda: Retry(after="5"), "not '5'"),  # type: ignore[arg-type]
    ],
)
def test_values_that_mean_nothing(make, text):
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert text in str(caught.value)


# -- asking for another attempt


@pytest.mark.parametrize(
    ("after", "seconds"),
    [(None, None), (30, 30), (timedelta(minutes=2), 120), (-5, 0), (0, 0), (10**400, MAX_DELAY), (1e300, MAX_DELAY)],
)
def test_how_long_a_retry_waits(after, seconds):
    assert Retry(after=after).after == seconds


def test_a_retry_says_why_and_survives_pickling():
    retry = Retry("rate limited", after=30)
    assert (str(retry), repr(retry)) == ("rate limited", "Retry('rate limited', after=30)")
    assert (str(Retry()), repr(Retry())) == ("", "Retry()")
    again = pickle.loads(pickle.dumps(retry))
    assert (repr(again), again.after) == (repr(retry), 30)


# -- what follows


def policy(**options) -> RetryPolicy:
    return RetryPolicy(**{"max_attempts": 3, "backoff": RetryDelay.steps(1, 10, jitter=0), **options})


@pytest.mark.parametrize(
    ("options", "failure", "attempt", "own", "expected"),
    [
        ({}, ValueError(), 1, None, 1),
        ({}, ValueError(), 2, None, 10),
        ({}, ValueError(), 3, None, None),
        ({}, ValueError(), 4, None, None),
        ({}, ValueError(), 3, 5, 10),
        ({}, ValueError(), 1, 1, None),
        ({}, ValueError(), 1, 0, None),
        ({"max_attempts": 1}, ValueError(), 1, None, None),
        ({"max_attempts": 1}, ValueError(), 1, 2, 1),
        ({}, SystemExit(), 1, None, None),
        ({"retry_on": (Exception, SystemExit)}, SystemExit(), 1, None, 1),
        ({"retry_on": (LookupError,)}, KeyError(), 1, None, 1),
        ({"retry_on": (LookupError,)}, ValueError(), 1, None, None),
        ({"give_up_on": (LookupError,)}, KeyError(), 1, None, None),
        ({"retry_on": (KeyError,), "give_up_on": (LookupError,)}, KeyError(), 1, None, None),
        ({"give_up_on": (TimeoutError,)}, TimeoutError(), 1, None, None),
        ({}, InvalidArguments("x"), 1, None, None),
        ({"retry_on": (ResultNotStorable,)}, ResultNotStorable("x"), 1, None, None),
        ({"retry_on": ()}, ValueError(), 1, None, None),
        ({"retry_on": (), "give_up_on": (Retry, Exception)}, Retry(), 2, None, 10),
        ({}, Retry(after=0), 1, None, 0),
        ({}, Retry(after=30), 2, None, 30),
        ({}, Retry(after=30), 3, None, None),
    ],
)
def test_what_follows_a_failed_attempt(options, failure, attempt, own, expected):
    assert policy(**options).retry_in(failure, attempt, own) == expected


@given(st.integers(0, 50), st.integers(1, 20), st.none() | st.integers(-1, 20))
def test_an_attempt_is_one_of_those_there_are(failed, declared, own):
    some = policy(max_attempts=declared)
    attempt = some.attempt(failed, own)
    assert 1 <= attempt <= some.limit(own)
    assert attempt == failed + 1 or (attempt == 1 and failed >= some.limit(own))


@given(st.integers(1, 20))
def test_a_task_that_always_fails_is_run_as_often_as_it_may_be(limit):
    some, failed, runs = policy(max_attempts=limit), 0, 0
    while True:
        attempt = some.attempt(failed)
        runs += 1
        failed = attempt
        if some.retry_in(ValueError(), attempt) is None:
            break
    assert (runs, failed) == (limit, limit)


# -- how it is declared


def test_a_declaration_as_it_is_kept():
    assert task(print).options.retry is NO_RETRY
    assert task(max_attempts=3)(print).options.retry == RetryPolicy(3)
    declared = task(max_attempts=5, backoff=[1, 2], retry_on=OSError, give_up_on=(TimeoutError,))(print).options.retry
    assert declared == RetryPolicy(5, RetryDelay.steps(1, 2), (OSError,), (TimeoutError,))
    assert task(max_attempts=1, backoff=7)(print).options.retry == RetryPolicy(1, RetryDelay.constant(7))
    assert task(max_attempts=2, retry_on=())(print).options.retry.retry_on == ()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"backoff": 5}, "max_attempts is missing"),
        ({"backoff": 0}, "max_attempts is missing"),
        ({"retry_on": ()}, "max_attempts is missing"),
        ({"give_up_on": OSError}, "max_attempts is missing"),
        ({"max_attempts": 0}, "max_attempts must be a whole number"),
        ({"max_attempts": 2.0}, "max_attempts must be a whole number"),
        ({"max_attempts": 2, "backoff": "5"}, "backoff must be"),
        ({"max_attempts": 2, "retry_on": [OSError]}, "retry_on takes classes of exceptions"),
        ({"max_attempts": 2, "retry_on": OSError()}, "retry_on takes classes of exceptions"),
        ({"timeout": -1}, "timeout must be a number of seconds, 0 or more, or None, not -1"),
        ({"timeout": float("nan")}, "timeout must be a number of seconds, 0 or more"),
        ({"timeout": "5"}, "timeout must be a number of seconds, 0 or more"),
    ],
)
def test_a_declaration_that_means_nothing(options, text):
    with pytest.raises(ConfigurationError, match=text):
        task(**options)
