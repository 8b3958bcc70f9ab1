"""From a database URL to what aiomysql needs to connect."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from asyncqueue.backends.common.url_parameters import ANYTHING, FLAG, SECONDS, passed_over
from asyncqueue.errors import ConfigurationError

_PARAMETERS = ("charset", "ssl", "ssl_ca", "ssl_cert", "ssl_key", "unix_socket")
_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")
# What other tools call the parameter and its values, so that a provider's URL works as it is.
_ALIASES = {"ssl_mode": "ssl", "sslmode": "ssl"}
# Parameters of other drivers (PyMySQL, aiomysql, SQLAlchemy) that change nothing here, or have a setting of ours.
_PASSED_OVER = {
    **dict.fromkeys(("autocommit", "binary_prefix", "local_infile", "use_unicode"), FLAG),
    **dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), SECONDS),
    "program_name": ANYTHING,
}
_MODE_ALIASES = {"true": "verify_identity", "false": "disabled", "require": "required", "disable": "disabled"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is and how to speak to it."""

    host: str
    port: int
    database: str
    user: str | None
    password: str
    unix_socket: str | None
    tls: ssl.SSLContext | None
    #: A server that offers no TLS is refused.
    tls_required: bool

    @property
    def server(self) -> str:
        """Where the server is, to say so in an error: without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.unix_socket or f"{host}:{self.port}"

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for aiomysql."""
        return {
            "host": self.host,
            "port": self.port,
            "db": self.database,
            "user": self.user,
            # aiomysql encodes a password as Latin-1, MySQL's own clients as UTF-8.
            "password": self.password.encode().decode("latin-1"),
            "unix_socket": self.unix_socket,
            "ssl": self.tls,
        }


def address_of(url: str) -> Address:
    """Read a URL (see `MysqlBackend`). Raises ConfigurationError, which never shows the password."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError("an IPv6 address in the database URL stands in brackets: [::1]:3306") from error
    if "," in parts.netloc.rpartition("@")[2]:
        raise ConfigurationError("the database URL names several hosts: on MySQL and MariaDB it can be one")
    query = _query(parts.query)
    database = unquote(parts.path.removeprefix("/"))
    if not database:
        raise ConfigurationError("the database URL names no database: mysql://user:password@host:3306/database")
    try:
        port = parts.port or 3306
    except ValueError as error:
        raise ConfigurationError("the port in the database URL must be a number from 1 to 65535") from error
    if query.get("charset", "utf8mb4").lower() != "utf8mb4":
        raise ConfigurationError("charset in the database URL can only be utf8mb4: tasks may hold any character")
    unix_socket = query.get("unix_socket") or None
    mode = _mode(query)
    encrypted = mode != "disabled" and unix_socket is None
    return Address(
        host=parts.hostname or "localhost",
        port=port,
        database=database,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
        unix_socket=unix_socket,
        tls=_context(mode, query) if encrypted else None,
        tls_required=encrypted and mode != "preferred",
    )


def _query(text: str) -> dict[str, str]:
    query = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        name = key.lower().replace("-", "_")
        query[_ALIASES.get(name, name)] = value
    query = passed_over(query, _PASSED_OVER)
    unknown = sorted(query.keys() - set(_PARAMETERS))
    if unknown:
        raise ConfigurationError(
            f"the database URL has an unknown parameter {', '.join(unknown)}; MySQL's are {', '.join(_PARAMETERS)}"
        )
    return query


def _mode(query: dict[str, str]) -> str:
    certificates = any(query.get(name) for name in ("ssl_ca", "ssl_cert", "ssl_key"))
    mode = query.get("ssl", "verify_identity" if certificates else "disabled").lower().replace("-", "_")
    mode = _MODE_ALIASES.get(mode, mode)
    if mode not in _MODES:
        raise ConfigurationError(f"ssl in the database URL must be one of {', '.join(_MODES)}, not {mode!r}")
    return mode


def _context(mode: str, query: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=query.get("ssl_ca"))
        if query.get("ssl_cert"):
            context.load_cert_chain(query["ssl_cert"], query.get("ssl_key"))
    except OSError as error:
        raise ConfigurationError(f"the TLS files of the database URL cannot be used: {error}") from error
    context.check_hostname = mode == "verify_identity"
    if mode in ("preferred", "required"):
        context.verify_mode = ssl.CERT_NONE
    return context
