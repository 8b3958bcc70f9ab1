"""What the Django project of this process says of its database and its tasks."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from asyncqueue.errors import ConfigurationError
from asyncqueue.importing import problem
from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.django")

MODULE = "DJANGO_SETTINGS_MODULE"
#: The settings modules of which the log says that they cannot be loaded.
_passed_over: set[str] = set()
#: The app that makes the task table, by its name and its label.
APP = "django_simple_queue"
_SCHEMES = {
    "postgresql": "postgresql",
    "postgis": "postgresql",
    "mysql": "mysql",
    "sqlite3": "sqlite",
    "spatialite": "sqlite",
}
#: Parameters of a SQLite URI that change nothing for asyncqueue.
_HARMLESS = {("mode", "rw"), ("mode", "rwc"), ("cache", "private")}
# The connection parameters of libpq that asyncpg understands in a URL.
_LIBPQ = (
    *("service", "passfile", "options", "target_session_attrs", "krbsrvname", "gsslib"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version"),
)


def project() -> Any | None:
    """The settings of the Django project that this process is part of, None where it is part of none.

    That is a project whose settings are configured, or the one that DJANGO_SETTINGS_MODULE names. Raises
    ConfigurationError where that cannot be loaded.
    """
    loaded = sys.modules.get("django.conf")
    if loaded is not None and loaded.settings.configured:
        return loaded.settings
    module = os.environ.get(MODULE)
    if not module:
        return None
    try:
        from django.conf import settings
    except ImportError as error:
        raise ConfigurationError(
            f"{MODULE} is {module!r}, and Django cannot be imported here ({error}): install it (pip install Django), "
            "or unset that variable"
        ) from error
    try:
        _ = settings.DATABASES
    except Exception as error:
        raise unusable(module, error, "loaded") from error
    return settings


def project_if_any() -> Any | None:
    """The same where another database than the project's is meant: a project that cannot be loaded is passed over.

    The variable may be left from another project. The log says so, once.
    """
    try:
        return project()
    except ConfigurationError as error:
        if os.environ[MODULE] not in _passed_over:
            _passed_over.add(os.environ[MODULE])
            logger.warning("going on without the Django project's settings: %s", error)
        return None


def unusable(module: str, error: Exception, how: str) -> ConfigurationError:
    """The error for a project that cannot be loaded, or set up: the cause, where it was looked for, and the remedy."""
    text = f"the Django settings {module!r} cannot be {how}: {problem(error, but=_django_folder())}"
    if isinstance(error, ModuleNotFoundError):
        text += f", looked for in {_here()} and on Python's path"
    text += hint(module)
    if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
        text += (
            ". Start this in the folder of manage.py, or put that folder into PYTHONPATH. If no Django project is "
            f"meant, unset {MODULE}"
        )
    return ConfigurationError(text)


def _django_folder() -> str | None:
    found = getattr(sys.modules.get("django"), "__file__", None)
    return None if found is None else str(Path(found).parent)


def _here() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "the current folder, which was deleted,"


def values_of(django: Any) -> dict[str, Any]:
    """The settings that follow from the project's, apart from the database."""
    values: dict[str, Any] = {"time_zone": _time_zone(django)}
    if hasattr(django, "DJANGO_SIMPLE_QUEUE_TASK_TIMEOUT"):
        values["timeout"] = django.DJANGO_SIMPLE_QUEUE_TASK_TIMEOUT or 0
    for name, theirs in (("max_output_size", "MAX_OUTPUT_SIZE"), ("max_args_size", "MAX_ARGS_SIZE")):
        size = getattr(django, f"DJANGO_SIMPLE_QUEUE_{theirs}", None)
        if size is not None:
            values[name] = size
    return values


def url_of(django: Any) -> str:
    """The URL of the project's default database. Raises ConfigurationError where it has none that can be served."""
    database = _default(django)
    if not database or str(database.get("ENGINE", "")).endswith(".dummy"):  # which Django puts there by itself
        module = str(getattr(django, "SETTINGS_MODULE", None) or "")
        raise ConfigurationError(
            f'the Django settings {module or "of this process"} have no DATABASES["default"]{hint(module)}'
        )
    return database_url(database)


