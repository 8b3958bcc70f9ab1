"""Standard input, output and error, in whatever state the command was given them, or left with later."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO, cast

from asyncqueue.cli import INTERRUPTED

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: The output cannot be written, and nothing that the command does could change that.
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)


def open_closed() -> None:
    """Open `/dev/null` in place of standard streams that are closed (`<&-`, `>&-`).

    Otherwise the next file or socket that the process opens becomes its standard output, and uvloop aborts.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - it stays for good


def outlive_readers() -> None:
    """Let standard output and error lead nowhere from the moment when nobody reads them any more.

    That is so when `| head` has seen enough, or a terminal was closed. The command goes on to its own end, and its exit
    code says what it has done, whatever becomes of its output.
    """
    for name, gone in (("stdout", _reader_has_gone), ("stderr", _whatever)):
        stream = _outliving(getattr(sys, name), gone)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


@contextmanager
def readable_end() -> Iterator[None]:
    """End without a traceback where a person interrupts the command or its output cannot be written."""
    try:
        try:
            yield
        finally:
            if not sys.stdout.closed:  # by a task
                sys.stdout.flush()
    except KeyboardInterrupt:
        _leave(INTERRUPTED)
    except OSError as error:
        if error.errno not in _REFUSED or error.filename is not None:
            raise
        print(f"asyncqueue: standard output cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
        _leave(1)


class _Outliving(io.FileIO):
    """Writes to a stream, and nowhere once `gone` says of an error that this is the end of it."""

    def __init__(self, number: int, gone: Callable[[_Outliving, OSError], bool]) -> None:
        super().__init__(number, "w", closefd=False)
        self.terminal = self.isatty()
        self._gone = gone

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return cast("int", super().write(data))  # None where it would have to wait, as FileIO has it
        except OSError as error:
            if not self._gone(self, error):
                raise
            if error.errno in (errno.EPIPE, errno.EIO):
                _lead_nowhere(self.fileno())  # also for what tasks and their processes write
            return memoryview(data).nbytes


def _outliving(stream: TextIO, gone: Callable[[_Outliving, OSError], bool]) -> TextIO:
    """The same stream, with what `_Outliving` does."""
    try:
        number = stream.fileno()
    except OSError:  # no stream of the system's
        return stream
    with suppress(OSError):
        stream.flush()
    raw = _Outliving(number, gone)
    unbuffered: bool = getattr(stream, "write_through", False)
    return io.TextIOWrapper(
        raw if unbuffered else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=getattr(stream, "line_buffering", False),
        write_through=unbuffered,
    )


def _reader_has_gone(stream: _Outliving, error: OSError) -> bool:
    return error.errno == errno.EPIPE or (error.errno == errno.EIO and stream.terminal)


def _whatever(stream: _Outliving, error: OSError) -> bool:
    """What standard error cannot take is lost in any case: nobody could be told."""
    return True


def _lead_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _leave(code: int) -> None:
    """Exit; what is still buffered for the broken stream goes nowhere."""
    _lead_nowhere(sys.stdout.fileno())
    sys.exit(code)
