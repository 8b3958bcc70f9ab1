"""Limits on the command line."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

from asyncqueue import Queue, Settings, Status
from asyncqueue.cli import selecting
from asyncqueue.model import Link, NewTask
from tests.cli.test_commands import call, enqueue, folder

__all__ = ["folder"]  # a fixture

LIMITED = """
import asyncio
from asyncqueue import task

@task(limit=1, rate="2/h", limit_key="{customer}")
async def charge(customer: str) -> None: ...
"""


def test_limits_are_listed_and_show_says_what_a_task_waits_for(folder):
    (folder / "paid.py").write_text(LIMITED)
    ids = [enqueue(folder, "paid.charge", f"customer={name}") for name in "aaab"]
    assert call(folder, "limits").stdout == "task\tlimit\trate\tkeys\trunning\theld\n"
    call(folder, "run", "--burst")
    [limit] = json.loads(call(folder, "limits", "--json").stdout)
    assert limit == {"task": "paid.charge", "limit": 1, "rate": "2/h", "keys": 1, "running": 0, "held": 1}
    assert call(folder, "limits").stdout.splitlines()[1] == "paid.charge\t1\t2/h\t1\t0\t1"
    shown = [json.loads(call(folder, "show", task_id, "--json").stdout) for task_id in ids]
    [held] = [fields for fields in shown if fields["status"] == "scheduled"]
    assert held["waits_for"] == "a slot under the limit of paid.charge for a"
    assert [fields["waits_for"] for fields in shown].count(None) == 3
    assert f"waits_for:    {held['waits_for']}" in call(folder, "show", held["id"]).stdout
    assert held["waits_for"] in call(folder, "list", "--status", "scheduled").stdout
    assert call(folder, "cancel", held["id"]).returncode == 0


def test_a_limit_key_can_be_given(folder):
    (folder / "paid.py").write_text(LIMITED)
    task_id = enqueue(folder, "paid.charge", "customer=a", "--limit-key", "mine")
    assert json.loads(call(folder, "show", task_id, "--json").stdout)["limit_key"] == "mine"
    assert "limit_key must have from 1 to 255" in call(folder, "enqueue", "x.y", "--limit-key", "", code=2).stderr
    call(folder, "run", "--burst")
    assert json.loads(call(folder, "show", task_id, "--json").stdout)["status"] == "completed"


def test_requeueing_what_is_scheduled_ends_although_limited_tasks_stay_so(folder):
    (folder / "paid.py").write_text(LIMITED)
    for name in "ab":
        enqueue(folder, "paid.charge", f"customer={name}", "--delay", "1h")
        enqueue(folder, "jobs.greet", "--delay", "1h")
    assert call(folder, "requeue", "--status", "scheduled", "--yes").stdout == "4 queued\n"
    call(folder, "run", "--burst")
    shown = json.loads(call(folder, "list", "--json").stdout)
    assert sorted(fields["status"] for fields in shown) == ["completed", "completed", "completed", "completed"]


async def test_requeueing_page_by_page_takes_each_once(tmp_path, monkeypatch):
    monkeypatch.setattr(selecting, "_PAGE", 2)
    async with Queue(settings=Settings(database_url=f"sqlite:///{tmp_path}/tasks.sqlite3")) as queue:
        await queue.migrate()
        limited = [NewTask(uuid4(), "app.limited", "{}", delay=3600.0, links=Link.LIMITED) for _ in range(5)]
        others = [NewTask(uuid4(), "app.free", "{}", delay=3600.0) for _ in range(5)]
        await queue.backend.enqueue([task for pair in zip(limited, others, strict=True) for task in pair])
        async with asyncio.timeout(60):
            assert len(await selecting.change_all(queue, {"status": [Status.SCHEDULED]}, queue.requeue)) == 10
        assert await queue.count(status=Status.QUEUED) == 5
        assert all(record.run_after is not None for record in await queue.list(status=Status.SCHEDULED))
