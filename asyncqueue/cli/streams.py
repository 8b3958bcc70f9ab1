"""Standard input, output and error, in whatever state the command was given them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: The output cannot be written, and nothing that the command does could change that.
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
#: As a shell has it for a process that SIGINT or SIGPIPE has ended.
_INTERRUPTED, _UNREAD = 130, 141


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
        _leave(_INTERRUPTED)
    except BrokenPipeError:
        _leave(_UNREAD)
    except OSError as error:
        if error.errno not in _REFUSED or error.filename is not None:
            raise
        print(f"asyncqueue: standard output cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
        _leave(1)


def _leave(code: int) -> None:
    """Exit; what is still buffered for the broken stream goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    sys.exit(code)
