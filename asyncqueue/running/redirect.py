"""Sends what each task prints and logs to its own log, apart from all that run at the same time."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

from asyncqueue.running.run import current_run


class _Router:
    """Stands for sys.stdout or sys.stderr: within a task what is written goes to its log."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        run = current_run.get()
        if run is None:
            return self.stream.write(text)
        run.capture.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if current_run.get() is None:
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Handler(logging.Handler):
    """Adds logging records to the log of the task they are made in. Other handlers get them as ever."""

    def emit(self, record: logging.LogRecord) -> None:
        run = current_run.get()
        if run is not None:
            try:
                run.capture.write(self.format(record) + "\n")
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
