"""Turns what an application enqueues into rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asyncqueue.errors import ConfigurationError, InvalidTask
from asyncqueue.graphs import connected
from asyncqueue.ids import new_id, new_ids
from asyncqueue.limits import Limit, LimitPolicy
from asyncqueue.model import Link, NewTask, OnFailure
from asyncqueue.requests import PLAIN, Placement, Task, TaskRequest
from asyncqueue.tasks import TaskFunction, encode_args, path_of

#: What a task has that runs after none.
NOT_AFTER: tuple[Any, OnFailure | None] = (None, None)


class Rows:
    """Makes rows.

    Args:
        max_args_size: of arguments, in bytes.
        limits: whether the table can hold tasks back. Where it cannot, what a function declares of limits means
            nothing, as it is with its attempts.
    """

    def __init__(self, max_args_size: int, limits: Callable[[], bool]) -> None:
        #: What functions declare of which rows were made, and nobody has noted in the table since.
        self.undeclared: dict[str, Limit] = {}
        self._size = max_args_size
        self._limits = limits
        self._declared: dict[str, Limit] = {}

    def new(
        self,
        task: Task,
        args: Mapping[str, Any] | None,
        placement: Placement = PLAIN,
        after: tuple[Any, OnFailure | None] = NOT_AFTER,
    ) -> NewTask:
        """A row of one task; `after` is what it runs after, and `on_failure`.

        Raises InvalidTask, ConfigurationError.
        """
        row = self.row(task, args, placement)
        if after != NOT_AFTER:
            [row] = connected([row], [after], [task])
        return row

    def row(self, task: Task, args: Mapping[str, Any] | None, placement: Placement) -> NewTask:
        """A row by itself. Raises what `new` raises."""
        row = NewTask(new_id(), path_of(task), encode_args(args, self._size), *placement)
        policy = _limits_of(task)
        if policy is None and row.limit_key is None:
            return row
        return self._limited(row, task, policy)

    def many(
        self, some: Sequence[Any], placement: Placement, after: tuple[Any, OnFailure | None] = NOT_AFTER
    ) -> list[NewTask]:
        """The rows of what `enqueue_many` was given; `after` is what the pairs among it run after, and `on_failure`."""
        if placement == PLAIN and after == NOT_AFTER:
            size = self._size
            try:
                # Hundreds of thousands a second: that each is a pair is found out by taking it for one.
                paths = {task: path_of(task) for task in {task for task, _ in some}}
                if not any(map(_limits_of, paths)):
                    ids = new_ids(len(some))
                    return [
                        NewTask(key, paths[task], encode_args(args, size))
                        for key, (task, args) in zip(ids, some, strict=True)
                    ]
            except (TypeError, ValueError):
                pass  # some are requests, or mistakes: one by one
        rows = _numbered([self._one(each, placement) for each in some])
        wanted = [(each.after, each.on_failure) if isinstance(each, TaskRequest) else after for each in some]
        return rows if all(each == NOT_AFTER for each in wanted) else connected(rows, wanted, some)

    def note(self, limits: Mapping[str, Limit]) -> None:
        """These have been noted in the table."""
        self._declared |= limits
        self.undeclared = {name: limit for name, limit in self.undeclared.items() if limits.get(name) != limit}

    def _one(self, each: Any, placement: Placement) -> NewTask:
        if isinstance(each, TaskRequest):
            return self.row(each.task, each.args, each.placement)
        try:
            task, args = each
        except (TypeError, ValueError):
            raise InvalidTask(
                f"enqueue_many takes pairs of a task and its arguments, or TaskRequests, not {each!r}"
            ) from None
        return self.row(task, args, placement)

    def _limited(self, row: NewTask, task: Task, policy: LimitPolicy | None) -> NewTask:
        """The row as one that comes under a limit."""
        if policy is None:
            if not isinstance(task, str):
                raise ConfigurationError(
                    f"limit_key says which limit the task comes under, and {row.task} declares none: give its @task "
                    "limit or rate"
                )
            return row._replace(links=row.links | Link.LIMITED)  # its worker knows
        if row.limit_key is None and not self._limits():
            return row
        limit = policy.declared(row.task)
        if self._declared.get(limit.name) != limit:
            self.undeclared[limit.name] = limit
        key = row.limit_key
        if key is None and policy.key is not None:
            # Of the arguments as the worker reads them.
            key = policy.key_of(json.loads(row.args or "{}"))
        return row._replace(links=row.links | Link.LIMITED, limit_key=key)


def _numbered(rows: list[NewTask]) -> list[NewTask]:
    """The rows with their ids in the order in which they will be claimed: the highest priority first.

    MySQL and MariaDB store rows in the order of their ids, and what is claimed together should lie together.
    """
    if len({row.priority for row in rows}) < 2:
        return rows
    numbered = list(rows)
    claimed = sorted(range(len(rows)), key=lambda index: rows[index].priority, reverse=True)
    for index, row in zip(claimed, rows, strict=True):
        numbered[index] = rows[index]._replace(id=row.id)
    return numbered


def _limits_of(task: object) -> LimitPolicy | None:
    return task.options.limits if isinstance(task, TaskFunction) else None
