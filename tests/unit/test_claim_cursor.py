"""When a look at everything counts as expensive, and how often one is made in vain."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from asyncqueue.backends.common.claim_cursor import ClaimCursor
from asyncqueue.backends.common.priority_buckets import Bucket, Buckets


def _cursor() -> ClaimCursor:
    return ClaimCursor(datetime.min, expensive=0.004)


def test_a_scan_is_expensive_where_it_takes_longer_than_claims_do():
    cursor = _cursor()
    for _ in range(50):
        cursor.worked(0.01)
    cursor.scanned(0.1)
    cursor.scanned(0.1)
    assert cursor.bloated


def test_a_scan_is_not_expensive_because_the_server_is_busy():
    """Eight workers on two cores: every claim takes long, and nothing lies in the way."""
    cursor = _cursor()
    for _ in range(50):
        cursor.worked(0.13)
    cursor.scanned(0.1)
    cursor.scanned(0.1)
    assert not cursor.bloated


def test_what_others_have_locked_is_tried_again_after_twice_as_long(monkeypatch):
    buckets, now = Buckets(datetime.min, expensive=1.0), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    waits = []
    for _ in range(13):
        buckets.scanned(0.0, -5.0)
        buckets.promoted(False)
        waits.append(buckets.until_due)
    assert waits[:3] == pytest.approx([0.001, 0.002, 0.004])
    assert waits[-1] == 1.0
    buckets.promoted(True)
    buckets.scanned(0.0, -5.0)
    buckets.promoted(False)
    assert buckets.until_due == pytest.approx(0.001)


def test_one_claim_scans_and_another_that_comes_meanwhile_does_not(monkeypatch):
    """A worker has two exchanges under way, and under an old snapshot a look takes most of a second."""
    buckets, now = Buckets(datetime.min, expensive=0.05), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert buckets.begin_scan()
    assert buckets.begin_scan(), "nothing else could be claimed"
    buckets.scanned(0.4, None, [Bucket("default", 0)])
    buckets.scanned(0.4, None, [Bucket("default", 0)])
    assert buckets.bloated
    now += 10.0
    assert buckets.begin_scan()
    assert not buckets.begin_scan()
    now += 9.0
    assert not buckets.begin_scan(), "nor if that took so long"
    now += 1.0
    assert buckets.begin_scan(), "the other one may have failed"
