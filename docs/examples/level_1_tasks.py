"""The tasks of the examples in docs/tasks.md that need level 1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from http.client import HTTPConnection
from socket import gaierror

from asyncqueue import Retry, RetryDelay, current_task, task


@task(
    max_attempts=5,
    backoff=RetryDelay.exponential(2, cap=300),
    retry_on=OSError,
    give_up_on=gaierror,
    timeout=30,
)
def notify(host: str, path: str = "/") -> None:
    """Tell a server of something, and do as it says."""
    with closing(HTTPConnection(host, timeout=10)) as connection:
        connection.request("POST", path, f"attempt {current_task().attempt}")
        status = connection.getresponse().status
    if status == 429:
        raise Retry("rate limited", after=60)
    if status >= 400:
        raise ValueError(f"{host} answers {status}")


@task
async def report(days: int) -> AsyncIterator[str]:
    """Yield what stands for a part of a report."""
    for day in range(days):
        yield f"day {day}\n"


@task
async def send(to: str) -> str:
    """Stands for whatever a task does."""
    return f"sent to {to}"
