"""G10: a notification is a hint. It makes an idle worker quick, and nothing depends on it."""

from __future__ import annotations

import asyncio
import time

import pytest

from asyncqueue.backends.postgresql.notifier import Notifier
from tests.conformance.conftest import opened
from tests.conformance.helpers import new
from tests.conformance.transactions import transaction
from tests.proxy import Proxy
from tests.servers.cases import DIALECTS, cases, shaped

WAKING = cases("database", shaped(["postgresql", "sqlite"], [10]))
ON_POSTGRESQL = cases("database", shaped(["postgresql"], [10]))


async def waits(backend, timeout: float = 5.0) -> float:
    """How many seconds a wait for work lasts."""
    began = time.monotonic()
    await backend.wait_for_work(timeout)
    return time.monotonic() - began


@cases("database", shaped(DIALECTS, [10]))
async def test_a_wait_ends_with_its_timeout(backend):
    await backend.wait_for_work(0.1)  # the first one may look at once, because it cannot know what it has missed
    for timeout in (0.05, 0.3):
        assert timeout * 0.9 <= await waits(backend, timeout) < timeout + 0.5


@WAKING
async def test_a_new_task_of_another_process_ends_the_wait(backend, another):
    await backend.wait_for_work(0.2)
    async with another() as other:
        for _ in range(3):
            waiting = asyncio.create_task(waits(backend))
            await asyncio.sleep(0.1)
            await other.enqueue(new(1))
            assert await waiting < 2
    assert len(await backend.claim(9, worker_pid=None)) == 3


@WAKING
async def test_what_is_enqueued_between_two_waits_ends_the_second_at_once(backend, another):
    await backend.wait_for_work(0.2)
    async with another() as other:
        await other.enqueue(new(1))
        await asyncio.sleep(0.1)
        assert await waits(backend) < 1


@WAKING
@pytest.mark.parametrize("number", [1, 3, 600])
async def test_what_follows_closely_is_announced_too(backend, another, number):
    """Only the first of rows that follow each other closely notifies by itself; one more stands for all the others."""
    await backend.wait_for_work(0.2)
    async with another() as other:
        for _ in range(5):
            await other.enqueue(new(1))
            assert await waits(backend) < 1
            waiting = asyncio.create_task(waits(backend))
            await other.enqueue(new(number))
            assert await waiting < 1
            await asyncio.sleep(0.05)
            await backend.wait_for_work(0.05)


@WAKING
async def test_who_closes_at_once_has_announced_what_it_enqueued(backend, another):
    await backend.wait_for_work(0.2)
    async with another() as other:
        await other.enqueue(new(1))
        assert await waits(backend) < 1
        waiting = asyncio.create_task(waits(backend))
        await other.enqueue(new(1))
    assert await waiting < 1


@WAKING
async def test_a_task_enqueued_in_a_callers_transaction_wakes_when_that_commits(backend, database):
    await backend.wait_for_work(0.2)
    async with transaction(database) as connection:
        waiting = asyncio.create_task(waits(backend))
        await backend.enqueue(new(1), connection=connection.raw)
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await connection.commit()
        assert await waiting < 2


@cases("database", shaped(["sqlite"], [10]))
async def test_sqlite_wakes_for_what_django_enqueues(backend, database):
    await backend.wait_for_work(0.2)
    waiting = asyncio.create_task(waits(backend))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(database.django.create, [{"task": "app.task", "args": {}}])
    assert await waiting < 2


@ON_POSTGRESQL
async def test_a_listener_whose_connection_was_cut_costs_one_poll_and_comes_back(database, monkeypatch):
    monkeypatch.setattr("asyncqueue.backends.postgresql.listener._RETRY_AFTER", 0.2)
    async with Proxy(database.url) as proxy, opened(proxy.url) as deaf, opened(database.url) as other:
        await deaf.wait_for_work(0.2)
        proxy.refusing = True
        proxy.cut()
        await asyncio.sleep(0.1)
        assert 0.2 < await waits(deaf, 0.3) < 1, "no error, and not a busy loop"
        await other.enqueue(new(1))
        proxy.refusing = False
        await asyncio.sleep(0.2)
        assert await waits(deaf) < 2, "connected again, it looks at once for what it may have missed"
        waiting = asyncio.create_task(waits(deaf))
        await asyncio.sleep(0.1)
        await other.enqueue(new(1))
        assert await waiting < 2


