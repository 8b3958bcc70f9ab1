"""What people see, on the command line, of rows that other programs wrote: they are listed and can be changed."""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing

import pytest

from tests.cli.test_commands import call, enqueue, folder

__all__ = ["folder"]  # a fixture


@pytest.mark.parametrize("value", ["CAST(x'61ff62' AS text)", "x'61ff62'"], ids=["no UTF-8", "blob"])
@pytest.mark.parametrize("column", ["task", "args"])
def test_a_text_that_cannot_be_read_is_shown_escaped(folder, column, value):
    key = enqueue(folder, "jobs.greet")
    with closing(sqlite3.connect(folder / "asyncqueue.sqlite3")) as database, database:
        database.execute(f"UPDATE django_simple_queue_task SET {column} = {value} WHERE id = ?", (uuid.UUID(key).hex,))
    assert r"a\xffb" in call(folder, "list").stdout
    assert json.loads(call(folder, "list", "--json").stdout)[0][column] == r"a\xffb"
    assert r"a\xffb" in call(folder, "show", key).stdout
    call(folder, "stats")
    call(folder, "queues")
    call(folder, "cancel", key)
    call(folder, "requeue", key)
    # A blob is read, and names no function: a burst that finds none says so by its code.
    call(folder, "run", "--burst", code=int(column == "task" and value.startswith("x")))
    shown = json.loads(call(folder, "show", key, "--json").stdout)
    assert (shown["status"], shown[column]) == ("failed", r"a\xffb")
    assert shown["error"]
    call(folder, "stats", "--errors")
