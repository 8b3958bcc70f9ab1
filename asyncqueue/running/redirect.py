"""Sends what each task prints and logs to its own log, apart from all that run at the same time."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

from asyncqueue import logs
from asyncqueue.running.run import Run, current_run


class _Router:
    """Stands for sys.stdout or sys.stderr: within a task what is written goes to its log.

    What handlers of logging write within a task goes where it always goes: the task's log has the record already.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        run = current_run.get()
        if run is None or logs.delivering.get():
            return self.stream.write(text)
        run.capture.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if current_run.get() is None or logs.delivering.get():
            self.stream.flush()

    def close(self) -> None:
        """Close the stream, but not for a task: it is the worker's, and every other task's."""
        if current_run.get() is None:
            self.stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


#: For its way with a record that cannot be formatted.
_handler = logging.Handler()
_form = logging.Formatter("%(levelname)s %(name)s: %(message)s")


def log(run: Run, record: logging.LogRecord) -> None:
    """Add a record to the log of the task that has made it, and say in the record which task that is.

    So its `task_id`, `task`, `attempt` and `queue` are there for every formatter, the application's own ones too.
    """
    for name, value in run.about.items():
        record.__dict__.setdefault(name, value)
    try:
        run.capture.write(_form.format(record) + "\n")
    except Exception:  # noqa: BLE001 - logging's own way
        _handler.handleError(record)


def _watch(record: logging.LogRecord) -> None:
    run = current_run.get()
    if run is not None:
        log(run, record)


def install() -> None:
    """Begin to route. Safe to call twice."""
    if not isinstance(sys.stdout, _Router):
        sys.stdout = _Router(sys.stdout)
    if not isinstance(sys.stderr, _Router):
        sys.stderr = _Router(sys.stderr)
    logs.watch(_watch)


def uninstall() -> None:
    """Put everything back."""
    if isinstance(sys.stdout, _Router):
        sys.stdout = sys.stdout.stream
    if isinstance(sys.stderr, _Router):
        sys.stderr = sys.stderr.stream
    logs.unwatch(_watch)
