"""A worker obeys its signals, whatever a task has made of them."""

from __future__ import annotations

import signal

import pytest

from tests.servers.cases import cases, shaped
from tests.worker import rude_tasks
from tests.worker.process import WorkerProcess
from tests.worker.test_rude import environment  # noqa: F401 - a fixture

SQLITE = cases("database", shaped(["sqlite"], [10]))


@SQLITE
@pytest.mark.parametrize("how", ["ignored", "default", "loop", "removed", "deaf", "blocked", "in_c"])
async def test_a_task_that_takes_the_signals_does_not_keep_them(database, queue, environment, tmp_path, how):  # noqa: F811
    with WorkerProcess(database.url, tmp_path, **environment) as worker:
        await (await queue.enqueue(rude_tasks.take_signals, {"how": how})).result(timeout=20)
        if how not in ("removed", "deaf", "in_c"):  # of which nothing is left, or to be seen
            await worker.wait_for_log("The worker handles its signals again", 20)
            assert SAID[how] in worker.text()
        await (await queue.enqueue(rude_tasks.sleep_briefly, {"seconds": 1.5})).result(timeout=20)
        worker.signal(signal.SIGTERM)
        assert await worker.wait(20) == 0
        assert "SIGTERM: stopping" in worker.text()


SAID = {
    "ignored": "SIGTERM went to <Handlers.SIG_IGN: 1>",
    "default": "SIGTERM went to <Handlers.SIG_DFL: 0>",
    "loop": "SIGTERM went to <",
    "blocked": "SIGTERM was blocked",
}


@SQLITE
async def test_that_a_task_takes_signals_again_and_again_is_said_once_a_while(database, queue, tmp_path):
    with WorkerProcess(database.url, tmp_path) as worker:
        for _ in range(3):
            await (await queue.enqueue(rude_tasks.take_signals, {"how": "ignored"})).result(timeout=20)
            await (await queue.enqueue(rude_tasks.sleep_briefly, {"seconds": 1.2})).result(timeout=20)
        assert worker.text().count("The worker handles its signals again") == 1
        worker.signal(signal.SIGINT)
        assert await worker.wait(20) == 0
