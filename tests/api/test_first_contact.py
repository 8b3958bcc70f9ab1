"""A program that starts beside its database waits for it, for `connect_timeout` seconds."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time

import pytest

from asyncqueue import Queue, Settings
from asyncqueue.errors import AccessDenied, DatabaseUnavailable
from tests.servers.cases import SERVER_DIALECTS, Case, cases, shaped
from tests.worker.process import ROOT, WorkerProcess, until


@pytest.mark.parametrize("restartable_database", shaped(SERVER_DIALECTS, [10]), indirect=True, ids=str)
async def test_a_queue_and_a_worker_wait_for_a_server_that_starts(restartable_database, tmp_path, monkeypatch, caplog):
    database, server = restartable_database
    server.stop()
    monkeypatch.setenv("ASYNCQUEUE_DATABASE_URL", database.url)
    monkeypatch.setenv("ASYNCQUEUE_CONNECT_TIMEOUT", "50")
    program = (
        "import asyncio, asyncqueue; print(asyncio.run(asyncqueue.enqueue('tests.worker.cron_tasks.every_second')))"
    )
    application = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    with WorkerProcess(None, tmp_path, "--burst") as worker:
        await worker.wait_for_log("trying for 50 s")
        async with asyncio.TaskGroup() as group:
            opened = group.create_task(Queue().open())
            await until(lambda: "trying for 50 s" in caplog.text)
            await asyncio.to_thread(server.start)
        assert await worker.wait() == 0
        queue = opened.result()
        await queue.enqueue("x.y")
        await queue.close()
    assert await application.wait() == 0


@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "mariadb"])
async def test_it_gives_up_when_connect_timeout_has_passed(dialect, caplog):
    """Nothing listens there, or there is no such host."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        for host in (f"127.0.0.1:{unused.getsockname()[1]}", "no-such-host.invalid"):
            settings = Settings(database_url=f"{dialect}://u@{host}/d", connect_timeout=0.3)
            began = time.monotonic()
            caplog.clear()
            with caplog.at_level(logging.WARNING), pytest.raises(DatabaseUnavailable):
                await Queue(settings=settings).open()
            assert time.monotonic() - began >= 0.3
            assert len([each for each in caplog.records if "trying for 0.3 s" in each.getMessage()]) == 1


async def test_a_worker_that_waited_in_vain_exits_with_1_and_one_line(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql://u@127.0.0.1:{unused.getsockname()[1]}/d"
        with WorkerProcess(url, tmp_path, ASYNCQUEUE_CONNECT_TIMEOUT="0.3") as worker:
            assert await worker.wait() == 1
    assert "asyncqueue: PostgreSQL at 127.0.0.1:" in worker.text()
    assert "Traceback" not in worker.text()


@cases("database", [Case("mysql", 10), Case("mariadb", 10), Case("postgresql", 10)])
async def test_a_database_that_refuses_is_not_waited_for(database):
    """A wrong name is not there in a moment; waiting would only hide the answer."""
    scheme, _, rest = database.url.partition("://")
    place, _, _ = rest.rpartition("/")
    settings = Settings(database_url=f"{scheme}://{place}/there_is_no_such_database", connect_timeout=60)
    began = time.monotonic()
    with pytest.raises(AccessDenied, match="there_is_no_such_database"):
        await Queue(settings=settings).open()
    assert time.monotonic() - began < 30
