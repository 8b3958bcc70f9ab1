"""Appends what generator tasks yield to their output, a few writes a second for all of them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence, Set
from typing import TypeAlias
from uuid import UUID

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseBusy, DataRejected, ResultNotStorable
from asyncqueue.model import OutputChunk
from asyncqueue.running.stream import StreamLost
from asyncqueue.worker.ledger import HeldClaim, Ledger, Reason
from asyncqueue.worker.narrowing import narrowed

#: Seconds between two writes of the same stream, unless its task has ended and waits for the last one.
_PAUSE = 0.25


_Stuck: TypeAlias = Callable[[tuple["OutputStream", str], DatabaseBusy], Awaitable[set[UUID]]]


class OutputStream:
    """The stream of one running task; see `asyncqueue.running.stream.Stream`."""

    def __init__(self, held: HeldClaim, streams: Streams) -> None:
        self.held = held
        self.pending: list[str] = []
        self.offset = 0
        self.failure: Exception | None = None
        self.settled = anyio.Event()
        self._streams = streams

    def write(self, text: str) -> None:
        """Take text to be written soon."""
        if not self.pending:
            self.settled = anyio.Event()
        self.pending.append(text)
        self._streams.want(self, urgent=False)

    async def flush(self) -> None:
        """Return when all is written. Raises StreamLost if the claim is gone, ResultNotStorable for unstorable text."""
        if self.pending and self.failure is None:
            self._streams.want(self, urgent=True)
            await self.settled.wait()
        if self.failure is not None:
            raise self.failure


class Streams:
    """The stream loop."""

    def __init__(self, backend: Backend, ledger: Ledger) -> None:
        self._backend = backend
        self._ledger = ledger
        self._wanted: dict[OutputStream, None] = {}
        #: Those whose rows other sessions had locked when they were last looked at.
        self._locked: set[OutputStream] = set()
        self._news = anyio.Event()
        self._urgent = anyio.Event()

    def open(self, held: HeldClaim) -> OutputStream:
        """A stream for a task that is about to run."""
        return OutputStream(held, self)

    def want(self, stream: OutputStream, *, urgent: bool) -> None:
        """Note that a stream has something to write."""
        self._wanted[stream] = None
        self._news.set()
        if urgent:
            self._urgent.set()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._news.wait()
            with anyio.move_on_after(_PAUSE):
                await self._urgent.wait()
            self._news, self._urgent = anyio.Event(), anyio.Event()
            wanted, self._wanted = list(self._wanted), {}
            chunks = {stream: "".join(stream.pending) for stream in wanted if stream.failure is None}
            try:
                await self._ledger.settle(stream.held for stream in chunks)
                await self._write(chunks)
            except BaseException:
                for stream in chunks:
                    self.want(stream, urgent=False)
                raise

    async def _write(self, chunks: dict[OutputStream, str]) -> None:
        """Write these; those whose rows other sessions have locked have their turn later, and nobody waits for them."""
        if self._locked:
            await self._put_off(chunks, self._locked & chunks.keys())
        try:
            await self._write_all(chunks)
        except DatabaseBusy:
            await self._put_off(chunks, chunks.keys())
            await self._write_all(chunks, stuck=self._waits)

    async def _put_off(self, chunks: dict[OutputStream, str], some: Set[OutputStream]) -> bool:
        """Take those of some streams out of the chunks whose rows are locked. Returns whether there are any."""
        ids = await self._backend.locked([stream.held.id for stream in some])
        self._locked = {stream for stream in some if stream.held.id in ids}
        for stream in self._locked:
            del chunks[stream]
            self.want(stream, urgent=False)
        return bool(self._locked)

    async def _write_all(self, chunks: dict[OutputStream, str], *, stuck: _Stuck | None = None) -> None:
        await narrowed(list(chunks.items()), self._append, self._refuse, stuck=stuck)

    async def _waits(self, chunk: tuple[OutputStream, str], _error: DatabaseBusy) -> set[UUID]:
        """One waits in vain although its row is free: a trigger may wait for something. It has its turn later."""
        self.want(chunk[0], urgent=False)
        return set()

    async def _refuse(self, chunk: tuple[OutputStream, str], error: DataRejected) -> set[UUID]:
        self._fail(chunk[0], ResultNotStorable(f"the database refused a yielded text: {error}"))
        return set()

    async def _append(self, chunks: Sequence[tuple[OutputStream, str]]) -> set[UUID]:
        since = self._ledger.renewals
        written = await self._backend.append_output(
            [OutputChunk(stream.held.id, stream.held.token, stream.offset, text) for stream, text in chunks]
        )
        self._backend.announce_ends()
        for stream, text in chunks:
            if stream.held.id in written:
                stream.held.missed = False
                stream.offset += len(text)
                rest = "".join(stream.pending)[len(text) :]
                stream.pending = [rest] if rest else []
                if not rest:
                    stream.settled.set()
            elif self._ledger.moved(stream.held, since):
                stream.held.missed = True
                self.want(stream, urgent=True)
            else:
                self._fail(stream, StreamLost(f"task {stream.held.id} is not ours any more"))
                stream.held.stop(Reason.TAKEN)
        return written

    def _fail(self, stream: OutputStream, failure: Exception) -> None:
        stream.failure = failure
        stream.pending = []
        stream.settled.set()
