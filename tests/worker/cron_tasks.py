"""A periodic task, in a module that workers import when they are told to."""

from __future__ import annotations

from asyncqueue import current_task, task


@task(cron="* * * * * *", timezone="Europe/Berlin", catch_up="all")
async def every_second() -> str:
    return str(current_task().id)
