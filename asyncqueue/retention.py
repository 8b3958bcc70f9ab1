"""How long ended tasks are kept, by status, and how older ones are deleted: batch by batch."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta

import anyio

from asyncqueue.backends.services import Batch, Retention
from asyncqueue.durations import seconds_of
from asyncqueue.errors import ConfigurationError
from asyncqueue.model import ENDED, Status
from asyncqueue.selection import statuses_of

#: What `Queue.cleanup` deletes if it is not told what.
_USUAL = (Status.COMPLETED, Status.FAILED)
#: Seconds without a batch after one that has deleted something, and at least as long as that took: so that whoever
#: waits for a lock, as claims do on SQLite, has it next.
_PAUSE = 0.005
#: Rows that may be looked at for each that is deleted. What is above that counts as looked at in vain.
_WORTH = 10


def ages_of(
    older_than: timedelta | Mapping[Status, timedelta], statuses: Collection[Status] | None
) -> dict[Status, float]:
    """Ages in seconds by status, of what `Queue.cleanup` takes. Raises ConfigurationError for what means nothing."""
    if isinstance(older_than, Mapping):
        if statuses is not None:
            raise ConfigurationError("older_than names the statuses already: leave out statuses, or give one timedelta")
        ages = {status: age for given, age in older_than.items() for status in statuses_of("older_than", given)}
    else:
        ages = dict.fromkeys(_USUAL if statuses is None else statuses_of("statuses", statuses), older_than)
    wrong = [getattr(status, "name", str(status)).lower() for status in ages if status not in ENDED]
    if wrong:
        raise ConfigurationError(
            f"cleanup deletes ended tasks only (completed, failed, cancelled), not {', '.join(wrong)}"
        )
    return {status: _age(age) for status, age in ages.items()}


async def clean(
    retention: Retention,
    ages: Mapping[Status, float],
    *,
    resume_from: str | None = None,
    patience: int | None = None,
    after_batch: Callable[[str], Awaitable[None]] | None = None,
) -> tuple[int, str | None]:
    """Delete ended tasks that are older than the seconds that `ages` has for their status.

    Args:
        retention: of the backend.
        ages: by status; tasks in others are kept.
        resume_from: where an earlier call stopped; None is the beginning.
        patience: stop after so many rows that were looked at in vain; None goes on to the end.
        after_batch: called after each batch with where the next one goes on.

    Returns how many were deleted, and where to go on, None after the end.
    """

    async def batch(resume_from: str | None) -> Batch:
        return await retention.cleanup(ages, limit=retention.batch, resume_from=resume_from)

    return (
        await repeat(batch, resume_from=resume_from, patience=patience, after_batch=after_batch) if ages else (0, None)
    )


async def repeat(
    batch: Callable[[str | None], Awaitable[Batch]],
    *,
    resume_from: str | None = None,
    patience: int | None = None,
    after_batch: Callable[[str], Awaitable[None]] | None = None,
) -> tuple[int, str | None]:
    """Do one batch after the other, with pauses; see `clean`."""
    deleted = in_vain = 0
    while True:
        began = time.monotonic()
        done = await batch(resume_from)
        resume_from = done.resume_from
        deleted += done.deleted
        in_vain = max(0, in_vain + done.seen - _WORTH * done.deleted)
        if resume_from is None or (patience is not None and in_vain >= patience):
            return deleted, resume_from
        if after_batch is not None:
            await after_batch(resume_from)
        if done.deleted:
            await anyio.sleep(max(_PAUSE, time.monotonic() - began))


def _age(age: object) -> float:
    if not isinstance(age, timedelta):
        raise ConfigurationError(f"older_than must be a timedelta, or one for each status, not {age!r}")
    try:
        return seconds_of(age)
    except ConfigurationError:
        raise ConfigurationError(f"older_than must be from 0 to 100 years, not {age!r}") from None
