"""Lists of rows as SQLite's statements take them."""

from __future__ import annotations

import sqlite3

import pytest

from asyncqueue.backends.sqlite_rows import listed


@pytest.mark.parametrize("count", [1, 15, 16, 17, 256, 257, 1000])
def test_every_row_arrives_once_and_nulls_are_added(count):
    rows = [(number, f"row {number}") for number in range(count)]
    connection = sqlite3.connect(":memory:")
    found = [
        row
        for text, values in listed("SELECT column1, column2 FROM (VALUES :rows)", rows)
        for row in connection.execute(text, values)
    ]
    assert [row for row in found if row != (None, None)] == rows
    assert len(found) < count + 16


def test_statements_are_few():
    texts = {text for count in range(1, 600) for text, _ in listed("VALUES :rows", [(0, 1)] * count)}
    assert len(texts) == 16
