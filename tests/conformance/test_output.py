"""A task's output read in parts, and who waits for ends and output being told of them; at level 0 and at level 1."""

from __future__ import annotations

import asyncio
import time
import uuid

import pytest

from asyncqueue.model import Status
from tests.conformance.helpers import chunk, claimed, done, failed, release
from tests.servers.cases import DIALECTS, cases, migrated, shaped

EVERYWHERE = cases("database", shaped(DIALECTS, [10]) + migrated())
MIGRATED = cases("database", migrated())
TOLD = cases("database", shaped(["postgresql", "sqlite"], [10]) + migrated(["postgresql", "sqlite"]))


@EVERYWHERE
async def test_output_is_read_in_parts_by_characters(backend):
    [claim] = await claimed(backend)
    part = await backend.read_output(claim.id, 0, 10)
    assert (part.status, part.length, part.text, part.run) == (Status.RUNNING, None, None, None)
    text = "one ä 𝄞 two"
    assert await backend.append_output([chunk(claim, 0, text)]) == {claim.id}
    for offset in range(0, len(text) + 1, 3):
        part = await backend.read_output(claim.id, offset, 3)
        assert (part.length, part.text) == (len(text), text[offset : offset + 3])
    assert (await backend.read_output(claim.id, 100, 3)).text == ""
    await backend.finish([done(claim, output=None, keep_output=True)])
    part = await backend.read_output(claim.id, 0, 100)
    assert (part.status, part.text) == (Status.COMPLETED, text)
    assert await backend.read_output(uuid.uuid4(), 0, 10) is None


@MIGRATED
async def test_output_says_which_run_has_written_it(backend):
    [first] = await claimed(backend)
    await backend.append_output([chunk(first, 0, "first")])
    run = (await backend.read_output(first.id, 0, 10)).run
    assert run is not None
    await backend.release([release(first)])
    assert (await backend.read_output(first.id, 0, 10)).run == run
    [second] = await backend.claim(1, worker_pid=None)
    assert (await backend.read_output(first.id, 0, 10)).run == run, "the second has not written yet"
    await backend.append_output([chunk(second, 0, "second")])
    other = (await backend.read_output(first.id, 0, 10)).run
    assert other not in (None, run)
    await backend.finish([failed(second, keep_output=True)])
    assert (await backend.read_output(first.id, 0, 10)).run == other
    await backend.requeue([first.id])
    assert (await backend.read_output(first.id, 0, 10)).run is None
    [third] = await backend.claim(1, worker_pid=None)
    await backend.finish([done(third)])
    assert (await backend.read_output(first.id, 0, 10)).run not in (None, run, other), "it wrote all of it"


@EVERYWHERE
async def test_a_wait_for_ends_ends(backend):
    async with asyncio.timeout(20):
        for _ in range(2):
            await backend.wait_for_ends(0.1)
    backend.announce_ends()


@TOLD
@pytest.mark.parametrize("what", ["end", "output"])
async def test_an_end_in_another_process_ends_the_wait(backend, another, what):
    async def woken() -> None:
        """Return when a wait has ended before its time. On PostgreSQL each says anew that somebody waits."""
        ended_by_itself = True
        while ended_by_itself:
            began = time.monotonic()
            await backend.wait_for_ends(7.0)
            ended_by_itself = time.monotonic() - began > 6

    async with another() as other, asyncio.timeout(60):
        await other.wait_for_work(0.2)
        await backend.wait_for_ends(0.1)  # the first one may look at once
        waiting = asyncio.create_task(woken())
        while not waiting.done():
            [claim] = await claimed(other)
            if what == "end":
                await other.finish([done(claim)])
            else:
                await other.append_output([chunk(claim, 0, "text")])
            other.announce_ends()
            await other.wait_for_work(0.1)
    await waiting
