"""A table that Django's migrations have made anew under a worker, and before it starts; and the remedy."""

from __future__ import annotations

import json
import subprocess
import sys

from asyncqueue import Queue, Settings, Status
from tests.servers.cases import cases, shaped
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
    with WorkerProcess(url, tmp_path, *LEASE) as worker:
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
