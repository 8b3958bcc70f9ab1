"""The claims a worker holds, with the token and the lease of each."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseBusy, DataRejected
from asyncqueue.loggers import get_logger
from asyncqueue.logs import about
from asyncqueue.model import Claim, ClaimedTask, Observation, Stamp, Status
from asyncqueue.running.run import Run
from asyncqueue.running.runner import RunResult
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.narrowing import narrowed

logger = get_logger("asyncqueue.worker")

#: How many renewals in doubt are remembered for a row, at most. They are seconds apart; no statement takes so long.
_CANDIDATES = 20

#: Rows that have waited in vain alone, and are tried again by one renewal.
_LATE = 3


class Reason(Enum):
    """Why a claim's run was stopped from outside."""

    CANCELLED = "it was cancelled"
    TAKEN = "its claim was taken away"
    DELETED = "its row was deleted"
    SHUTDOWN = "the worker is stopping"


@dataclass(slots=True, eq=False)
class HeldClaim:
    """One claim. `renewed_at` is the monotonic time at which its lease surely began."""

    claimed: ClaimedTask
    token: Stamp
    renewed_at: float
    #: The tokens that renewals wrote if they took effect: their replies were lost, or have not come yet.
    pending_token: tuple[Stamp, ...] = ()
    #: Set while the task runs.
    run: Run | None = None
    #: Why its run was stopped, once it was.
    reason: Reason | None = None
    #: What it has logged, where it was cancelled: then no result has that.
    log: str | None = None
    #: How its run ended; None while it goes on, and for one that ended without a result or never began.
    result: RunResult | None = None
    #: Whether its end is on the way into the table. A renewal goes on meanwhile, but does not judge it.
    over: bool = False
    #: Whether an attempt to write its end has missed because a renewal had changed the token.
    missed: bool = False
    #: Whether it is handed back behind what waits, and not in its old place.
    behind: bool = False

    @property
    def id(self) -> UUID:
        return self.claimed.id

    @property
    def place(self) -> Stamp:
        """By which time it is queued when it is handed back."""
        # A token is the time of the claim, or of the last renewal: what waited then comes first.
        return self.token if self.behind else self.claimed.queued_at

    @property
    def about(self) -> dict[str, str | int]:
        """What a record about it carries."""
        attempt = self.claimed.attempt + 1 if self.run is None else self.run.attempt
        return about(self.id, self.claimed.task, attempt, self.claimed.queue)

    def keep_log(self) -> None:
        """Keep what the run has logged, before that is forgotten, if it was cancelled: no result has it then."""
        if self.reason is Reason.CANCELLED and self.run is not None:
            self.log = self.run.capture.text()

    def halt(self, reason: Reason) -> None:
        """Stop it because of what became of its row, and say so."""
        logger.warning("stopping task %s (%s): %s", self.id, self.claimed.task, reason.value, extra=self.about)
        self.stop(reason)

    def stop(self, reason: Reason) -> None:
        """Stop the run, if it has begun, and remember why. The first reason stands."""
        if self.reason is None:
            self.reason = reason
        if self.run is not None:
            self.run.stop()


@dataclass(slots=True)
class Verdict:
    """What an observation means for the claims it was made of."""

    kept: list[tuple[HeldClaim, Stamp]] = field(default_factory=list)
    stopped: list[tuple[HeldClaim, Reason]] = field(default_factory=list)


def judge(held: Iterable[HeldClaim], seen: Observation) -> Verdict:
    """Tell the claims that still stand, each with its token, from those that do not.

    Claims whose end is being written are among neither where the end stands already: the write itself will tell.
    """
    verdict = Verdict()
    for claim in held:
        row = seen.rows.get(claim.id)
        if row is not None and row[0] == Status.RUNNING and (row[1] == claim.token or row[1] in claim.pending_token):
            verdict.kept.append((claim, row[1]))
        elif claim.over:
            continue
        elif row is None:
            verdict.stopped.append((claim, Reason.DELETED))
        elif row[0] == Status.CANCELLED:
            verdict.stopped.append((claim, Reason.CANCELLED))
        else:
            verdict.stopped.append((claim, Reason.TAKEN))
    return verdict


