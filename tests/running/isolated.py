"""Tasks in a process of their own, and the same in a thread, for the tests of the runner."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from asyncqueue import task

logger = logging.getLogger("app.mail")


async def _answer() -> str:
    await asyncio.sleep(0)
    return "answer"


def _without_a_loop() -> str:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_answer())
    return "there is an event loop in this thread"


@task(isolation="process")
def runs_a_loop() -> str:
    return _without_a_loop()


@task(isolation="process")
def yields_from_a_loop() -> Iterator[str]:
    yield _without_a_loop()


@task(isolation="process")
def gives_a_coroutine() -> object:
    return _answer()


@task(isolation="process")
async def loops_in_the_main_thread() -> str:
    return f"{threading.current_thread() is threading.main_thread()} {await _answer()}"


@task(isolation="process")
def is_alarmed() -> None:
    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("the alarm rang")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    time.sleep(60)


@task(isolation="process")
def prints_while_it_is_alarmed() -> int:
    """The handler prints in the middle of what the function prints."""
    rung = 0

    def ring(number: int, frame: FrameType | None) -> None:
        nonlocal rung
        rung += 1
        print("ring")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    lines = 0
    while rung < 20:
        print("x" * 100)
        lines += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    return lines


def _speak() -> None:
    print("one")
    logger.info("two %s", "of them", extra={"order": 7})
    print("three", file=sys.stderr)
    try:
        raise ValueError("on purpose")
    except ValueError:
        logger.exception("four")
    print("five")


@task
def speaks_in_a_thread() -> None:
    _speak()


@task(isolation="process")
def speaks() -> None:
    _speak()


@task(isolation="process")
async def speaks_async() -> None:
    _speak()


@task(isolation="process")
def speaks_with_a_handler_of_its_own() -> None:
    logging.basicConfig(level=logging.INFO, force=True)
    logger.info("said once")


@task(isolation="process")
def logs_to_a_file(path: str) -> None:
    handler = logging.FileHandler(path)
    logger.addHandler(handler)
    logger.warning("said once")


@task(isolation="process")
def prints(text: str) -> None:
    print(text)


@task(isolation="process")
def prints_to_the_interpreters_own_stream(text: str) -> None:
    print(text, file=sys.__stdout__, flush=True)


@task(isolation="process")
def says_and_dies() -> None:
    logger.warning("about to die")
    print("really", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGKILL)


@task(isolation="process")
def speaks_in_another_thread() -> None:
    thread = threading.Thread(target=_speak)
    thread.start()
    thread.join()


def _print(text: str) -> None:
    print(text)


@task(isolation="process")
def has_a_forked_one_print() -> str:
    process = multiprocessing.get_context("fork").Process(target=_print, args=("from the forked one",))
    process.start()
    process.join()
    return str(process.exitcode)


@task(isolation="process", timeout=600)
def prints_while_it_cleans_up(witness: str) -> None:
    try:
        print("began")
        with open(witness, "w") as file:  # noqa: PTH123
            file.write("start\n")
        time.sleep(600)
    finally:
        print("cleaned up")


# -- what it closes, and what it leaves behind


def _close_foreign() -> None:
    os.closerange(3, 256)


@task(isolation="process", timeout=60)
def closes_descriptors() -> str:
    _close_foreign()
    return "done"


@task(isolation="process", timeout=60)
def closes_descriptors_and_goes_on(witness: str) -> None:
    _close_foreign()
    try:
        time.sleep(50)
    finally:
        Path(witness).write_text("cleaned up")


@task(isolation="process", timeout=60)
def closes_descriptors_and_opens_a_file(path: str) -> None:
    _close_foreign()
    files = [Path(path).open("a") for _ in range(20)]  # noqa: SIM115 - they take the numbers
    print("printed")
    time.sleep(0.2)
    for file in files:
        file.close()


@task(isolation="process", timeout=60)
async def closes_descriptors_async() -> str:
    _close_foreign()
    await asyncio.sleep(0)
    return "done"


@task(isolation="process", timeout=60)
def closes_descriptors_while_it_yields() -> Iterator[str]:
    yield "a"
    _close_foreign()
    yield "b"


@task(isolation="process")
def closes_its_streams() -> str:
    print("printed")
    sys.stdout.close()
    os.close(1)
    os.close(2)
    return "done"


@task(isolation="process", timeout=20)
def starts_a_reader() -> str:
    return repr(subprocess.run(["cat"], stdout=subprocess.PIPE, check=True).stdout + os.read(0, 1))


@task(isolation="process", timeout=20)
async def starts_a_reader_in_a_loop() -> str:
    process = await asyncio.create_subprocess_exec("cat", stdout=asyncio.subprocess.PIPE)
    return repr((await process.communicate())[0] + sys.stdin.buffer.read())


@task(isolation="process", timeout=20)
def forks_a_reader() -> str:
    pid = os.fork()
    if pid == 0:
        os._exit(len(os.read(0, 1)))
    return repr(os.waitpid(pid, 0)[1])
