"""Collects what each task prints and logs, apart from all that run at the same time."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from typing import Any, TextIO

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

    def text(self) -> str | None:
        """What was written, None if nothing was."""
        return storable("".join(self._parts)) if self._parts else None


current_capture: ContextVar[Capture | None] = ContextVar("asyncqueue_capture", default=None)


class _Router:
    """Stands for sys.stdout or sys.stderr: within a task what is written goes to its log."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        capture = current_capture.get()
        if capture is None:
            return self.stream.write(text)
        capture.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if current_capture.get() is None:
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Handler(logging.Handler):
    """Adds logging records to the log of the task they are made in. Other handlers get them as ever."""

    def emit(self, record: logging.LogRecord) -> None:
        capture = current_capture.get()
        if capture is not None:
            try:
                capture.write(self.format(record) + "\n")
            except Exception:  # noqa: BLE001 - logging's own way with a record that cannot be formatted
                self.handleError(record)


_handler = _Handler()
_handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))


def install() -> None:
    """Begin to route. Safe to call twice."""
    if not isinstance(sys.stdout, _Router):
        sys.stdout = _Router(sys.stdout)
    if not isinstance(sys.stderr, _Router):
        sys.stderr = _Router(sys.stderr)
    logging.getLogger().addHandler(_handler)


def uninstall() -> None:
    """Put everything back."""
    if isinstance(sys.stdout, _Router):
        sys.stdout = sys.stdout.stream
    if isinstance(sys.stderr, _Router):
        sys.stderr = sys.stderr.stream
    logging.getLogger().removeHandler(_handler)
