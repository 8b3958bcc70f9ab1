"""What a worker needs that is the first process of a container.

The kernel gives every process whose parent has ended to the process with the PID 1, which must ask for its exit code:
else it stays as a zombie. A worker cannot do that by itself without taking the exit codes that asyncio, subprocess and
multiprocessing wait for. So the process with the PID 1 starts the worker as its child, as `docker run --init` does.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

#: Signals that the worker gets by another way, or that tell of this process itself.
_OWN = {signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGTSTP, signal.SIGCONT}
#: By which a fault of this very process is told. They are not blocked.
_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}


def be_init() -> None:
    """Go on in a child; this process hands signals on to it, asks for the exit codes of orphans, and ends as it does.

    Call it before there are threads. It returns in the child only.
    """
    handed_on = signal.valid_signals() - _OWN - _FAULTS
    before = signal.pthread_sigmask(signal.SIG_BLOCK, handed_on | {signal.SIGCHLD})
    worker = os.fork()
    if not worker:
        _have_terminal()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    for ignored in (signal.SIGTTIN, signal.SIGTTOU):  # the terminal is the worker's now
        signal.signal(ignored, signal.SIG_IGN)
    while True:
        number = signal.sigwait(handed_on | {signal.SIGCHLD})
        if number != signal.SIGCHLD:
            with suppress(ProcessLookupError):
                os.kill(worker, number)
            continue
        code = _reap(worker)
        if code is not None:
            os._exit(code)


def _have_terminal() -> None:
    """A process group of its own, which has the terminal: Ctrl-C is to come once, and not from its parent again."""
    os.setpgid(0, 0)
    if sys.stdin is not None and sys.stdin.isatty():
        ignored = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with suppress(OSError):
            os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())
        signal.signal(signal.SIGTTOU, ignored)


def _reap(worker: int) -> int | None:
    """Ask for all exit codes that there are. Returns the worker's, once it has ended."""
    code = None
    with suppress(ChildProcessError):
        while True:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                break
            if child == worker:
                code = os.waitstatus_to_exitcode(status)
    if code is None:
        return None
    return code if code >= 0 else 128 - code
