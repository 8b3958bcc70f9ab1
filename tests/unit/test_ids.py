"""The ids of new tasks."""

from __future__ import annotations

import time
from uuid import RFC_4122, UUID

from asyncqueue.ids import new_id


def test_an_id_is_a_uuid_of_version_7_that_begins_with_the_time():
    before = time.time_ns() // 1_000_000
    ids = [new_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}
    assert all(before <= each.int >> 80 <= after for each in ids)
    assert len(set(ids)) == len(ids)
    assert UUID(ids[0].hex) == ids[0]


def test_ids_of_later_tasks_are_greater_as_numbers_and_as_texts():
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    assert first < second
    assert first.hex < second.hex


def test_all_other_bits_are_random():
    ids = [new_id().int for _ in range(2000)]
    for bit in range(80):
        if bit in range(62, 64) or bit in range(76, 80):
            continue
        ones = sum(each >> bit & 1 for each in ids)
        assert 700 < ones < 1300, f"bit {bit}: {ones} of {len(ids)}"  # 1000 is expected; thirteen standard deviations
