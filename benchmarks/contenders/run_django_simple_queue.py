"""django-simple-queue 0.1.10, on PostgreSQL, MySQL, MariaDB and SQLite.

Its command `task_worker` as it is: it sleeps for a number of seconds drawn once, from 3 to 9, before each task, and
runs one at a time, whatever `concurrency` is. It has no settings and plain functions only. On SQLite the options by
which Django's documentation avoids «database is locked», and a write-ahead log; it syncs as always. Calls of
`create_task` have one connection a thread, as Django does it.
"""

from __future__ import annotations

import contextlib
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
settings.configure(
    DATABASES={"default": _database(sys.argv[2])},
    INSTALLED_APPS=["django_simple_queue"],
    LOGGING_CONFIG=None,
    USE_TZ=True,
)
django.setup()

from django_simple_queue.utils import create_task  # noqa: E402 - needs the settings


def noop() -> None:
    """Do nothing."""
    shared.noop_sync()


def noop_sync() -> None:
    """Do nothing."""
    shared.noop_sync()


class DjangoSimpleQueue(Adapter):
    """Its one queue, which has no call for many."""

    threads = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # filling comes from the thread of an event loop

    def setup(self) -> None:
        call_command("migrate", verbosity=0)

    def open(self, callers: int) -> None:
        connection.ensure_connection()

    def close(self) -> None:
        connection.close()

    def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        create_task(task=f"{__name__}.{kind}", args=args)

    def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        with transaction.atomic():  # not a call of its own, and not measured: it fills the queue before a drain
            for each in args:
                self.enqueue(kind, each)

    def work(self, concurrency: int) -> None:
        connection.ensure_connection()
        shared.ready()
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123 - it prints a lot
            call_command("task_worker")


if __name__ == "__main__":
    shared.main(DjangoSimpleQueue)
