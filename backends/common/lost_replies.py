"""Work whose answer may get lost after it has taken effect, and that does not see by itself whether it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from asyncqueue.backends.common.connection import Connection, SharedConnection
from asyncqueue.errors import DatabaseUnavailable, OutcomeUnknown
from asyncqueue.model import Observation, Status

Result = TypeVar("Result")
#: What is not known of a requeue.
QUEUED = "these tasks were queued again; look at them first, since they may run twice if you repeat it"
Translate = Callable[[BaseException], Exception | None]


class Tries:
    """The tries of one piece of work.

    Args:
        translate: as `SharedConnection.run` takes it.
    """

    def __init__(self, translate: Translate) -> None:
        #: Whether one of them may have taken effect: nothing was heard of it any more.
        self.lost = False
        self._translate = translate

    async def run(
        self, shared: SharedConnection[Connection], work: Callable[[Connection], Awaitable[Result]]
    ) -> Result:
        """`SharedConnection.run`, noting what becomes of each try."""

        async def trying(connection: Connection) -> Result:
            try:
                return await work(connection)
            except BaseException as error:
                known = self._translate(error)
                # Its subclasses, such as a deadlock, are answers: nothing was done.
                self.lost |= known is None or type(known) is DatabaseUnavailable
                raise

        return await shared.run(trying, translate=self._translate)


async def once(
    shared: SharedConnection[Connection],
    work: Callable[[Connection], Awaitable[Result]],
    translate: Translate,
    *,
    what: str,
) -> Result:
    """Do what must not be done twice; again only where the server has said that it was not done.

    `what` says what is not known if the answer gets lost. Raises OutcomeUnknown then.
    """
    tries = Tries(translate)
    unknown = OutcomeUnknown(f"the database did not answer: it is not known whether {what}")

    async def first(connection: Connection) -> Result:
        if tries.lost:
            raise unknown
        return await work(connection)

    try:
        return await tries.run(shared, first)
    except DatabaseUnavailable as error:
        if tries.lost:
            raise unknown from error
        raise


def cancelled(seen: Observation) -> set[UUID]:
    """The rows that are cancelled, by a try of ours or by others."""
    return {key for key, (status, _) in seen.rows.items() if status == Status.CANCELLED}
