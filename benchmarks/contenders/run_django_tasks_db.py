"""django-tasks-db, the database backend of django-tasks, on PostgreSQL, MySQL, MariaDB and SQLite.

Its command `db_worker`, which runs one task at a time whatever `concurrency` is, with its default interval of a second
between looks at an empty queue and without the random wait at its start. It closes old connections around each task,
so CONN_MAX_AGE keeps them open, as Django's documentation advises. On SQLite the options by which that documentation
avoids «database is locked», and a write-ahead log; it syncs as always. Calls of `enqueue` have one connection a
thread, as Django does it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import django
import pymysql
import shared
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from shared import Adapter


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    made = {"NAME": parts.path[1:], "CONN_MAX_AGE": 60}
    if parts.scheme == "sqlite":
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"}
        return {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": options, **made}
    made |= {"HOST": parts.hostname, "PORT": parts.port, "USER": parts.username, "PASSWORD": parts.password or ""}
    return {"ENGINE": f"django.db.backends.{parts.scheme}", **made}


pymysql.install_as_MySQLdb()
settings.configure(  # before a task is declared
    DATABASES={"default": _database(sys.argv[2])},
    INSTALLED_APPS=["django_tasks", "django_tasks_db"],
    LOGGING_CONFIG=None,
    TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}},
    USE_TZ=True,
)
django.setup()

from django_tasks import task  # noqa: E402 - needs the settings


@task()
async def noop() -> None:
    """Do nothing."""
    await shared.noop()


@task()
def noop_sync() -> None:
    """Do nothing."""
    shared.noop_sync()


@task()
def stamp(number: int) -> None:
    """Note when it began."""
    shared.stamp_sync(number)


_TASKS = {"noop": noop, "noop_sync": noop_sync, "stamp": stamp}


class DjangoTasksDB(Adapter):
    """One backend of tasks, which has no call for many."""

    threads = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        logging.basicConfig(level=logging.WARNING)
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the paced calls come from the thread of an event loop

    def setup(self) -> None:
        call_command("migrate", verbosity=0)

    def open(self, callers: int) -> None:
        connection.ensure_connection()

    def close(self) -> None:
        connection.close()

    def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        _TASKS[kind].enqueue(**args)

    def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        with transaction.atomic():  # not a call of its own, and not measured: it fills the queue before a drain
            for each in args:
                self.enqueue(kind, each)

    def work(self, concurrency: int) -> None:
        connection.ensure_connection()
        shared.ready()
        call_command("db_worker", startup_delay=False, verbosity=0)


if __name__ == "__main__":
    shared.main(DjangoTasksDB)
