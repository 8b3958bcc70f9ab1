"""How long `asyncqueue migrate` makes others wait, on a table of a million rows that is in use."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.catalogue import Contender
from benchmarks.probe import Probe
from benchmarks.programs import Workers, call
from benchmarks.servers import Place
from benchmarks.special import TABLE, fill_ended
from benchmarks.workloads import Measured, Site, Size, site

_ROWS = 1_000_000
#: Seconds of the same load before the migration, to compare with.
_BEFORE = 10.0


class _Caller(threading.Thread):
    """Runs a statement again and again on a connection of its own, as an application does, and times each."""

    def __init__(self, at: Site, sql: str) -> None:
        super().__init__(daemon=True)
        self._url = at.url
        self._sql = sql
        self._going = True
        #: When each began, and how many seconds it took.
        self.taken: list[tuple[float, float]] = []

    def run(self) -> None:
        probe = Probe(self._url)  # a connection of SQLite belongs to its thread
        try:
            while self._going:
                began = time.monotonic()
                probe.rows(self._sql)
                self.taken.append((began, time.monotonic() - began))
                time.sleep(0.002)
        finally:
            probe.close()

    def end(self) -> None:
        """Stop."""
        self._going = False
        self.join()

    def longest(self, since: float, until: float) -> float:
        """Milliseconds of the longest statement that was under way in that time."""
        return max(took for began, took in self.taken if began + took >= since and began <= until) * 1e3


def migration(contender: Contender, place: Place, size: Size) -> Measured:
    """The longest statement while a table of a million rows is migrated, beside a worker, an inserter and a reader."""
    rows = _ROWS if size.drain >= 20_000 else 100_000
    with site(contender, place, BENCH_LEVEL="0") as at:
        fill_ended(at, rows)
        key = at.probe.value(f"SELECT min(id) FROM {TABLE}" if at.dialect != "postgresql" else _ANY_ID)
        with Workers(contender, at.url, BENCH_LEVEL="0") as workers, _calling(at, str(key)) as callers:
            workers.shared.open_gate()
            feeder = threading.Thread(target=at.enqueue, args=("paced", 4000, "--every", "0.005"), daemon=True)
            feeder.start()
            time.sleep(1)
            quiet = time.monotonic()
            time.sleep(_BEFORE)
            began = time.monotonic()
            call(contender, "setup", at.url)
            ended = time.monotonic()
            time.sleep(1)
            workers.check()
            feeder.join()
        return {
            "rows": rows,
            "seconds": ended - began,
            "before_ms": {name: each.longest(quiet, began) for name, each in callers.items()},
            "during_ms": {name: each.longest(began, ended) for name, each in callers.items()},
        }


_ANY_ID = f"SELECT id FROM {TABLE} LIMIT 1"


@contextmanager
def _calling(at: Site, key: str) -> Iterator[dict[str, _Caller]]:
    new_id = {
        "postgresql": "gen_random_uuid()",
        "mysql": "REPLACE(UUID(), '-', '')",
        "mariadb": "UUID()",
    }.get(at.dialect, "lower(hex(randomblob(16)))")
    now = {"postgresql": "now()", "sqlite": "datetime('now')"}.get(at.dialect, "UTC_TIMESTAMP(6)")
    callers = {
        "write": _Caller(
            at,
            f"INSERT INTO {TABLE} (id, created, modified, task, args, status) "
            f"VALUES ({new_id}, {now}, {now}, 'app.done', '{{}}', 2)",
        ),
        "read": _Caller(at, f"SELECT status FROM {TABLE} WHERE id = '{key}'"),
    }
    for each in callers.values():
        each.start()
    try:
        yield callers
    finally:
        for each in callers.values():
            each.end()
