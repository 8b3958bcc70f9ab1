"""The tests of the shop, as docs/testing.md shows them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import shop

from asyncqueue import Queue
from asyncqueue.testing import (
    EagerQueue,
    SyncQueue,
    TasksFailed,
    advance,
    assert_enqueued,
    assert_not_enqueued,
    run_until_empty,
)

ADA = "ada@example.org"


@pytest.fixture(autouse=True)
def outbox() -> list[tuple[str, str]]:
    """The mails that were sent."""
    shop.outbox.clear()
    return shop.outbox


@pytest.mark.asyncio
async def test_an_order_is_confirmed(asyncqueue_queue: Queue) -> None:
    await shop.place_order(7, ADA)
    await assert_enqueued(asyncqueue_queue, shop.send_mail, {"to": ADA, "subject": "Order 7"}, priority=10)
    await assert_enqueued(asyncqueue_queue, shop.remind)


@pytest.mark.asyncio
async def test_the_mail_is_sent(asyncqueue_queue: Queue, outbox: list[tuple[str, str]]) -> None:
    await shop.place_order(7, ADA)
    [mail] = await run_until_empty(asyncqueue_queue)
    assert mail.output == "sent to ada@example.org"
    assert outbox == [(ADA, "Order 7")]
    await assert_not_enqueued(asyncqueue_queue, shop.send_mail)


@pytest.mark.asyncio
async def test_the_reminder_comes_after_three_days(asyncqueue_queue: Queue, outbox: list[tuple[str, str]]) -> None:
    await shop.place_order(7, ADA)
    await advance(asyncqueue_queue, timedelta(days=2, hours=23))
    await run_until_empty(asyncqueue_queue)
    assert outbox == [(ADA, "Order 7")]
    await advance(asyncqueue_queue, timedelta(hours=1))
    await run_until_empty(asyncqueue_queue)
    assert outbox == [(ADA, "Order 7"), (ADA, "Order 7 is not paid")]


@pytest.mark.asyncio
async def test_a_mail_server_that_is_away_is_tried_again(
    asyncqueue_queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([ConnectionError("away"), ConnectionError("still away"), None])

    async def deliver(to: str, subject: str) -> None:
        if error := next(answers):
            raise error

    monkeypatch.setattr(shop, "deliver", deliver)
    handle = await asyncqueue_queue.enqueue(shop.send_mail, {"to": ADA, "subject": "Hello"})
    await run_until_empty(asyncqueue_queue, scheduled=True)
    assert [attempt.outcome for attempt in await handle.attempts()] == ["failed", "failed", "completed"]


@pytest.mark.asyncio
async def test_a_wrong_address_is_not(asyncqueue_queue: Queue) -> None:
    await shop.place_order(7, "nobody")
    with pytest.raises(TasksFailed, match="'nobody' is no address"):
        await run_until_empty(asyncqueue_queue)


@pytest.mark.asyncio
async def test_ordering_at_once(asyncqueue_eager: EagerQueue, outbox: list[tuple[str, str]]) -> None:
    await shop.place_order(7, ADA)
    assert outbox == [(ADA, "Order 7"), (ADA, "Order 7 is not paid")]
    with pytest.raises(ValueError, match="no address"):
        await shop.place_order(8, "nobody")


def test_the_view(asyncqueue_sync: SyncQueue, outbox: list[tuple[str, str]]) -> None:
    assert shop.order_view(7, ADA) == "Thank you!"
    asyncqueue_sync.assert_enqueued(shop.send_mail, {"to": ADA, "subject": "Order 7"})
    asyncqueue_sync.run_until_empty()
    assert outbox == [(ADA, "Order 7")]
