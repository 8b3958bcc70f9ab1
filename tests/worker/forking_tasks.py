"""Tasks that fork processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
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
