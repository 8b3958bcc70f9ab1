"""Database URLs: understood as other tools write them, shown without passwords, with paths that stay what they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from asyncqueue.errors import ConfigurationError

#: What a URL may begin with, as libpq, SQLAlchemy, Django (dj-database-url) and providers write it.
_DIALECTS = {
    **dict.fromkeys(("postgresql", "postgres", "pgsql", "postgis", "timescale", "timescalegis"), "postgresql"),
    **dict.fromkeys(("mysql", "mysqlgis", "mysql-connector", "mariadb"), "mysql"),
    **dict.fromkeys(("sqlite", "sqlite3", "spatialite"), "sqlite"),
}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
#: What ends the hosts.
_END = re.compile(r"[/?#]")
#: Parameters of a query that are secrets.
_SECRETS = re.compile(r"([?&](?:[^=&#]*(?:passw(?:or)?d|secret|token)[^=&#]*|pwd)=)[^&#]*", re.IGNORECASE)
#: Characters of a user or password that stay: Python and the drivers stumble over the others, a bracket for one.
_PLAIN = "!$%&'()*+,-.:;<=>^_`{|}~\"\\"
_HINT = (
    "the user or password in the database URL seems to hold a character that must be escaped there: write %40 for @, "
    "%2F for /, %3A for :, %3F for ?, %23 for # and %25 for %"
)


def dialect_of(url: str) -> str:
    """postgresql, mysql or sqlite. A driver's name, as in `postgresql+asyncpg://`, is passed over.

    Raises ConfigurationError for any other database.
    """
    if not url.strip():
        raise ConfigurationError(
            "the database URL is empty: give one, or unset ASYNCQUEUE_DATABASE_URL (or what else sets it) to do without"
        )
    scheme = _scheme(url)
    dialect = _DIALECTS.get(scheme.lower().partition("+")[0])
    if dialect is None or not url[len(scheme) :].startswith("://"):
        start = f"starts with {scheme}://" if url[len(scheme) :].startswith("://") else "has no scheme"
        raise ConfigurationError(
            f"the database URL {start}; asyncqueue knows postgresql://, mysql://, mariadb:// and sqlite:///, also with "
            "a driver's name as SQLAlchemy writes it (postgresql+asyncpg://)"
        )
    return dialect


def understood(url: str) -> str:
    """The same URL with its dialect for a scheme, and its user and password escaped, as far as they are not.

    Raises ConfigurationError for a database that asyncqueue does not serve, and for a password that cannot be told
    from what follows it.
    """
    dialect = dialect_of(url)
    rest = url[len(_scheme(url)) :]
    if dialect == "sqlite":
        return dialect + rest
    netloc = _END.split(rest[len("://") :], maxsplit=1)[0]
    behind = rest[len("://") + len(netloc) :]
    credentials, at, hosts = netloc.rpartition("@")
    if not at and "@" in behind and _strange(hosts, behind):
        raise ConfigurationError(_HINT)
    return f"{dialect}://{quote(credentials, _PLAIN, errors='surrogateescape')}{at}{hosts}{behind}"


class Parts(NamedTuple):
    """The parts of a URL, each as it stands there."""

    credentials: str
    hosts: str
    path: str
    query: str


def split(url: str) -> Parts:
    """Take a URL apart that is `understood`; unlike urlsplit of Python with several hosts, also of IPv6."""
    rest = url.partition("://")[2].partition("#")[0]
    netloc = _END.split(rest, maxsplit=1)[0]
    path, _, query = rest[len(netloc) :].partition("?")
    credentials, _, hosts = netloc.rpartition("@")
    return Parts(credentials, hosts, path, query)


def redacted(url: str) -> str:
    """The URL with its passwords hidden, for people to read; also where it is malformed."""
    url = _SECRETS.sub(r"\1***", url)
    scheme, found, rest = url.partition("://")
    if not found or _DIALECTS.get(scheme.lower().partition("+")[0]) == "sqlite":
        return url
    base, mark, query = rest.partition("?")
    if "@" not in base and ":" in base and not base.partition(":")[2].partition("/")[0].isdecimal():
        base, mark, query = rest, "", ""  # an unescaped password: whatever stands before the last @ may be part of it
    credentials, at, location = base.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return scheme + found + (f"{user}:***@{location}" if colon else credentials + at + location) + mark + query


def anchored(url: str, folder: Path) -> str:
    """The URL, with a relative path of a SQLite file as one of this folder."""
    scheme, found, path = url.partition(":///")
    if not found or _DIALECTS.get(scheme.lower().partition("+")[0]) != "sqlite":
        return url
    if not path or path.startswith(("/", ":memory:")):
        return url
    return f"{scheme}:///{quote(str(folder))}/{path}"


def file_of(url: str) -> str:
    """The file of a SQLite URL, as an absolute path, to name it to people; of another URL what `redacted` makes."""
    scheme, found, path = url.partition(":///")
    if not found or not path or _DIALECTS.get(scheme.lower().partition("+")[0]) != "sqlite":
        return redacted(url)
    return str(Path(unquote(path)).absolute())


def is_memory(url: str) -> bool:
    """Whether it means a SQLite database in memory, which one connection has for itself."""
    scheme, _, path = url.partition("://")
    return _DIALECTS.get(scheme.lower().partition("+")[0]) == "sqlite" and path in ("", "/", "/:memory:")


def _scheme(url: str) -> str:
    found = _SCHEME.match(url)
    return found.group() if found else ""


def _strange(hosts: str, behind: str) -> bool:
    """Whether a host cannot be one, or a database's name holds what only a password would."""
    if "@" in behind.partition("?")[0]:
        return True
    port = hosts.rpartition("]")[2].partition(":")[2]
    return bool(port) and "," not in hosts and not port.isdecimal()
