"""Tells what a worker cannot begin because its process has no descriptors, threads or memory left.

That says nothing of the task. An error of this kind that a function raises which has begun is that function's own.
"""

from __future__ import annotations

import errno
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from asyncqueue.errors import InvalidTask, TaskNotImportable
from asyncqueue.reprs import said, shown
from asyncqueue.running.boundary import is_a

_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
#: What the loader of extension modules says, which gives no number.
_TEXTS = (os.strerror(errno.EMFILE), os.strerror(errno.ENFILE), os.strerror(errno.ENOMEM), "failed to map segment")
_NO_THREAD = "can't start new thread"
#: Exceptions behind an exception that are looked at.
_DEPTH = 10
#: What a process must have to begin a task of any kind: descriptors, and bytes of memory beside a thread's own.
_DESCRIPTORS = 16
_BYTES = 16 * 2**20


class CannotBegin(TaskNotImportable):
    """The process lacks what it takes to begin a task: the row is to be handed back."""


def lacking(error: BaseException) -> str | None:
    """What the process lacked by which this was raised, for the log; None where it is about something else."""
    seen: BaseException | None = error
    for _ in range(_DEPTH):
        if seen is None:
            return None
        if is_a(seen, CannotBegin):
            return said(seen)
        if _is_shortage(seen):
            return shown(seen)
        seen = seen.__cause__ if seen.__cause__ is not None or seen.__suppress_context__ else seen.__context__
    return None


def lacked_before(raised: BaseException, *, begun: bool) -> str | None:
    """What the process lacked to begin a task whose run has raised this; None for any other end.

    Only an import and asyncqueue's own work can lack it. What a function raises that has begun is its own failure,
    whatever it is, and so is what any other code of the application raises, a `limit_key` perhaps.
    """
    if is_a(raised, InvalidTask) and not is_a(raised, TaskNotImportable):
        return None
    lack = None if begun and not is_a(raised, CannotBegin) else lacking(raised)
    return str(raised) if lack is not None and is_a(raised, InvalidTask) else lack


def lacking_by(text: str) -> bool:
    """Whether a process that ended before it could report has said so."""
    return any(each in text for each in (*_TEXTS, _NO_THREAD, MemoryError.__name__))


@contextmanager
def beginning(what: str) -> Iterator[None]:
    """Raise CannotBegin for whatever the system refuses in here, a step by which this worker begins a task."""
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        if not isinstance(error, OSError) and lacking(error) is None:
            raise
        raise CannotBegin(f"{what} cannot be started: {shown(error)}") from error


def is_over() -> bool:
    """Whether this process has again what it needs to begin tasks. Takes a moment."""
    opened: list[int] = []
    try:
        for _ in range(_DESCRIPTORS):
            opened.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401 - those that were opened are closed
        mmap.mmap(-1, _BYTES).close()
        threading.Thread(target=int, name="asyncqueue-probe", daemon=True).start()
    except (OSError, MemoryError, RuntimeError):
        return False
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return True


def _is_shortage(error: BaseException) -> bool:
    if is_a(error, MemoryError):
        return True
    if is_a(error, OSError):
        # As it was made: a class of the application may have an `errno` of its own.
        return bool(error.args) and type(error.args[0]) is int and error.args[0] in _ERRNOS
    if is_a(error, ImportError):
        return any(text in said(error) for text in _TEXTS)
    return type(error) is RuntimeError and said(error).startswith(_NO_THREAD)
