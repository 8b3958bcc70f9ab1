"""Which tasks a list, a count or a bulk change is about."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TypedDict, Unpack

from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import ConfigurationError
from asyncqueue.model import Status
from asyncqueue.reprs import shown


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


#: Those that are texts.
_TEXTS = ("task", "queue", "worker", "error")


def filter_of(**selection: Unpack[Selection]) -> TaskFilter:
    """The rows of these tasks. Raises ConfigurationError for what means nothing."""
    unknown = sorted(selection.keys() - Selection.__annotations__.keys())
    if unknown:
        raise ConfigurationError(
            f"tasks are not selected by {unknown[0]!r}, but by {', '.join(Selection.__annotations__)}"
        )
    for name in _TEXTS:
        text = selection.get(name)
        if text is not None and not isinstance(text, str):
            raise ConfigurationError(f"{name} must be text, not {shown(text)}")
    since, until = _instant("since", selection.get("since")), _instant("until", selection.get("until"))
    if since is not None and until is not None and since > until:
        raise ConfigurationError(
            f"since={since.isoformat()} is later than until={until.isoformat()}, so no task fits: since is the earlier"
        )
    return TaskFilter(
        statuses_of("status", selection.get("status")),
        selection.get("task"),
        selection.get("queue"),
        selection.get("worker"),
        since,
        until,
        selection.get("error"),
    )


def statuses_of(name: str, given: object) -> tuple[Status, ...]:
    """A status or several of them, as several; none of them for None. Raises ConfigurationError."""
    if given is None:
        return ()
    several = tuple(given) if isinstance(given, Collection) and not isinstance(given, str) else (given,)
    for each in several:
        if not isinstance(each, int) or isinstance(each, bool):
            raise ConfigurationError(
                f"{name} must be a Status, such as Status.FAILED, or several of them, not {shown(each)}"
            )
    return several


def _instant(name: str, instant: object) -> datetime | None:
    if instant is not None and not isinstance(instant, datetime):
        raise ConfigurationError(f"{name} must be an aware datetime, not {shown(instant)}")
    if instant is not None and instant.utcoffset() is None:
        raise ConfigurationError(f"{name}={instant!r} has no time zone: give an aware datetime")
    return instant
