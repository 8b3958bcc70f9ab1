"""Tasks whose ends a database may refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator

from asyncqueue import Retry, task


@task
async def say(what: str) -> str:
    return what


@task
async def speak(what: str) -> str:
    print(what)
    return "said"


@task
async def shout(what: str) -> None:
    raise ValueError(what)


@task(max_attempts=3)
async def stutter(what: str) -> None:
    raise Retry(what, after=0)


@task
async def recite(what: str) -> AsyncIterator[str]:
    yield "first "
    yield what
