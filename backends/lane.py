"""One database connection, used by one caller at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

import anyio

from asyncqueue.errors import DatabaseBusy, DatabaseUnavailable, DuplicateTask, SchemaChanged

Connection = TypeVar("Connection")
Result = TypeVar("Result")


@contextmanager
def translated(translate: Callable[[BaseException], Exception | None]) -> Iterator[None]:
    """Raise asyncqueue's errors for those of a driver, on a connection that is the caller's."""
    try:
        yield
    except Exception as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


class Lane(Generic[Connection]):
    """Opens its connection when first needed and throws it away as soon as it is in doubt.

    Waiting for one's turn can be cancelled. What was begun is carried to its end behind a shield, because every
    driver leaves something behind when it is cancelled in the middle: a statement that commits unseen, an open
    transaction without an owner, a socket with half an answer in it. A deadline bounds the shield.

    Args:
        connect: opens a connection; raises whatever the driver raises.
        discard: drops one at once, without waiting for the server.
        usable: whether the driver still believes in it.
        connect_timeout: seconds to open a connection.
        statement_timeout: seconds to wait for one's turn, and again for one piece of work.
        look_again: called when the table turns out to have changed since it was looked at.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Awaitable[Connection]],
        discard: Callable[[Connection], None],
        usable: Callable[[Connection], bool],
        connect_timeout: float,
        statement_timeout: float,
        look_again: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self._connect = connect
        self._look_again = look_again
        self._discard = discard
        self._usable = usable
        self._connect_timeout = connect_timeout
        self._statement_timeout = statement_timeout
        self._turn = anyio.Lock(fast_acquire=True)
        self._connection: Connection | None = None

    async def run(
        self,
        work: Callable[[Connection], Awaitable[Result]],
        *,
        translate: Callable[[BaseException], Exception | None],
        repeat: bool = True,
        timeout: float | None = None,
    ) -> Result:
        """Do `work` with the connection and return what it returns.

        Args:
            work: one verb's statements. With `repeat` it is safe to do twice.
            translate: the asyncqueue error for a driver's error, None for one that is not the database's.
            repeat: do it once more on a new connection if a connection that had been idle turns out to be dead,
                as it is after a restart of the server; and after a deadlock.
            timeout: seconds for the work, where the usual statement timeout will not do.

        Raises:
            DatabaseUnavailable: no connection, or no turn or no answer in time.
            DatabaseError: what `translate` makes of the driver's error.
        """
        if self._turn.locked():
            await self._take_turn()
        else:
            self._turn.acquire_nowait()
        try:
            for attempt in range(_ATTEMPTS):
                idle = self._connection is not None
                try:
                    return await self._attempt(work, translate, timeout or self._statement_timeout)
                except DatabaseBusy:
                    if not repeat or attempt == _ATTEMPTS - 1:
                        raise
                    await anyio.sleep(0.01 * 2**attempt)
                except SchemaChanged:
                    raise  # the caller has to take another statement
                except DatabaseUnavailable:
                    if not (repeat and idle):
                        raise
        finally:
            self._turn.release()
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        """Drop the connection. The lane opens another when it is used again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._discard(connection)

    @property
    def busy(self) -> bool:
        """Whether somebody uses it."""
        return self._turn.locked()

    async def _take_turn(self) -> None:
        try:
            with anyio.fail_after(self._statement_timeout):
                await self._turn.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(
                f"no free connection within {self._statement_timeout:g} seconds: the database answers too slowly"
            ) from error

    async def _attempt(
        self,
        work: Callable[[Connection], Awaitable[Result]],
        translate: Callable[[BaseException], Exception | None],
        timeout: float,
    ) -> Result:
        doing = "connection"
        try:
            if self._connection is not None and not self._usable(self._connection):
                self.close()
            if self._connection is None:
                with anyio.fail_after(self._connect_timeout, shield=True):
                    self._connection = await self._connect()
            doing = "answer"
            with anyio.CancelScope(deadline=anyio.current_time() + timeout, shield=True):
                return await work(self._connection)
            raise TimeoutError
        except BaseException as error:
            if isinstance(error, DuplicateTask):
                raise  # decided by the work itself, which has undone what it did
            known = translate(error)
            if known is None and isinstance(error, TimeoutError):
                limit = self._connect_timeout if doing == "connection" else timeout
                known = DatabaseUnavailable(f"no {doing} from the database within {limit:g} seconds")
            if isinstance(known, SchemaChanged) and doing == "answer":
                await self._see_change(translate)
            elif known is None or (isinstance(known, DatabaseUnavailable) and not isinstance(known, DatabaseBusy)):
                self.close()
            if known is None:
                raise
            raise known from error

    async def _see_change(self, translate: Callable[[BaseException], Exception | None]) -> None:
        assert self._connection is not None  # noqa: S101 - it has just answered
        try:
            with anyio.fail_after(self._statement_timeout, shield=True):
                await self._look_again(self._connection)
        except Exception as error:
            self.close()
            known = translate(error)
            if known is None:
                raise
            raise known from error


class Lanes(Generic[Connection]):
    """Several connections for the same purpose. Each piece of work takes the first that is free.

    Args:
        lanes: at least one; the later ones connect only when the earlier ones are in use.
    """

    def __init__(self, lanes: Sequence[Lane[Connection]]) -> None:
        self._lanes = lanes

    async def run(
        self,
        work: Callable[[Connection], Awaitable[Result]],
        *,
        translate: Callable[[BaseException], Exception | None],
        repeat: bool = True,
        timeout: float | None = None,
    ) -> Result:
        """Do `work` on one of them; see `Lane.run`."""
        lane = next((lane for lane in self._lanes if not lane.busy), self._lanes[0])
        return await lane.run(work, translate=translate, repeat=repeat, timeout=timeout)

    def close(self) -> None:
        """Drop all of them."""
        for lane in self._lanes:
            lane.close()


_ATTEMPTS = 5
