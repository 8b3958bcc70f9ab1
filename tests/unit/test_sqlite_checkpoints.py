"""Commits on SQLite try no checkpoint while a reader from before lets nothing be copied, and do again afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncqueue.backends.common import statements
from asyncqueue.backends.sqlite.checkpoints import Checkpoints
from asyncqueue.backends.sqlite.schema import names_of, slots

SETUP = statements.Rendered(["sqlite"], statements.colon, slots(names_of("tasks")))
USUAL = 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue.sqlite3"


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    connection = _connect(file)
    connection.execute("CREATE TABLE filled (text)")
    yield connection
    connection.close()


@pytest.fixture
def reader(file: Path, writer: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One that began when the log was empty, and has not ended."""
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection = _connect(file)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM filled").fetchall()
    yield connection
    connection.close()


@pytest.fixture
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> Checkpoints:
    monkeypatch.setattr("asyncqueue.backends.sqlite.checkpoints.pause_after", lambda _: 0.0)
    return Checkpoints(SETUP)


def test_commits_leave_a_held_log_alone_and_fold_it_when_it_is_free(
    file: Path, writer: sqlite3.Connection, reader: sqlite3.Connection, checkpoints: Checkpoints
) -> None:
    _fill(writer, megabytes=10)
    checkpoints.consider(writer)
    assert _threshold(writer) == USUAL, "a log of 10 MB is not long yet"
    _fill(writer, megabytes=10)
    checkpoints.consider(writer)
    assert _threshold(writer) == 0
    reader.execute("COMMIT")
    checkpoints.consider(writer)
    assert _threshold(writer) == USUAL
    _fill(writer, megabytes=1)
    assert file.stat().st_size > 20e6, "all of it is in the file"


def test_the_disk_has_its_room_back_after_a_long_read(
    file: Path, writer: sqlite3.Connection, reader: sqlite3.Connection, checkpoints: Checkpoints
) -> None:
    _fill(writer, megabytes=70)
    checkpoints.consider(writer)
    assert _log(file).stat().st_size > 70e6
    reader.execute("COMMIT")
    checkpoints.consider(writer)
    _fill(writer, megabytes=1)
    assert _log(file).stat().st_size <= 64 * 2**20


def test_no_error_of_a_look_becomes_the_error_of_a_commit(writer: sqlite3.Connection, checkpoints: Checkpoints) -> None:
    writer.close()
    with pytest.raises(sqlite3.ProgrammingError):
        writer.execute(SETUP["checkpoint"].text)
    checkpoints.consider(writer)


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    for setting in "journal_mode", "log_limit":
        connection.execute(SETUP[setting].text).fetchall()
    return connection


def _fill(writer: sqlite3.Connection, *, megabytes: int) -> None:
    writer.execute("BEGIN IMMEDIATE")
    writer.executemany("INSERT INTO filled VALUES (?)", [("x" * 2**20,)] * megabytes)
    writer.execute("COMMIT")


def _threshold(writer: sqlite3.Connection) -> int:
    return int(writer.execute("PRAGMA wal_autocheckpoint").fetchone()[0])


def _log(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")
