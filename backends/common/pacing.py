"""How often to do work that is cheap as a rule, and expensive at times."""

from __future__ import annotations

_PAUSE = 1.0
_PAUSES = 50


def pause_after(took: float, *, at_least: float = _PAUSE) -> float:
    """Seconds to wait after work that took so many seconds: it may use a fiftieth of the time."""
    return max(at_least, _PAUSES * took)
