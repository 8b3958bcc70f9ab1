"""The pipe by which the process of an isolated task, and what that has started, ends with its worker.

The worker holds one end and writes nothing; the process has the other end as its standard input. When the worker ends,
even by SIGKILL, the system closes its end. On Linux the kernel itself then sends SIGKILL to the whole process group of
the task. Elsewhere a thread in the task's process does so, which needs the interpreter's lock.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import signal
import sys
import threading

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

    What is left of the group when this process has ended in order goes on.
    """
    if os.getpgrp() == os.getpid():
        with contextlib.suppress(OSError):  # a kernel that is not quite Linux
            _have_group_killed(really=True)
        atexit.register(_let_go)  # first, and so it is called last
    threading.Thread(target=_wait, name="asyncqueue-lifeline", daemon=True).start()


def _have_group_killed(*, really: bool) -> None:
    """Have the kernel send SIGKILL to the group when the other end is closed: it tells owners of pipes by a signal."""
    if sys.platform == "linux":
        fcntl.fcntl(0, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(0, fcntl.F_SETOWN, -os.getpgrp())
        flags = fcntl.fcntl(0, fcntl.F_GETFL)
        fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC if really else flags & ~os.O_ASYNC)


def _let_go() -> None:
    with contextlib.suppress(OSError):
        _have_group_killed(really=False)


def _wait() -> None:
    while os.read(0, 1):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
