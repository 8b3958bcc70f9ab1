"""The helpers for what is not async."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from asyncqueue import Settings, Status, enqueue
from asyncqueue.errors import ConfigurationError
from asyncqueue.testing import QueueNotEmpty, TasksFailed, sync_queue
from tests.testing import app


def view(to: str) -> None:
    asyncio.run(app.sign_up(to))


def test_code_with_event_loops_of_its_own(done):
    with sync_queue() as queue:
        view("a")
        thread = threading.Thread(target=view, args=["b"])
        thread.start()
        thread.join()
        program = "import asyncio, tests.testing.app as app; asyncio.run(app.sign_up('c'))"
        subprocess.run([sys.executable, "-c", program], check=True)
        queue.assert_enqueued(app.send, {"to": "a"})
        queue.assert_enqueued("tests.testing.app.send", count=3, queue_name="default", priority=0, status=Status.QUEUED)
        queue.assert_not_enqueued(app.fail)
        assert [record.args for record in queue.enqueued(app.send)] == ['{"to": "a"}', '{"to": "b"}', '{"to": "c"}']
        assert [record.output for record in queue.run_until_empty()] == ["sent to a", "sent to b", "sent to c"]
        assert queue.enqueued() == []


def test_tasks_with_event_loops_of_their_own(done):
    with sync_queue() as queue:
        asyncio.run(enqueue(app.in_a_loop_of_its_own))
        queue.run_until_empty()
        assert done == ["send x"]


def test_time_and_failures(done):
    with sync_queue() as queue:
        queue.call(lambda opened: opened.enqueue(app.send, {"to": "a"}, delay=60))
        assert queue.run_until_empty() == []
        queue.advance(60)
        queue.run_until_empty()
        assert done == ["send a"]
        queue.call(lambda opened: opened.enqueue(app.flaky))
        assert len(queue.run_until_empty(scheduled=True)) == 1
        queue.call(lambda opened: opened.enqueue(app.fail))
        with pytest.raises(TasksFailed):
            queue.run_until_empty()
        queue.call(lambda opened: opened.enqueue(app.fail))
        assert len(queue.run_until_empty(raise_on_failure=False)) == 1
        queue.call(lambda opened: opened.enqueue(app.forever))
        with pytest.raises(QueueNotEmpty):
            queue.run_until_empty(timeout=0.2)
        with pytest.raises(AssertionError, match="found once"):
            queue.assert_not_enqueued(app.forever)
        with pytest.raises(AssertionError, match="found not at all"):
            queue.assert_enqueued(app.send)


def test_the_environment_is_as_it_was_and_the_file_is_gone(monkeypatch):
    monkeypatch.delenv("ASYNCQUEUE_DATABASE_URL", raising=False)
    with sync_queue() as outer:
        with sync_queue() as inner:
            assert os.environ["ASYNCQUEUE_DATABASE_URL"] == inner.url
            view("a")
        assert os.environ["ASYNCQUEUE_DATABASE_URL"] == outer.url
        assert outer.enqueued() == []
    assert "ASYNCQUEUE_DATABASE_URL" not in os.environ
    assert not Path(inner.url.removeprefix("sqlite:///")).parent.exists()


def test_the_settings_are_those_given():
    with sync_queue(settings=Settings(allow=("tests.testing.app.plain",))) as queue:
        queue.call(lambda opened: opened.enqueue(app.plain))
        assert len(queue.run_until_empty()) == 1


async def test_in_an_event_loop_it_is_refused():
    with pytest.raises(ConfigurationError, match=r"use memory_queue\(\)"), sync_queue():
        raise AssertionError("unreachable")


def test_in_an_event_loop_its_methods_are_refused():
    async def call(queue) -> None:
        queue.enqueued()

    with sync_queue() as queue, pytest.raises(ConfigurationError, match="use the async helpers"):
        asyncio.run(call(queue))
