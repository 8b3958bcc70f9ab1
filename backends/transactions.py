"""What a caller is told whose connection has no transaction for the rows to belong to."""

from __future__ import annotations

from asyncqueue.errors import ConfigurationError


def no_transaction(how: str) -> ConfigurationError:
    """The error for `connection=` where the row would be committed by itself; `how` begins a transaction there."""
    return ConfigurationError(
        "connection= is in no transaction: the task would be committed at once, whatever becomes of what you do next. "
        f"Begin a transaction first ({how}). SQLAlchemy begins one with the first statement only: call "
        "`await session.flush()` or execute a statement before you ask it for the driver's connection. To commit the "
        "task by itself, leave connection= out"
    )
