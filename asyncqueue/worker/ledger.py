"""The claims a worker holds, with the token and the lease of each."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.logs import about
from asyncqueue.model import Claim, ClaimedTask, Observation, Stamp, Status
from asyncqueue.running.run import Run
from asyncqueue.running.runner import RunResult
from asyncqueue.worker.access import Access
from asyncqueue.worker.leases import Leases


class Reason(Enum):
    """Why a claim's run was stopped from outside."""

    CANCELLED = "it was cancelled"
    TAKEN = "its claim was taken away"
    DELETED = "its row was deleted"
    SHUTDOWN = "the worker is stopping"


@dataclass(slots=True, eq=False)
class Held:
    """One claim. `renewed_at` is the monotonic time at which its lease surely began."""

    claimed: ClaimedTask
    token: Stamp
    renewed_at: float
    #: The token a renewal wrote if it took effect: its reply was lost.
    doubtful: Stamp | None = None
    #: Set while the task runs.
    run: Run | None = None
    #: Why its run was stopped, once it was.
    reason: Reason | None = None
    #: How its run ended; None while it goes on, and for one that ended without a result or never began.
    result: RunResult | None = None

    @property
    def id(self) -> UUID:
        return self.claimed.id

    @property
    def about(self) -> dict[str, str | int]:
        """What a record about it carries."""
        attempt = self.claimed.attempt + 1 if self.run is None else self.run.attempt
        return about(self.id, self.claimed.task, attempt, self.claimed.queue)

    def stop(self, reason: Reason) -> None:
        """Stop the run, if it has begun, and remember why. The first reason stands."""
        if self.reason is None:
            self.reason = reason
        if self.run is not None:
            self.run.stop()


@dataclass(slots=True)
class Verdict:
    """What an observation means for the claims it was made of."""

    kept: list[tuple[Held, Stamp]] = field(default_factory=list)
    stopped: list[tuple[Held, Reason]] = field(default_factory=list)


def judge(held: Iterable[Held], seen: Observation) -> Verdict:
    """Tell the claims that still stand, each with its token, from those that do not."""
    verdict = Verdict()
    for claim in held:
        row = seen.rows.get(claim.id)
        if row is None:
            verdict.stopped.append((claim, Reason.DELETED))
        elif row[0] == Status.RUNNING and row[1] in (claim.token, claim.doubtful):
            verdict.kept.append((claim, row[1]))
        elif row[0] == Status.CANCELLED:
            verdict.stopped.append((claim, Reason.CANCELLED))
        else:
            verdict.stopped.append((claim, Reason.TAKEN))
    return verdict


class Ledger:
    """All claims of one worker.

    A renewal changes tokens, and every other write is fenced by them. So whoever writes to held rows shares `writing`,
    and a renewal has it alone: two statements of one worker never race for the same token.
    """

    def __init__(self, backend: Backend, leases: Leases) -> None:
        self.writing = Access()
        self._backend = backend
        self._leases = leases
        self._held: dict[UUID, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Held]:
        return iter(self._held.values())

    def add(self, claimed: ClaimedTask, since: float) -> Held:
        """Enter a new claim; `since` is the monotonic time before its statement was sent."""
        held = self._held[claimed.id] = Held(claimed, claimed.token, since)
        return held

    def remove(self, held: Held) -> None:
        """Forget a claim: its end is written, or it is not ours any more."""
        if self._held.get(held.id) is held:
            del self._held[held.id]

    def standing(self, held: Held) -> bool:
        """Whether the lease is surely not over yet, by this host's monotonic clock."""
        lease = self._leases.own
        return lease is None or time.monotonic() - held.renewed_at < lease

    async def settle(self, some: Iterable[Held]) -> None:
        """Find out which token counts where the reply to a renewal was lost. Call it sharing `writing`."""
        doubtful = [held for held in some if held.doubtful is not None]
        if doubtful:
            verdict = judge(doubtful, await self._backend.observe([held.id for held in doubtful]))
            for held, token in verdict.kept:
                held.token = token
            for held in doubtful:
                held.doubtful = None

    async def renew(self, worker_pid: int | None, *, older: float) -> list[tuple[Held, Reason]]:
        """Look at all claims, and renew the leases that are older than so many seconds.

        Returns the claims that do not stand any more.
        """
        if not self._held:
            return []
        async with self.writing.alone():
            every = list(self._held.values())
            since = time.monotonic()
            seen = await self._backend.observe(list(self._held))
            verdict = judge(every, seen)
            for held, token in verdict.kept:
                held.token, held.doubtful = token, None
            old = [held for held, _ in verdict.kept if since - held.renewed_at > older]
            if old:
                claims = [Claim(held.id, held.token) for held in old]
                for held in old:
                    held.doubtful = seen.now
                await self._backend.renew(claims, now=seen.now, worker_pid=worker_pid)
            for held in old:
                held.token, held.doubtful, held.renewed_at = seen.now, None, since
        return verdict.stopped
