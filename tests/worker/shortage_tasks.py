"""Tasks that use up what their worker's process has, and such as raise of themselves what a process then raises."""

from __future__ import annotations

import errno
import os
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from asyncqueue import task
from tests.worker.sample_tasks import witnessed


@task
def take_descriptors(witness: str) -> None:
    """Hold all descriptors of the process until the file `witness` is gone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    witnessed(witness, "taken")
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    taken = []
    try:
        while Path(witness).exists():
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                time.sleep(0.01)
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@task
def take_memory(witness: str) -> None:
    """Leave less memory than a thread's stack takes until the file `witness` is gone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    witnessed(witness, "taken")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 4 * 2**20, hard))
    try:
        while Path(witness).exists():
            time.sleep(0.01)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@task
async def innocent() -> str:
    return "async"


@task
def innocent_plain(pause: float = 0.0) -> str:
    time.sleep(pause)
    return "plain"


@task(isolation="process")
def innocent_isolated() -> str:
    return "isolated"


def _errors() -> list[Exception]:
    return [
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
        MemoryError(),
        RuntimeError("can't start new thread"),
        BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)),
    ]


@task
async def lacks(which: int) -> None:
    raise _errors()[which]


@task
def lacks_plain(which: int) -> None:
    raise _errors()[which]


@task
def lacks_generator(which: int) -> Iterator[str]:
    yield "yielded"
    raise _errors()[which]


@task
async def lacks_async_generator(which: int) -> AsyncIterator[str]:
    yield "yielded"
    raise _errors()[which]


@task(isolation="process")
def lacks_isolated(which: int) -> None:
    raise _errors()[which]


lacking: list[Callable[..., object]] = [lacks, lacks_plain, lacks_generator, lacks_async_generator, lacks_isolated]


def _raises(which: int) -> int:
    raise _errors()[which]


Refused = Annotated[int, AfterValidator(_raises)]


@task(max_attempts=2, backoff=0.01)
async def validates(which: Refused) -> None: ...


@task(max_attempts=2, backoff=0.01)
def validates_plain(which: Refused) -> None: ...


@task(max_attempts=2, backoff=0.01, isolation="process")
def validates_isolated(which: Refused) -> None: ...


validating: list[Callable[..., object]] = [validates, validates_plain, validates_isolated]


def _no_memory(_arguments: object) -> str:
    raise MemoryError


@task(limit=1, limit_key=_no_memory)
async def without_key() -> None: ...
