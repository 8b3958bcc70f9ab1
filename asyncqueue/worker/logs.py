"""Writes what running tasks print and log into their rows, so that a long task can be read while it runs.

Quick tasks cost nothing here: the end of a run writes the whole log in any case. A task is followed once it has been
seen twice, a second apart, with something in its log; from then on what is new is written a few times a second, for all
of them together. What a cancelled task has left, its clean-up included, is written when its run is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from uuid import UUID

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseBusy, DataRejected
from asyncqueue.model import LogChunk, Status
from asyncqueue.running.capture import Capture
from asyncqueue.running.texts import escaped
from asyncqueue.worker.ledger import HeldClaim, Ledger
from asyncqueue.worker.narrowing import narrowed
from asyncqueue.worker.signal import Signal

#: Seconds between two looks for tasks to follow.
_LOOK = 1.0
#: Seconds between two writes of what is new.
_PAUSE = 0.25
#: The database writes a column anew whenever something is added. So a log larger than this many bytes is written when
#: it has grown by a sixteenth, or after so many seconds.
_LARGE = 64 * 1024
_PATIENCE = 5.0
#: Seconds until a row is tried again that another session had locked.
_LOCKED = 1.0
#: The last character that every column holds.
_ASCII = 0x7F
#: Rows in one statement.
_BATCH = 500


class _Followed:
    """The log of one running task, and how much of it is written."""

    def __init__(self, held: HeldClaim, capture: Capture) -> None:
        self.held = held
        #: Characters that are written.
        self.offset = 0
        self._capture = capture
        self._parts = self._size = 0
        self._at = 0.0
        #: The database has refused some of it; the end of the run finds out what to do.
        self.refused = False
        #: Until when it is left alone, because another session has locked its row.
        self.locked_until = 0.0

    def due(self, now: float) -> bool:
        """Whether something is to be written now."""
        if self._capture.parts == self._parts or self.refused or self.held.reason is not None:
            return False
        if now < self.locked_until:
            return False
        size = self._capture.size
        return size < _LARGE or (size - self._size) * 16 > size or now - self._at > _PATIENCE

    def take(self) -> tuple[LogChunk, int, int]:
        """What is new, with what `written` is to be told."""
        parts, size = self._capture.parts, self._capture.size
        return _chunk(self.held, self.offset, self._capture.between(self._parts, parts)), parts, size

    def written(self, chunk: LogChunk, parts: int, size: int) -> None:
        self.offset += len(chunk.text)
        self._parts, self._size, self._at = parts, size, time.monotonic()


def _chunk(held: HeldClaim, offset: int, text: str) -> LogChunk:
    return LogChunk(held.id, held.token, held.claimed.token, offset, text)


class Logs:
    """The loop that writes logs.

    Args:
        running: gives the claims whose tasks run now.
    """

    def __init__(self, backend: Backend, ledger: Ledger, running: Callable[[], Iterable[HeldClaim]]) -> None:
        self._backend = backend
        self._ledger = ledger
        self._running = running
        self._looked = 0.0
        self._talking: set[HeldClaim] = set()
        self._followed: dict[HeldClaim, _Followed] = {}
        #: What is left of tasks that may have been cancelled: how much is written, and all of it.
        self._last: dict[HeldClaim, tuple[int, str]] = {}
        self._news = Signal()
        self._idle = Signal()

    def end(self, held: HeldClaim, text: str | None) -> None:
        """Write what a task has logged whose end is not written, because it was cancelled or taken away.

        If it turns out to be somebody else's by now, nothing is written.
        """
        followed = self._followed.pop(held, None)
        if text:
            self._last[held] = (followed.offset if followed else 0, text)
            self._news.set()

    async def wait_written(self) -> None:
        """Return when the logs of all tasks that have ended are written."""
        while self._last:
            await self._idle.wait()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            with anyio.move_on_after(_PAUSE if self._followed else _LOOK):
                await self._news.wait()
            if self._backend.shape is not None and not self._backend.shape.errors:
                self._last.clear()  # there is no column for it
            else:
                await self._write_last()
                await self._write(self._due())
            if not self._last:
                self._idle.set()

    def _due(self) -> list[_Followed]:
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            self._looked = now
            talking = {held for held in self._running() if held.run is not None and held.run.capture.parts}
            for held in talking & self._talking - self._followed.keys():
                if held.run is not None:
                    self._followed[held] = _Followed(held, held.run.capture)
            self._talking = talking
        for held in [held for held in self._followed if held.run is None]:
            del self._followed[held]
        return [each for each in self._followed.values() if each.due(now)]

    async def _write(self, due: Iterable[_Followed]) -> None:
        remaining = iter(due)
        while some := list(islice(remaining, _BATCH)):
            await self._ledger.settle(each.held for each in some)
            since = self._ledger.renewals
            taken = [(each, *each.take()) for each in some]
            written, refused, stuck = await self._append([chunk for _, chunk, _, _ in taken])
            locked = stuck | await self._locked(chunk for _, chunk, _, _ in taken if chunk.id not in written)
            for each, chunk, parts, size in taken:
                if chunk.id in written:
                    each.held.missed = False
                    each.written(chunk, parts, size)
                elif chunk in refused:
                    each.refused = True
                elif chunk.id in locked:
                    each.locked_until = time.monotonic() + _LOCKED
                elif self._ledger.moved(each.held, since):
                    each.held.missed = True
                else:
                    # It is not ours any more, as the heartbeat will tell. If it is, the next look begins anew.
                    self._followed.pop(each.held, None)

    async def _write_last(self) -> None:
        remaining = iter(list(self._last.items()))
        while last := dict(islice(remaining, _BATCH)):
            seen = await self._backend.observe([held.id for held in last])
            chunks = []
            for held, (offset, text) in last.items():
                status, modified = seen.rows.get(held.id, (None, None))
                if status == Status.CANCELLED and modified is not None and text[offset:]:
                    chunks.append(_chunk(held, offset, text[offset:])._replace(token=modified))
            written, refused, stuck = await self._append(chunks)
            missing = [chunk for chunk in chunks if chunk.id not in written | stuck and chunk not in refused]
            locked = stuck | await self._locked(missing)
            # Once more, because a lock may be gone by now. Where it is none, that writes the same or nothing.
            await self._append([chunk for chunk in missing if chunk.id not in locked])
            if refused:
                whole = {held.id: text for held, (_, text) in last.items()}
                await self._append(
                    [chunk._replace(offset=0, text=escaped(whole[chunk.id], _ASCII)) for chunk in refused]
                )
            for held in last:
                if held.id not in locked:  # else it has its turn with the next ones
                    del self._last[held]

    async def _locked(self, chunks: Iterable[LogChunk]) -> set[UUID]:
        """Which of these were not written because other sessions have locked their rows."""
        ids = [chunk.id for chunk in chunks]
        return await self._backend.locked(ids) if ids else set()

    async def _append(self, chunks: Sequence[LogChunk]) -> tuple[set[UUID], list[LogChunk], set[UUID]]:
        """Write these. Returns the ids of those that were, what the database has refused, and what waits in vain."""
        refused: list[LogChunk] = []
        stuck: set[UUID] = set()

        async def refuse(chunk: LogChunk, _error: DataRejected) -> set[UUID]:
            refused.append(chunk)
            return set()

        async def waits(chunk: LogChunk, _error: DatabaseBusy) -> set[UUID]:
            stuck.add(chunk.id)
            return set()

        return await narrowed(chunks, self._backend.append_log, refuse, stuck=waits), refused, stuck
