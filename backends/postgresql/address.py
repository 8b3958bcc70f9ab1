"""From a database URL to what asyncpg needs to connect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from asyncqueue.backends.common.url_parameters import ANYTHING, FLAG, SWITCH, WHOLE, check, one_of, passed_over
from asyncqueue.errors import ConfigurationError
from asyncqueue.urls import split

#: libpq's parameters that asyncpg does not know, and without which a connection is as good.
_PASSED_OVER = {
    **dict.fromkeys(("connect_timeout", "tcp_user_timeout"), WHOLE),
    **dict.fromkeys(("keepalives_idle", "keepalives_interval", "keepalives_count"), WHOLE),
    **dict.fromkeys(("keepalives", "gssdelegation", "sslcompression", "sslsni"), SWITCH),
    **dict.fromkeys(("min_protocol_version", "max_protocol_version"), one_of("3.0", "3.2", "latest")),
    "channel_binding": one_of("disable", "prefer", "require"),
    "load_balance_hosts": one_of("disable", "random"),
    "sslcertmode": one_of("disable", "allow", "require"),
    "fallback_application_name": ANYTHING,
}
#: Those that asyncpg reads, where its own error would come late, or not say what they may be.
_CHECKED = {
    "sslmode": one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": one_of("postgres", "direct"),
    "gsslib": one_of("gssapi", "sspi"),
    "target_session_attrs": one_of("any", "primary", "standby", "read-write", "read-only", "prefer-standby"),
    "pgbouncer": FLAG,
    **dict.fromkeys(
        ("ssl_min_protocol_version", "ssl_max_protocol_version"), one_of("tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3")
    ),
}
#: Those that ask for something which would silently not be so.
_REFUSED = frozenset(("hostaddr", "replication", "require_auth", "requirepeer", "sslcrldir", "servicefile"))
#: What a parameter may be where asyncpg can do nothing else.
_ONLY = {"gssencmode": ("disable", "prefer"), "client_encoding": ("auto", "utf8", "utf-8", "unicode")}
#: What other tools call a parameter.
_ALIASES = {"ssl": "sslmode", "prepared_statement_cache_size": "statement_cache_size"}
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is and how to speak to it.

    Attributes:
        arguments: for `asyncpg.connect`.
        name: the sessions' application_name.
        server: where it is, to say so in an error: without user and password.
    """

    arguments: dict[str, Any]
    name: str
    server: str


def address_of(url: str) -> Address:
    """Read a URL (see `PostgresqlBackend`). Raises ConfigurationError, which never shows a password.

    A parameter that is neither asyncpg's nor libpq's is one of the server's settings, and the server may refuse it.
    """
    parts = split(url)
    query = {_ALIASES.get(name, name): value for name, value in parse_qsl(parts.query, keep_blank_values=True)}
    _check(query)
    query = passed_over(query, _PASSED_OVER)
    name = query.pop("application_name", "") or "asyncqueue"
    arguments: dict[str, Any] = {"statement_cache_size": _cache_size(query)}
    hosts = [_host(each) for each in parts.hosts.split(",")] if parts.hosts else []
    for port in query.get("port", "").split(",") if query.get("port") else ():
        _port(port)
    if hosts:
        arguments["host"] = [host for host, _ in hosts]
        if any(port is not None for _, port in hosts):
            arguments["port"] = [port or 5432 for _, port in hosts]
    credentials = f"{parts.credentials}@" if parts.credentials else ""
    rest = {key: value for key, value in query.items() if key not in _ONLY}
    arguments["dsn"] = f"postgresql://{credentials}{parts.path}{'?' + urlencode(rest) if rest else ''}"
    server = parts.hosts or query.get("host") or query.get("service") or "its usual place"
    return Address(arguments, name, server)


def refused(error: Exception) -> ConfigurationError:
    """The error for a parameter that the server refuses at the start of a session."""
    return ConfigurationError(
        f"the server refuses a parameter of the database URL: {error}. What is no parameter of libpq or asyncpg is "
        "sent to the server as one of its settings: leave it out (docs/databases.md has those that are known)"
    )


def _check(query: dict[str, str]) -> None:
    check(query, _CHECKED)
    for name in sorted(_REFUSED & query.keys()):
        raise ConfigurationError(
            f"the database URL has the parameter {name}, which asyncpg cannot honour: leave it out"
        )
    for name, values in _ONLY.items():
        if query.get(name, values[0]).lower() not in values:
            raise ConfigurationError(f"{name} in the database URL can only be one of {', '.join(values)}")


def _cache_size(query: dict[str, str]) -> int:
    """How many prepared statements a session keeps: none behind a PgBouncer, which Prisma and Supabase name so."""
    pooled = query.pop("pgbouncer", "false").lower() in ("true", "1", "yes", "on")
    size = query.pop("statement_cache_size", "0" if pooled else "100")
    if not size.isdecimal():
        raise ConfigurationError(f"statement_cache_size in the database URL must be a number, not {size!r}")
    return int(size)


def _host(text: str) -> tuple[str, int | None]:
    """A host and its port, None for the usual one. An IPv6 address stands in brackets."""
    text = unquote(text)
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise ConfigurationError("an IPv6 address in the database URL stands in brackets: [::1]:5432")
        port = port[1:]
    else:
        host, _, port = text.partition(":")
        if ":" in port:
            raise ConfigurationError("an IPv6 address in the database URL stands in brackets: [::1]:5432")
    return host or "localhost", _port(port) if port else None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) not in _PORTS:
        raise ConfigurationError("the port in the database URL must be a number from 1 to 65535")
    return int(text)
