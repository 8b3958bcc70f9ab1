"""The tasks that benchmarks enqueue."""

from __future__ import annotations

from asyncqueue import task


@task
async def noop() -> None:
    """Do nothing: what is left is the queue's own cost."""
