"""A worker as the first process of a container: orphans are reaped, signals are handed on, exit codes too.

The kernel gives orphans to a process that asks for them as it gives them to the PID 1, so no container is needed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import ctypes, os, signal, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
from asyncqueue.cli.init import be_init
be_init()
assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
signal.signal(signal.SIGHUP, lambda *_: print("hup", flush=True))
for _ in range(5):
    assert subprocess.run(["sh", "-c", "(sleep 0.1 &) ; exit 3"]).returncode == 3, "its own child"
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


@contextmanager
def init():
    """The first process, and the PID of its worker."""
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_orphans_of_tasks_are_reaped_and_signals_are_handed_on():
    with init() as (process, worker):
        deadline = time.monotonic() + 20
        while children(process.pid) != [worker]:
            assert time.monotonic() < deadline, "orphans stay"
            time.sleep(0.02)
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "hup\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 7, "it ends as its worker does"


def test_a_worker_that_is_killed_ends_the_container():
    with init() as (process, worker):
        os.kill(worker, signal.SIGKILL)
        assert process.wait(20) == 128 + signal.SIGKILL
