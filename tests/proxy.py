"""A TCP proxy that can cut connections, stall them, and swallow replies, between a test's client and its server."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Forwards a loopback port to the server of a URL.

    Attributes:
        url: the same database by way of the proxy.
        stalled: nothing passes in either direction, and nothing is closed: a half-open connection.
        stall_after: `stalled` from the next request on that holds these bytes, which still passes.
        deaf: requests pass, replies do not; and with the first reply swallowed the connection is cut.
        deaf_after: `deaf` for one reply, the one to the next request that holds these bytes.
        refusing: new connections are closed at once.
        refused: how many were.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = url
        self.stalled = False
        self.stall_after: bytes | None = None
        self.deaf = False
        self.deaf_after: bytes | None = None
        self._hang_up = False
        self.refusing = False
        self.refused = 0
        self.swallowed = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user = f"{self._target.username}@" if self._target.username else ""
        self.url = urlunsplit(self._target._replace(netloc=f"{user}127.0.0.1:{port}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Cut every connection, without a good-bye."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            self.refused += 1
            writer.transport.abort()
            return
        assert self._target.hostname is not None
        there_reader, there_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, there_writer}
        for source, sink, replies in ((reader, there_writer, False), (there_reader, writer, True)):
            task = asyncio.create_task(self._pump(source, sink, replies))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, replies: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                while self.stalled:
                    await asyncio.sleep(0.01)
                if not replies and self.deaf_after and self.deaf_after in data:
                    self.deaf_after = None
                    self._hang_up = True
                if replies and (self.deaf or self._hang_up):
                    self._hang_up = False
                    self.swallowed += 1
                    # What the client had asked for has taken effect; it never hears of it.
                    sink.transport.abort()
                    break
                if not replies and self.stall_after and self.stall_after in data:
                    self.stall_after = None
                    self.stalled = True
                sink.write(data)
                await sink.drain()
        sink.close()
