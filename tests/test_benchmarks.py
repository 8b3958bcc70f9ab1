"""That the benchmarks' own programs run what they measure: a limit that does nothing would make everybody look fast."""

from __future__ import annotations

from typing import cast

import pytest

from benchmarks import catalogue
from benchmarks.servers import Place
from benchmarks.workloads import Size, drain, enqueue_bulk, enqueue_one

SIZE = Size(enqueue=20, bulk=50, drain=300, most_seconds=30)


class Given:
    """A place with one database, which is the test's."""

    def __init__(self, dialect: str, url: str) -> None:
        self.dialect = dialect
        self.url = url

    def create(self) -> str:
        return self.url

    def drop(self, url: str) -> None: ...


@pytest.mark.parametrize("name", ["limit", "asyncqueue"])
def test_each_workload_is_done_by_the_bare_statements_and_by_the_worker(empty_database, name):
    contender = catalogue.load()[name]
    place = cast("Place", Given(empty_database.dialect, empty_database.url))
    assert enqueue_one(contender, place, SIZE)["tasks"] == 20
    assert enqueue_bulk(contender, place, SIZE)["tasks"] == 50
    assert drain(contender, place, SIZE, batch=50)["tasks"] == 300
