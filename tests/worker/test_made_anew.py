"""A table that Django's migrations have made anew under a worker, and before it starts; and the remedy."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from asyncqueue import Queue, Settings, Status
from asyncqueue.errors import TableMissing
from tests.servers.cases import cases, migrated, shaped
from tests.worker import sample_tasks
from tests.worker.process import ROOT, WorkerProcess
from tests.worker.test_fleet import LEASE


def call(url: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "asyncqueue", *words, "-d", url], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == code, done.stderr
    return done


@cases("fresh_database", shaped(["sqlite"]))
async def test_it_is_noticed_and_healed(fresh_database, tmp_path):
    url = fresh_database.url
    async with Queue(settings=Settings(database_url=url)) as queue:
        await queue.migrate()
        handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2}, delay=3600)
    with WorkerProcess(url, tmp_path, *LEASE, ASYNCQUEUE_CONNECT_TIMEOUT="1s") as worker:
        await worker.wait_for_log("worker")
        fresh_database.django.make_anew()
        assert await worker.wait() == 1
        assert "lacks column queue" in worker.text()
        assert "Run `asyncqueue migrate`" in worker.text()
    for words in ["run", "--burst"], ["stats"], ["enqueue", "x.y"], ["show", str(handle.id)]:
        error = " ".join(call(url, *words, code=1).stderr.split())
        assert "lacks column queue now" in error
        assert "Run `asyncqueue migrate`" in error
    missing = {change["name"] for change in json.loads(call(url, "migrate", "--check", "--json", code=1).stdout)}
    assert {"column queue", "column run_after", "time of scheduled tasks"} <= missing
    assert "made: time of scheduled tasks" in call(url, "migrate").stdout
    call(url, "run", "--burst")
    async with Queue(settings=Settings(database_url=url)) as queue:
        record = await queue.get(handle.id)
        assert (record.status, record.output) == (Status.COMPLETED, "3")


IDLE = ("--poll-max", "100ms", *LEASE)
AGAIN = "It was there before: looking again for"


async def _runs(url: str) -> None:
    """A task that is enqueued now runs."""
    async with Queue(settings=Settings(database_url=url)) as queue:
        handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
        assert await handle.result(timeout=30) == 3


@cases("fresh_database", [*shaped(shapes=[10]), *migrated()])
async def test_a_worker_outlasts_a_table_that_is_dropped_and_made_anew(fresh_database, tmp_path):
    """By a test, or by a migration."""
    url = fresh_database.url
    with WorkerProcess(url, tmp_path, *IDLE, ASYNCQUEUE_CONNECT_TIMEOUT="60s") as worker:
        await _runs(url)
        fresh_database.execute(f"DROP TABLE {fresh_database.table}")
        await worker.wait_for_log(AGAIN)
        await asyncio.to_thread(call, url, "migrate")
        await _runs(url)
        assert worker.alive


@cases("fresh_database", [*shaped(shapes=[10]), *migrated()])
async def test_a_table_that_stays_away_ends_the_worker(fresh_database, tmp_path):
    url = fresh_database.url
    with WorkerProcess(url, tmp_path, *IDLE, ASYNCQUEUE_CONNECT_TIMEOUT="1s") as worker:
        await _runs(url)
        fresh_database.execute(f"DROP TABLE {fresh_database.table}")
        await worker.wait_for_log(f"{AGAIN} 1 s")
        assert await worker.wait() == 1
        assert "there is no table" in worker.text()


async def test_a_worker_outlasts_a_new_file_whose_table_is_still_being_made(tmp_path):
    file = tmp_path / "queue.sqlite3"
    url = f"sqlite:///{file}"
    with WorkerProcess(url, tmp_path, *IDLE, ASYNCQUEUE_CONNECT_TIMEOUT="60s") as worker:
        await _runs(url)
        for each in tmp_path.glob(f"{file.name}*"):
            each.unlink()
        file.touch()
        await worker.wait_for_log(AGAIN)
        await _runs(url)
        assert worker.alive


async def test_an_open_queue_finds_the_table_that_a_new_file_gets_later(tmp_path):
    file = tmp_path / "queue.sqlite3"
    url = f"sqlite:///{file}"
    async with Queue(settings=Settings(database_url=url)) as queue:
        for each in tmp_path.glob(f"{file.name}*"):
            each.unlink()
        file.touch()
        with pytest.raises(TableMissing):
            await queue.enqueue("app.task")
        async with Queue(settings=Settings(database_url=url)):
            pass  # which makes it
        handle = await queue.enqueue("app.task")
        assert await handle.status() == Status.QUEUED


async def test_an_open_queue_makes_the_table_of_a_new_file(tmp_path):
    file = tmp_path / "queue.sqlite3"
    async with Queue(settings=Settings(database_url=f"sqlite:///{file}")) as queue:
        for each in tmp_path.glob(f"{file.name}*"):
            each.unlink()
        file.touch()
        assert await queue.pending()
        await queue.migrate()
        assert await (await queue.enqueue("app.task")).status() == Status.QUEUED
