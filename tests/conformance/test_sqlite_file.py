"""A SQLite file that is deleted, moved away or replaced while it is open: nothing is written to what is gone."""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from asyncqueue import Queue, Settings, Worker
from asyncqueue.errors import DatabaseUnavailable, TableMissing
from asyncqueue.model import Status
from tests.conformance.conftest import opened
from tests.conformance.helpers import claimed, done, new, row
from tests.servers.cases import cases, migrated, shaped
from tests.worker import sample_tasks

ON_SQLITE = cases("database", [*shaped(["sqlite"], [10]), *migrated(["sqlite"])])


def _file(database) -> Path:
    return Path(urlsplit(database.url).path[1:])


def _move(file: Path, folder: Path) -> None:
    """Move a database away, with the files that SQLite keeps beside it."""
    for each in file.parent.glob(f"{file.name}*"):
        each.rename(folder / each.name)


@pytest.fixture
def empty(database) -> Path:
    """Another file with the same table, in which nothing is."""
    copy = _file(database).with_name("another.sqlite3")
    shutil.copy(_file(database), copy)
    return copy


@ON_SQLITE
async def test_a_file_that_is_gone_takes_no_task_and_is_not_made_anew(database, backend, tmp_path_factory):
    file, away = _file(database), tmp_path_factory.mktemp("away")
    [claim] = await claimed(backend)
    _move(file, away)
    for verb in (
        lambda: backend.enqueue(new(1)),
        lambda: backend.finish([done(claim)]),
        lambda: backend.claim(1, worker_pid=None),
        lambda: backend.observe([claim.id]),
    ):
        with pytest.raises(DatabaseUnavailable, match="was deleted or moved away while it was open"):
            await verb()
    await backend.wait_for_work(0.01)
    assert not file.exists()
    _move(away / file.name, file.parent)
    assert await backend.finish([done(claim)]) == {claim.id}
    assert (await row(backend, claim.id)).status == Status.COMPLETED


@ON_SQLITE
async def test_what_is_enqueued_after_a_replacement_is_in_the_new_file(
    database, backend, empty, caplog, tmp_path_factory
):
    await backend.enqueue(new(2))
    _move(_file(database), tmp_path_factory.mktemp("away"))
    empty.rename(_file(database))
    [task] = new(1)
    with caplog.at_level(logging.WARNING):
        await backend.enqueue([task])
    [said] = [record.getMessage() for record in caplog.records if "replaced while it was open" in record.getMessage()]
    assert str(_file(database)) in said
    async with opened(database.url) as other:
        assert [record.id for record in await other.get([task.id])] == [task.id]
        assert [claim.id for claim in await other.claim(5, worker_pid=None)] == [task.id]
    assert await backend.claim(5, worker_pid=None) == []


@ON_SQLITE
async def test_a_replacement_without_the_table_says_so(database, backend, tmp_path_factory):
    await backend.enqueue(new(1))
    _move(_file(database), tmp_path_factory.mktemp("away"))
    _file(database).touch()
    with pytest.raises(TableMissing):
        await backend.enqueue(new(1))


@ON_SQLITE
async def test_a_worker_goes_on_with_the_new_file(database, empty, tmp_path, tmp_path_factory):
    async with Queue(settings=Settings(database_url=database.url, poll_max=0.1)) as queue:
        worker = Worker(queue)
        running = asyncio.create_task(worker.run())
        first = await queue.enqueue(sample_tasks.record, {"witness": str(tmp_path / "witness"), "key": "old"})
        assert await first.result(timeout=20) == "old"
        _move(_file(database), tmp_path_factory.mktemp("away"))
        empty.rename(_file(database))
        async with Queue(settings=Settings(database_url=database.url)) as other:
            second = await other.enqueue(sample_tasks.record, {"witness": str(tmp_path / "witness"), "key": "new"})
            assert await second.result(timeout=20) == "new"
        worker.stop()
        await running
