"""When a clean-up goes on, pauses and stops."""

from __future__ import annotations

import itertools

import pytest

from asyncqueue.backends.services import Batch
from asyncqueue.retention import repeat


def batches(*counts: tuple[int, int]):
    """Batches that delete and look at so many; the places are numbers, and the last one is the end."""
    asked: list[str | None] = []

    async def batch(resume_from: str | None) -> Batch:
        asked.append(resume_from)
        number = len(asked)
        return Batch(*counts[number - 1], str(number) if number < len(counts) else None)

    return batch, asked


async def test_it_goes_on_to_the_end():
    batch, asked = batches((0, 100), (50, 100), (0, 7))
    noted = []

    async def note(resume_from: str) -> None:
        noted.append(resume_from)

    assert await repeat(batch, after_batch=note) == (50, None)
    assert asked == [None, "1", "2"]
    assert noted == ["1", "2"]


@pytest.mark.parametrize(
    ("counts", "done"),
    [
        ([(0, 100)] * 50, 10),
        ([(100, 100)] * 50, 50),
        ([(10, 100)] * 50, 50),
        ([(5, 100)] * 50, 20),
        ([*[(0, 100)] * 9, (100, 100), *[(0, 100)] * 50], 20),
    ],
    ids=["nothing", "all", "a tenth", "less", "late"],
)
async def test_a_turn_ends_when_enough_was_looked_at_in_vain(counts, done):
    batch, asked = batches(*counts)
    _, resume_from = await repeat(batch, patience=1000)
    assert len(asked) == done
    assert resume_from == (str(done) if done < len(counts) else None)


async def test_the_next_turn_goes_on_there():
    batch, asked = batches(*itertools.repeat((0, 100), 30))
    _, resume_from = await repeat(batch, resume_from="here", patience=200)
    assert asked == ["here", "1"]
    assert resume_from == "2"
