"""The periodic tasks that docs/tasks.md shows."""

from __future__ import annotations

from asyncqueue import task


@task(cron="*/5 * * * *")
async def sweep() -> str:
    """Every five minutes."""
    return "swept"


@task(cron="30 2 * * *", timezone="Europe/Berlin", catch_up="all")
def close_the_day() -> None:
    """Every night, and for each night in which no worker ran."""


@task
async def report(days: int) -> str:
    """Several schedules of one task, each with its arguments, stand in pyproject.toml."""
    return f"the last {days} days"
