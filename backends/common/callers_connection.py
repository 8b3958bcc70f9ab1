"""What a caller is told whose connection cannot hold the rows: it is closed, in no transaction, or may not write."""

from __future__ import annotations

from collections.abc import Callable

from asyncqueue.errors import ConfigurationError, DatabaseReadOnly

#: How to reach the driver's connection from what SQLAlchemy gives.
SQLALCHEMY = (
    "SQLAlchemy's session has the driver's connection: `await session.flush()`, then "
    "`raw = await (await session.connection()).get_raw_connection()`, and connection=raw.driver_connection"
)


def no_transaction(how: str) -> ConfigurationError:
    """The error for `connection=` where the row would be committed by itself; `how` begins a transaction there."""
    return ConfigurationError(
        "connection= is in no transaction: the task would be committed at once, whatever becomes of what you do next. "
        f"Begin a transaction first ({how}). SQLAlchemy begins one with the first statement only: call "
        "`await session.flush()` or execute a statement before you ask it for the driver's connection. To commit the "
        "task by itself, leave connection= out"
    )


def closed() -> ConfigurationError:
    """The error for `connection=` that is not open."""
    return ConfigurationError(
        "connection= is not open: it was closed or given back to its pool, the server has ended it, or it was never "
        "opened. Nothing was enqueued. Enqueue before the connection is closed, or open another one, begin a "
        "transaction there and repeat all of it"
    )


def for_callers(
    translate: Callable[[BaseException], Exception | None],
) -> Callable[[BaseException], Exception | None]:
    """`translate` for errors on a connection of the caller's, who alone can do something about that."""

    def translated(error: BaseException) -> Exception | None:
        known = translate(error)
        if isinstance(known, DatabaseReadOnly):
            return DatabaseReadOnly(
                "connection= may not write: its transaction was begun read only, or its session or its server takes no "
                "writes, as a standby does. Nothing was enqueued. Begin a transaction that may write, on the primary "
                f"({error})"
            )
        return known

    return translated
