"""Lines of our own loggers raise nothing, and look as any other line does."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import signal

import pytest

import asyncqueue
from asyncqueue.loggers import GuardedLogger, get_logger

NAME = "asyncqueue.test_loggers"


@pytest.fixture
def logger():
    made = get_logger(NAME)
    yield made
    made.handlers.clear()
    made.filters.clear()
    made.propagate = True


class Raising(logging.Handler):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self.error


def test_every_module_takes_its_logger_from_there():
    for module in pkgutil.walk_packages(asyncqueue.__path__, "asyncqueue."):
        if not module.name.endswith(("__main__", "pytest_plugin")):
            importlib.import_module(module.name)
    ours = {
        name: type(logger)
        for name, logger in logging.getLogger().manager.loggerDict.items()
        if name.startswith("asyncqueue.") and isinstance(logger, logging.Logger)
    }
    assert {name for name, kind in ours.items() if not issubclass(kind, GuardedLogger)} == set()
    assert {"asyncqueue.worker", "asyncqueue.running", "asyncqueue.hooks", "asyncqueue.backend"} <= set(ours)


def test_a_line_says_where_it_comes_from(logger, caplog):
    logger.warning("a line")
    [record] = caplog.records
    assert (record.pathname, record.funcName) == (__file__, "test_a_line_says_where_it_comes_from")


def test_what_raises_is_named_once_and_other_handlers_have_the_line(logger, caplog, capfd):
    logger.addHandler(Raising(ConnectionError("the host is away\nfor long")))
    logger.addHandler(Raising(SystemExit(3)))
    logger.addFilter(lambda _: 1 / 0)
    for _ in range(3):
        logger.warning("a line")
    assert caplog.messages == ["a line"] * 3
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("asyncqueue: ")]
    assert len(lines) == 2, "the two handlers look alike"
    assert "raised ConnectionError('the host is away\\nfor long')" in "".join(lines)


def test_ctrl_c_while_a_line_is_written_is_heard(logger):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    logger.addHandler(Raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        logger.warning("a line")


def test_a_keyboard_interrupt_of_a_handler_is_not_where_a_worker_handles_the_signal(logger, caplog):
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        logger.addHandler(Raising(KeyboardInterrupt()))
        logger.warning("a line")
    finally:
        signal.signal(signal.SIGINT, before)
    assert caplog.messages == ["a line"]


def test_a_class_of_loggers_of_the_application_is_kept(caplog):
    class Own(logging.Logger):
        def handle(self, record):
            raise RuntimeError("of the application")

        def makeRecord(self, *args, **kwargs):  # noqa: N802 - logging's name
            record = super().makeRecord(*args, **kwargs)
            record.own = True
            return record

    before = logging.getLoggerClass()
    logging.setLoggerClass(Own)
    try:
        made = get_logger(f"{NAME}.own")
    finally:
        logging.setLoggerClass(before)
    assert isinstance(made, Own)
    made.warning("a line")
    del Own.handle
    made.warning("another line")
    [record] = caplog.records
    assert record.own is True
