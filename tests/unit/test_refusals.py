"""What is written of a result that a database refuses, and how the row is found."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest

from asyncqueue.errors import DatabaseUnavailable, DataRejected
from asyncqueue.model import Status
from asyncqueue.running.runner import RunResult
from asyncqueue.running.texts import escaped
from asyncqueue.worker.narrowing import narrowed
from asyncqueue.worker.refusals import escapes, failures

REFUSAL = DataRejected("no \u00fc")


async def test_of_many_rows_those_that_are_refused_are_found_in_few_writes() -> None:
    rows = [uuid.uuid4() for _ in range(500)]
    bad = {rows[7], rows[499]}
    sizes: list[int] = []
    refused: list[uuid.UUID] = []

    async def write(some: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        sizes.append(len(some))
        if bad & set(some):
            raise REFUSAL
        return set(some)

    async def note(row: uuid.UUID, error: DataRejected) -> set[uuid.UUID]:
        assert error is REFUSAL
        refused.append(row)
        return set()

    assert await narrowed(rows, write, note) == set(rows) - bad
    assert set(refused) == bad
    assert len(sizes) < 40
    sizes.clear()
    assert await narrowed([], write, note) == set()
    assert sizes == []


async def test_an_outage_is_no_refusal() -> None:
    async def write(some: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        raise DatabaseUnavailable("away")

    async def note(row: uuid.UUID, error: DataRejected) -> set[uuid.UUID]:
        raise AssertionError

    with pytest.raises(DatabaseUnavailable):
        await narrowed([uuid.uuid4(), uuid.uuid4()], write, note)


def test_only_what_a_column_may_not_hold_is_escaped() -> None:
    text = "a\u00fc\u4f60\U0001f600"
    assert escaped(text, 0x10FFFF) == text
    assert escaped(text, 0xFFFF) == "a\u00fc\u4f60\\U0001f600"
    assert escaped(text, 0xFF) == "a\u00fc\\u4f60\\U0001f600"
    assert escaped(text, 0x7F) == "a\\xfc\\u4f60\\U0001f600"


def test_escapes_keep_the_outcome_and_are_tried_from_the_mildest_on() -> None:
    result = RunResult(Status.COMPLETED, output="\U0001f600", log="\u00fc\U0001f600")
    assert list(escapes(result)) == [
        result._replace(log="\u00fc\\U0001f600"),
        result._replace(log="\\xfc\\U0001f600"),
    ]
    assert list(escapes(RunResult(Status.COMPLETED, output="\U0001f600"))) == []


def test_a_failure_says_what_was_refused_and_keeps_what_was_raised() -> None:
    result = RunResult(Status.FAILED, error="ValueError('\u00fc')", log="log", retry_in=5.0, attempt=2)
    first, last = failures(result, 1, REFUSAL)
    assert first.error is not None
    assert first.error.endswith("no \\xfc\n\nValueError('\\xfc')")
    assert (first.log, first.retry_in, first.attempt) == ("log", 5.0, 2)
    assert (last.log, last.status) == (None, Status.FAILED)
    assert "ValueError" not in (last.error or "")
    [only] = failures(RunResult(Status.COMPLETED, output="x"), 0, REFUSAL)
    assert (only.status, only.output, only.attempt) == (Status.FAILED, None, 1)
