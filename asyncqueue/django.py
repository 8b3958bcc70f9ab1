"""Takes the database, the time zone and the rules from a Django project, and calls its signals."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from asyncqueue.errors import ConfigurationError
from asyncqueue.importing import problem
from asyncqueue.running.application import Application
from asyncqueue.running.context import TaskInfo
from asyncqueue.running.hooks import Hooks
from asyncqueue.running.resolve import AllowRule
from asyncqueue.settings import Settings

logger = logging.getLogger("asyncqueue.django")

_SCHEMES = {
    "postgresql": "postgresql",
    "postgis": "postgresql",
    "mysql": "mysql",
    "sqlite3": "sqlite",
    "spatialite": "sqlite",
}
# The connection parameters of libpq that asyncpg understands in a URL.
_LIBPQ = (
    *("service", "passfile", "options", "target_session_attrs", "krbsrvname", "gsslib"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version"),
)
_SIGNALS = ("before_job", "on_success", "on_failure", "before_loop", "after_loop")


class Project:
    """A Django project that is set up."""

    def __init__(self, django_settings: Any) -> None:
        self._django = django_settings

    def settings(self, **given: Any) -> Settings:
        """The settings that follow from the project's, with those given on top."""
        if "database_url" not in given:
            given["database_url"] = database_url(self._django.DATABASES["default"])
        return Settings(**{**self._values(), **given})

    def allow_rule(self, settings: Settings) -> AllowRule:
        """The project's allowed tasks; without any, Django's rule: everything, and a loud warning."""
        allowed = getattr(self._django, "DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS", None)
        if allowed is not None:
            return AllowRule(patterns=settings.allow, only=frozenset(allowed))
        if settings.allow:
            return AllowRule(patterns=settings.allow)
        logger.warning(
            "this project does not set DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS: ANY importable function named in the task "
            "table will be run, as Django Simple Queue does. Set it, or give --allow 'myapp.tasks.*'."
        )
        return AllowRule(everything=True)

    def application(self, settings: Settings) -> Application:
        """The project's rules and signals, and its database connections looked after around each plain function."""
        return Application(
            hooks=self._hooks(),
            allow=self.allow_rule(settings),
            prepare="asyncqueue.django.set_up_child",
            around=_fresh_connections,
        )

    def _hooks(self) -> Hooks:
        try:
            signals = importlib.import_module("django_simple_queue.signals")
        except ModuleNotFoundError:
            return Hooks()
        return Hooks(**{name: (_sender(name, signals),) for name in _SIGNALS if hasattr(signals, name)})

    def _values(self) -> dict[str, Any]:
        django = self._django
        values: dict[str, Any] = {
            "time_zone": "UTC" if getattr(django, "USE_TZ", True) else django.TIME_ZONE,
            "timeout": getattr(django, "DJANGO_SIMPLE_QUEUE_TASK_TIMEOUT", 3600) or 0,
        }
        for name, theirs in (("max_output_size", "MAX_OUTPUT_SIZE"), ("max_args_size", "MAX_ARGS_SIZE")):
            size = getattr(django, f"DJANGO_SIMPLE_QUEUE_{theirs}", None)
            if size is not None:
                values[name] = size
        return values


@cache
def load(module: str) -> Project:
    """Set up the project with this settings module. Raises ConfigurationError if that fails."""
    try:
        import django
        from django.conf import settings
    except ImportError as error:
        raise ConfigurationError("--django needs Django in the same environment: pip install Django") from error
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    try:
        django.setup()
    except Exception as error:
        raise ConfigurationError(f"the Django project {module!r} cannot be set up: {problem(error)}") from error
    return Project(settings)


@contextmanager
def _fresh_connections() -> Iterator[None]:
    """As Django does around a request: drop this thread's connections that are broken or too old."""
    from django.db import close_old_connections

    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()


def set_up_child() -> None:
    """What a task's own process calls first: it has inherited DJANGO_SETTINGS_MODULE."""
    import django

    django.setup()


def database_url(database: Mapping[str, Any]) -> str:
    """The URL of an entry of Django's DATABASES. Raises ConfigurationError for an engine asyncqueue does not serve."""
    engine = str(database.get("ENGINE", "")).rpartition(".")[2]
    scheme = _SCHEMES.get(engine)
    if scheme is None:
        raise ConfigurationError(
            f"the Django project's database engine {database.get('ENGINE')!r} is none that asyncqueue serves "
            "(PostgreSQL, MySQL, MariaDB, SQLite)"
        )
    name = str(database.get("NAME") or "")
    if scheme == "sqlite":
        return f"sqlite:///{quote(name)}"
    options = database.get("OPTIONS") or {}
    query = _postgresql_query(options) if scheme == "postgresql" else _mysql_query(options)
    host, port = str(database.get("HOST") or ""), str(database.get("PORT") or "")
    if host.startswith("/"):
        query["host" if scheme == "postgresql" else "unix_socket"] = host
        host = ""
    if not host and scheme == "mysql" and "unix_socket" not in query:
        host = "localhost"  # PostgreSQL's driver looks for the server's socket, as Django's does
    user, password = (quote(str(database.get(key) or ""), safe="") for key in ("USER", "PASSWORD"))
    credentials = f"{user}:{password}@" if password else f"{user}@" if user else ""
    # Over a socket the port tells which of several servers; asyncpg takes it from the query only.
    if port and not host and scheme == "postgresql":
        query["port"], port = port, ""
    place = f"{credentials}{host}{':' + port if port else ''}"
    return f"{scheme}://{place}/{quote(name, safe='')}{'?' + urlencode(query) if query else ''}"


def _postgresql_query(options: Mapping[str, Any]) -> dict[str, str]:
    """What of Django's OPTIONS says where the server is and how to speak to it, as asyncpg's URL has it."""
    query = {name: str(options[name]) for name in _LIBPQ if name in options}
    if "assume_role" in options:
        query["role"] = str(options["assume_role"])
    return query


def _mysql_query(options: Mapping[str, Any]) -> dict[str, str]:
    """Likewise, as our own URL has it. Raises ConfigurationError for a connection that a file describes."""
    for name in ("read_default_file", "read_default_group"):
        if name in options:
            raise ConfigurationError(
                f"the Django project's OPTIONS say {name}: asyncqueue does not read MySQL's option files; give the "
                "database's URL with --database-url beside --django"
            )
    query = {name: str(options[name]) for name in ("unix_socket",) if name in options}
    tls = options.get("ssl") or {}
    files = {f"ssl_{name}": str(tls[name]) for name in ("ca", "cert", "key") if tls.get(name)}
    mode = options.get("ssl_mode")
    if mode is not None:
        query["ssl"] = str(mode).lower()
    elif "ssl" in options:
        query["ssl"] = "verify_ca" if "ssl_ca" in files else "required"
    return {**query, **files}


def _sender(name: str, signals: Any) -> Any:
    """A hook that sends one of the project's signals with the model instance, if anybody listens."""
    signal = getattr(signals, name)
    details = {"on_failure": ("error",), "before_loop": ("iteration",), "after_loop": ("output", "iteration")}.get(
        name, ()
    )

    def send(info: TaskInfo, *values: Any) -> None:
        from django.apps import apps

        model = apps.get_model("django_simple_queue", "Task")
        if signal.has_listeners(model):
            with _fresh_connections():
                task = model.objects.get(pk=info.id)
                signal.send(sender=model, task=task, **dict(zip(details, values, strict=True)))

    send.__name__ = name
    return send
