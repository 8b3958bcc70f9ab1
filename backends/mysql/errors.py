"""What aiomysql's errors mean to asyncqueue. The numbers are the servers' own."""

from __future__ import annotations

from pymysql import err

from asyncqueue.backends.common.table import Table
from asyncqueue.errors import (
    AccessDenied,
    DatabaseBusy,
    DatabaseError,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DataRejected,
    SchemaError,
    UnsupportedServer,
)

#: What a server is told that cannot be served as it is.
STATEMENT_LOG = (
    "the server's binlog_format is STATEMENT, and InnoDB cannot log READ COMMITTED transactions in that way, which "
    "asyncqueue needs: set binlog_format = ROW (MySQL's default) or MIXED (MariaDB's)"
)

# Deadlock, lock wait timeout, row changed under a snapshot, statement killed or timed out, commit refused by a cluster.
_BUSY = {1020, 1205, 1213, 1317, 1969, 3024, 3101, 3572}
_DATABASE = {
    *(1142, 1143, 1227, 1410),  # a right that the user lacks
    *(1046, 1051, 1064, 1109, 1149, 1193, 1221, 1235, 1295, 1305, 1356),  # a statement or its objects
    *(1015, 1016, 1017, 1023, 1024, 1025, 1026, 1030, 1034, 1035, 1194, 1195, 1812, 1815),  # files that cannot be read
    *(1050, 1060, 1061, 1068, 1069, 1070, 1071, 1091, 1118, 1846, 1845),  # changes of the schema
}
_CHANGED = {1054, 1176}  # column or index unknown
_MISSING = 1146
# A right to a table or a column that is lacking: a statement of ours raises it only for our tables.
_DENIED = {1142, 1143}
_NO_ROUTINE = 1305
#: A table that is full, which the message names.
_FULL = 1114
# So begins what the servers say of a routine; asyncqueue has none. Of savepoints they speak by the same number.
_ROUTINES = ("FUNCTION ", "PROCEDURE ")
_STATEMENT_LOG = 1665
_ROW_TOO_SMALL = 1709
_REFUSED = {1044, 1045, 1049, 1129, 1130, 1251, 1524, 1698, 1820, 1862, 2054, 2059, 3118, 3159, 4151}
_INSECURE = 3159
_AWAY = {
    *(1021, 1026, 1030, 1037, 1038, 1041, 1114, 1135, 1206),  # out of disk, memory, threads or locks; files fail
    *(1040, 1203, 1226),  # too many connections
    *(1053, 1079, 1927, 3032, 3168, 3169, 4031),  # shutting down, connection killed, offline
    *(1047, 1180),  # a cluster that is not ready, or fails in the middle of a commit
    *(1042, 1043, 1152, 1158, 1159, 1160, 1161, 1184),  # broken connection
}
_READ_ONLY = {1290, 1792, 1836}  # another server has become the primary
_CLIENT = range(2000, 3000)  # found by the client: no connection, or lost


def translate(error: BaseException, table: Table, server: str) -> Exception | None:
    """The asyncqueue error for a driver's error, None for one that is not the database's. `server` names the server."""
    if isinstance(error, DatabaseError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return DataRejected(f"a text cannot be stored: {error}")
    if isinstance(error, err.InterfaceError) or (isinstance(error, OSError) and not isinstance(error, TimeoutError)):
        return DatabaseUnavailable(
            f"the connection to the database at {server} was lost: {error or type(error).__name__}"
        )
    if not isinstance(error, err.Error):
        return None
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = f"{error.args[1]} (error {number})" if len(error.args) > 1 else str(error)
    if number == _STATEMENT_LOG:
        return UnsupportedServer(STATEMENT_LOG)
    if number == _ROW_TOO_SMALL:
        return SchemaError(
            f"table {table.name!r} has an old row format, in which no index as long as asyncqueue's has room: "
            f"ALTER TABLE {table.name} ROW_FORMAT = DYNAMIC ({text})"
        )
    if number == _MISSING:
        return table.not_there(text)
    if number in _CHANGED:
        return table.changed(text)
    return _of_a_trigger(number, text, table) or _connection_error(error, number, text, server)


def _of_a_trigger(number: int, text: str, table: Table) -> Exception | None:
    """What it means that somebody's trigger has failed, where the message says that it was one."""
    if (number in _DENIED and not table.is_about_us(text)) or (number == _NO_ROUTINE and text.startswith(_ROUTINES)):
        return DataRejected(f"somebody's trigger on {table.name!r} cannot do its work: {text}")
    if number == _FULL and not table.is_about_us(text):
        # As of a table in memory. It may be this row's alone: others are written meanwhile.
        return DatabaseBusy(f"somebody's trigger on {table.name!r} has to wait: {text}")
    return None


def _connection_error(error: err.Error, number: int, text: str, server: str) -> Exception:
    if number in _BUSY:
        return DatabaseBusy(f"the database gave way to another session: {text}")
    if number in _REFUSED:
        remedy = "; add ssl=required to the database URL" if number == _INSECURE else ""
        return AccessDenied(f"the database at {server} refused the connection: {text}{remedy}")
    if number in _READ_ONLY:
        return DatabaseReadOnly(f"the database is read only here, another server may have become the primary: {text}")
    # A driver error without a number is about its own protocol: nothing on that connection can be trusted.
    if number in _AWAY or number in _CLIENT or number == 0:
        cause = f": {error.__cause__}" if error.__cause__ else ""
        return DatabaseUnavailable(f"the database at {server} cannot be reached: {text}{cause}")
    if number in _DATABASE:
        return DatabaseError(f"the database reports: {text}")
    # What is about no connection, no lock and no schema is about a row: a value, or what somebody's trigger raises.
    return DataRejected(f"the database refused a value: {text}")
