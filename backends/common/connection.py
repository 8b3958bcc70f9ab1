"""One database connection, used by one caller at a time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Generic, TypeVar

import anyio

from asyncqueue.backends.common.shielding import Deadline, carried
from asyncqueue.backends.common.turns import Turns
from asyncqueue.errors import DatabaseBusy, DatabaseUnavailable, DuplicateTask, QueueClosed, SchemaChanged

Connection = TypeVar("Connection")
Result = TypeVar("Result")
#: The asyncqueue error for a driver's error, None for one that is not the database's.
Translate = Callable[[BaseException], Exception | None]


@contextmanager
def translated(translate: Translate) -> Iterator[None]:
    """Raise asyncqueue's errors for those of a driver, on a connection that is the caller's."""
    try:
        yield
    except Exception as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


class SharedConnection(Generic[Connection]):
    """Opens its connection when first needed and drops it as soon as it is in doubt.

    A caller that waits for its turn may be cancelled. Work that has begun goes on to its end in an asyncio task of its
    own (see `carried`), because every driver leaves something behind when it is cancelled in the middle: a statement
    that commits unseen, an open transaction without an owner, a socket with half an answer in it. Until the work has
    ended nobody else gets the connection. A deadline bounds it.

    Args:
        connect: opens a connection; raises whatever the driver raises.
        discard: drops one at once, without waiting for the server.
        give_up: drops one whose server has not answered in time; as `discard` where it is left out.
        usable: whether the driver still believes in it.
        connect_timeout: seconds to open a connection.
        statement_timeout: seconds to wait for one's turn, and again for one piece of work.
        refresh: called when the table turns out to have changed since its shape was read.
        server: what it connects to, to say so in an error.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Awaitable[Connection]],
        discard: Callable[[Connection], None],
        usable: Callable[[Connection], bool],
        connect_timeout: float,
        statement_timeout: float,
        refresh: Callable[[Connection], Awaitable[None]],
        give_up: Callable[[Connection], None] | None = None,
        server: str = "the database",
    ) -> None:
        #: What it connects to, for people.
        self.server = server
        self._connect = connect
        self._give_up = give_up or discard
        self._refresh = refresh
        self._discard = discard
        self._usable = usable
        self._connect_timeout = connect_timeout
        self.statement_timeout = statement_timeout
        self._turns: Turns[SharedConnection[Connection]] = Turns([self])
        self._connection: Connection | None = None
        self._closed = False
        self._outdated = False
        self._hurried = False

    async def run(
        self,
        work: Callable[[Connection], Awaitable[Result]],
        *,
        translate: Translate,
        repeat: bool = True,
        timeout: float | None = None,
    ) -> Result:
        """Do `work` with the connection and return what it returns.

        Args:
            work: one verb's statements. With `repeat` it is safe to do twice.
            translate: the asyncqueue error for a driver's error, None for one that is not the database's.
            repeat: do it again after a deadlock, and once more on a new connection if a connection that had been
                idle turns out to be dead, as it is after a restart of the server.
            timeout: seconds for the work, where the usual statement timeout will not do.

        Raises:
            DatabaseUnavailable: no connection, or no turn or no answer in time.
            DatabaseError: what `translate` makes of the driver's error.
            QueueClosed: after `close`.
        """
        return await _in_turn(self._turns, self.statement_timeout, work, translate, repeat, timeout)

    def open(self) -> None:
        """Let the connection be used again after `close`."""
        self._closed = False

    def hurry(self, seconds: float) -> None:
        """From now on wait no longer than this for one's turn, and again for one piece of work.

        A connection that is open already is replaced, because its session was set up for another deadline. What has
        waited for somebody's lock for long is not done again: others wait for their turn.
        """
        self._outdated |= seconds != self.statement_timeout
        self.statement_timeout = seconds
        self._hurried = True

    def close(self) -> None:
        """Drop the connection. Work under way fails, and so does what comes after."""
        self._closed = True
        self._drop()

    async def work(
        self,
        work: Callable[[Connection], Awaitable[Result]],
        translate: Translate,
        timeout: float,
        *,
        repeat: bool,
    ) -> Result:
        """Do `work`, again where that may help. For `run` only, which has taken the turn."""
        busy = 0
        give_up_at = time.monotonic() + (timeout * _SHARE_FOR_LOCKS if self._hurried else inf)
        while True:
            idle = self._connection is not None
            try:
                return await self._attempt(work, translate, timeout)
            except DatabaseBusy:
                busy += 1
                # A deadlock is found at once. A lock that a worker has waited for is not waited for again.
                if not repeat or busy == _ATTEMPTS or time.monotonic() >= give_up_at:
                    raise
                await anyio.sleep(0.005 * 2**busy)
            except SchemaChanged:
                raise  # the caller has to take another statement
            except DatabaseUnavailable:
                # The connection is dropped by now. What fails on a new one as well is no matter of idleness.
                if not (repeat and idle):
                    raise

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._give_up(connection)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._discard(connection)

    async def _attempt(
        self,
        work: Callable[[Connection], Awaitable[Result]],
        translate: Translate,
        timeout: float,
    ) -> Result:
        doing = "connection"
        try:
            if self._connection is not None and (self._outdated or not self._usable(self._connection)):
                self._drop()
            self._outdated = False
            if self._connection is None:
                await self._open_connection()
            doing = "answer"
            assert self._connection is not None  # noqa: S101 - opened just now
            with Deadline(timeout, self._let_go):
                return await work(self._connection)
        except BaseException as error:
            if isinstance(error, DuplicateTask | QueueClosed):
                raise  # decided by the work itself, which has undone what it did; or nothing was done
            known = translate(error)
            if known is None and isinstance(error, TimeoutError):
                limit = self._connect_timeout if doing == "connection" else timeout
                known = DatabaseUnavailable(f"no {doing} from {self.server} within {limit:g} seconds")
            if isinstance(known, SchemaChanged) and doing == "answer":
                await self._see_change(translate)
            elif known is None or (isinstance(known, DatabaseUnavailable) and not isinstance(known, DatabaseBusy)):
                self._drop()
            if self._closed and isinstance(known, DatabaseUnavailable):
                raise QueueClosed("the queue was closed: it is not known whether this was done") from error
            if known is None:
                raise
            raise known from error

    async def _open_connection(self) -> None:
        self._check_open()
        with anyio.fail_after(self._connect_timeout):
            connection = await self._connect()
        try:
            self._check_open()
        except QueueClosed:
            self._discard(connection)
            raise
        self._connection = connection

    def _check_open(self) -> None:
        if self._closed:
            raise QueueClosed("the queue is closed")

    async def _see_change(self, translate: Translate) -> None:
        assert self._connection is not None  # noqa: S101 - it has just answered
        try:
            with anyio.fail_after(self.statement_timeout):
                await self._refresh(self._connection)
        except Exception as error:
            self._drop()
            known = translate(error)
            if known is None:
                raise
            raise known from error


