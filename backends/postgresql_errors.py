"""What asyncpg's errors mean to asyncqueue."""

from __future__ import annotations

import asyncpg
from asyncpg import exceptions as pg

from asyncqueue.backends.table import Table
from asyncqueue.errors import DatabaseBusy, DatabaseError, DatabaseUnavailable, DataRejected, SchemaError

_BUSY = (pg.DeadlockDetectedError, pg.SerializationError, pg.LockNotAvailableError, pg.QueryCanceledError)
_REJECTED = (pg.DataError, pg.IntegrityConstraintViolationError, asyncpg.exceptions._base.DataError)
_AWAY = (
    pg.PostgresConnectionError,
    pg.OperatorInterventionError,
    pg.InsufficientResourcesError,
    pg.InternalClientError,
    pg.InvalidCachedStatementError,
    OSError,
)
_REFUSED = (pg.InvalidAuthorizationSpecificationError, pg.InvalidCatalogNameError)


def translate(error: BaseException, table: Table) -> Exception | None:
    """The asyncqueue error for a driver's error, None for one that is not the database's."""
    if isinstance(error, DatabaseError | TimeoutError):
        return error if isinstance(error, DatabaseError) else None
    if isinstance(error, _BUSY):
        return DatabaseBusy(f"PostgreSQL gave way to another session: {error}")
    if isinstance(error, _REJECTED):
        return DataRejected(f"PostgreSQL refused a value: {error}")
    if isinstance(error, pg.UndefinedTableError):
        return table.missing_error()
    if isinstance(error, pg.UndefinedColumnError):
        return SchemaError(f"table {table.name!r} has changed since it was looked at: {error}. Start again.")
    if isinstance(error, _REFUSED):
        return DatabaseUnavailable(f"PostgreSQL refused the connection: {error}")
    if isinstance(error, _AWAY):
        return DatabaseUnavailable(f"PostgreSQL cannot be reached: {error or type(error).__name__}")
    if isinstance(error, asyncpg.InterfaceError):
        return DatabaseUnavailable(f"the connection to PostgreSQL was lost: {error}")
    if isinstance(error, asyncpg.PostgresError):
        return DatabaseError(f"PostgreSQL: {error}")
    return None