@ON_POSTGRESQL
async def test_a_listener_that_went_silently_deaf_is_noticed(database, monkeypatch):
    monkeypatch.setattr("asyncqueue.backends.postgresql.listener._PING_AFTER", 0.1)
    monkeypatch.setattr("asyncqueue.backends.postgresql.listener._PING_TIMEOUT", 0.3)
    monkeypatch.setattr("asyncqueue.backends.postgresql.listener._RETRY_AFTER", 0.1)
    async with Proxy(database.url) as proxy, opened(proxy.url) as deaf, opened(database.url) as other:
        await deaf.wait_for_work(0.2)
        proxy.stalled = True
        for _ in range(4):
            assert await waits(deaf, 0.3) < 1.5
        proxy.cut()
        proxy.stalled = False
        await asyncio.sleep(0.2)
        await deaf.wait_for_work(1)
        waiting = asyncio.create_task(waits(deaf))
        await asyncio.sleep(0.2)
        await other.enqueue(new(1))
        assert await waiting < 2


@ON_POSTGRESQL
async def test_a_poll_that_ends_during_the_listen_leaves_no_deaf_listener(database):
    """The connection would answer every ping, and hear nothing for as long as it lasts."""
    async with Proxy(database.url) as proxy, opened(proxy.url) as slow, opened(database.url) as other:
        proxy.stall_after = b"LISTEN"
        for _ in range(3):
            assert await waits(slow, 0.1) < 2
        assert proxy.stalled
        proxy.stalled = False
        await slow.wait_for_work(2)
        waiting = asyncio.create_task(waits(slow))
        await asyncio.sleep(0.1)
        await other.enqueue(new(1))
        assert await waiting < 4


@ON_POSTGRESQL
async def test_what_waits_for_notifications_raises_nothing_where_the_server_is_gone(database, monkeypatch):
    monkeypatch.setattr("asyncqueue.backends.postgresql.listener._RETRY_AFTER", 0.1)
    async with Proxy(database.url) as proxy, opened(proxy.url) as alone:
        await alone.wait_for_work(0.2)
        await proxy.__aexit__(None, None, None)
        for _ in range(3):
            await alone.wait_for_work(0.2)
            await alone.wait_for_cancellation(0.2)
            await alone.wait_for_ends(0.2)


async def test_closing_waits_for_every_notification_that_is_being_sent():
    go_on = asyncio.Event()
    sent: list[str] = []

    async def send() -> None:
        if not sent:
            sent.append("begun")
            await go_on.wait()
        sent.append("ended")

    notifier = Notifier(send)
    notifier.announce()
    await asyncio.sleep(0.05)
    notifier.announce()
    await asyncio.sleep(0.05)
    assert sent == ["begun", "ended"]
    asyncio.get_running_loop().call_later(0.1, go_on.set)
    await notifier.close()
    assert sent == ["begun", "ended", "ended"]


@ON_POSTGRESQL
async def test_without_notifications_nothing_is_notified_and_nothing_listens(database, another):
    listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%%'"
    async with another(notify=False) as quiet, another() as other:
        await quiet.wait_for_work(0.1)
        await other.enqueue(new(1))
        assert await waits(quiet, 0.3) == pytest.approx(0.3, abs=0.2)
        assert database.execute(listening) == [(0,)]
        await other.wait_for_work(0.1)
        assert database.execute(listening) == [(1,)]
        await quiet.enqueue(new(1))
        assert await waits(other, 0.3) == pytest.approx(0.3, abs=0.2)


@cases("fresh_database", shaped(["postgresql"], [7, 10]))
@pytest.mark.parametrize("notify", [True, False], ids=["with", "without"])
async def test_rows_that_django_inserts_wake_an_idle_worker_of_level_1(fresh_database, notify):
    """By the trigger, if the migration was to make one."""
    async with opened(fresh_database.url) as backend:
        await backend.migrate(notify=notify)
        await backend.wait_for_work(0.2)
        waiting = asyncio.create_task(waits(backend, 3.0))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(fresh_database.django.create, [{"task": "app.task", "args": {}}] * 3)
        assert (await waiting < 2.5) is notify
        assert len(await backend.claim(9, worker_pid=None)) == 3
