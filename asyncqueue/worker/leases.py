"""How long a claim stands without being renewed."""

from __future__ import annotations

from asyncqueue.backends.base import Backend
from asyncqueue.settings import Settings

#: Seconds between two looks for what a lost worker has left, at least and at most.
_OFTEN, _SELDOM = 0.5, 60.0
#: What part of a lease a statement may take: what fails is done again before the lease ends.
_SHARE = 1 / 3


class Leases:
    """The leases that count, by what the table can tell.

    On a migrated table a row says whether asyncqueue holds it, which renews what it holds: such a claim is lost in
    seconds. A Django worker renews nothing, so its claims, and every claim on a table that cannot tell, are lost only
    after Django's own timeout, or what the setting says.
    """

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self._settings = settings
        self._backend = backend
        #: Seconds; None if nothing is ever rescued. Plain values, because they are asked for every task.
        self.own: float | None = settings.effective_lease
        self.foreign: float | None = settings.effective_lease

    @property
    def interval(self) -> float:
        """Seconds between two looks for what a lost worker has left, at most: a part of the lease."""
        return _SELDOM if self.own is None else min(max(self.own / 4, _OFTEN), _SELDOM)

    def refresh(self) -> None:
        """See what the table is now: it may have been migrated. Statements have to end within a part of the lease."""
        if self._backend.shape is not None and self._backend.shape.migrated:
            self.own, self.foreign = self._settings.own_lease, self._settings.foreign_lease
        else:
            self.own = self.foreign = self._settings.effective_lease
        self._backend.hurry(None if self.own is None else self.own * _SHARE)
