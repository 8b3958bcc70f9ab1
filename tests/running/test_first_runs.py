"""The first runs of a function, which wait for the import of its module."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from asyncqueue.model import Status
from asyncqueue.running.application import Application
from asyncqueue.running.limits import Limits
from asyncqueue.running.resolve import AllowRule, Resolver
from asyncqueue.running.runner import Runner
from tests.running.helpers import Recorder, claimed, run

_SOURCE = """
import time
time.sleep(0.2)
began = []
async def note(number):
    began.append(number)
"""


@pytest.fixture
def runner() -> Runner:
    return Runner(Application(allow=AllowRule(everything=True)), Limits())


@pytest.fixture
def module(tmp_path: Path, monkeypatch):
    """A module that takes a while to import, for its first time."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "imported_slowly.py").write_text(_SOURCE)
    yield "imported_slowly"
    sys.modules.pop("imported_slowly", None)


@pytest.fixture
def resolved(monkeypatch) -> list[str]:
    """The paths that were resolved, each time that was done."""
    paths: list[str] = []
    resolve = Resolver.resolve

    def noting(self, path):
        paths.append(path)
        return resolve(self, path)

    monkeypatch.setattr(Resolver, "resolve", noting)
    return paths


async def test_they_begin_in_the_order_in_which_they_were_claimed(runner, module, resolved):
    await asyncio.gather(*(run(runner, f"{module}.note", {"number": number}) for number in range(100)))
    assert sys.modules[module].began == list(range(100))
    assert resolved == [f"{module}.note"]


async def test_one_that_is_stopped_meanwhile_leaves_the_others_alone(runner, module):
    runs = [runner.prepare(claimed(f"{module}.note", {"number": number}), Recorder) for number in range(3)]
    tasks = [asyncio.create_task(runner.run(each)) for each in runs]
    for each, task in zip(runs, tasks, strict=True):
        each.task = task
    await asyncio.sleep(0.05)
    runs[0].stop()
    results = await asyncio.gather(*tasks)
    assert results[0] is None
    assert [result.status for result in results[1:] if result] == [Status.COMPLETED] * 2
    assert sys.modules[module].began == [1, 2]


async def test_an_import_that_nobody_waits_for_is_abandoned(runner, module):
    waiting = [asyncio.create_task(runner._resolve(f"{module}.note")) for _ in range(2)]
    await asyncio.sleep(0.05)
    for each in waiting:
        assert runner.abandoned == 0
        each.cancel()
        await asyncio.sleep(0.01)
    assert runner.abandoned == 1
    assert (await run(runner, f"{module}.note", {"number": 2})).status == Status.COMPLETED
    async with asyncio.timeout(5):
        while runner.abandoned:
            await asyncio.sleep(0.01)


async def test_all_of_them_say_why_there_is_no_such_function(runner, module, resolved):
    results = await asyncio.gather(*(run(runner, f"{module}.nothing") for _ in range(3)))
    assert {(result.status, result.error) for result in results} == {
        (Status.FAILED, f"{module}.nothing: {module} has no attribute 'nothing'")
    }
    assert len(resolved) == 1
    await run(runner, f"{module}.nothing")
    assert len(resolved) == 2  # somebody may have mended it
