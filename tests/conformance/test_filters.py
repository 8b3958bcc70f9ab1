"""Which rows a list, a count and the groups of failures are about, on every database and shape of the table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import ConfigurationError, MigrationRequired
from asyncqueue.model import NewTask, Status
from asyncqueue.selection import filter_of
from tests.conformance.helpers import failed, new, queued
from tests.servers.cases import cases, migrated, shaped


async def _found(backend, **where) -> list[str]:
    """The tasks of the rows that are found, which are as many as are counted."""
    rows = await backend.find(TaskFilter(**where), limit=100)
    assert await backend.count(TaskFilter(**where)) == len(rows)
    return sorted(row.task for row in rows)


async def test_a_star_in_a_path_stands_for_any_characters(backend):
    for task in ("shop.tasks.send", "shop.tasks.fetch", "shopXtasks.send", "Shop.tasks.send", "mail_100%.send"):
        await queued(backend, task=task)
    assert await _found(backend, task="shop.tasks.*") == ["shop.tasks.fetch", "shop.tasks.send"]
    assert await _found(backend, task="*.send") == [
        "Shop.tasks.send",
        "mail_100%.send",
        "shop.tasks.send",
        "shopXtasks.send",
    ]
    assert await _found(backend, task="shop.tasks.send") == ["shop.tasks.send"]
    assert await _found(backend, task="mail_100%.*") == ["mail_100%.send"]
    assert await _found(backend, task="mail?100%.send") == []
    assert await _found(backend, task="shop") == []


async def test_rows_by_when_they_last_changed(backend):
    await queued(backend, 2, task="app.task")
    now = datetime.now(UTC)
    an_hour = timedelta(hours=1)
    assert len(await _found(backend, since=now - an_hour)) == 2
    assert await _found(backend, since=now + an_hour) == []
    assert await _found(backend, until=now - an_hour) == []
    elsewhere = (now + an_hour).astimezone(timezone(timedelta(hours=9)))
    assert len(await _found(backend, since=now - an_hour, until=elsewhere)) == 2


async def test_failures_by_their_text_and_in_groups(backend):
    await queued(backend, 3, task="app.first")
    await queued(backend, 2, task="app.second")
    await queued(backend, 1, task="app.third")
    texts = ["TimeoutError(5)\n\nTraceback one", "TimeoutError(5)\n\nTraceback two", "KeyError('x')"]
    claims = sorted(await backend.claim(6, worker_pid=None), key=lambda claim: claim.task)
    for claim, text in zip(claims, [*texts, "100% wrong", "100% wrong", "TimeoutError(5)"], strict=True):
        await backend.finish([failed(claim, text)])
    assert await _found(backend, error="timeouterror") == ["app.first", "app.first", "app.third"]
    assert await _found(backend, error="0% W") == ["app.second", "app.second"]
    assert await _found(backend, error="two", task="app.first") == ["app.first"]
    assert await _found(backend, error="two", statuses=[Status.COMPLETED]) == []
    groups = await backend.failures(TaskFilter(), limit=10)
    assert {(each.task, each.error, each.count) for each in groups} == {
        ("app.first", "TimeoutError(5)", 2),
        ("app.first", "KeyError('x')", 1),
        ("app.second", "100% wrong", 2),
        ("app.third", "TimeoutError(5)", 1),
    }
    assert [each.count for each in groups] == [2, 2, 1, 1]
    assert all(abs(datetime.now(UTC) - each.latest) < timedelta(minutes=1) for each in groups)
    assert len(await backend.failures(TaskFilter(task="app.first"), limit=1)) == 1


@cases("database", migrated())
async def test_rows_by_queue_and_worker(backend):
    await backend.enqueue(
        [NewTask(task.id, f"app.{queue}", "{}", queue) for queue in ("mail", "sms") for task in new()]
    )
    await queued(backend, 1, task="app.other")
    await backend.claim(1, worker_pid=None, worker="host-1:7:abcd", queues=["mail"])
    await backend.claim(1, worker_pid=None, worker="host-2:7:abcd", queues=["sms"])
    assert await _found(backend, queue="mail") == ["app.mail"]
    assert await _found(backend, queue="default") == ["app.other"]
    assert await _found(backend, worker="host-1:7:abcd") == ["app.mail"]
    assert await _found(backend, worker="host-*") == ["app.mail", "app.sms"]
    assert await _found(backend, worker="host-1") == []


@cases("database", migrated())
async def test_the_oldest_running_task_is_the_one_that_began_first(backend):
    """Not the one whose claim was renewed longest ago."""
    await queued(backend, 1)
    [claim] = await backend.claim(1, worker_pid=None, worker="me")
    began = (await backend.get([claim.id]))[0].started
    await backend.renew([claim], now=(await backend.observe([claim.id])).now, worker_pid=None)
    [count] = await backend.counts()
    assert (count.status, count.oldest) == (Status.RUNNING, began)


@cases("database", shaped())
async def test_a_table_that_is_not_migrated_has_no_queues_and_workers(backend):
    for where in (TaskFilter(queue="mail"), TaskFilter(worker="me")):
        with pytest.raises(MigrationRequired, match="a filter by queue or worker"):
            await backend.count(where)


def test_a_time_needs_a_zone():
    with pytest.raises(ConfigurationError, match="no time zone"):
        filter_of(since=datetime(2026, 1, 1))
