"""The options that several commands share, and what they amount to."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from asyncqueue.queue import Queue
    from asyncqueue.settings import Settings


@dataclass(frozen=True, slots=True)
class Database:
    """Which database a command works on. `command` makes an option of each field."""

    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url",
            "-d",
            metavar="URL",
            help="postgresql://, mysql://, mariadb:// or sqlite:/// URL. (default: sqlite:///asyncqueue.sqlite3)",
            show_default=False,
        ),
    ] = None
    table: Annotated[str | None, typer.Option("--table", metavar="NAME", help="The task table's name.")] = None
    time_zone: Annotated[
        str | None,
        typer.Option("--time-zone", metavar="ZONE", help="Zone of the table's naive datetimes. (default: UTC)"),
    ] = None
    django: Annotated[
        str | None,
        typer.Option(
            "--django",
            metavar="MODULE",
            help="The Django settings to take database and rules from. (default: DJANGO_SETTINGS_MODULE)",
        ),
    ] = None

    def settings(self, **options: Any) -> Settings:
        """The settings with these and further options on top; None means that an option was not given.

        A Django project is not set up for them: only `run` needs that.
        """
        from asyncqueue import django_settings
        from asyncqueue.settings import Settings

        options |= {"database_url": self.database_url, "table": self.table, "time_zone": self.time_zone}
        given = {name: value for name, value in options.items() if value is not None}
        if self.django is None:
            settings = Settings(**given)
            return settings.for_project() if _project_has_the_table() else settings
        os.environ[django_settings.MODULE] = self.django
        django_settings.project()  # it was asked for: where it cannot be loaded, that is an error
        return Settings(**given).for_project()

    @property
    def project(self) -> str | None:
        """The settings module of the Django project: what --django says, or else DJANGO_SETTINGS_MODULE."""
        return self.django or os.environ.get("DJANGO_SETTINGS_MODULE") or None

    @asynccontextmanager
    async def existing(self) -> AsyncIterator[Queue]:
        """The queue, open, for a command that must not make a database: it raises TableMissing where there is none."""
        from asyncqueue.queue import Queue

        queue = await Queue(settings=self.settings()).open(create=False)
        try:
            yield queue
        finally:
            await queue.close()


def _project_has_the_table() -> bool:
    """Whether DJANGO_SETTINGS_MODULE names a project that makes the task table itself, in whichever database."""
    from asyncqueue import django_settings

    project = django_settings.project_if_any()
    return project is not None and django_settings.makes_table(project)


Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def seconds(text: str, option: str) -> float:
    """The seconds of a time such as 90s, 5m, 2h or 1d. Exits with 2 for anything else."""
    from asyncqueue.cli.errors import USAGE, fail
    from asyncqueue.durations import seconds_of
    from asyncqueue.errors import ConfigurationError

    try:
        return seconds_of(text)
    except ConfigurationError as error:
        raise fail(f"{option} {error}", USAGE) from None
