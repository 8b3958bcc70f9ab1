"""The worker's log, and the one place that every logging record of the process passes.

An application may configure logging as it likes and when it likes: before the worker starts (Django does), while a
module of tasks is imported, or within a task. `dictConfig` disables the loggers that exist, and removes the handlers of
those that it names; `basicConfig(force=True)` removes those of the root logger. So nothing here depends on a handler:
records are seen in `Logger.callHandlers`, which every one of them passes, whoever handles it then.

The worker's handler is on the root logger, for the application's lines. `basicConfig` without `force` does nothing
where the root logger has a handler, so this one is taken away first.

A program that embeds a worker sets up its own logging, and none of this is in its way.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Literal
from uuid import UUID

from asyncqueue import loggers

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_OURS = "asyncqueue"
#: Loggers of drivers that write a line for each statement at DEBUG: nobody would find the worker's own lines.
_TALKATIVE = ("aiosqlite",)
#: Loggers of what the worker rests on: a line of theirs is written in the middle of its work, as one of ours is.
_BENEATH = ("asyncio", "concurrent.futures", "asyncpg", "aiomysql", "aiosqlite")

#: Set while handlers are being called. What they write to standard output or error is no print of the task.
delivering: ContextVar[bool] = ContextVar("asyncqueue_delivering", default=False)

_call_handlers = logging.Logger.callHandlers
_basic_config = logging.basicConfig
_seeing = False
_watchers: list[Callable[[logging.LogRecord], None]] = []
#: The handler of the worker's log, once that is set up.
_console: logging.Handler | None = None


# -- setting up


def set_up(level: str, form: Literal["console", "json"], handler: logging.Handler | None = None) -> None:
    """Send the worker's log to standard error, readable or as JSON, or to another handler.

    Records of the application go there too, unless it has set up logging by itself.
    """
    global _console
    handler = handler or logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(_json_formatter())
    elif handler.formatter is None:
        handler.setFormatter(logging.Formatter(_FORMAT))
    _console = handler
    _keep_ours_enabled()
    for beneath in _BENEATH:
        loggers.get_logger(beneath)
    logging.getLogger(_OURS).setLevel(level)
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(handler)
        root.setLevel(level)
        for driver in _TALKATIVE:
            logging.getLogger(driver).setLevel(logging.INFO)
        logging.basicConfig = _configured
    _see_every_record()


@functools.wraps(_basic_config)
def _configured(**options: Any) -> None:
    """What `logging.basicConfig` is replaced by: the worker's handler on the root logger is in nobody's way.

    A call that names neither where lines go nor how they look sets the level, and the worker's log keeps the lines.
    """
    root = logging.getLogger()
    if _console is None or root.handlers != [_console] or options.get("force"):
        _basic_config(**options)
    elif options.keys() <= {"level", "force"}:
        if options.get("level") is not None:
            root.setLevel(options["level"])
    else:
        root.removeHandler(_console)
        try:
            _basic_config(**options)
        finally:
            if not root.handlers:  # it was refused: a file that cannot be opened, for one
                root.addHandler(_console)


def name_worker(name: str) -> None:
    """Have every line of a log in JSON say which worker it comes from. Call it when all of the worker is imported."""
    _keep_ours_enabled()
    formatter = None if _console is None else _console.formatter
    fields = getattr(formatter, "static_fields", None)
    if fields is not None:
        fields["worker"] = name


def _json_formatter() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        timestamp=True,
        rename_fields={"levelname": "level", "name": "logger"},
    )


class _Enabled(logging.Logger):
    """A logger that neither `disable_existing_loggers` nor `logging.disable` silences."""

    @property
    def disabled(self) -> bool:
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None:
        """Stay enabled."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        """Whether a line of this level is written: its own level, or that of a logger above it, decides."""
        return level >= self.getEffectiveLevel()


def _keep_ours_enabled() -> None:
    """See to those that there are by now."""
    for name, logger in list(logging.getLogger(_OURS).manager.loggerDict.items()):
        if _is_ours(name) and isinstance(logger, logging.Logger) and not isinstance(logger, _Enabled):
            # An application may have set a class of its own for loggers.
            logger.__class__ = type("_Enabled", (_Enabled, type(logger)), {})


def about(task_id: UUID, task: str, attempt: int, queue: str) -> dict[str, str | int]:
    """What a record about a task carries beside its text: `logger.warning(..., extra=about(...))`."""
    return {"task_id": str(task_id), "task": task, "attempt": attempt, "queue": queue}


# -- seeing records


def watch(watcher: Callable[[logging.LogRecord], None]) -> None:
    """Call this with every record, before any handler."""
    if watcher not in _watchers:
        _watchers.append(watcher)
    _see_every_record()


def unwatch(watcher: Callable[[logging.LogRecord], None]) -> None:
    """Undo `watch`."""
    if watcher in _watchers:
        _watchers.remove(watcher)
    global _seeing
    # Where somebody else has put a function of its own around this one, it stays: without watchers it does nothing.
    if not _watchers and _console is None and logging.Logger.callHandlers is _handled:
        logging.Logger.callHandlers = _call_handlers  # type: ignore[method-assign]
        _seeing = False


def _see_every_record() -> None:
    global _call_handlers, _seeing
    if not _seeing:
        _seeing = True
        _call_handlers = logging.Logger.callHandlers
        logging.Logger.callHandlers = _handled  # type: ignore[method-assign, assignment]


def _handled(logger: logging.Logger, record: logging.LogRecord) -> None:
    """What `Logger.callHandlers` is replaced by."""
    for watcher in _watchers:
        watcher(record)
    deliver(logger, record)


def deliver(
    logger: logging.Logger, record: logging.LogRecord, *, elsewhere: bool = True, guarded: bool = False
) -> None:
    """Call the handlers of a record. With `elsewhere` False only those that write to the console.

    Guarded, as lines of our own loggers are in any case, a handler that raises keeps the record from no other one.
    """
    guarded = guarded or isinstance(logger, loggers.GuardedLogger)
    token = delivering.set(True)
    try:
        if _console is not None and _is_ours(record.name):
            _deliver_ours(logger, record, _console, elsewhere=elsewhere)
        elif _console is not None or not elsewhere:
            handle = loggers.handled_at_any_rate if guarded else loggers.handled
            _deliver_theirs(logger, record, _console, elsewhere=elsewhere, handle=handle)
        elif guarded and loggers.is_logging_s_own(_call_handlers):
            loggers.call_each(logger, record)
        else:
            _call_handlers(logger, record)
    finally:
        delivering.reset(token)


def show(record: logging.LogRecord, *, elsewhere: bool) -> None:
    """Handle a record that was made in another process as if it had been made here.

    With `elsewhere` False that process has written it wherever it goes beside the console. This raises nothing: the
    logging call that has made the record has returned, in the other process.
    """
    logger = logging.getLogger(record.name)
    try:
        if logger.isEnabledFor(record.levelno) and loggers.passes(logger, record):
            deliver(logger, record, elsewhere=elsewhere, guarded=True)
    except BaseException as error:  # noqa: BLE001 - SystemExit and its like as well
        loggers.name_what_raised("logging, by", logger, error)


def handled_elsewhere(record: logging.LogRecord) -> bool:
    """Whether there is a handler for this record that does not write to the console."""
    chain = loggers.chain(logging.getLogger(record.name))
    return any(record.levelno >= handler.level and not _on_console(handler) for _, handler in chain)


def _deliver_ours(
    logger: logging.Logger, record: logging.LogRecord, console: logging.Handler, *, elsewhere: bool = True
) -> None:
    """A line of the worker's: once on the console, in its own form, and wherever the application wants it beside that.

    An application that gives one of our loggers handlers for the console has taken that over.
    """
    chain = [(owner, handler) for owner, handler in loggers.chain(logger) if handler is not console]
    taken_over = any(_is_ours(owner) and _on_console(handler) for owner, handler in chain)
    if not taken_over:
        loggers.handled_at_any_rate(console, record)
    for owner, handler in chain:
        if (taken_over and _is_ours(owner)) if _on_console(handler) else elsewhere:
            loggers.handled_at_any_rate(handler, record)


def _deliver_theirs(
    logger: logging.Logger,
    record: logging.LogRecord,
    console: logging.Handler | None,
    *,
    elsewhere: bool,
    handle: Callable[[logging.Handler, logging.LogRecord], bool],
) -> None:
    """A line of the application's: as it has set that up, in the worker's log only where it does not show it itself."""
    shown = found = kept = False
    for _, handler in loggers.chain(logger):
        found = True
        if handler is console:
            kept = True
        elif _on_console(handler):
            shown = handle(handler, record) or shown
        elif elsewhere:
            handle(handler, record)
    if not found and record.levelno >= logging.WARNING:  # as logging itself has it
        console, kept = console or logging.lastResort, True
    if console is not None and kept and not shown:
        handle(console, record)


def _is_ours(name: str) -> bool:
    return name == _OURS or name.startswith(f"{_OURS}.")


def _on_console(handler: logging.Handler) -> bool:
    try:
        stream = getattr(handler, "stream", None) or getattr(getattr(handler, "console", None), "file", None)
        return stream is not None and stream.fileno() in (1, 2)
    except BaseException:  # noqa: BLE001 - a stream without a descriptor, or the application's code
        return False


# -- records on their way from one process to another


def portable(record: logging.LogRecord) -> dict[str, Any]:
    """A record as JSON can carry it: its message and its traceback as texts, and what the application has added."""
    values = {name: value for name, value in record.__dict__.items() if name not in _NOT_PORTABLE}
    values["msg"] = record.getMessage()
    if record.exc_info:
        values["exc_text"] = logging.Formatter().formatException(record.exc_info)
    try:
        portable: dict[str, Any] = json.loads(json.dumps(values, default=str))
    except (TypeError, ValueError, RecursionError):
        portable = {name: value for name, value in values.items() if isinstance(value, str | int | float | None)}
    return portable


def unpacked(values: Mapping[str, Any]) -> logging.LogRecord:
    """The record again."""
    return loggers.made_again(values)


_NOT_PORTABLE = ("args", "exc_info", "message", "msg")
