"""The line at the bottom of the terminal while a worker runs; without a terminal, only the log."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncqueue import logs

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from asyncqueue.settings import Settings
    from asyncqueue.worker import Progress, Worker

#: Seconds over which the rate is taken.
_WINDOW = 3.0


def set_up_log(settings: Settings) -> Console | None:
    """Set up the worker's log. Returns the terminal where it goes to one, and there is room for a live line."""
    if settings.log_format == "json" or not sys.stderr.isatty():
        logs.set_up(settings.log_level, settings.log_format)
        return None
    from rich.console import Console
    from rich.logging import RichHandler

    console = Console(stderr=True)
    handler = RichHandler(console=console, show_path=False, markup=False, highlighter=None, log_time_format="[%X]")
    handler.setFormatter(logging.Formatter("%(message)s"))
    logs.set_up(settings.log_level, "console", handler)
    return console


@contextmanager
def live_line(worker: Worker, console: Console | None) -> Iterator[None]:
    """On a terminal, keep a live line below the log."""
    if console is None:
        yield
        return
    from rich.live import Live

    with Live(_Line(worker), console=console, refresh_per_second=4, redirect_stdout=False, redirect_stderr=False):
        yield


class _Line:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        progress = self._worker.progress
        retried = [Text(f"{progress.retried:,}", "bold yellow"), Text(" retried  ")] if progress.retried else []
        line = Text.assemble(
            ("● ", "green"),
            (f"{progress.running}", "bold blue"),
            " running  ",
            (f"{progress.completed:,}", "bold green"),
            " done  ",
            (f"{progress.failed:,}", "bold red" if progress.failed else ""),
            " failed  ",
            *retried,
            (f"{self._rate(progress):,.0f}", "bold"),
            " tasks/s",
        )
        yield line

    def _rate(self, progress: Progress) -> float:
        now, ended = time.monotonic(), progress.completed + progress.failed
        self._seen.append((now, ended))
        while len(self._seen) > 2 and self._seen[0][0] < now - _WINDOW:
            self._seen.popleft()
        (then, before) = self._seen[0]
        return (ended - before) / (now - then) if now > then else 0.0
