"""Functions with names of their own."""

from __future__ import annotations

from asyncqueue import current_task, task


@task(name="before.the.move", aliases=["long.before"])
async def moved(value: int = 0) -> str:
    return f"{current_task().task} {value}"


@task(aliases=("before.that",), isolation="process")
def isolated() -> str:
    return current_task().task


@task(name="before.nightly", cron="0 0 * * *")
def nightly() -> None: ...


@task(name="before.limited", limit=2)
def limited() -> None: ...
