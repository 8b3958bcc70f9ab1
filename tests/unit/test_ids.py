"""The ids of new tasks."""

from __future__ import annotations

import time
from itertools import pairwise
from threading import Thread, local
from uuid import RFC_4122, UUID

import pytest

from asyncqueue import ids
from asyncqueue.ids import new_id, new_ids


@pytest.fixture
def clock(monkeypatch):
    """A clock in nanoseconds that a test sets, in a process that has made no id yet."""
    now = [1_800_000_000_000_000_000]
    monkeypatch.setattr(time, "time_ns", lambda: now[0])
    monkeypatch.setattr(ids, "_made", local())
    return now


def test_an_id_is_a_uuid_of_version_7_that_begins_with_the_time():
    before = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert {(each.version, each.variant) for each in made} == {(7, RFC_4122)}
    assert all(before <= each.int >> 80 <= after for each in made)
    assert len(set(made)) == len(made)
    assert UUID(made[0].hex) == made[0]


def test_ids_of_later_tasks_are_greater_as_numbers_and_as_texts():
    made = [new_id() for _ in range(10_000)]
    assert all(one < other and one.hex < other.hex for one, other in pairwise(made))


def test_ids_of_one_moment_are_in_order(clock):
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(made)
    assert {each.int >> 80 for each in made} <= {clock[0] // 1_000_000 + late for late in range(4)}


def test_ids_made_together_come_between_those_made_before_and_after(clock):
    made = [new_id(), *new_ids(10_000), *new_ids(0), *new_ids(1), new_id()]
    assert len(made) == 10_003
    assert all(one < other for one, other in pairwise(made))
    assert {(each.version, each.variant) for each in made} == {(7, RFC_4122)}


def test_a_clock_that_was_set_back_is_followed_but_for_less_than_a_second(clock):
    first = new_id()
    clock[0] -= 900_000_000
    assert new_id() > first
    clock[0] -= 3600 * 1_000_000_000
    assert new_id().int >> 80 == clock[0] // 1_000_000


def test_the_last_62_bits_are_random():
    numbers = [each.int for each in [*(new_id() for _ in range(1000)), *new_ids(1000)]]
    for bit in range(62):
        ones = sum(each >> bit & 1 for each in numbers)
        assert 700 < ones < 1300, (
            f"bit {bit}: {ones} of {len(numbers)}"
        )  # 1000 is expected; thirteen standard deviations


def test_threads_make_different_ids_each_in_order(clock):
    made: list[list[UUID]] = [[] for _ in range(4)]
    threads = [Thread(target=lambda own=own: own.extend(new_id() for _ in range(5000))) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each for own in made for each in own}) == 20_000
    assert all(own == sorted(own) for own in made)
