"""What rows become of the tasks of one call."""

from __future__ import annotations

from asyncqueue.requests import PLAIN, TaskRequest
from asyncqueue.rows import Rows


def test_ids_of_one_call_are_in_the_order_of_the_claims() -> None:
    """The rows stay in the order given, for the handles; those of one priority keep theirs among themselves."""
    some = [TaskRequest("app.task", {"n": n}, priority=priority) for n, priority in enumerate((0, 5, 0, 100, 5))]
    rows = Rows(1000, limits=lambda: True).many(some, PLAIN)
    assert [row.args for row in rows] == [f'{{"n": {n}}}' for n in range(5)]
    assert [row.priority for row in rows] == [0, 5, 0, 100, 5]
    claimed = sorted(rows, key=lambda row: row.id)
    assert [rows.index(row) for row in claimed] == [3, 1, 4, 0, 2]


def test_what_runs_after_another_one_of_the_call_names_its_id() -> None:
    first = TaskRequest("app.first", None)
    rows = Rows(1000, limits=lambda: True).many([first, TaskRequest("app.then", None, priority=9, after=first)], PLAIN)
    assert rows[1].id < rows[0].id
    assert rows[1].after is not None
    assert rows[1].after.predecessors == (rows[0].id,)
