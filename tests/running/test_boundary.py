"""The application's code may raise anything: it comes out as `Raised`, and a run's end is judged in one place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asyncqueue.reprs import said, shown
from asyncqueue.retries import Retry
from asyncqueue.running.boundary import Ended, Raised, awaited, call, how_it_ended, is_a

KINDS: list[type[BaseException]] = [
    *(ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, StopAsyncIteration),
    *(asyncio.CancelledError, BaseException, MemoryError, RecursionError),
]


class Broken(Exception):
    """Neither shown nor said without another end."""

    def __repr__(self) -> str:
        raise SystemExit(3)

    def __str__(self) -> str:
        raise KeyboardInterrupt


class Lazy:
    """Computes its class, as lazy objects do, and fails."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("not set up")

    @__class__.setter
    def __class__(self, value: Any) -> None: ...


def fail(kind: type[BaseException]) -> None:
    raise kind


async def fail_later(kind: type[BaseException]) -> None:
    await asyncio.sleep(0)
    raise kind


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_plain_code_raises_comes_out_as_an_exception(kind):
    with pytest.raises(Raised) as caught:
        call(fail, kind)
    assert type(caught.value.error) is kind
    assert call(len, "abc") == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_a_coroutine_raises_comes_out_as_an_exception(kind):
    with pytest.raises(Raised) as caught:
        await awaited(fail_later(kind))
    # The language itself makes a RuntimeError of this one.
    assert type(caught.value.error) is (RuntimeError if kind is StopIteration else kind)


async def test_a_cancellation_of_the_caller_passes_as_it_is():
    async def caller() -> None:
        await awaited(asyncio.sleep(60))

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_coroutine_that_is_closed_from_outside_ends_as_any_other():
    begun = awaited(asyncio.Event().wait())
    begun.send(None)

    async def close() -> None:
        begun.close()  # raises whatever comes out of it but a GeneratorExit

    await asyncio.create_task(close())


def test_texts_of_what_cannot_be_shown():
    error = Broken()
    assert shown(error) == "<Broken whose repr raised SystemExit>"
    assert said(error) == "<Broken whose str raised KeyboardInterrupt>"
    assert str(Raised(error)) == "<Broken whose repr raised SystemExit>"

    class Text(str):
        __slots__ = ()

    class Odd:
        def __repr__(self) -> str:
            return Text("odd")

    assert type(shown(Odd())) is str


def test_classes_are_told_without_asking_the_object():
    with pytest.raises(RuntimeError):
        isinstance(Lazy(), int)
    assert not is_a(Lazy(), int)
    assert is_a(True, int)
    assert is_a(ValueError(), (KeyError, ValueError))


@pytest.mark.parametrize(
    ("raised", "timed_out", "stopping", "ended"),
    [
        (None, False, False, Ended.RETURNED),
        (None, False, True, Ended.RETURNED),
        (None, True, False, Ended.TIMED_OUT),
        (None, True, True, Ended.TIMED_OUT),
        (ValueError(), False, False, Ended.RAISED),
        (asyncio.CancelledError(), False, False, Ended.RAISED),
        (ConnectionError(), False, True, Ended.STOPPED),
        (ExceptionGroup("of a task group", [OSError()]), False, True, Ended.STOPPED),
        (SystemExit(), False, True, Ended.STOPPED),
        (asyncio.CancelledError(), False, True, Ended.STOPPED),
        (ConnectionError(), True, True, Ended.TIMED_OUT),
        (asyncio.CancelledError(), True, False, Ended.TIMED_OUT),
        (Retry("later"), True, False, Ended.RAISED),
        (Retry("later"), False, True, Ended.STOPPED),
    ],
)
def test_how_a_run_ended(raised, timed_out, stopping, ended):
    assert how_it_ended(raised, timed_out=timed_out, stopping=stopping) is ended
