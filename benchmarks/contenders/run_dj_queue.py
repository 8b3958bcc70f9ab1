"""dj_queue, a backend of Django's tasks, on PostgreSQL, MySQL, MariaDB and SQLite.

One process in its mode `async` (supervisor, one worker of `concurrency` threads, dispatcher and scheduler), polling
every 10 ms, both as in the settings of its own published benchmarks, connections kept open by CONN_MAX_AGE as its
README advises, LISTEN and NOTIFY on PostgreSQL, and there the autovacuum settings that its command prints. On SQLite
the options by which Django's documentation avoids «database is locked», and a write-ahead log; it syncs as always.
Calls of `enqueue` have one connection a thread, as Django does it.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import django
import pymysql
import shared
from django.conf import settings
from django.core.management import call_command
from django.db import connection
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
    DATABASE_ROUTERS=["dj_queue.routers.DjQueueRouter"],
    INSTALLED_APPS=["django.contrib.contenttypes", "dj_queue"],
    LOGGING_CONFIG=None,
    TASKS={"default": {"BACKEND": "dj_queue.backend.DjQueueBackend", "QUEUES": [], "OPTIONS": {"mode": "async"}}},
)
django.setup()

from dj_queue.hooks import on_worker_start  # noqa: E402 - here and below: they need the settings
from django.tasks import task  # noqa: E402


@task
async def noop() -> None:
    """Do nothing. Each thread runs a loop of its own, so counting needs the lock."""
    shared.noop_sync()


@task
def noop_sync() -> None:
    """Do nothing."""
    shared.noop_sync()


@task
def sleep(seconds: float) -> None:
    """Wait, in a thread."""
    time.sleep(seconds)
    shared.noop_sync()


@task
def stamp(number: int) -> None:
    """Note when it began."""
    shared.stamp_sync(number)


_TASKS = {"noop": noop, "noop_sync": noop_sync, "sleep": sleep, "stamp": stamp}


class DjQueue(Adapter):
    """One backend of tasks."""

    threads = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        logging.basicConfig(level=logging.WARNING)
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # bulk and paced calls come from the thread of an event loop

    def setup(self) -> None:
        call_command("migrate", verbosity=0)
        if connection.vendor == "postgresql":
            statements = io.StringIO()
            call_command("dj_queue_postgres_autovacuum", stdout=statements)
            with connection.cursor() as cursor:
                cursor.execute(statements.getvalue())

    def open(self, callers: int) -> None:
        connection.ensure_connection()

    def close(self) -> None:
        connection.close()

    def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        _TASKS[kind].enqueue(**args)

    def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        called = _TASKS[kind]
        called.get_backend().enqueue_all([(called, [], each) for each in args])

    def work(self, concurrency: int) -> None:
        settings.TASKS["default"]["OPTIONS"]["workers"] = [{"threads": concurrency, "polling_interval": 0.01}]
        on_worker_start(lambda _: shared.ready())  # registered and connected, and its loop not yet begun
        call_command("dj_queue", verbosity=0)


if __name__ == "__main__":
    shared.main(DjQueue)
