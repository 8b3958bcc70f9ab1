"""The decisions of a worker that are pure, without a database."""

from __future__ import annotations

import time
import uuid
from typing import Any, cast

from asyncqueue.backoff import Backoff
from asyncqueue.model import ClaimedTask, Observation, Status
from asyncqueue.worker.claiming import Prefetch
from asyncqueue.worker.ledger import HeldClaim, Ledger, Reason, judge


def held(token: str = "t1", *pending_token: str) -> HeldClaim:
    return HeldClaim(ClaimedTask(uuid.uuid4(), "a.b", None, token, "t0"), token, time.monotonic(), pending_token)


def test_backoff_grows_to_its_end_with_jitter_and_starts_again() -> None:
    delays = Backoff(1, 10, factor=2)
    first = [delays.next() for _ in range(8)]
    for delay, nominal in zip(first, (1, 2, 4, 8, 10, 10, 10, 10), strict=True):
        assert nominal / 2 <= delay <= nominal
    assert len(set(first[4:])) == 4, "no two waiters return at the same moment"
    delays.reset()
    assert delays.next() <= 1


def test_prefetch_follows_what_ends_during_a_claim() -> None:
    prefetch = Prefetch(300)
    assert prefetch.size == 0, "nothing is known yet"
    prefetch._at = time.monotonic() - 1
    prefetch.learn(2_000, 0.05)
    assert 150 <= prefetch.size <= 200, "2,000 a second, 50 ms a claim, twice that"
    prefetch._at = time.monotonic() - 1
    prefetch.learn(4_000, 0.001)
    assert 30 <= prefetch.size <= 40, "2,000 a second, and a quick claim: what ends within 20 ms"
    prefetch._at = time.monotonic() - 1
    prefetch.learn(4_040, 0.002)
    assert prefetch.size == 0, "40 a second: a slot can wait for the next claim"
    prefetch._at = time.monotonic() - 1
    prefetch.learn(1_000_000, 1)
    assert prefetch.size == 300, "bounded"


def test_prefetch_learns_at_once_after_an_idle_time() -> None:
    prefetch = Prefetch(50)
    prefetch._at = prefetch._began = time.monotonic() - 3600
    prefetch.learn(0, 0.001)
    prefetch.begin(0)
    prefetch._at = prefetch._began = time.monotonic() - 0.005
    prefetch.learn(50, 0.004)
    assert prefetch.size > 100, "50 in five milliseconds, whatever the hour before was like"


def test_judge_tells_claims_that_stand_from_those_that_do_not() -> None:
    kept, renewed, cancelled, requeued, reclaimed, deleted = held(), held("t1", "t2"), held(), held(), held(), held()
    seen = Observation(
        "now",
        {
            kept.id: (Status.RUNNING, "t1"),
            renewed.id: (Status.RUNNING, "t2"),
            cancelled.id: (Status.CANCELLED, "t9"),
            requeued.id: (Status.QUEUED, "t1"),
            reclaimed.id: (Status.RUNNING, "t9"),
        },
    )
    verdict = judge([kept, renewed, cancelled, requeued, reclaimed, deleted], seen)
    assert verdict.kept == [(kept, "t1"), (renewed, "t2")]
    assert verdict.stopped == [
        (cancelled, Reason.CANCELLED),
        (requeued, Reason.TAKEN),
        (reclaimed, Reason.TAKEN),
        (deleted, Reason.DELETED),
    ]


def test_the_first_reason_to_stop_stands() -> None:
    claim = held()
    claim.stop(Reason.CANCELLED)
    claim.stop(Reason.SHUTDOWN)
    assert claim.reason is Reason.CANCELLED


def test_claims_of_one_row_follow_each_other() -> None:
    """One whose end is on its way is left to that; another one is stopped."""
    calls: list[str] = []
    ledger = Ledger(cast(Any, None), cast(Any, None))
    ledger.on_superseded = lambda: calls.append("one")
    rows = [ClaimedTask(uuid.UUID(int=1), "a.b", None, token, "t0") for token in ("t1", "t2", "t3")]
    first = ledger.add(rows[0], 0.0)
    first.over = True
    second = ledger.add(rows[1], 0.0)
    assert (first.reason, second.reason, ledger.waits(second)) == (None, None, True)
    third = ledger.add(rows[2], 0.0)
    assert (second.reason, third.reason, ledger.waits(third)) == (Reason.TAKEN, None, True)
    assert (len(ledger), set(ledger), ledger.ids) == (3, {first, second, third}, [first.id])
    ledger.remove(second)
    assert ledger.waits(third)
    ledger.leave(first)
    assert (ledger.waits(third), len(calls), ledger.ids) == (False, 4, [third.id])
    ledger.remove(third)
    assert not ledger


def test_a_row_that_is_handed_back_unbegun_and_claimed_again_waits_for_the_same_earlier_run() -> None:
    ledger = Ledger(cast(Any, None), cast(Any, None))
    row = ClaimedTask(uuid.UUID(int=1), "a.b", None, "t1", "t0")
    first = ledger.add(row, 0.0)
    ledger.remove(ledger.add(row, 0.0))
    assert ledger.waits(ledger.add(row, 0.0))
    ledger.remove(first)
    [third] = ledger
    assert not ledger.waits(third)


def test_a_fixed_prefetch_stays() -> None:
    prefetch = Prefetch(50, 7)
    prefetch._at = time.monotonic() - 1
    prefetch.learn(10_000, 0.002)
    assert prefetch.size == 7
