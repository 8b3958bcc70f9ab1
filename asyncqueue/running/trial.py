"""Finds out in a process of its own whether a look-up ends the process.

A module may crash when it is imported, or call `os._exit`. The worker that has claimed such a task dies of it, and that
counts as a loss. Whoever looks the function up for another reason, to rescue the task for one, must not die as well:
then the loss would never be counted, and one worker after the other would end. Nor must the worker that has claimed it
where losses cannot be counted and lost tasks run again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import DEVNULL
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import anyio

from asyncqueue.errors import TaskNotImportable
from asyncqueue.running.application import Application
from asyncqueue.running.resolve import AllowRule, Resolver

#: The exit code of a process that has survived the look-up. Few others would choose it.
_SURVIVED = 97
#: Seconds that a look-up may take until it counts as one that ends nothing.
_PATIENCE = 60.0
#: Seconds for which it is believed that a look-up ends the process.
_BELIEVED = 60.0


class EndsTheProcess(TaskNotImportable):
    """A process in which the function was looked up has ended by that."""


class Trials:
    """Looks up in another process what is not known to be harmless: what names a module that is not loaded here.

    Args:
        application: its rule decides what may be imported, and its `prepare` is called first.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._fatal: dict[str, float] = {}
        self._harmless: set[str] = set()
        # Of those who look the same module up at a time one tries it.
        self._trying: dict[str, asyncio.Lock] = {}

    async def check(self, path: str) -> None:
        """Return if a process survives to look the function up. Raises EndsTheProcess."""
        module = path.rpartition(".")[0]
        if not module or module in sys.modules or module in self._harmless:
            return
        async with self._trying.setdefault(module, asyncio.Lock()):
            if module in self._harmless:
                return
            if self._fatal.get(module, 0.0) < time.monotonic():
                if await _survives(path, self._application):
                    self._harmless.add(module)
                    return
                self._fatal[module] = time.monotonic() + _BELIEVED
        raise EndsTheProcess(
            f"to look up {path} has ended the process that tried it: the import of {module} crashes, or ends it"
        )


async def _survives(path: str, application: Application) -> bool:
    """Whether a process goes on in which the function is looked up. Also true where no process can be begun."""
    told = json.dumps([path, application.allow.named(path), sys.path, application.prepare])
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "asyncqueue.running.trial", told),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return True
    try:
        with anyio.move_on_after(_PATIENCE):
            return await process.wait() == _SURVIVED
        return True
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()


def main() -> None:
    """Look the function up, as the worker would, and say that this process is still there."""
    path, named, sys.path[:], prepare = json.loads(sys.argv[1])
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - for the life of the process
    with suppress(BaseException):
        if prepare:
            module, _, name = prepare.rpartition(".")
            getattr(import_module(module), name)()
        # Whatever is declared or not: the worker asks its rule itself.
        Resolver(AllowRule(everything=named)).resolve(path)
    os._exit(_SURVIVED)


if __name__ == "__main__":
    main()
