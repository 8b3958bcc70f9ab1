"""From a database URL to its backend. A driver is imported only when a URL asks for it."""

from __future__ import annotations

from importlib import import_module
from urllib.parse import urlsplit

from asyncqueue.backends.base import Backend, Options
from asyncqueue.errors import ConfigurationError

_BACKENDS = {
    "postgresql": ("asyncqueue.backends.postgresql", "PostgresqlBackend"),
    "postgres": ("asyncqueue.backends.postgresql", "PostgresqlBackend"),
    "mysql": ("asyncqueue.backends.mysql", "MysqlBackend"),
    "mariadb": ("asyncqueue.backends.mysql", "MysqlBackend"),
    "sqlite": ("asyncqueue.backends.sqlite", "SqliteBackend"),
}


def backend_for(url: str, options: Options) -> Backend:
    """The backend for a URL, not yet opened. Raises ConfigurationError for a scheme nobody serves."""
    scheme = urlsplit(url).scheme
    if scheme not in _BACKENDS:
        start = f"starts with {scheme}://" if scheme else "has no scheme"
        raise ConfigurationError(
            f"the database URL {start}; asyncqueue knows postgresql://, mysql://, mariadb:// and sqlite:///"
        )
    module, name = _BACKENDS[scheme]
    backend: Backend = getattr(import_module(module), name)(url, options)
    return backend
