"""A Django project changes its worker and nothing else, and both kinds of worker get on with each other."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from asyncqueue import Queue, Settings, Status
from tests.servers.cases import cases, shaped
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, lines, until

HERE = "tests.djangoapp.tasks"


def project(database, tmp_path, *options, **environment):
    """A worker that is told of the Django project and of nothing else."""
    return WorkerProcess(
        None,
        tmp_path,
        "--django",
        "tests.djangoapp.project",
        *options,
        PROJECT_SHAPE=str(database.shape),
        PROJECT_DATABASE=database.url,
        **environment,
    )


async def test_a_project_without_rules_keeps_djangos_rule_with_a_loud_warning(database, tmp_path):
    ids = database.django.create(
        [
            {"task": f"{HERE}.count_tasks", "args": {}},
            {"task": f"{HERE}.give_back", "args": {"value": "é 𝄞 '\" \\"}},
            {"task": f"{HERE}.steps", "args": {"number": 3}},
            {"task": f"{HERE}.broken", "args": {}},
            {"task": f"{HERE}.give_back", "args": {"value": "x" * 5001}},
        ]
    )
    with project(database, tmp_path, "--burst") as worker:
        assert await worker.wait() == 0
    assert "DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS" in worker.text()
    rows = database.django.read(ids)
    assert [row["status"] for row in rows] == [2, 2, 2, 3, 3]
    assert re.fullmatch(r"\d in progress", rows[0]["output"]), "the ORM works inside a task"
    assert rows[1]["output"] == "é 𝄞 '\" \\"
    assert rows[2]["output"] == "step 0;step 1;step 2;"
    broken = rows[3]["error" if database.shape == 10 else "output"]
    assert broken.startswith("RuntimeError('broken on purpose')\n\nTraceback (most recent call last):\n")
    assert broken.endswith("RuntimeError: broken on purpose\n")
    assert "max_output_size allows 5000" in rows[4]["error" if database.shape == 10 else "output"]
    for row in rows:
        assert datetime.now(UTC) - timedelta(minutes=1) < datetime.fromisoformat(row["modified"]) <= datetime.now(UTC)
        if database.shape == 10:
            assert row["worker_pid"] is None


@cases("database", shaped(["postgresql", "sqlite"], [10]))
async def test_a_projects_allowed_tasks_are_the_rule(database, tmp_path):
    [allowed, refused] = database.django.create(
        [{"task": f"{HERE}.give_back", "args": {"value": "a"}}, {"task": f"{HERE}.count_tasks", "args": {}}]
    )
    async with Queue(database.url) as queue:
        declared = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
        with project(database, tmp_path, "--burst", PROJECT_ALLOWED=json.dumps([f"{HERE}.give_back"])) as worker:
            assert await worker.wait() == 0
        rows = database.django.read([allowed, refused, str(declared.id)])
    assert [row["status"] for row in rows] == [2, 3, 3], "what the project does not name is refused, @task or not"
    assert "DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS" in rows[1]["error"]


@cases("database", shaped(["postgresql", "mysql", "mariadb", "sqlite"], [10]))
async def test_a_projects_limits_are_enforced(database, tmp_path):
    rows = [
        {"task": f"{HERE}.give_back_late", "args": {"seconds": 60}},
        {"task": f"{HERE}.give_back", "args": {"value": "x" * 5001}},
        {"task": f"{HERE}.give_back", "args": {"value": "x" * 6000}},
        {"task": f"{HERE}.give_back", "args": {"value": "x" * 5000}},
    ]
    ids = database.django.create(rows)
    with project(database, tmp_path, "--burst") as worker:
        assert await worker.wait() == 0
    late, long, large, fine = database.django.read(ids)
    assert late["error"] == "Task timed out after 1 seconds"
    assert "max_output_size" in long["error"]
    assert "max_args_size" in large["error"]
    assert [row["status"] for row in (late, long, large, fine)] == [3, 3, 3, 2]


@cases("database", shaped(["postgresql", "mysql", "mariadb", "sqlite"], [10]))
async def test_a_projects_signals_fire_with_the_model_instance(database, tmp_path):
    witness = tmp_path / "signals"
    database.django.create([{"task": f"{HERE}.steps", "args": {"number": 2}}])
    for _ in range(2):
        with project(
            database, tmp_path, "--burst", "--hooks", "tests.djangoapp.hooks", PROJECT_WITNESS=str(witness)
        ) as worker:
            assert await worker.wait() == 0
        database.django.create([{"task": f"{HERE}.broken", "args": {}}])
    assert lines(witness) == [
        "before_job steps 1 {}",
        "before_loop steps 1 {'iteration': '0'}",
        "after_loop steps 1 {'iteration': '0', 'output': 'step 0;'}",
        "before_loop steps 1 {'iteration': '1'}",
        "after_loop steps 1 {'iteration': '1', 'output': 'step 1;'}",
        "before_loop steps 1 {'iteration': '2'}",
        "on_success steps 2 {}",
        "before_job broken 1 {}",
        "on_failure broken 3 {'error': \"RuntimeError('broken on purpose')\"}",
    ]


@cases("database", shaped(["mysql", "mariadb", "sqlite"], [10]))
async def test_a_project_that_stores_local_time_is_understood(database, tmp_path):
    from tests.djangoapp import DjangoSide

    local = DjangoSide(database.url, database.shape, use_tz=False, time_zone="America/New_York")
    try:
        [done] = local.create([{"task": f"{HERE}.give_back", "args": {"value": "a"}}])
        before = datetime.fromisoformat(local.read([done])[0]["created"])
        with project(database, tmp_path, "--burst", PROJECT_TIME_ZONE="America/New_York") as worker:
            assert await worker.wait() == 0
        row = local.read([done])[0]
    finally:
        local.close()
    assert row["status"] == 2
    assert timedelta(0) <= datetime.fromisoformat(row["modified"]) - before < timedelta(minutes=1)


@cases("database", shaped(["postgresql", "mysql", "mariadb", "sqlite"], [10]))
async def test_worker_pid_is_never_written_unless_it_is_asked_for(database, queue, tmp_path):
    """A Django worker elsewhere would take the task for an orphan, and NULL never."""
    witness = tmp_path / "witness"
    with WorkerProcess(database.url, tmp_path, "--heartbeat", "0.2") as worker:
        handle = await queue.enqueue(sample_tasks.slow, {"witness": str(witness), "key": "a", "seconds": 60})
        await until(lambda: len(lines(witness)) == 1, what="the start")
        first = await handle.record()
        await until(lambda: _renewed(handle, first), what="a renewal")
        assert (first.worker_pid, (await handle.record()).worker_pid) == (None, None)
        assert worker.alive


async def _renewed(handle, before) -> bool:
    return bool((await handle.record()).modified != before.modified)


@cases("database", shaped(["postgresql", "mysql", "mariadb", "sqlite"], [10]))
async def test_with_auto_worker_pid_is_written_until_another_workers_pid_is_seen(database, tmp_path):
    witness = tmp_path / "witness"
    async with Queue(settings=Settings(database_url=database.url)) as queue:

        async def pids() -> set[int | None]:
            return {record.worker_pid for record in await queue.list(status=Status.RUNNING)}

        def slow(key: str) -> dict[str, object]:
            return {"witness": str(witness), "key": key, "seconds": 60}

        await queue.enqueue(sample_tasks.slow, slow("a"))
        options = ("--worker-pid", "auto", "--heartbeat", "0.4", "--grace", "0")
        with WorkerProcess(database.url, tmp_path, *options) as worker:
            await until(lambda: len(lines(witness)) == 1, what="the first start")
            assert await pids() == {worker.pid}
            # A Django worker on another host claims a row of its own.
            [foreign] = database.django.create([{"task": "x.y", "status": 1, "worker_pid": 999_999}])
            await worker.wait_for_log("leaving worker_pid empty from now on")
            await queue.enqueue(sample_tasks.slow, slow("b"))
            await until(lambda: len(lines(witness)) == 2, what="the second start")
            await until(lambda: _equal(pids, {None, 999_999}), what="no PID of ours")
            row = database.django.read([foreign])[0]
            assert (row["status"], row["worker_pid"]) == (1, 999_999), "the other worker's row is left alone"
        with WorkerProcess(database.url, tmp_path, "--worker-pid", "always", "--heartbeat", "0.4") as worker:
            await queue.enqueue(sample_tasks.slow, slow("c"))
            await until(lambda: len(lines(witness)) == 3, what="the third start")
            assert worker.pid in await pids()


async def _equal(read, expected) -> bool:
    return bool(await read() == expected)


@cases("database", shaped(["postgresql", "mysql", "mariadb", "sqlite"], [7]))
async def test_djangos_own_worker_shares_the_table(database, tmp_path):
    """The released worker runs in turns with ours; each row is run by one of them."""
    ids = database.django.create([{"task": f"{HERE}.give_back", "args": {"value": str(n)}} for n in range(40)])
    theirs = [database.django.run_worker_once() for _ in range(3)]
    with WorkerProcess(database.url, tmp_path, "--burst", "--allow", f"{HERE}.*") as worker:
        theirs += [database.django.run_worker_once() for _ in range(3)]
        assert await worker.wait() == 0
    rows = database.django.read(ids)
    assert [(row["status"], row["output"]) for row in rows] == [(2, str(n)) for n in range(40)]
    assert theirs[:3] == ids[:3], "oldest first, both"


@pytest.mark.parametrize(
    ("database", "url"),
    [
        (
            {"ENGINE": "django.db.backends.postgresql", "NAME": "app", "USER": "u", "PASSWORD": "p@ss/w:rd"},
            "postgresql://u:p%40ss%2Fw%3Ard@/app",
        ),
        (
            {"ENGINE": "django.contrib.gis.db.backends.postgis", "NAME": "app", "HOST": "db", "PORT": 5433},
            "postgresql://db:5433/app",
        ),
        (
            {"ENGINE": "django.db.backends.postgresql", "NAME": "app", "USER": "u", "HOST": "/run/postgresql"},
            "postgresql://u@/app?host=%2Frun%2Fpostgresql",
        ),
        (
            {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "app",
                "HOST": "db",
                "OPTIONS": {"sslmode": "require", "connect_timeout": 10},
            },
            "postgresql://db/app?sslmode=require",
        ),
        (
            {
                "ENGINE": "django.db.backends.postgresql",
                "PORT": "5433",
                "OPTIONS": {"service": "jobs", "options": "-c search_path=queue", "assume_role": "worker"},
            },
            "postgresql:///?service=jobs&options=-c+search_path%3Dqueue&role=worker&port=5433",
        ),
        (
            {"ENGINE": "django.db.backends.mysql", "NAME": "app", "USER": "root", "HOST": "127.0.0.1", "PORT": "3307"},
            "mysql://root@127.0.0.1:3307/app",
        ),
        (
            {"ENGINE": "django.db.backends.mysql", "NAME": "app", "HOST": "/run/mysqld/mysqld.sock"},
            "mysql:///app?unix_socket=%2Frun%2Fmysqld%2Fmysqld.sock",
        ),
        (
            {
                "ENGINE": "django.db.backends.mysql",
                "NAME": "app",
                "HOST": "db",
                "OPTIONS": {"charset": "utf8mb4", "ssl": {"ca": "/etc/ca.pem"}},
            },
            "mysql://db/app?ssl=verify_ca&ssl_ca=%2Fetc%2Fca.pem",
        ),
        (
            {
                "ENGINE": "django.db.backends.mysql",
                "NAME": "app",
                "OPTIONS": {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": "/etc/ca.pem"}},
            },
            "mysql://localhost/app?ssl=verify_identity&ssl_ca=%2Fetc%2Fca.pem",
        ),
        (
            {"ENGINE": "django.db.backends.mysql", "NAME": "app", "OPTIONS": {"ssl": {}}},
            "mysql://localhost/app?ssl=required",
        ),
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/my app.db"}, "sqlite:////srv/my%20app.db"),
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}, "sqlite:///db.sqlite3"),
    ],
)
def test_djangos_database_setting_becomes_a_url(database, url):
    from asyncqueue.django_settings import database_url

    assert database_url(database) == url


def test_a_file_of_mysql_options_is_refused_with_what_to_do():
    from asyncqueue.django_settings import database_url
    from asyncqueue.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match=r"read_default_file.*--database-url"):
        database_url({"ENGINE": "django.db.backends.mysql", "OPTIONS": {"read_default_file": "/etc/my.cnf"}})


def test_an_engine_nobody_serves_is_refused():
    from asyncqueue.django_settings import database_url
    from asyncqueue.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="oracle"):
        database_url({"ENGINE": "django.db.backends.oracle", "NAME": "x"})


@cases("database", shaped(["sqlite"], [10]))
async def test_the_orm_works_in_a_process_of_its_own(database, tmp_path):
    """Django refuses it where an event loop runs."""
    names = ("plain", "generator", "through_async_to_sync", "asynchronous")
    ids = database.django.create([{"task": f"tests.djangoapp.isolated.{name}", "args": {}} for name in names])
    with project(database, tmp_path, "--burst", "-c", "1", "--prefetch", "0", "--timeout", "60") as worker:
        assert await worker.wait() == 0
    rows = database.django.read(ids)
    assert [row["error"] for row in rows] == [None] * 4
    assert [row["output"] for row in rows] == ["1", "1 and 1", "1", "1"]
