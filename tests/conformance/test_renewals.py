"""Renewals beside other writes to the same rows: neither waits for the other, and no claim is lost by mistake."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from asyncqueue.model import Claimant, Status
from asyncqueue.running.runner import RunResult
from asyncqueue.worker.finishing import Finisher
from asyncqueue.worker.ledger import HeldClaim, Ledger, Reason
from asyncqueue.worker.signal import Signal
from asyncqueue.worker.streaming import Streams
from asyncqueue.worker.unfound import Unfound
from tests.conformance.helpers import claimed, done, fences, row
from tests.conformance.test_buckets import MIGRATED
from tests.conformance.transactions import holding
from tests.servers.cases import SERVER_DIALECTS, cases, shaped

ON_SERVERS = cases("database", shaped(SERVER_DIALECTS))
LEASES: Any = SimpleNamespace(own=60.0)
NOBODY = Claimant()

#: How a run may end, by the verb that writes it: its result, and what the row is then.
ENDS = {
    "finish": (RunResult(Status.COMPLETED, output="x"), Status.COMPLETED),
    "exchange": (RunResult(Status.COMPLETED, output="x"), Status.COMPLETED),
    "end_attempts": (RunResult(Status.FAILED, error="no", retry_in=60.0, attempt=1), Status.SCHEDULED),
    "release": (None, Status.QUEUED),
    "hand_back": (RunResult(Status.SCHEDULED, retry_in=0.0), Status.SCHEDULED),
    "put_off": (RunResult(Status.SCHEDULED, error="no", unfound=True), Status.SCHEDULED),
}


class Writing:
    """A finisher, and what it has said of each claim."""

    def __init__(self, backend: Any) -> None:
        self.ledger = Ledger(backend, LEASES)
        self.written: list[HeldClaim] = []
        self.lost: list[HeldClaim] = []
        unfound = Unfound(
            backend, patience=600, found_any=lambda: True, looking=lambda: False, pause=lambda seconds, ends_burst: None
        )
        self.finisher = Finisher(
            *(backend, self.ledger, Signal()),
            unfound=unfound,
            on_written=self.written.append,
            on_lost=self.lost.append,
            on_left=self.lost.append,
        )

    async def write(self, claim: int = 0) -> None:
        """Write until nothing is left to write."""
        for _ in range(5):
            batch = self.finisher.gather()
            await self.finisher.write(batch, claim=claim, claimant=NOBODY)
            self.finisher.take_back(batch)
            if not self.finisher.unwritten:
                return
        raise AssertionError("it goes on for ever")


def _verb(backend: Any, name: str) -> Any:
    return backend.limits if name in ("hand_back", "put_off") else backend


@MIGRATED
@pytest.mark.parametrize("verb", ENDS)
@pytest.mark.parametrize("answered", [True, False], ids=["answered", "unanswered"])
async def test_an_end_that_a_renewal_was_quicker_than_is_written_with_the_new_token(
    backend, monkeypatch, verb, answered
):
    """The end is built with one token, and a renewal writes another one before it arrives."""
    result, status = ENDS[verb]
    writing = Writing(backend)
    [held] = [writing.ledger.add(claim, 0.0) for claim in await claimed(backend)]
    write, renew = getattr(_verb(backend, verb), verb), backend.renew
    token = held.token

    async def late(*ends: Any, **more: Any) -> Any:
        if held.token == token and not held.pending_token:
            if answered:
                await writing.ledger.renew(None, older=-1.0)
            else:
                monkeypatch.setattr(backend, "renew", _unanswered(renew))
                with pytest.raises(ConnectionError):
                    await writing.ledger.renew(None, older=-1.0)
                monkeypatch.setattr(backend, "renew", renew)
        return await write(*ends, **more)

    monkeypatch.setattr(_verb(backend, verb), verb, late)
    held.result = result
    writing.finisher.put(held)
    await writing.write(claim=int(verb == "exchange"))
    assert (writing.written, writing.lost) == ([held], [])
    assert (await row(backend, held.id)).status == status
    assert not len(writing.ledger)


def _unanswered(renew: Any) -> Any:
    async def unanswered(*claims: Any, **more: Any) -> Any:
        await renew(*claims, **more)
        raise ConnectionError("the reply is lost")

    return unanswered


@MIGRATED
@pytest.mark.parametrize("verb", ["finish", "release"])
async def test_a_claim_that_was_taken_away_is_lost_though_a_renewal_is_in_doubt(backend, monkeypatch, verb):
    writing = Writing(backend)
    [held] = [writing.ledger.add(claim, 0.0) for claim in await claimed(backend)]
    monkeypatch.setattr(backend, "renew", _unanswered(backend.renew))
    with pytest.raises(ConnectionError):
        await writing.ledger.renew(None, older=-1.0)
    await backend.cancel([held.id])
    held.result = ENDS[verb][0]
    writing.finisher.put(held)
    await writing.write()
    assert (writing.written, writing.lost) == (([], [held]) if verb == "finish" else ([held], []))
    assert (await row(backend, held.id)).status == Status.CANCELLED


@MIGRATED
async def test_a_heartbeat_does_not_judge_a_claim_whose_end_it_finds_written(backend):
    """The answer to the end has not come yet."""
    ledger = Ledger(backend, LEASES)
    held, other = [ledger.add(claim, 0.0) for claim in await claimed(backend, 2)]
    held.over = True
    await backend.finish([done(held.claimed), done(other.claimed)])
    renewal = await ledger.renew(None, older=-1.0)
    assert renewal.stopped == [(other, Reason.TAKEN)]
    assert not renewal.locked


@MIGRATED
async def test_a_renewal_that_comes_late_is_remembered(backend, monkeypatch):
    """A look in between still finds the old token: the renewal without an answer is under way in the server."""
    ledger = Ledger(backend, LEASES)
    [held] = [ledger.add(claim, 0.0) for claim in await claimed(backend)]
    renew, pending = backend.renew, []

    async def under_way(claims: Any, **more: Any) -> Any:
        pending.append((claims, more))
        raise ConnectionError("no answer yet")

    monkeypatch.setattr(backend, "renew", under_way)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await ledger.renew(None, older=-1.0)
    (claims, more), _ = pending
    await renew(claims, **more)
    monkeypatch.setattr(backend, "renew", renew)
    assert (await ledger.renew(None, older=-1.0)).stopped == []
    assert await backend.finish([done(held.claimed._replace(token=held.token))]) == {held.id}


@ON_SERVERS
async def test_a_renewal_leaves_out_locked_rows_and_renews_the_others(backend, database):
    claims = await claimed(backend, 3)
    locked, *free = claims
    async with holding(database, locked.id):
        now = (await backend.observe([])).now
        renewed = await backend.renew(fences(claims), now=now, worker_pid=None)
        assert renewed == {claim.id for claim in free}
        rows = (await backend.observe([claim.id for claim in claims])).rows
        assert {key for key, (_, token) in rows.items() if token == now} == renewed
    now = (await backend.observe([])).now
    assert await backend.renew(fences([locked]), now=now, worker_pid=None) == {locked.id}


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_a_heartbeat_waits_for_no_other_statement_of_the_worker(backend, database):
    """They wait for locks here, on every other connection that the worker has."""
    *stuck, mine = await claimed(backend, 4)
    async with holding(database, *(claim.id for claim in stuck)):
        waiting = [asyncio.create_task(backend.finish([done(claim)])) for claim in stuck]
        waiting.append(asyncio.create_task(backend.cancel([stuck[0].id])))
        await asyncio.sleep(0.3)
        with anyio.fail_after(5):
            now = (await backend.observe([claim.id for claim in (*stuck, mine)], beating=True)).now
            assert await backend.renew(fences([mine]), now=now, worker_pid=None) == {mine.id}
        assert not any(task.done() for task in waiting)
    await asyncio.wait(waiting)


@cases("database", shaped())
async def test_a_renewal_that_is_repeated_knows_its_work(backend):
    claims = await claimed(backend, 2)
    now = (await backend.observe([])).now
    for _ in range(2):
        assert await backend.renew(fences(claims), now=now, worker_pid=None) == {claim.id for claim in claims}


@MIGRATED
async def test_streamed_text_that_a_renewal_was_quicker_than_is_written_once(backend, monkeypatch):
    ledger = Ledger(backend, LEASES)
    [held] = [ledger.add(claim, 0.0) for claim in await claimed(backend)]
    streams = Streams(backend, ledger)
    append, calls = backend.append_output, 0

    async def late(chunks: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            await ledger.renew(None, older=-1.0)
        return await append(chunks)

    monkeypatch.setattr(backend, "append_output", late)
    async with anyio.create_task_group() as group:
        group.start_soon(streams.run)
        stream = streams.open(held)
        stream.write("text")
        await stream.flush()
        group.cancel_scope.cancel()
    assert held.reason is None
    assert (await row(backend, held.id)).output == "text"
    assert calls == 2
