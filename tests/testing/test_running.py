"""run_until_empty and advance; what needs a server's queue runs on all of them."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import anyio
import pytest
import time_machine

import asyncqueue
from asyncqueue import AllowRule, Application, Hooks, Queue, Settings, Status, TaskRequest, Worker, enqueue
from asyncqueue.backends.base import TaskFilter
from asyncqueue.errors import ConfigurationError, MigrationRequired
from asyncqueue.testing import QueueNotEmpty, TasksFailed, advance, memory_queue, run_until_empty
from asyncqueue.testing.work import within
from tests.servers.cases import cases, migrated, shaped
from tests.testing import app


@pytest.fixture
async def queue(database):
    async with Queue(settings=Settings(database_url=database.url, poll_max=0.1)) as queue:
        yield queue


@pytest.fixture
async def memory():
    async with memory_queue() as queue:
        yield queue


async def test_tasks_run_and_their_records_are_returned(queue, done):
    if not queue.backend.shape.errors:
        return
    await queue.enqueue_many([(app.send, {"to": "a"}), (app.threaded, {"name": "b"}), (app.numbers, {"count": 2})])
    records = await run_until_empty(queue)
    assert [(record.status, record.output) for record in records] == [
        (Status.COMPLETED, "sent to a"),
        (Status.COMPLETED, "b"),
        (Status.COMPLETED, "0\n1\n"),
    ]
    assert done == ["send a", "threaded b"]
    assert await run_until_empty(queue) == []


@cases("database", migrated())
async def test_tasks_after_others_run_too(queue, done):
    requests = asyncqueue.chain(
        (app.send, {"to": "a"}), [(app.send, {"to": "b"}), (app.send, {"to": "c"})], (app.gather, {})
    )
    handles = await queue.enqueue_many(requests)
    waits = await queue.enqueue_many(
        asyncqueue.chain(TaskRequest(app.send, {"to": "late"}, delay=60), (app.gather, {}))
    )
    records = await run_until_empty(queue)
    first, *middle, last = (record.id for record in records)
    assert (first, set(middle), last) == (handles[0].id, {each.id for each in handles[1:3]}, handles[3].id)
    assert records[-1].output == "sent to b, sent to c"
    after_it = await queue.enqueue(app.gather, after=handles[0])
    assert [record.id for record in await run_until_empty(queue)] == [after_it.id]
    assert [record.id for record in await run_until_empty(queue, scheduled=True)] == [handle.id for handle in waits]
    assert done == ["send a", "send b", "send c", "send late"]


async def test_a_task_may_enqueue_one_after_itself(memory, done):
    await enqueue(app.after_itself)
    assert [record.status for record in await run_until_empty(memory)] == [Status.COMPLETED] * 2
    assert done == ["send late"]


@cases("database", migrated())
async def test_what_is_due_later_stays_unless_time_is_to_pass(queue, done):
    await queue.enqueue(app.send, {"to": "late"}, delay=7200)
    await queue.enqueue(app.send, {"to": "later"}, run_at=datetime(2199, 1, 1, tzinfo=UTC))
    await queue.enqueue(app.send, {"to": "soon"}, delay=60)
    await queue.enqueue(app.send, {"to": "now"})
    assert len(await run_until_empty(queue)) == 1
    assert done == ["send now"]
    assert await queue.count(status=Status.SCHEDULED) == 3
    records = await run_until_empty(queue, scheduled=True)
    assert done == ["send now", "send soon", "send late", "send later"]
    assert [record.status for record in records] == [Status.COMPLETED] * 3


@cases("database", migrated())
async def test_further_attempts_are_made_in_the_order_of_their_times(queue, done):
    handle = await queue.enqueue(app.flaky)  # tried again after 60 and 600 seconds
    await queue.enqueue(app.send, {"to": "between"}, delay=120)
    await queue.enqueue(app.send, {"to": "last"}, delay=900)
    await run_until_empty(queue, scheduled=True)
    assert done == ["attempt 1", "attempt 2", "send between", "attempt 3", "send last"]
    record = await handle.record()
    assert (record.status, record.output, record.attempt) == (Status.COMPLETED, "3", 2)
    assert [attempt.outcome for attempt in await handle.attempts()] == ["failed", "failed", "completed"]


@cases("database", migrated())
async def test_time_passes_by_as_much_as_is_said(queue, done):
    await queue.enqueue(app.send, {"to": "a"}, delay=3600)
    await queue.enqueue(app.send, {"to": "b"}, delay=timedelta(hours=2))
    await advance(queue, timedelta(minutes=59))
    assert await run_until_empty(queue) == []
    await advance(queue, 61)
    await run_until_empty(queue)
    assert done == ["send a"]
    await advance(queue, 3600)
    await run_until_empty(queue)
    assert done == ["send a", "send b"]


@cases("database", shaped(shapes=[10]))
async def test_a_table_that_is_not_migrated_has_nothing_scheduled(queue, done):
    await queue.enqueue(app.send, {"to": "a"})
    assert len(await run_until_empty(queue, scheduled=True)) == 1
    with pytest.raises(MigrationRequired):
        await advance(queue, 1)


@cases("database", migrated())
async def test_what_runs_in_another_worker_is_waited_for(queue, done):
    await queue.enqueue(app.sleeps)
    other = asyncio.create_task(Worker(queue).run(burst=True))
    while not await queue.count(status=Status.RUNNING):
        await asyncio.sleep(0.01)
    assert await run_until_empty(queue) == []  # it ran there
    assert await queue.count(status=Status.COMPLETED) == 1
    await other


async def test_every_queue_is_served_but_a_paused_one(done):
    async with memory_queue(settings=Settings(queues=("other",))) as queue:
        for name in ("mail", "default", "held"):
            await queue.enqueue(app.send, {"to": name}, queue=name)
        await queue.pause("held")
        await run_until_empty(queue)
        assert sorted(done) == ["send default", "send mail"]
        await queue.resume("held")
        await run_until_empty(queue)
        assert "send held" in done


async def test_a_failure_shows_task_error_and_log(memory):
    await enqueue(app.send, {"to": "a"})
    handle = await enqueue(app.fail, {"text": "broken"})
    with pytest.raises(TasksFailed) as caught:
        await run_until_empty(memory)
    text = str(caught.value)
    assert text.startswith('a task failed\ntests.testing.app.fail {"text": "broken"} (failed)\n  error:\n')
    assert "ValueError('broken')" in text
    assert "  log:\n    about to fail\n    WARNING app: a warning" in text
    assert "app.send" not in text
    assert [record.id for record in caught.value.records] == [handle.id]
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value.__cause__, ValueError)  # with the traceback of the task


async def test_a_failure_may_be_returned(memory):
    await enqueue(app.fail)
    await enqueue(app.plain)
    await memory.backend.enqueue([_row("tests.testing.app.nothing"), _row("tests.testing.app.send", '{"to": [1]}')])
    records = await run_until_empty(memory, raise_on_failure=False)
    assert [record.status for record in records] == [Status.FAILED] * 4
    await enqueue(app.fail)
    with pytest.raises(TasksFailed, match=r"^a task failed"):
        await run_until_empty(memory)  # what has failed before is not told again


def _row(path, args="{}"):
    from asyncqueue.ids import new_id
    from asyncqueue.model import NewTask

    return NewTask(new_id(), path, args)


async def test_a_failed_attempt_that_waits_for_another_is_a_failure_too(memory):
    await enqueue(app.flaky)
    with pytest.raises(TasksFailed, match="scheduled=True") as caught:
        await run_until_empty(memory)
    assert [record.status for record in caught.value.records] == [Status.SCHEDULED]
    assert "OSError('not yet 1')" in str(caught.value)
    assert await run_until_empty(memory, raise_on_failure=False) == []
    records = await run_until_empty(memory, scheduled=True)
    assert [record.output for record in records] == ["3"]


async def test_the_last_attempt_counts(memory):
    await enqueue(app.flaky, {"good": 9})
    with pytest.raises(TasksFailed, match="not yet 3"):
        await run_until_empty(memory, scheduled=True)


async def test_a_task_that_never_ends_is_named(memory, done):
    await enqueue(app.forever)
    await enqueue(app.send, {"to": "behind"})
    with pytest.raises(QueueNotEmpty) as caught:
        await run_until_empty(memory, timeout=0.3)
    assert str(caught.value) == (
        "run_until_empty() had not ended after 0.3 seconds; what has not:\n"
        "  tests.testing.app.forever {} (running)\n"
        '  tests.testing.app.send {"to": "behind"} (queued)'
    )
    assert isinstance(caught.value, TimeoutError)
    assert done == ["stopped"]
    assert await memory.count(status=Status.QUEUED) == 2


async def test_tasks_that_enqueue_each_other_for_ever_are_named(memory):
    await enqueue(app.endless)
    with pytest.raises(QueueNotEmpty, match="endless"):
        await run_until_empty(memory, timeout=0.5, scheduled=True)


async def test_a_task_that_changes_its_status_meanwhile_is_named(memory, monkeypatch):
    await enqueue(app.forever)
    find = memory.backend.find
    turns = iter(range(100))

    async def found(*args, **options):
        rows = await find(*args, **options)
        # Tasks that enqueue each other, while they are read: of two kinds in turns, always one that has not ended.
        last = await memory.enqueue(app.endless, delay=60 if next(turns) % 2 == 0 else 0)
        others = [row.id for row in await find(TaskFilter((), None), limit=100) if row.id != last.id]
        await memory.cancel(*others)
        return rows

    monkeypatch.setattr(memory.backend, "find", found)
    with pytest.raises(QueueNotEmpty) as caught:
        async with within(memory, 0.01, "it"):
            await anyio.sleep_forever()
    assert len(caught.value.records) == 1


async def test_a_chain_of_delayed_tasks(memory, done):
    await enqueue(app.chain, {"left": 3})
    assert len(await run_until_empty(memory, scheduled=True)) == 4
    assert done == ["chain 3", "chain 2", "chain 1", "chain 0"]


async def test_tasks_run_one_after_the_other_unless_more_are_to_run_at_once(memory, done):
    await memory.enqueue_many([(app.send, {"to": str(number)}) for number in range(20)])
    await run_until_empty(memory)
    assert done == [f"send {number}" for number in range(20)]
    await enqueue(app.nested)  # waits for another one
    with pytest.raises(QueueNotEmpty, match="nested"):
        await run_until_empty(memory, timeout=0.3)
    await memory.cancel(*[record.id for record in await memory.list(status=Status.QUEUED)])
    await enqueue(app.nested)
    records = await run_until_empty(memory, concurrency=2)
    assert [record.output for record in records] == ["got: sent to nested", "sent to nested"]


async def test_a_caller_that_is_cancelled_leaves_nothing_running(memory, done):
    await enqueue(app.forever)
    with anyio.move_on_after(0.3) as scope:
        await run_until_empty(memory, timeout=None)
    assert scope.cancelled_caught
    assert done == ["stopped"]
    assert await memory.count(status=Status.RUNNING) == 0


async def test_hooks_and_allow_rule_of_an_application(memory):
    told = []
    hooks = Hooks(on_success=(lambda info: told.append(info.task),))
    await enqueue(app.plain)
    await run_until_empty(memory, application=Application(hooks=hooks, allow=AllowRule(everything=True)))
    assert told == ["tests.testing.app.plain"]


async def test_hooks_and_allow_rule_of_the_settings(done):
    settings = Settings(allow=("tests.testing.app.plain",), hooks="tests.testing.hooks")
    async with memory_queue(settings=settings) as queue:
        await enqueue(app.plain)
        await run_until_empty(queue)
    assert done == ["before tests.testing.app.plain"]


async def test_inside_of_a_task_it_is_refused(memory):
    await enqueue(app.drains)
    with pytest.raises(TasksFailed, match="inside of a task"):
        await run_until_empty(memory)


async def test_a_queue_that_is_not_open_is_refused():
    for use in (run_until_empty, lambda queue: advance(queue, 1)):
        with pytest.raises(ConfigurationError, match=r"the queue is not open: .*memory_queue\(\).* as queue`$"):
            await use(Queue("sqlite://"))
        with pytest.raises(ConfigurationError, match=r"the queue is not open: .*memory_queue\(\)"):
            await use(Queue("postgresql://nobody@localhost:1/nothing"))
        async with memory_queue() as queue:
            pass
        with pytest.raises(ConfigurationError, match="the queue was closed"):
            await use(queue)


@pytest.mark.parametrize("timeout", [0, -1, "1", True, float("nan"), float("inf")])
async def test_a_timeout_that_means_nothing_is_refused(memory, timeout):
    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds above 0, or None"):
        await run_until_empty(memory, timeout=timeout)


@pytest.mark.parametrize("concurrency", [0, 1.5, True, 10_001])
async def test_a_concurrency_that_means_nothing_is_refused(memory, concurrency):
    with pytest.raises(ConfigurationError, match="concurrency must be a whole number from 1 to 10000"):
        await run_until_empty(memory, concurrency=concurrency)


@pytest.mark.parametrize("by", [-1, "1", True, float("nan"), timedelta(-1)])
async def test_time_that_cannot_pass_is_refused(memory, by):
    with pytest.raises(ConfigurationError, match="time passes by a number of seconds"):
        await advance(memory, by)


async def test_a_clock_that_stands_still(memory, done):
    with time_machine.travel(datetime(2030, 5, 1, tzinfo=UTC), tick=False) as clock:
        await enqueue(app.send, {"to": "now"})
        await enqueue(app.send, {"to": "in an hour"}, delay=3600)
        await enqueue(app.flaky)
        await run_until_empty(memory, raise_on_failure=False)
        assert done == ["send now", "attempt 1"]
        clock.shift(3600)  # SQLite's clock is the host's
        await run_until_empty(memory, scheduled=True)
    assert sorted(done[2:]) == ["attempt 2", "attempt 3", "send in an hour"]


async def test_standard_output_is_as_it_was(memory, capsys):
    before = sys.stdout
    await enqueue(app.fail)
    [record] = await run_until_empty(memory, raise_on_failure=False)
    assert sys.stdout is before
    assert record.log == "about to fail\nWARNING app: a warning\n"
    assert capsys.readouterr().out == ""


@cases("database", migrated())
async def test_a_burst_runs_what_comes_after_a_task_that_has_ended(queue):
    """Again and again: the end of a burst must not come between the release of a task and its claim."""
    for _ in range(20):
        first = await queue.enqueue(app.send, {"to": "a"})
        await run_until_empty(queue)
        then = await queue.enqueue(app.gather, after=first)
        assert [record.id for record in await run_until_empty(queue)] == [then.id]
