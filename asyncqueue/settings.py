"""The settings: from options, the environment, the Django project, pyproject.toml and the defaults, in this order."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, InstanceOf, PrivateAttr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SettingsConfigDict,
)

from asyncqueue import django_settings
from asyncqueue.durations import CENTURY, seconds_of
from asyncqueue.errors import ConfigurationError
from asyncqueue.model import Status
from asyncqueue.periodic import PeriodicTask, check_names
from asyncqueue.queues import QueueOrder
from asyncqueue.urls import anchored

_PREFIX = "ASYNCQUEUE_"
#: Seconds without renewal after which a task of asyncqueue is lost, on a migrated table.
_LEASE = 30.0
#: Variables with our prefix that are not settings.
_OTHERS = ("ASYNCQUEUE_TEST_", "ASYNCQUEUE_BENCH_")


def _listed(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _entries(value: Any) -> Any:
    """The entries of `periodic`, from the tables of pyproject.toml, or from JSON in the environment."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"this is not JSON: {error}") from None
    if not isinstance(value, list | tuple):
        raise ValueError("a list of tables is wanted, each with task and cron")  # noqa: TRY004 - pydantic takes ValueErrors
    try:
        entries = tuple(each if isinstance(each, PeriodicTask) else PeriodicTask.of_table(each) for each in value)
        check_names(entries)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
    return entries


def _seconds(value: Any) -> Any:
    if value is None:
        return None
    try:
        return seconds_of(value)
    except ConfigurationError:
        raise ValueError("should be a time from 0 to 100 years, such as 90 or 90s, 15m, 12h, 7d") from None


def _time(value: Any) -> Any:
    """A number as it is, for the field's own limits; a text with or without a unit as seconds."""
    if not isinstance(value, int | float):
        return _seconds(value)
    if not abs(value) <= CENTURY:  # NaN is not, either
        raise ValueError(f"should be a time of at most 100 years, not {value}")
    return value


#: Settings in seconds, which may be given with a unit.
_Seconds = Annotated[float, BeforeValidator(_time)]
_SecondsOrNone = Annotated[float | None, BeforeValidator(_time)]
#: Ages of ended tasks, likewise.
_Kept = Annotated[float | None, BeforeValidator(_seconds)]


class Origin(Enum):
    """Where a database URL comes from, the first that there is."""

    GIVEN = auto()
    ENVIRONMENT = auto()
    DJANGO = auto()
    PYPROJECT = auto()
    EMBEDDED = auto()


