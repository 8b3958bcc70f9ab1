"""When a look at everything counts as costly."""

from __future__ import annotations

from datetime import datetime

from asyncqueue.backends.watermark import Watermark


def _watermark() -> Watermark:
    return Watermark(datetime.min, costly=0.004)


def test_a_look_is_costly_where_it_takes_longer_than_claims_do():
    watermark = _watermark()
    for _ in range(50):
        watermark.worked(0.01)
    watermark.looked(0.1)
    watermark.looked(0.1)
    assert watermark.piled


def test_a_look_is_not_costly_because_the_server_is_busy():
    """Eight workers on two cores: every claim takes long, and nothing lies in the way."""
    watermark = _watermark()
    for _ in range(50):
        watermark.worked(0.13)
    watermark.looked(0.1)
    watermark.looked(0.1)
    assert not watermark.piled
