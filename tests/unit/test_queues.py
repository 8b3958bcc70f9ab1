"""Names of queues, and the order in which a worker serves several."""

from __future__ import annotations

from collections import Counter

import pytest

from asyncqueue.errors import ConfigurationError
from asyncqueue.queues import QueueOrder, check_queue_name


@pytest.mark.parametrize("name", ["a", "default", "mail-2", "eu/mail", "größe", "q" * 64])
def test_names(name: str) -> None:
    assert check_queue_name(name) == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "the name of a queue is empty; leave it out"),
        ("q" * 65, "has 65 characters; the column holds 64"),
        ("a b", "'a b' has a space, a comma"),
        ("mail ", "has a space"),
        ("a,b", "has a space, a comma"),
        ("a=1", "has a space, a comma, an ="),
        ("a\0", "cannot be printed"),
        ("\ud800", "cannot be printed"),
        (7, "must be text, not 7"),
        (None, "must be text, not None"),
    ],
)
def test_what_is_no_name(name: object, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        check_queue_name(name)


def test_without_weights_the_order_is_the_one_given() -> None:
    order = QueueOrder.of(["mail", "default", "slow"])
    assert order is not None
    assert {order.next() for _ in range(20)} == {("mail", "default", "slow")}
    assert QueueOrder.of([]) is None, "all queues"


def test_with_weights_each_claim_draws_its_order() -> None:
    order = QueueOrder.of(["mail=6", "default=3", "slow=1"])
    assert order is not None
    drawn = Counter(order.next() for _ in range(20_000))
    assert len(drawn) == 6, "every order there can be"
    first = Counter[str]()
    for names, count in drawn.items():
        first[names[0]] += count
    for name, share in {"mail": 0.6, "default": 0.3, "slow": 0.1}.items():
        assert first[name] / 20_000 == pytest.approx(share, abs=0.02)
    behind_mail = drawn["mail", "default", "slow"] / first["mail"]
    assert behind_mail == pytest.approx(0.75, abs=0.02), "the rest by weight too"


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        (["mail=3", "default"], "give every queue a weight or none: 'default' has none"),
        (["mail", "default=1"], "give every queue a weight or none: 'mail' has none"),
        (["mail", "mail"], "the queue 'mail' is named twice"),
        (["mail=1", "mail=2"], "the queue 'mail' is named twice"),
        (["mail=0"], "the weight of the queue 'mail' must be a whole number from 1 to 1000000, not '0'"),
        (["mail=-1"], "not '-1'"),
        (["mail=0.5"], "not '0.5'"),
        (["mail="], "not ''"),
        (["mail=²"], "not '²'"),
        (["=3"], "the name of a queue is empty"),
    ],
)
def test_mistakes(entries: list[str], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        QueueOrder.of(entries)
