"""The pipe by which the process of an isolated task, and what that has started, ends with its worker.

The worker holds one end and writes nothing; the process is given the other end as its standard input. Before the task
begins, the process moves that end to a descriptor of its own: a program that the task starts finds /dev/null on its
standard input, and not a pipe that never ends. When the worker ends, even by SIGKILL, the system closes the worker's
end. On Linux the kernel itself then sends SIGKILL to the whole process group of the task. Elsewhere a thread in the
task's process does so, which needs the interpreter's lock.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import signal
import sys
import threading
from pathlib import Path

#: The ends that this worker holds.
_held: set[int] = set()


# -- in the worker


def make() -> tuple[int, int]:
    """The end for the task's process, and the one to keep until that has ended, for `close`."""
    theirs, ours = os.pipe()
    _held.add(ours)
    return theirs, ours


def close(ours: int) -> None:
    """Say that the worker does not wait for that process any more."""
    _held.discard(ours)
    os.close(ours)


def _close_all() -> None:
    """In a process that a task has forked: it must not stand for the worker."""
    while _held:
        with contextlib.suppress(OSError):
            os.close(_held.pop())


os.register_at_fork(after_in_child=_close_all)


# -- in the task's process


def follow() -> None:
    """From now on this process ends when its worker does, and with it its group if that is its own.

    Its standard input is /dev/null afterwards. What is left of the group when this process has ended in order goes on.
    """
    end = _moved()
    if os.getpgrp() == os.getpid():
        with contextlib.suppress(OSError):  # a kernel that is not quite Linux
            _have_group_killed(end, really=True)
        atexit.register(_let_go, end)  # first, and so it is called last
    threading.Thread(target=_wait, args=(end,), name="asyncqueue-lifeline", daemon=True).start()


def _moved() -> int:
    """Move the pipe away from the standard input. Its new descriptor is closed in programs that the task starts."""
    end = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - for the life of the process
    return end


def _have_group_killed(end: int, *, really: bool) -> None:
    """Have the kernel send SIGKILL to the group when the other end is closed: it tells owners of pipes by a signal."""
    if sys.platform == "linux":
        fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(end, fcntl.F_SETOWN, -os.getpgrp())
        flags = fcntl.fcntl(end, fcntl.F_GETFL)
        fcntl.fcntl(end, fcntl.F_SETFL, flags | os.O_ASYNC if really else flags & ~os.O_ASYNC)


def _let_go(end: int) -> None:
    with contextlib.suppress(OSError):
        _have_group_killed(end, really=False)


def _wait(end: int) -> None:
    try:
        while os.read(end, 1):
            pass
    except OSError:  # the task has closed every descriptor that it found
        return
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
