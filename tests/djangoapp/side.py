"""The tests' end of a Django project that runs in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

#: How many columns the table has: 7 as the release on PyPI makes it, 10 as the development line does.
Shape: TypeAlias = Literal[7, 10]

_ROOT = Path(__file__).resolve().parents[2]


class DjangoError(Exception):
    """Django raised. The message is its traceback."""


class DjangoSide:
    """A Django project on the database at `url`, whose app django_simple_queue is of the given shape.

    Django's settings hold for a whole process, hence one for each combination; it ends with `close`, or with the
    process that made it.
    """

    def __init__(self, url: str, shape: Shape, *, use_tz: bool = True, time_zone: str = "UTC") -> None:
        self.shape = shape
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.djangoapp.serve", str(shape), str(int(use_tz)), time_zone],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            start_new_session=True,
        )
        self.connect(url)

    def connect(self, url: str) -> None:
        """Go on with another database."""
        self._call("connect", url=url)

    def migrate(self) -> None:
        """Run `manage.py migrate`."""
        self._call("migrate")

    def make_anew(self) -> None:
        """On SQLite: make the table anew, as migrations do there that change a column."""
        self._call("make_anew")

    def create(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """Create tasks as Django's create_task does, in one transaction, and return their ids.

        A row is the model's fields. `args` that is a dict becomes JSON as create_task writes it, anything else is
        stored as it is. `created` and `modified` (ISO 8601) replace Django's clock.
        """
        ids: list[str] = self._call("create", rows=rows)
        return ids

    def read(self, ids: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Read tasks in the order of `ids`, or all by `modified`: every field, instants in ISO 8601, id with dashes."""
        rows: list[dict[str, Any]] = self._call("read", ids=None if ids is None else [str(id_) for id_ in ids])
        return rows

    def save_status(self, id_: str, status: int) -> None:
        """Load a task, change its status and save the whole row, as Django's admin does."""
        self._call("save_status", id_=str(id_), status=status)

    def delete_all(self) -> None:
        """Delete every task."""
        self._call("delete_all")

    def run_worker_once(self) -> str | None:
        """Let the worker of release 0.1.10 run the task it would pick next. Returns its id, None if there is none."""
        id_: str | None = self._call("run_worker_once")
        return id_

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _call(self, verb: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([verb, arguments]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise DjangoError(f"the Django process ended with exit code {self._process.wait()}")
        result, error = json.loads(answer)
        if error is not None:
            raise DjangoError(error)
        return result
