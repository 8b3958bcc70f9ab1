"""What a process must not inherit that a task forks: a worker's signals, and a life longer than the worker's.

Python's `multiprocessing` forks on Linux. Of a program that is executed, as `subprocess` does it, none of this is true.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection
from typing import Any

#: The threads whose end is the end of the process: the kernel takes the end of the thread that forked for its parent's.
LASTING = "asyncqueue-task"

#: Whether this process was forked by a task. Code of the worker must not go on in it.
in_child = False

_PR_SET_PDEATHSIG = 1
_handled: Collection[signal.Signals] = ()
_fork = threading.local()
_worker = 0


def protect(handled: Collection[signal.Signals]) -> None:
    """From now on forked processes have Python's own handlers for these signals, and on Linux end with this process.

    A signal to the child must not reach this process: both would write it into the same pipe. So none is delivered in
    the child before it has its own handlers. Called again, it takes another set of signals.
    """
    global _handled, _worker
    registered, _handled, _worker = bool(_worker), tuple(handled), os.getpid()
    if not registered:
        os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_begin_child)


def leave_child(failure: BaseException | None) -> None:
    """End a forked process in which a task's function has returned, or raised."""
    if failure is not None:
        sys.__excepthook__(type(failure), failure, failure.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(0 if failure is None else 1)


def end_children() -> int:
    """Terminate the processes of `multiprocessing` that go on. Returns how many: Python would wait for their ends."""
    multiprocessing = sys.modules.get("multiprocessing")
    going_on = multiprocessing.active_children() if multiprocessing else []
    for child in going_on:
        child.terminate()
    return len(going_on)


def _before() -> None:
    if _handled:
        thread = threading.current_thread()
        _fork.lasting = thread is threading.main_thread() or thread.name == LASTING
        _fork.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _handled)


def _after() -> None:
    mask = getattr(_fork, "mask", None)
    if mask is not None:
        _fork.mask = None
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _begin_child() -> None:
    global in_child
    if _handled:
        in_child = True
        signal.set_wakeup_fd(-1)
        for number in _handled:
            python = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, python)
        # A program that subprocess executes keeps what it was set up for, also where it has a preexec_fn.
        if _fork.lasting and sys._getframe(1).f_code.co_name != "_execute_child":
            _end_with_worker()
    _after()


def _end_with_worker() -> None:
    if _prctl is None or os.getppid() != _worker:  # a process that a child of the worker has forked
        return
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != _worker:  # it has ended meanwhile
        os._exit(1)


def _find_prctl() -> Callable[..., Any] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None


_prctl = _find_prctl()
