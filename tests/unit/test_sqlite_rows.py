"""Lists of rows as SQLite's statements take them."""

from __future__ import annotations

import sqlite3

import pytest

from asyncqueue.backends.sqlite.rows import listed


@pytest.mark.parametrize("count", [1, 15, 16, 17, 256, 257, 1000])
def test_every_row_arrives_once_and_zeros_are_added(count):
    rows = [(number + 1, f"row {number}", None if number % 3 else 2.5) for number in range(count)]
    found = _found(rows)
    assert [row for row in found if any(row)] == rows
    assert len(found) < count + 16


@pytest.mark.parametrize("count", [1, 16, 300])
def test_a_column_without_values_is_null_in_the_text(count):
    rows = [(number + 1, None, f"row {number}", None) for number in range(count)]
    assert [row for row in _found(rows) if any(row)] == rows
    for text, values in listed("VALUES :rows", rows):
        assert None not in values
        assert text.startswith("VALUES (?, NULL, ?, NULL)")


def test_a_column_is_looked_at_in_each_part():
    rows = [(number, None if number < 256 else "text") for number in range(300)]
    first, second = listed("VALUES :rows", rows)
    assert "NULL" in first[0]
    assert "NULL" not in second[0]


def test_statements_are_few():
    texts = {text for count in range(1, 600) for text, _ in listed("VALUES :rows", [(0, 1)] * count)}
    assert len(texts) == 16


def _found(rows):
    connection = sqlite3.connect(":memory:")
    columns = ", ".join(f"column{number + 1}" for number in range(len(rows[0])))
    return [
        row
        for text, values in listed(f"SELECT {columns} FROM (VALUES :rows)", rows)
        for row in connection.execute(text, values)
    ]
