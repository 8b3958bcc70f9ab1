"""From a database URL to its backend. A driver is imported only when a URL asks for it."""

from __future__ import annotations

from importlib import import_module

from asyncqueue.backends.base import Backend, Options
from asyncqueue.urls import dialect_of, understood

_BACKENDS = {
    "postgresql": ("asyncqueue.backends.postgresql.backend", "PostgresqlBackend"),
    "mysql": ("asyncqueue.backends.mysql.backend", "MysqlBackend"),
    "sqlite": ("asyncqueue.backends.sqlite.backend", "SqliteBackend"),
}


def backend_for(url: str, options: Options) -> Backend:
    """The backend for a URL, not yet opened. Raises ConfigurationError for a scheme nobody serves."""
    module, name = _BACKENDS[dialect_of(url)]
    backend: Backend = getattr(import_module(module), name)(understood(url), options)
    return backend
