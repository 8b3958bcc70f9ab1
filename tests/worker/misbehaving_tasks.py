"""Tasks that raise what nobody expects, where nobody expects it, for the tests of the boundary around them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, model_serializer

from asyncqueue import task
from tests.worker.sample_tasks import witnessed


def _missing(value: Any) -> int:
    return {}[value]


def _exit(value: Any = None) -> Any:
    raise SystemExit(3)


@task
async def picky(x: Annotated[int, BeforeValidator(_missing)]) -> int:
    return x


@task
async def picky_to_the_end(x: Annotated[int, BeforeValidator(_exit)]) -> int:
    return x


class Unwieldy:
    @classmethod
    def __get_pydantic_core_schema__(cls, *_: Any) -> Any:
        raise KeyError("no schema")


@task
async def unwieldy(x: Unwieldy) -> None: ...


class Unshowable(Exception):
    def __repr__(self) -> str:
        raise SystemExit(3)

    def __str__(self) -> str:
        raise KeyboardInterrupt


@task
async def unshowable() -> None:
    raise Unshowable


class _NoInstances(type):
    def __instancecheck__(cls, instance: object) -> bool:
        raise SystemExit(4)


class Unclassifiable(Exception, metaclass=_NoInstances): ...


@task(max_attempts=3, retry_on=Unclassifiable)
async def unclassifiable() -> None:
    raise ValueError("on purpose")


class Unwritable(BaseModel):
    @model_serializer
    def write(self) -> Any:
        raise SystemExit(5)


@task
async def unwritable() -> Unwritable:
    return Unwritable()


class Stop(BaseException): ...


@task
async def stops() -> None:
    raise Stop


@task
async def closes_itself() -> None:
    raise GeneratorExit


@task(limit=1, limit_key=_exit)
async def without_key() -> None: ...


def __getattr__(name: str) -> Any:
    """Asked for what does not stand here."""
    if name == "lazy":
        raise ImportError("a lazy import failed")
    if name == "lazier":
        raise SystemExit(6)
    raise AttributeError(name)


# -- what an interrupted task raises


@task
async def converts(witness: str) -> None:
    """As a driver does whose connection was cut by the cancellation."""
    witnessed(witness, "start converts")
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        raise ConnectionError("lost in the middle of a query") from None


@task
async def groups(witness: str) -> None:
    async def fail() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            raise OSError("a clean-up failed")

    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
        group.create_task(fail())
        witnessed(witness, "start groups")


@task
async def exits(witness: str) -> None:
    witnessed(witness, "start exits")
    try:
        await asyncio.sleep(600)
    finally:
        raise SystemExit(3)


@task
async def yields(witness: str) -> AsyncIterator[str]:
    try:
        yield "first "
        witnessed(witness, "start yields")
        await asyncio.sleep(600)
    finally:
        raise RuntimeError("a clean-up failed")


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.05)


@task
def in_thread(witness: str) -> None:
    witnessed(witness, "start in_thread")
    _wait_for(Path(f"{witness}.let-go"))
    raise RuntimeError("too late")


@task
def yields_in_thread(witness: str) -> Iterator[str]:
    try:
        yield "first "
        witnessed(witness, "start yields_in_thread")
        _wait_for(Path(f"{witness}.let-go"))
    finally:
        raise RuntimeError("too late")


@task(isolation="process")
async def in_process(witness: str) -> None:
    witnessed(witness, "start in_process")
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        raise ConnectionError("lost in the middle of a query") from None


INTERRUPTED: list[Callable[..., Any]] = [converts, groups, exits, yields, in_thread, yields_in_thread, in_process]

# -- what ignores a cancellation


async def _stubborn(witness: str) -> None:
    witnessed(witness, "start")
    while not Path(f"{witness}.let-go").exists():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            witnessed(witness, "ignored")


@task(timeout=0.3)
async def stubborn_in_time(witness: str) -> str:
    await _stubborn(witness)
    return "too late"


@task
async def stubborn(witness: str) -> str:
    await _stubborn(witness)
    return "too late"


@task(timeout=0.3)
async def stubborn_generator(witness: str) -> AsyncIterator[str]:
    yield "first "
    await _stubborn(witness)
    yield "too late"


@task(timeout=0.2)
async def swallows_its_timeout() -> str:
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        return "as if nothing had happened"
    return "in time"


# -- what closes the coroutines of a run from within


def _closing() -> Any:
    raise GeneratorExit


async def _closes_clumsily() -> None:
    try:
        await asyncio.to_thread(_closing)
    finally:
        await asyncio.sleep(0)


@task
def closes_in_its_thread() -> None:
    raise GeneratorExit


@task
def closes_a_generator_in_its_thread() -> Iterator[str]:
    yield "yielded"
    raise GeneratorExit


@task
async def closes_itself_by_a_thread() -> None:
    await asyncio.to_thread(_closing)


@task
async def closes_itself_and_goes_on() -> int:
    try:
        await asyncio.to_thread(_closing)
    except GeneratorExit:
        return 1
    return 2


@task
async def closes_itself_and_awaits() -> None:
    await _closes_clumsily()


@task
async def closes_a_generator_by_a_thread() -> AsyncIterator[str]:
    yield "yielded"
    await asyncio.to_thread(_closing)


@task(isolation="process")
def closes_in_its_process() -> None:
    raise GeneratorExit


@task(isolation="process")
async def closes_itself_in_its_process() -> None:
    await asyncio.to_thread(_closing)


@task(max_attempts=2, backoff=0.01, retry_on=(BaseException,))
async def closes_itself_again() -> None:
    await asyncio.to_thread(_closing)


closing = [
    *(closes_in_its_thread, closes_a_generator_in_its_thread, closes_itself_by_a_thread, closes_itself_and_goes_on),
    *(closes_itself_and_awaits, closes_a_generator_by_a_thread, closes_in_its_process, closes_itself_in_its_process),
]
