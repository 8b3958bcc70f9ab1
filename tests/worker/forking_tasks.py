"""Tasks that fork processes."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import time

from asyncqueue import task
from tests.worker.sample_tasks import witnessed

_FORK = multiprocessing.get_context("fork")


def _terminated(number: int) -> list[int | None]:
    codes = []
    for _ in range(number):
        process = _FORK.Process(target=time.sleep, args=(60,))
        process.start()
        process.terminate()
        process.join(20)
        codes.append(process.exitcode)
    return codes


@task
def terminate(number: int) -> list[int | None]:
    """End processes in the moment in which they begin."""
    return _terminated(number)


@task
async def terminate_in_loop(number: int) -> list[int | None]:
    return _terminated(number)


@task
def pool(number: int) -> int:
    total = 0
    for _ in range(number):
        with _FORK.Pool(2) as workers:
            total += sum(workers.map(abs, range(10)))
    return total


@task
def interrupt() -> int:
    """Python's own handler of SIGINT in the child, as in any program."""
    process = _FORK.Process(target=_wait_for_interrupt)
    process.start()
    process.join(20)
    return process.exitcode or 0


def _wait_for_interrupt() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(20)
    except KeyboardInterrupt:
        os._exit(42)


@task
def return_twice(witness: str) -> int:
    """The child returns from the function as its parent does."""
    child = os.fork()
    witnessed(witness, f"returns {os.getpid()}")
    return child


@task
async def return_twice_in_loop(witness: str) -> int:
    return return_twice.__wrapped__(witness)


@task
def leave_behind(witness: str) -> int:
    """A child that goes on, and one that it has forked for itself, as a daemon does."""
    child = os.fork()
    if not child:
        if not os.fork():
            witnessed(witness, f"daemon {os.getpid()}")
        time.sleep(600)
        os._exit(0)
    return child


@task
async def leave_process_behind() -> int | None:
    process = _FORK.Process(target=time.sleep, args=(600,))
    process.start()
    return process.pid


# -- isolated: all of these ignore SIGTERM


def _leave_all_kinds(witness: str) -> None:
    """A forked process, one that it has forked, and a program; each says that it is there."""
    program = (
        "import os, signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open(sys.argv[1], 'a').write(f'program {os.getpid()}\\n')\ntime.sleep(600)"
    )
    subprocess.Popen([sys.executable, "-c", program, witness], stdin=subprocess.DEVNULL)
    if not os.fork():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        what = "forked" if os.fork() else "grandchild"
        witnessed(witness, f"{what} {os.getpid()}")
        time.sleep(600)
        os._exit(0)
    witnessed(witness, f"task {os.getpid()}")


@task(isolation="process")
def isolated_leave(witness: str) -> None:
    _leave_all_kinds(witness)
    time.sleep(600)


@task(isolation="process")
async def isolated_leave_async(witness: str) -> None:
    _leave_all_kinds(witness)
    await asyncio.sleep(600)


@task(isolation="process")
def isolated_hold_the_interpreter(witness: str) -> None:
    """No other Python thread of the process goes on."""
    _leave_all_kinds(witness)
    ctypes.PyDLL(None).sleep(600)


@task(isolation="process")
def isolated_complete(witness: str) -> None:
    """It ends in order, and they go on."""
    _leave_all_kinds(witness)
    while len(open(witness).readlines()) < 4:  # noqa: PTH123, SIM115
        time.sleep(0.02)


@task(isolation="process")
def isolated_return_twice(witness: str) -> int:
    return return_twice.__wrapped__(witness)


@task(isolation="process")
async def isolated_return_twice_async(witness: str) -> int:
    return return_twice.__wrapped__(witness)
