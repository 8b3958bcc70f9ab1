"""Functions of every kind, good and bad, for the tests of the runner."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncqueue import Retry, current_task, task

if TYPE_CHECKING:
    from nowhere import Missing  # type: ignore[import-not-found]

logger = logging.getLogger("app.mail")
leak: ContextVar[str] = ContextVar("leak", default="clean")
released = threading.Event()


@dataclass
class Order:
    number: int
    due: datetime.date


@task
async def echo(value: Any = None) -> Any:
    return value


@task
async def typed(order: Order, ratio: float = 0.5, *, tags: list[str] | None = None) -> str:
    return f"{order.number} {order.due:%Y} {ratio} {tags}"


@task
async def unresolvable(value: Missing) -> Any:
    return value


@task
async def anything(**values: int) -> int:
    return sum(values.values())


@task
async def awkward_names(json: str, schema: str, copy: str, _private: str) -> str:
    return json + schema + copy + _private


@task
def positional(value: int, /) -> int:
    return value


@task
def raises_exit() -> None:
    sys.exit(3)


@task
async def raises_exit_async() -> None:
    sys.exit(3)


@task
async def raises_interrupt() -> None:
    raise KeyboardInterrupt


@task
async def raises_cancelled() -> None:
    raise asyncio.CancelledError("of its own")


@task
async def cancels_itself() -> None:
    asyncio.current_task().cancel()  # type: ignore[union-attr]
    await asyncio.sleep(1)


@task
async def cancels_itself_and_returns() -> str:
    asyncio.current_task().cancel()  # type: ignore[union-attr]
    return "returned"


@task
async def cancels_itself_and_yields() -> AsyncIterator[str]:
    asyncio.current_task().cancel()  # type: ignore[union-attr]
    yield "yielded"


@task
async def breaks_its_repr() -> None:
    class Bad(Exception):
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    raise Bad


@task
async def raises_odd_text() -> None:
    raise ValueError("nul \0 and surrogate \ud800")


@task
async def odd_text() -> str:
    class Text(str):
        __slots__ = ()

        def encode(self, *_: Any, **__: Any) -> bytes:
            raise SystemExit(3)

    return Text("odd")


@task(timeout=0.1, max_attempts=3, retry_on=ConnectionError)
async def raises_at_its_timeout(again: bool) -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        raise Retry(after=7) if again else ConnectionError("cut") from None


@task
def stops_iteration() -> None:
    raise StopIteration


@task
async def talks(name: str, pause: float = 0.0) -> None:
    for word in ("one", "two", "three"):
        print(f"{name} {word}")
        await asyncio.sleep(pause)
    logger.warning("%s logged", name)
    print(f"{name} erred", file=sys.stderr)


@task
def talks_in_thread(name: str) -> None:
    print(f"{name} printed")
    logger.error("%s logged", name)


@task
async def talks_much() -> None:
    for _ in range(100):
        print("x" * 99)


@task
async def leaks() -> str:
    seen = leak.get()
    leak.set("dirty")
    return seen


@task
async def who() -> str:
    return current_task().task


@task
def who_in_thread() -> str:
    return str(current_task().id)


@task(timeout=0.2)
async def sleeps(witness: list[str] | None = None) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)
        print("cleaned up")


@task(timeout=0.2)
async def ignores_one_cancellation() -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            print("what was that?")
            await asyncio.sleep(60)
            print("never")


@task(timeout=0.4)
async def cleans_up_slowly(seconds: float) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        print("cleaning")
        await asyncio.sleep(seconds)
        print("cleaned up")


@task(timeout=0.2)
def stuck() -> str:
    released.wait(30)
    return "too late"


@task(timeout=0.5)
def endless() -> Iterator[str]:
    while True:
        yield "."
        time.sleep(0.05)


@task
def partial_output() -> Iterator[Any]:
    yield "first "
    yield None
    yield {"second": 2}
    raise ValueError("after two")


@task
def yields_nothing() -> Iterator[str]:
    yield from ()


@task
async def yields_nothing_async() -> AsyncIterator[str]:
    if False:
        yield ""


@task(isolation="process")
def yields_nothing_in_a_process() -> Iterator[str]:
    yield from ()


@task
async def closes() -> AsyncIterator[str]:
    try:
        for number in range(100):
            yield f"{number} "
            await asyncio.sleep(0.05)
    finally:
        print("closed")


@task
def floods() -> Iterator[str]:
    while True:
        yield "x" * 1000


async def _coroutine(value: int) -> int:
    return value + 1


@task
def returns_awaitable(value: int) -> Any:
    return _coroutine(value)


add_one = functools.partial(_coroutine, value=1)


class Holder:
    @staticmethod
    def method(value: int) -> int:
        return value * 2


@task(isolation="process")
def in_process(value: str) -> str:
    print("printed")
    logger.warning("logged")
    return f"{value} {current_task().task}"


@task(isolation="process")
async def async_in_process() -> int:
    await asyncio.sleep(0)
    return os.getpid()


@task(isolation="process")
def streams_in_process() -> Iterator[str]:
    yield "a"
    yield "𝄞"


@task(isolation="process")
def large_in_process() -> str:
    return "é" * 1_000_000


@task(isolation="process")
def exits() -> None:
    os.write(2, b"last words\n")
    os._exit(7)


@task(isolation="process", timeout=1.5)
def hangs() -> None:
    time.sleep(60)


def _note(witness: str, line: str) -> None:
    with Path(witness).open("a") as file:
        file.write(f"{line}\n")


@task(isolation="process", timeout=600)
def cleans_up(witness: str, seconds: float = 0.0) -> None:
    try:
        _note(witness, "start")
        time.sleep(600)
    except Exception:
        _note(witness, "what ends it is no Exception")
    finally:
        time.sleep(seconds)
        _note(witness, "cleaned up")


@task(isolation="process", timeout=600)
async def cleans_up_async(witness: str, seconds: float = 0.0) -> None:
    try:
        _note(witness, "start")
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(seconds)
        _note(witness, "cleaned up")


@task(isolation="process", timeout=600)
def cleans_up_a_generator(witness: str) -> Iterator[str]:
    try:
        _note(witness, "start")
        yield "something"
        time.sleep(600)
    finally:
        _note(witness, "cleaned up")


@task(isolation="process", timeout=600)
async def cleans_up_an_async_generator(witness: str) -> AsyncIterator[str]:
    try:
        _note(witness, "start")
        yield "something"
        await asyncio.sleep(600)
    finally:
        _note(witness, "cleaned up")


@task(isolation="process")
def forks(witness: str) -> None:
    """What it forks ends at once by the signal that is sent to all of them."""
    if os.fork() == 0:
        try:
            time.sleep(600)
        finally:
            _note(witness, "the forked one runs on")
            os._exit(0)
    _note(witness, "start")
    os.wait()
    _note(witness, "nobody was told")


@task(isolation="process")
def leaves_a_child() -> str:
    """A grandchild that holds the pipes open."""
    child = subprocess.Popen(["sleep", "30"])
    return str(child.pid)


@task(isolation="process")
def fails_in_process() -> None:
    raise ValueError("in the child")


@task(timeout=0.1)
async def swallows_its_timeout() -> str:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(600)
    return "late"


@task(timeout=0.1)
async def swallows_its_timeout_and_yields() -> AsyncIterator[str]:
    yield "early"
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(600)


@task(isolation="process", timeout=600)
async def swallows_in_process(witness: str) -> str:
    _note(witness, "start")
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(600)
    _note(witness, "goes on")
    return "late"


@task(isolation="process", timeout=600)
def swallows_in_process_as_a_plain_function(witness: str) -> str:
    _note(witness, "start")
    with contextlib.suppress(asyncio.CancelledError):
        time.sleep(600)
    _note(witness, "goes on")
    return "late"
