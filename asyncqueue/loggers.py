"""The loggers of asyncqueue: a line of theirs never raises.

Handlers, filters, factories of records and classes of loggers are the application's code, and may raise anything. What
a task's own logging call raises is that task's error. But a line of the worker's is written in the middle of its work:
where that raised, the worker would end, and every task that it holds would be lost.

So every module takes its logger from here. What raises is named on standard error, once, and the line goes on to the
other handlers.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from asyncqueue.reprs import shown

#: What has been named on standard error, and of how many at most: a repr may be another one each time.
_named: set[str] = set()
_MOST_NAMED = 100
#: Characters of an error there.
_LONGEST = 500


class GuardedLogger(logging.Logger):
    """A logger whose lines raise nothing."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        """Ask logging, whose method the application may have replaced by one that raises."""
        try:
            return super().isEnabledFor(level)
        except BaseException as error:  # noqa: BLE001
            name_what_raised("isEnabledFor of", self, error)
            return level >= self.getEffectiveLevel()

    def getEffectiveLevel(self) -> int:  # noqa: N802
        """Its own level, or that of the nearest logger above it that has one."""
        each: logging.Logger | None = self
        while each is not None:
            if each.level:
                return each.level
            each = each.parent
        return logging.NOTSET

    def _log(
        self,
        level: int,
        msg: object,
        args: Any,
        exc_info: Any = None,
        extra: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
    ) -> None:
        try:
            super()._log(level, msg, args, exc_info, extra, stack_info, stacklevel + 1)
        except BaseException as error:  # noqa: BLE001 - SystemExit and its like as well
            name_what_raised("logging, by", self, error)

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802 - logging's name
        """Make a record, by logging itself where the application's factory raises or makes something else."""
        try:
            return _checked(super().makeRecord(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001
            name_what_raised("the factory of log records", logging.getLogRecordFactory(), error)
        return _plain_record(*args, **kwargs)

    def filter(self, record: logging.LogRecord) -> Any:
        """Ask the filters of this logger. One that raises lets the record pass."""
        try:
            return super().filter(record)
        except BaseException as error:  # noqa: BLE001
            name_what_raised("a filter of", self, error)
            return True

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Let each handler have the record, whatever another one raises."""
        if is_logging_s_own(logging.Logger.callHandlers):
            call_each(self, record)
        else:  # somebody has put a function around it, as `asyncqueue.logs` does
            super().callHandlers(record)


def get_logger(name: str) -> logging.Logger:
    """The logger of this name, guarded from now on."""
    logger = logging.getLogger(name)
    if not isinstance(logger, GuardedLogger):
        # An application may have set a class of its own for loggers.
        own = type(logger)
        mixed = GuardedLogger if own is logging.Logger else type("GuardedLogger", (GuardedLogger, own), {})
        logger.__class__ = mixed
    return logger


def chain(logger: logging.Logger) -> Iterator[tuple[str, logging.Handler]]:
    """The handlers of a logger and of those above it, each with the name of the logger that has it."""
    each: logging.Logger | None = logger
    while each is not None:
        for handler in list(each.handlers):
            yield each.name, handler
        each = each.parent if each.propagate else None


def call_each(logger: logging.Logger, record: logging.LogRecord) -> None:
    """What `Logger.callHandlers` does, but that a handler which raises keeps the record from no other one."""
    found = False
    for _, handler in chain(logger):
        found = True
        handled_at_any_rate(handler, record)
    if not found and logging.lastResort is not None:
        handled_at_any_rate(logging.lastResort, record)


def is_logging_s_own(call_handlers: Callable[..., None]) -> bool:
    """Whether this is the function that logging itself has for `Logger.callHandlers`, with nothing around it."""
    code = getattr(call_handlers, "__code__", None)
    return code is not None and code.co_filename == logging.getLogger.__code__.co_filename


def passes(logger: logging.Logger, record: logging.LogRecord) -> Any:
    """Ask the filters of a logger. One that raises lets the record pass."""
    try:
        return logger.filter(record)
    except BaseException as error:  # noqa: BLE001
        name_what_raised("a filter of", logger, error)
        return True


def made_again(values: Mapping[str, Any]) -> logging.LogRecord:
    """A record of these attributes, by logging itself where the application's factory raises."""
    try:
        return _checked(logging.makeLogRecord(dict(values)))
    except BaseException as error:  # noqa: BLE001
        name_what_raised("the factory of log records", logging.getLogRecordFactory(), error)
    return _plain_record("", logging.NOTSET, "", 0, "", (), None, extra=values)


def handled(handler: logging.Handler, record: logging.LogRecord) -> bool:
    """Let a handler have a record. Returns whether it has taken it; raises what the handler raises."""
    if record.levelno < handler.level:
        return False
    taken: Any = handler.handle(record)
    return taken is None or bool(taken)  # one that was written before handle() returned anything takes all


def handled_at_any_rate(handler: logging.Handler, record: logging.LogRecord) -> bool:
    """Let a handler have a record. One that raises has not taken it."""
    try:
        return handled(handler, record)
    except BaseException as error:  # noqa: BLE001
        name_what_raised("the log handler", handler, error)
        return False


def _checked(record: Any) -> logging.LogRecord:
    if not isinstance(record, logging.LogRecord):
        raise TypeError(f"it has made no LogRecord but {shown(record)}")
    return record


def _plain_record(
    name: str,
    level: int,
    fn: str,
    lno: int,
    msg: object,
    args: Any,
    exc_info: Any,
    func: str | None = None,
    extra: Mapping[str, Any] | None = None,
    sinfo: str | None = None,
) -> logging.LogRecord:
    record = logging.LogRecord(name, level, fn, lno, msg, args, exc_info, func, sinfo)
    record.__dict__.update(extra or {})
    return record


def name_what_raised(what: str, whose: object, error: BaseException) -> None:
    """Say on standard error what has raised. Logging may not be of use for that."""
    if _is_ctrl_c(error):
        raise error
    with contextlib.suppress(BaseException):
        name = f"{what} {shown(whose)}"
        if name in _named or len(_named) >= _MOST_NAMED:
            return
        _named.add(name)
        text = " ".join(shown(error)[:_LONGEST].split())
        # Not sys.stderr: within a task that is the task's log.
        stream = sys.__stderr__
        if stream is not None:
            stream.write(f"asyncqueue: {name} raised {text} (this is said once; asyncqueue goes on)\n")
            stream.flush()


def _is_ctrl_c(error: BaseException) -> bool:
    """Whether a person has interrupted the program, and no handler of the worker's own hears of that."""
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
