"""How often to do what is cheap as a rule, and costly at times."""

from __future__ import annotations

_PAUSE = 1.0
_PAUSES_PER_LOOK = 50


def pause_after(look: float, *, at_least: float = _PAUSE) -> float:
    """Seconds until the next look, after one that took so many seconds: it may take a fiftieth of the time."""
    return max(at_least, _PAUSES_PER_LOOK * look)
