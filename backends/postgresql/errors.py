"""What asyncpg's errors mean to asyncqueue. The codes are PostgreSQL's SQLSTATEs."""

from __future__ import annotations

import asyncpg
from asyncpg import exceptions as pg

from asyncqueue.backends.common.table import Table
from asyncqueue.errors import (
    AccessDenied,
    ConfigurationError,
    DatabaseBusy,
    DatabaseError,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DataRejected,
)

# How PgBouncer ends a connection that begins a transaction where pool_mode is statement.
_STATEMENT_MODE = "transaction blocks not allowed in statement pooling mode"

# What each kind of error means; the first that fits counts.
_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], type[Exception], str], ...] = (
    ((pg.ClientConfigurationError,), ConfigurationError, "the database URL cannot be used"),
    (
        # 40003, the one of class 40 that is no answer: it may have been committed.
        (pg.StatementCompletionUnknownError,),
        DatabaseUnavailable,
        "PostgreSQL at {server} cannot be reached",
    ),
    (
        (
            pg.TransactionRollbackError,  # class 40: deadlock, serialization failure; nothing was done
            pg.LockNotAvailableError,  # 55P03: lock_timeout
            pg.QueryCanceledError,  # 57014: statement_timeout, or somebody has cancelled the statement
        ),
        DatabaseBusy,
        "PostgreSQL gave way to another session",
    ),
    (
        # 25006: a standby, or a primary that is not to be written to any more. A new connection may lead elsewhere.
        (pg.ReadOnlySQLTransactionError,),
        DatabaseReadOnly,
        "PostgreSQL is read only here, another server may have become the primary",
    ),
    (
        (pg.DataError, pg.IntegrityConstraintViolationError, pg._base.DataError, UnicodeEncodeError),
        DataRejected,
        "PostgreSQL refused a value",
    ),
    (
        (pg.InvalidAuthorizationSpecificationError, pg.InvalidCatalogNameError),  # class 28, 3D000
        AccessDenied,
        "PostgreSQL at {server} refused the connection",
    ),
    (
        (
            pg.PostgresConnectionError,  # class 08: the connection is lost, or speaks another protocol
            pg.OperatorInterventionError,  # class 57: shutting down, crashed, starting, database dropped, idle too long
            pg.IdleInTransactionSessionTimeoutError,  # 25P03: the server has ended the session
            pg.TransactionTimeoutError,  # 25P04: likewise
            pg.InsufficientResourcesError,  # class 53: disk full, out of memory, too many connections
            pg.PostgresSystemError,  # class 58: the server cannot read or write its files
            pg.InvalidCachedStatementError,  # a statement was planned for the table as it was
            pg.InternalClientError,  # asyncpg is at odds with itself: nothing on this connection can be trusted
            OSError,
        ),
        DatabaseUnavailable,
        "PostgreSQL at {server} cannot be reached",
    ),
    ((asyncpg.InterfaceError,), DatabaseUnavailable, "the connection to PostgreSQL at {server} was lost"),
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
#: How the server says where an error was raised, if that was inside a function: a trigger of the user's, in PL/pgSQL,
#: PL/Python, PL/Perl or PL/Tcl. The rest of the line may be in another language.
_IN_A_FUNCTION = "PL/"
_BY_THE_FUNCTION = "RAISE"
#: What another session causes, whichever function runs meanwhile; and a plan that is out of date.
_WHEREVER = (
    pg.SerializationError,
    pg.DeadlockDetectedError,
    pg.LockNotAvailableError,
    pg.QueryCanceledError,
    pg.InvalidCachedStatementError,
)
#: What the server may lack while a function runs: it is the function's word only where that raises it.
_RESOURCES = (pg.InsufficientResourcesError, pg.PostgresSystemError)


def translate(error: BaseException, table: Table, server: str) -> Exception | None:
    """The asyncqueue error for a driver's error, None for one that is not the database's. `server` names the server."""
    if isinstance(error, DatabaseError):
        return error
    if isinstance(error, TimeoutError):
        return None
    if isinstance(error, asyncpg.PostgresError) and (found := _of_a_function(error)) is not None:
        return found
    if isinstance(error, pg.UndefinedTableError):
        return table.not_there(str(error))
    if isinstance(error, pg.UndefinedColumnError):
        return table.changed(str(error))
    if isinstance(error, pg.PostgresConnectionError) and _STATEMENT_MODE in str(error):
        return ConfigurationError(
            "this PgBouncer pools statements (pool_mode = statement), and asyncqueue needs transactions: set "
            "pool_mode = transaction, with statement_cache_size=0 in the database URL, or pool_mode = session"
        )
    if isinstance(error, pg.InvalidSQLStatementNameError | pg.DuplicatePreparedStatementError):  # 26000, 42P05
        # Without asyncpg's own advice, which is for those who call it themselves.
        return DatabaseError(
            f"{str(error).splitlines()[0]}: the server's side of this connection changes, as behind a PgBouncer that "
            "pools transactions: add statement_cache_size=0 to the database URL, or let PgBouncer (1.21 or later) "
            "follow prepared statements (max_prepared_statements)"
        )
    for kinds, meaning, text in _MEANINGS:
        if isinstance(error, kinds):
            return meaning(f"{text.format(server=server)}: {error or type(error).__name__}")
    return None


def _of_a_function(error: asyncpg.PostgresError) -> Exception | None:
    """What it means that a function has failed, somebody's trigger perhaps: the connection is as good as before.

    None where the error is about the connection, or would be the same outside of the function.
    """
    context = error.context or ""
    if _IN_A_FUNCTION not in context or error.severity_en in ("FATAL", "PANIC") or isinstance(error, _WHEREVER):
        return None
    if isinstance(error, _RESOURCES) and _BY_THE_FUNCTION not in context:
        # The server's, or only what this trigger needs for this row. Other rows are written meanwhile.
        return DatabaseBusy(f"PostgreSQL lacks something inside of a function: {error} ({context})")
    return DataRejected(f"PostgreSQL refused it: {error} ({context})")