@dataclass(slots=True)
class Renewal:
    """What a renewal has found."""

    #: The claims that do not stand any more.
    stopped: list[tuple[HeldClaim, Reason]] = field(default_factory=list)
    #: How many rows could not be renewed, because other sessions have locked them.
    locked: int = 0
    #: How many rows could not be renewed, because the database refuses it: it will do so again.
    refused: int = 0


class Ledger:
    """All claims of one worker.

    A renewal changes tokens, by which every other write is fenced, and neither waits for the other: a slow answer to
    one batch of ends must not cost the other rows their leases. So a write may miss because a renewal has changed its
    row's token meanwhile. Ask `moved` before a miss counts as the loss of the claim, and write again.

    A worker may claim a row while it still has an earlier claim of it: somebody has cancelled the task and queued it
    again, the row was rescued and queued, or the reply to the write of its end is not read yet. The earlier claim is
    superseded. Its lease is not renewed, its token stays, and its run is stopped. The new one `waits` until the earlier
    one is removed: the runs of a row follow each other, and no batch of writes has both.
    """

    def __init__(self, backend: Backend, leases: Leases) -> None:
        #: Counts what changes tokens.
        self.renewals = 0
        self._renewing = False
        self._backend = backend
        self._leases = leases
        self._held: dict[UUID, HeldClaim] = {}
        #: The claims that later ones of their rows have superseded, and that are still to end.
        self._superseded: dict[UUID, list[HeldClaim]] = {}
        #: Called when a claim was superseded, and when that one is removed: another one may wait for that.
        self.on_superseded: Callable[[], None] = lambda: None
        self._left: set[UUID] = set()
        #: The claims whose renewal the database has refused. It was said once of each.
        self._refused: set[UUID] = set()
        #: Those whose renewal has waited in vain, alone.
        self._waiting: dict[UUID, None] = {}

    def __len__(self) -> int:
        return len(self._held) + (sum(map(len, self._superseded.values())) if self._superseded else 0)

    def __iter__(self) -> Iterator[HeldClaim]:
        return chain(self._held.values(), *self._superseded.values())

    @property
    def ids(self) -> list[UUID]:
        """The ids of all claims, with those that were left: they have run, so they are not to be queued again."""
        return [*self._held, *self._left]

    def add(self, claimed: ClaimedTask, since: float) -> HeldClaim:
        """Enter a new claim; `since` is the monotonic time before its statement was sent."""
        if self._left:
            self._left.discard(claimed.id)
        held = HeldClaim(claimed, claimed.token, since)
        earlier = self._held.setdefault(claimed.id, held)
        if earlier is not held:
            self._supersede(earlier)
            self._held[claimed.id] = held
        return held

    def _supersede(self, earlier: HeldClaim) -> None:
        self._refused.discard(earlier.id)
        self._superseded.setdefault(earlier.id, []).append(earlier)
        if not earlier.over:  # else the write of its end tells whose the row was
            earlier.halt(Reason.TAKEN)
        self.on_superseded()

    def waits(self, held: HeldClaim) -> bool:
        """Whether a claim must not begin yet, because an earlier one of the same row has not ended."""
        return bool(self._superseded) and held.id in self._superseded

    def remove(self, held: HeldClaim) -> None:
        """Forget a claim: its end is written, or it is not ours any more."""
        key = held.claimed.id
        if self._held.get(key) is held:
            del self._held[key]
            if self._refused:
                self._refused.discard(key)
        elif held in self._superseded.get(key, ()):
            self._superseded[key].remove(held)
            if not self._superseded[key]:
                del self._superseded[key]
            self.on_superseded()

    def leave(self, held: HeldClaim) -> None:
        """Forget a claim whose end the database lets nobody write. It is not renewed any more."""
        if self._held.get(held.id) is held:
            self._left.add(held.id)
        self.remove(held)

    def standing(self, held: HeldClaim) -> bool:
        """Whether the lease is surely not over yet, by this host's monotonic clock."""
        lease = self._leases.own
        return lease is None or time.monotonic() - held.renewed_at < lease

    def moved(self, held: HeldClaim, since: int) -> bool:
        """Whether a renewal may have changed the claim's token while a write was under way.

        Args:
            held: a claim whose write changed nothing.
            since: what `renewals` was when the write was sent.
        """
        return bool(held.pending_token) or self.renewals != since

    async def settle(self, some: Iterable[HeldClaim]) -> None:
        """Find out which token counts where the reply to a renewal was lost.

        Where the reply is still to come, only claims are asked for whose write has missed already: as a rule the token
        known is the right one, and a look would cost a statement.
        """
        pending_token = [held for held in some if held.pending_token and (held.missed or not self._renewing)]
        if pending_token:
            verdict = judge(pending_token, await self._backend.observe([held.id for held in pending_token]))
            standing = {held.id for held, _ in verdict.kept}
            self._take_in(verdict.kept)
            for held in pending_token:
                if held.id not in standing:
                    held.pending_token = ()

    async def renew(self, worker_pid: int | None, *, older: float) -> Renewal:
        """Look at all claims, and renew the leases that are older than so many seconds."""
        if not self._held:
            return Renewal()
        every = list(self._held.values())
        since = time.monotonic()
        seen = await self._backend.observe([held.id for held in every], beating=True)
        verdict = judge(every, seen)
        self._take_in(verdict.kept)
        old = [held for held, _ in verdict.kept if since - held.renewed_at > older]
        locked, refused = await self._renew(old, seen.now, worker_pid, since) if old else (0, 0)
        return Renewal(verdict.stopped, locked, refused)

    def _take_in(self, kept: Iterable[tuple[HeldClaim, Stamp]]) -> None:
        """Take in the tokens that rows were seen to have.

        A new one was written by a renewal in doubt, and no other renewal can still take effect, because each is fenced
        by the token before. While the old one stands, a renewal whose reply was lost may still be on its way.
        """
        for held, token in kept:
            if token != held.token:
                held.token, held.pending_token = token, ()
                self.renewals += 1

    async def _renew(self, old: list[HeldClaim], now: Stamp, worker_pid: int | None, since: float) -> tuple[int, int]:
        """Renew these. Returns how many could not be, because they are locked and because the database refuses it."""
        refused: set[UUID] = set()

        async def not_renewed(claim: Claim, error: DataRejected) -> set[UUID]:
            """Leave a claim whose renewal the database refuses: its lease ends, and those of the others do not."""
            refused.add(claim.id)
            held = self._held.get(claim.id)
            if held is not None and claim.id not in self._refused:
                self._refused.add(claim.id)
                logger.error(
                    "the database refuses to renew the lease of task %s (%s): %s",
                    *(held.id, held.claimed.task, error),
                    extra=held.about,
                )
            return set()

        async def waits(claim: Claim, _error: DatabaseBusy) -> set[UUID]:
            """Leave one that waits in vain, for a trigger perhaps: like one that is locked it is tried again soon."""
            self._waiting[claim.id] = self._waiting.pop(claim.id, None)
            return set()

        def renew(some: Sequence[Claim]) -> Awaitable[set[UUID]]:
            return self._backend.renew(some, now=now, worker_pid=worker_pid)

        by_id = {held.id: Claim(held.id, held.token) for held in old}
        self._waiting = {key: None for key in self._waiting if key in self._held}
        claims = [claim for key, claim in by_id.items() if key not in self._waiting]
        late = [by_id[key] for key in self._waiting if key in by_id]
        for held in old:
            held.pending_token = (*held.pending_token[-_CANDIDATES:], now)
        self._renewing = True
        try:
            renewed = await narrowed(claims, renew, not_renewed, stuck=waits)
            for claim in late[:_LATE]:  # after the others, which these have kept waiting before
                try:
                    renewed |= await narrowed([claim], renew, not_renewed)
                except DatabaseBusy as error:
                    await waits(claim, error)
                    if not claims:
                        raise
        finally:
            self._renewing = False
        self.renewals += 1
        missed = [held for held in old if not self._took(held, renewed, now, since)]
        return sum(not held.over and held.id not in refused for held in missed), len(refused)

    def _took(self, held: HeldClaim, renewed: Set[UUID], now: Stamp, since: float) -> bool:
        """Take in the token of a renewal. Returns whether this was renewed."""
        if held.id not in renewed:
            return False
        held.token, held.pending_token, held.renewed_at = now, (), since
        self._refused.discard(held.id)
        self._waiting.pop(held.id, None)
        return True