class ConnectionGroup(Generic[Connection]):
    """Several connections for the same purpose. Each piece of work takes the first that is or becomes free.

    Args:
        connections: at least one, used in no other way; the later ones connect only when the earlier ones are in use.
    """

    def __init__(self, connections: Sequence[SharedConnection[Connection]]) -> None:
        self._connections = connections
        self._turns = Turns(connections)

    async def run(
        self,
        work: Callable[[Connection], Awaitable[Result]],
        *,
        translate: Translate,
        repeat: bool = True,
        timeout: float | None = None,
    ) -> Result:
        """Do `work` on one of them; see `SharedConnection.run`."""
        return await _in_turn(self._turns, self._connections[0].statement_timeout, work, translate, repeat, timeout)

    def open(self) -> None:
        """Let them be used again after `close`."""
        for shared in self._connections:
            shared.open()

    def hurry(self, seconds: float) -> None:
        """See `SharedConnection.hurry`."""
        for shared in self._connections:
            shared.hurry(seconds)

    def close(self) -> None:
        """Drop all of them."""
        for shared in self._connections:
            shared.close()


async def _in_turn(
    turns: Turns[SharedConnection[Connection]],
    patience: float,
    work: Callable[[Connection], Awaitable[Result]],
    translate: Translate,
    repeat: bool,
    timeout: float | None,
) -> Result:
    """Do `work` on the first connection that is free: the caller waits for its turn, the work itself ends the turn."""
    turn = turns.take()
    if turn is None:
        try:
            with anyio.fail_after(patience):
                turn = await turns.wait()
        except TimeoutError as error:
            raise DatabaseUnavailable(
                f"no free connection within {patience:g} seconds: the database answers too slowly"
            ) from error
    shared = turns[turn]
    working = shared.work(work, translate, timeout or patience, repeat=repeat)
    return await carried(working, on_end=lambda: turns.give_back(turn))


_ATTEMPTS = 5
# What part of the deadline may have passed when work is done again because somebody's lock was in the way.
_SHARE_FOR_LOCKS = 0.4
