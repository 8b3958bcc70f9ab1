"""The log of one task: what it prints and logs."""

from __future__ import annotations

from asyncqueue.running.texts import storable


class Capture:
    """The log of one task. Costs nothing until something is written."""

    __slots__ = ("_limit", "_parts", "_size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._parts: list[str] | None = None

    def write(self, text: str) -> None:
        """Add text, up to the limit. May be called from any thread."""
        if self._parts is None:
            self._parts = []
        if self._size <= self._limit:
            text = text[: self._limit - self._size + 1]
            self._size += len(text.encode("utf-8", "replace"))
            self._parts.append(text)
            if self._size > self._limit:
                self._parts.append(f"\n[log cut: max_log_size is {self._limit} bytes]\n")

    @property
    def parts(self) -> int:
        """How many pieces were written."""
        return len(self._parts) if self._parts else 0

    @property
    def size(self) -> int:
        """How many bytes these are."""
        return self._size

    def between(self, first: int, end: int) -> str:
        """Some of the pieces as text."""
        return storable("".join(self._parts[first:end])) if self._parts else ""

    def text(self) -> str | None:
        """What was written, None if nothing was."""
        return storable("".join(self._parts)) if self._parts else None
