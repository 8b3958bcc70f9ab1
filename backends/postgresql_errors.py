"""What asyncpg's errors mean to asyncqueue."""

from __future__ import annotations

import asyncpg
from asyncpg import exceptions as pg

from asyncqueue.backends.table import Table
from asyncqueue.errors import (
    ConfigurationError,
    DatabaseBusy,
    DatabaseError,
    DatabaseUnavailable,
    DataRejected,
    SchemaChanged,
)

# What each kind of error means; the first that fits counts.
_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], type[Exception], str], ...] = (
    ((pg.ClientConfigurationError,), ConfigurationError, "the database URL cannot be used"),
    (
        (pg.DeadlockDetectedError, pg.SerializationError, pg.LockNotAvailableError, pg.QueryCanceledError),
        DatabaseBusy,
        "PostgreSQL gave way to another session",
    ),
    (
        (pg.DataError, pg.IntegrityConstraintViolationError, pg._base.DataError, UnicodeEncodeError),
        DataRejected,
        "PostgreSQL refused a value",
    ),
    (
        (pg.InvalidAuthorizationSpecificationError, pg.InvalidCatalogNameError),
        DatabaseUnavailable,
        "PostgreSQL refused the connection",
    ),
    (
        (
            pg.PostgresConnectionError,
            pg.OperatorInterventionError,
            pg.InsufficientResourcesError,
            pg.InternalClientError,
            pg.InvalidCachedStatementError,
            OSError,
        ),
        DatabaseUnavailable,
        "PostgreSQL cannot be reached",
    ),
    ((asyncpg.InterfaceError,), DatabaseUnavailable, "the connection to PostgreSQL was lost"),
    (
        (
            pg.SyntaxOrAccessError,
            pg.InvalidSchemaNameError,
            pg.FeatureNotSupportedError,
            pg.InvalidTransactionStateError,
            pg.ObjectNotInPrerequisiteStateError,
            pg.PostgresSystemError,
            pg.ConfigFileError,
            pg.InternalServerError,
        ),
        DatabaseError,
        "PostgreSQL",
    ),
    # What is about no connection, no lock and no schema is about a row: what somebody's trigger raises, for one.
    ((asyncpg.PostgresError,), DataRejected, "PostgreSQL refused it"),
)
#: How the server says where an error was raised, if a function in PL/pgSQL has raised it: a trigger of the user's.
_IN_A_FUNCTION = "PL/pgSQL function"


def translate(error: BaseException, table: Table) -> Exception | None:
    """The asyncqueue error for a driver's error, None for one that is not the database's."""
    if isinstance(error, DatabaseError):
        return error
    if isinstance(error, TimeoutError):
        return None
    if isinstance(error, pg.SyntaxOrAccessError) and _IN_A_FUNCTION in (error.context or ""):
        return DataRejected(f"PostgreSQL refused it: {error} ({error.context})")
    if isinstance(error, pg.UndefinedTableError):
        return table.not_there(str(error))
    if isinstance(error, pg.UndefinedColumnError):
        return SchemaChanged(f"table {table.name!r} has changed since it was looked at: {error}")
    for kinds, meaning, text in _MEANINGS:
        if isinstance(error, kinds):
            return meaning(f"{text}: {error or type(error).__name__}")
    return None
