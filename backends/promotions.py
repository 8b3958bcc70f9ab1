"""What a promotion has set aside: tasks that are due and whose links keep them from being queued.

A promotion happens within a claim, and who acts on such tasks are services of the worker. This is how they hear of
them. It is a hint only, that saves them a wait: they look for themselves, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from asyncqueue.model import Link


class SetAside(NamedTuple):
    """A task that was set aside. `limit_key` is that of its function and its own, where it waits for a slot there."""

    id: UUID
    links: int
    limit_key: str | None


class Promotions:
    """Hands on what was set aside, each to whom it concerns: one that waits for others is not held for a slot yet."""

    def __init__(self) -> None:
        #: Takes those that need a slot under a limit; None where nobody does.
        self.limited: Callable[[Sequence[SetAside]], None] | None = None
        #: Takes those that wait for others.
        self.waiting: Callable[[Sequence[SetAside]], None] | None = None

    def came(self, promotions: Sequence[SetAside]) -> None:
        """Hand these on. Returns at once: who takes them does no work there."""
        waiting = [each for each in promotions if each.links & Link.WAITING]
        limited = [each for each in promotions if each.links & Link.LIMITED and not each.links & Link.WAITING]
        if waiting and self.waiting is not None:
            self.waiting(waiting)
        if limited and self.limited is not None:
            self.limited(limited)
