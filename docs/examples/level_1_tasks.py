"""The tasks of the examples in docs/tasks.md that need level 1."""

from __future__ import annotations

from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from asyncqueue import Retry, RetryDelay, current_task, task


@task(
    max_attempts=5,
    backoff=RetryDelay.exponential(2, cap=300),
    retry_on=(URLError, TimeoutError),
    give_up_on=HTTPError,
    timeout=30,
)
def notify(url: str) -> None:
    """Tell a server of something, and do as it says."""
    attempt = current_task().attempt
    try:
        urlopen(Request(url, data=f"attempt {attempt}".encode()), timeout=10)
    except HTTPError as error:
        if error.code == 429:
            raise Retry("rate limited", after=60) from error
        raise


@task
async def send(to: str) -> str:
    """Stands for whatever a task does."""
    return f"sent to {to}"