def hint(module: str) -> str:
    """Which settings module is meant where a package was named, to say so behind an error."""
    with suppress(Exception):  # the package itself may be what cannot be imported
        if find_spec(f"{module}.settings") is not None:
            return f"; is {module}.settings meant?"
    return ""


def makes_table(django: Any) -> bool:
    """Whether a migration of the project makes the task table."""
    registry = sys.modules.get("django.apps")
    if registry is not None and registry.apps.ready:
        return APP in registry.apps.app_configs
    return any(APP in str(app).split(".") for app in getattr(django, "INSTALLED_APPS", ()))


def database_url(database: Mapping[str, Any]) -> str:
    """The URL of an entry of Django's DATABASES. Raises ConfigurationError for one that asyncqueue cannot serve."""
    engine = str(database.get("ENGINE", "")).rpartition(".")[2]
    scheme = _SCHEMES.get(engine)
    if scheme is None:
        raise ConfigurationError(
            f"the Django project's database engine {database.get('ENGINE')!r} is none that asyncqueue serves "
            "(PostgreSQL, MySQL, MariaDB, SQLite)"
        )
    name = str(database.get("NAME") or "")
    if scheme == "sqlite":
        return f"sqlite:///{quote(_file_of(name))}"
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
    location = credentials + (_hosts(host, port, scheme) if host else "")
    return f"{scheme}://{location}/{quote(name, safe='')}{'?' + urlencode(query) if query else ''}"


def _default(django: Any) -> Mapping[str, Any]:
    databases = getattr(django, "DATABASES", None) or {}
    found: Mapping[str, Any] = databases.get("default") or {}
    return found


def _time_zone(django: Any) -> str:
    """The zone of naive datetimes in the project's tables, as Django has it."""
    if not getattr(django, "USE_TZ", True):
        return str(django.TIME_ZONE)
    return str(_default(django).get("TIME_ZONE") or "UTC")


def _hosts(host: str, port: str, scheme: str) -> str:
    """HOST and PORT as a URL has them. libpq takes several of each, pair by pair, or one port for all."""
    hosts, ports = host.split(","), port.split(",")
    if len(hosts) > 1 and scheme != "postgresql":
        raise ConfigurationError(
            f"the Django project's HOST names several hosts, {host}: asyncqueue connects to one on MySQL and MariaDB"
        )
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise ConfigurationError(f"the Django project has {len(hosts)} hosts in HOST and {len(ports)} ports in PORT")
    return ",".join(
        (f"[{each}]" if ":" in each else each) + (f":{own}" if own else "")
        for each, own in zip(hosts, ports, strict=True)
    )


def _file_of(name: str) -> str:
    """The file that a NAME of a SQLite database means: a path, or one as a URI of SQLite's."""
    if not name.startswith("file:"):
        if name in ("", ":memory:"):
            raise _in_memory(name)
        return name
    parts = urlsplit(name)
    options = dict(parse_qsl(parts.query))
    path = parts.path
    if options.get("mode") == "memory" or path in ("", ":memory:"):
        raise _in_memory(name)
    unknown = {key: value for key, value in options.items() if (key, value) not in _HARMLESS}
    if unknown or parts.netloc not in ("", "localhost"):
        raise ConfigurationError(
            f"the Django project's database is the SQLite URI {name}: asyncqueue takes mode=rw, mode=rwc and "
            "cache=private there, and else a plain path"
        )
    return unquote(path)


def _in_memory(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"the Django project's database is in memory ({name or 'no NAME'}), where only Django's own connections see "
        "it. In tests use asyncqueue.testing (memory_queue, sync_queue), or let the test database be a file: "
        'DATABASES["default"]["TEST"] = {"NAME": "test.sqlite3"}'
    )


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