class Settings(BaseSettings):
    """Every setting. Sizes are in bytes; times are in seconds, or texts with a unit such as 90s, 15m, 12h or 7d.

    What is not given here comes from the environment (ASYNCQUEUE_...), then from the Django project of this process,
    then from the nearest pyproject.toml. Where there is a Django project, its database is taken and never that of
    pyproject.toml or the embedded one. Where the database is named otherwise, and DJANGO_SETTINGS_MODULE cannot be
    loaded, the log says so and the other settings are taken without it.

    Raises ConfigurationError for values that mean nothing, with a sentence for each.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, pyproject_toml_table_header=("tool", "asyncqueue"), extra="forbid", frozen=True
    )

    # Its password must not appear where somebody logs the settings.
    database_url: str = Field("sqlite:///asyncqueue.sqlite3", description="where the task table is", repr=False)
    table: str = Field("django_simple_queue_task", min_length=1, description="its name")
    time_zone: str = Field("UTC", description="of the table's naive datetimes; a Django project's with USE_TZ=False")
    concurrency: int = Field(50, ge=1, le=10_000, description="tasks that run at once in one worker")
    queues: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (), description="to claim from, in this order, or with weights (mail=3); all of them if not set"
    )
    prefetch: int | None = Field(None, ge=0, le=10_000, description="tasks to claim beyond that; by need if not set")
    timeout: _SecondsOrNone = Field(3600, description="of a task's run; 0 for none")
    lease: _SecondsOrNone = Field(
        None, gt=0, description="after which an unrenewed task is lost; see the docs if not set"
    )
    heartbeat: _Seconds = Field(10, gt=0, description="between renewals of leases")
    grace: _Seconds = Field(
        30, ge=0, description="for running tasks to end when stopped, and to clean up when cancelled"
    )
    poll_min: _Seconds = Field(0.05, gt=0, description="between looks at an empty queue, at first")
    poll_max: _Seconds = Field(1.0, gt=0, description="between looks at an empty queue, later")
    on_lost: Annotated[Literal["fail", "requeue"], BeforeValidator(_lower)] = Field(
        "fail", description="what becomes of a lost worker's tasks"
    )
    max_losses: int = Field(3, ge=1, description="lost workers after which a task is failed in any case")
    unknown_tasks: Annotated[float, BeforeValidator(_seconds)] = Field(
        600, ge=0, description="for which tasks whose function a worker does not find wait for one that does; 0: none"
    )
    allow: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (), description="patterns of dotted paths that may run beside functions declared with @task"
    )
    imports: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (), description="modules imported at start, whose functions declared with @task(cron=) are enqueued"
    )
    periodic: Annotated[tuple[InstanceOf[PeriodicTask], ...], NoDecode, BeforeValidator(_entries)] = Field(
        (), description="tasks to enqueue periodically, beside those declared with @task(cron=)"
    )
    worker_pid: Annotated[Literal["auto", "always", "never"], BeforeValidator(_lower)] = Field(
        "never", description="whether to write worker_pid"
    )
    notify: bool = Field(True, description="whether to notify and listen, on PostgreSQL")
    max_args_size: int = Field(1 << 20, gt=0, description="of a task's arguments")
    max_output_size: int = Field(10 << 20, gt=0, description="of a task's output")
    max_log_size: int = Field(1 << 20, gt=0, description="of a task's log, which is cut there")
    statement_timeout: _Seconds = Field(30, gt=0, description="for the database to answer")
    connect_timeout: _Seconds = Field(10, gt=0, description="for the database to be reached")
    keep_completed: _Kept = Field(None, description="after which workers delete completed tasks; for ever if not set")
    keep_failed: _Kept = Field(None, description="likewise of failed tasks")
    keep_cancelled: _Kept = Field(None, description="likewise of cancelled tasks")
    cleanup_interval: _Seconds = Field(
        60, ge=1, description="between two looks for tasks to delete, whatever the number of workers"
    )
    hooks: str | None = Field(None, description="module of functions to call around tasks")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        "INFO", description="of the worker's log"
    )
    log_tracebacks: bool = Field(False, description="whether the worker's log has the tracebacks of failed tasks")
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = Field(
        "console", description="of the worker's log"
    )

    #: Where the database URL comes from.
    _origin: Origin = PrivateAttr(Origin.GIVEN)
    #: The task table is the Django project's, wherever it is.
    _of_project: bool = PrivateAttr(False)

    def __init__(self, **values: Any) -> None:
        try:
            _refuse_unknown_variables(type(self).model_fields)
            url, origin = _database(values)
            super().__init__(**(values if url is None else {**values, "database_url": url}))
        except ValidationError as error:
            raise ConfigurationError("\n".join(_sentences(error, type(self).model_fields))) from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"pyproject.toml cannot be read: {error}") from None
        self._origin = origin

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then the environment, then the Django project, then pyproject.toml."""
        named = _is_named(getattr(init_settings, "init_kwargs", {}))
        django = django_settings.project_if_any() if named else django_settings.project()
        project = InitSettingsSource(settings_cls, {} if django is None else django_settings.values_of(django))
        pyproject = PyprojectTomlConfigSettingsSource(settings_cls, _pyproject())
        return init_settings, env_settings, project, pyproject

    @property
    def origin(self) -> Origin:
        """Where the database URL comes from."""
        return self._origin

    @property
    def of_project(self) -> bool:
        """Whether the task table is the Django project's, which alone makes it."""
        return self._of_project or self._origin is Origin.DJANGO

    def for_project(self) -> Self:
        """The same settings for a database that is the Django project's, whoever has named it."""
        changed = self.model_copy()
        changed._of_project = True
        return changed

    def at(self, database_url: str) -> Self:
        """The same settings for another database."""
        changed = self.model_copy(update={"database_url": database_url})
        changed._origin = Origin.GIVEN
        return changed

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(
                f"time_zone: there is no time zone {self.time_zone!r}; a name such as Europe/Berlin"
            ) from None
        if self.poll_min > self.poll_max:
            raise ValueError(f"poll_min: {self.poll_min:g} is more than poll_max, {self.poll_max:g}")
        try:
            QueueOrder.of(self.queues)
        except ConfigurationError as error:
            raise ValueError(f"queues: {error}") from None
        large = next((entry for entry in self.periodic if len(entry.args) > self.max_args_size), None)
        if large is not None:
            raise ValueError(
                f"periodic: the entry {large.name!r} has {len(large.args)} bytes of arguments; max_args_size allows "
                f"{self.max_args_size}"
            )
        lease = self.effective_lease
        if lease is not None and lease < 3 * self.heartbeat:
            raise ValueError(
                f"lease: {lease:g} s is less than three heartbeats of {self.heartbeat:g} s; a single late one would "
                "cost a healthy worker its tasks"
            )
        return self

    @property
    def effective_lease(self) -> float | None:
        """The lease in seconds on a table that is not migrated; None if nothing is ever rescued.

        A Django worker's tasks look the same as ours there and are not renewed, so by default nothing is taken for lost
        before Django's own timeout has passed.
        """
        return self.lease if self.lease is not None else self.foreign_lease

    @property
    def own_lease(self) -> float:
        """The lease in seconds of a task that asyncqueue is seen to hold, on a migrated table."""
        return self.lease if self.lease is not None else max(_LEASE, 3 * self.heartbeat)

    @property
    def foreign_lease(self) -> float | None:
        """Seconds after which a task that nobody renews, as Django's worker has it, is lost; None if never."""
        return self.timeout + 60 if self.timeout is not None and self.timeout > 0 else None

    @property
    def kept(self) -> dict[Status, float]:
        """For how many seconds workers keep ended tasks, by status; what is not here is kept for ever."""
        ages = {
            Status.COMPLETED: self.keep_completed,
            Status.FAILED: self.keep_failed,
            Status.CANCELLED: self.keep_cancelled,
        }
        return {status: age for status, age in ages.items() if age is not None}


