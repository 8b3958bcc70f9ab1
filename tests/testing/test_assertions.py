"""What was enqueued."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from asyncqueue import Queue, Settings, Status, enqueue
from asyncqueue.errors import ConfigurationError, InvalidArguments, InvalidTask
from asyncqueue.testing import assert_enqueued, assert_not_enqueued, enqueued, memory_queue, run_until_empty
from tests.testing import app


@pytest.fixture
async def queue():
    async with memory_queue() as queue:
        yield queue


async def test_what_was_enqueued_in_its_order(queue):
    await queue.enqueue_many([(app.send, {"to": str(number)}) for number in range(5)])
    await enqueue(app.threaded, {"name": "t"}, delay=60)
    await queue.enqueue_many([(app.send, {"to": str(number)}) for number in range(5, 1500)])
    sent = [record.args for record in await enqueued(queue, app.send)]
    assert sent == [f'{{"to": "{number}"}}' for number in range(1500)]
    assert sent == [record.args for record in await enqueued(queue, "tests.testing.app.send")]
    [delayed] = await enqueued(queue, app.threaded)
    assert delayed.status == Status.SCHEDULED
    assert len(await enqueued(queue)) == 1501
    await queue.cancel(delayed.id)
    assert await enqueued(queue, app.threaded) == []
    assert len(await enqueued(queue, app.threaded, status=Status.CANCELLED)) == 1


async def test_what_holds_is_returned(queue):
    first = await enqueue(app.send, {"to": "a", "on": date(2030, 5, 1)})
    await enqueue(app.send, {"to": "b"}, queue="mail", priority=7)
    await enqueue(app.send, {"to": "b"}, delay=60)
    await enqueue(app.endless)
    [record] = await assert_enqueued(queue, app.send, {"on": date(2030, 5, 1), "to": "a"})
    assert record.id == first.id
    await assert_enqueued(queue, "tests.testing.app.send", {"to": "b"}, count=2)
    await assert_enqueued(queue, app.send, count=None)
    await assert_enqueued(queue, app.send, queue_name="mail")
    await assert_enqueued(queue, app.send, priority=7)
    await assert_enqueued(queue, app.send, {"to": "b"}, queue_name="default", priority=0)
    await assert_enqueued(queue, app.endless, {})
    await assert_enqueued(queue, app.send, {"to": "b"}, status=Status.SCHEDULED)
    await assert_not_enqueued(queue, app.send, {"to": "c"})
    await assert_not_enqueued(queue, app.send, {"to": "a"}, queue_name="mail")
    await assert_not_enqueued(queue, app.send, priority=1)
    await assert_not_enqueued(queue, app.threaded)


async def test_what_has_ended_is_not_enqueued_any_more(queue):
    await enqueue(app.send, {"to": "a"})
    await run_until_empty(queue)
    await assert_not_enqueued(queue, app.send)
    await assert_enqueued(queue, app.send, status=Status.COMPLETED)
    with pytest.raises(AssertionError, match=r"found not at all.*\n.*\n.*app.send {\"to\": \"a\"} \(completed\)"):
        await assert_enqueued(queue, app.send)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"args": {"to": "c"}}, 'expected once, found not at all: tests.testing.app.send {"to": "c"}'),
        ({"args": {"to": 1}}, 'expected once, found not at all: tests.testing.app.send {"to": 1}'),
        ({}, "expected once, found 2 times: tests.testing.app.send"),
        ({"args": {"to": "a"}, "count": 3}, 'expected 3 times, found once: tests.testing.app.send {"to": "a"}'),
        ({"args": {}, "count": None}, "expected at least once, found not at all: tests.testing.app.send {}"),
        (
            {"queue_name": "post", "priority": 3, "status": Status.FAILED},
            "expected once, found not at all: tests.testing.app.send in queue post with priority 3 (failed)",
        ),
    ],
)
async def test_what_does_not_hold_says_what_is_there_instead(queue, asked, said):
    await enqueue(app.send, {"to": "a"})
    await enqueue(app.send, {"to": "b"}, queue="mail", priority=7, run_at=datetime(2199, 5, 1, 8, tzinfo=UTC))
    with pytest.raises(AssertionError) as caught:
        await assert_enqueued(queue, app.send, **asked)
    assert str(caught.value) == (
        f"{said}\nthe queue holds\n"
        '  tests.testing.app.send {"to": "a"} (queued)\n'
        '  tests.testing.app.send {"to": "b"} (scheduled, due 2199-05-01 08:00:00 UTC, queue mail, priority 7)'
    )


async def test_what_should_not_be_there(queue):
    with pytest.raises(AssertionError, match=r"found not at all: tests.testing.app.send\nthe queue holds\n  nothing"):
        await assert_enqueued(queue, app.send)
    await queue.enqueue_many([(app.send, {"to": str(number)}) for number in range(25)])
    with pytest.raises(AssertionError, match="expected not at all, found 25 times: ") as caught:
        await assert_not_enqueued(queue, app.send)
    assert str(caught.value).endswith("\n  and 5 more")


async def test_mistakes_of_the_test_itself(queue):
    with pytest.raises(InvalidTask, match="is not a dotted path"):
        await assert_enqueued(queue, "send")
    with pytest.raises(InvalidTask, match="lambda"):
        await assert_not_enqueued(queue, lambda: None)
    with pytest.raises(InvalidArguments):
        await assert_enqueued(queue, app.send, {"to": object()})
    with pytest.raises(ConfigurationError, match="the queue is not open"):
        await enqueued(Queue("sqlite://"))


async def test_a_table_on_a_server(database):
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        await queue.enqueue(app.send, {"to": "a"})
        await assert_enqueued(queue, app.send, {"to": "a"}, queue_name="default", priority=0)
        with pytest.raises(AssertionError, match="the queue holds"):
            await assert_enqueued(queue, app.send, {"to": "b"})
