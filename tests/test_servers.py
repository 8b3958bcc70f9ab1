"""The tests' own servers and Django projects do what the other tests rely on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.djangoapp import DjangoSide
from tests.djangoapp.side import DjangoError
from tests.servers import LocalServer, ServerMissing, Servers, client
from tests.servers.cases import cases, migrated, shaped
from tests.servers.database import Database
from tests.servers.server import PRODUCTS

SEVEN = ["id", "created", "modified", "task", "args", "status", "output"]
TEN = [*SEVEN, "error", "log", "worker_pid"]


def test_the_table_is_as_django_migrations_make_it(database: Database) -> None:
    [id_] = database.django.create([{"task": "app.tasks.send", "args": {"to": "é"}}])
    [row] = database.django.read([id_])
    assert list(row) == (SEVEN if database.shape == 7 else TEN)
    assert (row["id"], row["args"], row["status"], row["output"]) == (id_, '{"to": "\\u00e9"}', 0, None)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(row["modified"])) < timedelta(minutes=1)


@cases("database", shaped())
def test_each_test_gets_a_clean_table(database: Database) -> None:
    for _ in range(2):
        assert database.execute(f"SELECT count(*) FROM {database.table}") == [(0,)]
        assert database.indexes() == []
        database.django.create([{"task": "app.tasks.send"}])
        database.execute(f"CREATE INDEX leftover ON {database.table} (status)")
        assert database.indexes() == ["leftover"]
        database.clean()


@cases("database", migrated())
def test_a_migrated_table_is_clean_too_and_keeps_its_indexes(database: Database) -> None:
    for _ in range(2):
        for table in (database.table, "asyncqueue_queues"):
            assert database.execute(f"SELECT count(*) FROM {table}") == [(0,)]
        assert any(name.endswith("_bucket") for name in database.indexes())
        database.django.create([{"task": "app.tasks.send"}])
        database.execute("INSERT INTO asyncqueue_queues (name, paused) VALUES ('mail', %s)", True)
        database.clean()


def test_django_changes_a_row(database: Database) -> None:
    then = "2020-02-29T12:30:00.000001+00:00"
    ids = database.django.create([{"task": "a.b", "args": args, "modified": then} for args in (None, "", "{broken")])
    database.django.save_status(ids[1], 4)
    first, second, third = database.django.read(ids)
    assert [row["args"] for row in (first, second, third)] == [None, "", "{broken"]
    assert (first["modified"], first["status"], second["status"]) == (then, 0, 4)
    assert second["modified"] > then
    database.django.delete_all()
    assert database.django.read() == []


@cases("database", shaped(shapes=[7]))
def test_the_release_on_pypi_runs_a_task(database: Database) -> None:
    [id_] = database.django.create([{"task": "os.path.basename", "args": {"p": "/a/b"}}])
    assert database.django.run_worker_once() == id_
    [row] = database.django.read([id_])
    assert (row["status"], row["output"]) == (2, "b")
    assert database.django.run_worker_once() is None


def test_local_time_without_use_tz(fresh_database: Database) -> None:
    assert fresh_database.shape is not None
    django = DjangoSide(fresh_database.url, fresh_database.shape, use_tz=False, time_zone="Asia/Kolkata")
    try:
        [id_] = django.create([{"task": "a.b"}])
        [row] = django.read([id_])
    finally:
        django.close()
    local = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=5, minutes=30)
    assert abs(local - datetime.fromisoformat(row["modified"])) < timedelta(minutes=1)


def test_an_empty_database_has_no_table(empty_database: Database) -> None:
    with pytest.raises(client.ERRORS):
        empty_database.execute(f"SELECT 1 FROM {empty_database.table}")
    with pytest.raises(DjangoError, match=empty_database.table):
        empty_database.django.read()


@pytest.mark.parametrize("end", [LocalServer.stop, LocalServer.kill], ids=["stop", "kill"])
def test_a_server_comes_back_with_its_data(restartable_database: tuple[Database, LocalServer], end: object) -> None:
    database, server = restartable_database
    assert callable(end)
    ids = database.django.create([{"task": "a.b"}])
    end(server)
    with pytest.raises(client.ERRORS):
        database.execute("SELECT 1")
    server.start()
    assert [row["id"] for row in database.django.read()] == ids


def test_a_url_leads_to_somebody_elses_server(
    restartable_database: tuple[Database, LocalServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, theirs = restartable_database
    monkeypatch.setenv(f"ASYNCQUEUE_TEST_{theirs.dialect.upper()}_URL", theirs.url)
    servers = Servers()
    server = servers.get(theirs.dialect)
    assert (server.product, server.version) == (PRODUCTS[theirs.dialect], theirs.version)
    url = server.create_database("mine")
    assert client.execute(url, "SELECT 1") == [(1,)]
    servers.close()
    with pytest.raises(client.ERRORS):
        client.execute(url, "SELECT 1")
    assert client.execute(theirs.url, "SELECT 1") == [(1,)]


@cases("database", shaped(["mariadb"], [10]))
def test_mariadb_is_not_taken_for_mysql(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert database.server is not None
    monkeypatch.setenv("ASYNCQUEUE_TEST_MYSQL_URL", database.server.url)
    servers = Servers()
    with pytest.raises(ServerMissing, match="is MariaDB"):
        servers.get("mysql")
    assert len(servers.missing) == 1
