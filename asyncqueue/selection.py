"""Which tasks a list, a count or a bulk change is about."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TypedDict, Unpack

from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import ConfigurationError
from asyncqueue.model import Status


class Selection(TypedDict, total=False):
    """Those tasks for which all that is given is true; all tasks where nothing is given.

    Attributes:
        status: its status, or one of these.
        task: its dotted path; a `*` stands for any characters.
        queue: the name of its queue. This and `worker` need a table that `asyncqueue migrate` has brought to level 1.
        worker: the name of the worker that claimed it last; a `*` stands for any characters.
        since: it was last changed at this instant or later; an aware datetime.
        until: it was last changed before this instant; an aware datetime.
        error: its error contains this text, in small letters or capitals.
    """

    status: Status | Collection[Status] | None
    task: str | None
    queue: str | None
    worker: str | None
    since: datetime | None
    until: datetime | None
    error: str | None


def filter_of(**selection: Unpack[Selection]) -> TaskFilter:
    """The rows of these tasks. Raises ConfigurationError for a time without a zone."""
    status, since, until = (selection.get("status"), selection.get("since"), selection.get("until"))
    for name, instant in (("since", since), ("until", until)):
        if instant is not None and instant.utcoffset() is None:
            raise ConfigurationError(f"{name}={instant!r} has no time zone: give an aware datetime")
    return TaskFilter(
        () if status is None else (status,) if isinstance(status, Status) else tuple(status),
        selection.get("task"),
        selection.get("queue"),
        selection.get("worker"),
        since,
        until,
        selection.get("error"),
    )
