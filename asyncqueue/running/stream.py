"""Where generator tasks write what they yield."""

from __future__ import annotations

from typing import Protocol


class StreamLost(Exception):
    """The claim belongs to somebody else: nothing of this run may be written any more."""


class Stream(Protocol):
    """The growing output of one running task."""

    def write(self, text: str) -> None:
        """Take text to be written soon. Called on the event loop's thread."""

    async def flush(self) -> None:
        """Return when all is written. Raises StreamLost, or ResultNotStorable for text the database refuses."""