def _database(values: Mapping[str, Any]) -> tuple[str | None, Origin]:
    """Which database is meant, and who says so; None for the URL where the sources of settings have it already."""
    if _is_named(values):
        return None, Origin.GIVEN if "database_url" in values else Origin.ENVIRONMENT
    django = django_settings.project()
    if django is not None:
        return django_settings.url_of(django), Origin.DJANGO
    path = _pyproject()
    url = None if path is None else _table_of(path).get("database_url")
    if path is not None and isinstance(url, str):
        return anchored(url, path.parent), Origin.PYPROJECT
    return None, Origin.EMBEDDED if url is None else Origin.PYPROJECT


def _is_named(values: Mapping[str, Any]) -> bool:
    """Whether the database is named, so that a Django project need not say which it is."""
    return "database_url" in values or any(name.upper() == f"{_PREFIX}DATABASE_URL" for name in os.environ)


def _table_of(pyproject: Path) -> Mapping[str, Any]:
    """What pyproject.toml says of asyncqueue."""
    table = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {}).get("asyncqueue", {})
    return table if isinstance(table, dict) else {}


def _pyproject() -> Path | None:
    folder = Path.cwd()
    return next((path for parent in (folder, *folder.parents) if (path := parent / "pyproject.toml").is_file()), None)


def _refuse_unknown_variables(fields: Any) -> None:
    for name in os.environ:
        if name.startswith(_PREFIX) and not name.startswith(_OTHERS):
            setting = name.removeprefix(_PREFIX).lower()
            if setting not in fields:
                raise ConfigurationError(f"{name} is no setting{_suggestion(setting, fields, _PREFIX)}")


def _suggestion(name: str, fields: Any, prefix: str = "") -> str:
    close = difflib.get_close_matches(name, fields, n=1)
    if not close:
        return ""
    return f"; did you mean {prefix}{close[0].upper() if prefix else close[0]}?"


def _sentences(error: ValidationError, fields: Any) -> list[str]:
    sentences = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"][:1])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            sentences.append(f"{name} is no setting{_suggestion(name, fields)}")
        elif not name:
            sentences.append(message)
        elif problem["type"] == "value_error":  # of ours: it says what was given where that helps
            sentences.append(f"{name}: {message}")
        else:
            sentences.append(f"{name}: {message[0].lower()}{message[1:]}, not {problem['input']!r}")
    return sentences
