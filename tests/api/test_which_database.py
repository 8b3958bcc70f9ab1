"""Which database is meant: by an option, the environment, a Django project, pyproject.toml, or nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers.cases import Case, cases

PROJECT = """
SECRET_KEY = "x"
INSTALLED_APPS = ["django_simple_queue"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": %r, "TIME_ZONE": "Asia/Tokyo"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DJANGO_SIMPLE_QUEUE_TASK_TIMEOUT = 77
"""
JOBS = """
from asyncqueue import enqueue, task

@task
async def again(times: int = 1) -> None:
    if times:
        await enqueue(again, {"times": times - 1})
"""
#: Prints where the settings of this process lead, and says whence.
WHERE = "from asyncqueue import Settings; s = Settings(); print(s.origin.name, s.database_url, s.time_zone, s.timeout)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A Django project, a module of tasks, and a pyproject.toml that names a third database."""
    project = tmp_path / "project"
    (project / "mysite").mkdir(parents=True)
    (project / "mysite" / "__init__.py").write_text("")
    (project / "mysite" / "settings.py").write_text(PROJECT % str(project / "django.sqlite3"))
    (project / "jobs.py").write_text(JOBS)
    (project / "pyproject.toml").write_text('[tool.asyncqueue]\ndatabase_url = "sqlite:///py project.sqlite3"\n')
    (project / "deep").mkdir()
    return project


def run(folder: Path, *words: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command, which does not have the current folder on its path as `python -m` has."""
    command = [str(Path(sys.executable).parent / "asyncqueue"), *words]
    return call(folder, command, code, environment)


def python(folder: Path, program: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    return call(folder, [sys.executable, "-c", program], code, environment)


def call(folder: Path, command: list[str], code: int, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ASYNCQUEUE_", "DJANGO_"))}
    done = subprocess.run(
        command, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def several(folder: Path, commands: list[list[str]], **environment: str) -> list[tuple[int, str]]:
    """Run commands in one process. Returns the exit code of each, and what it has written to standard error."""
    program = """
import contextlib, io, json, sys
from asyncqueue.cli.app import app
for words in json.loads(sys.argv[1]):
    code, said = 0, io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            app(words)
        except SystemExit as end:
            code = end.code or 0
    print(json.dumps([code, said.getvalue()]))
"""
    done = call(folder, [sys.executable, "-c", program, json.dumps(commands)], 0, environment)
    return [(code, said) for code, said in map(json.loads, done.stdout.splitlines())]


def migrate(folder: Path) -> None:
    """As `manage.py migrate` does it."""
    program = "import django; django.setup(); from django.core import management as m; m.call_command('migrate', '-v0')"
    python(folder, program, DJANGO_SETTINGS_MODULE="mysite.settings")


DJANGO: dict[str, Any] = {"DJANGO_SETTINGS_MODULE": "mysite.settings", "PYTHONPATH": "."}


def test_the_order(folder):
    env: dict[str, Any] = {"ASYNCQUEUE_DATABASE_URL": "sqlite:///env.sqlite3"}
    assert python(folder, WHERE, **DJANGO, **env).stdout == "ENVIRONMENT sqlite:///env.sqlite3 Asia/Tokyo 77.0\n"
    url = f"sqlite:///{folder}/django.sqlite3"
    assert python(folder, WHERE, **DJANGO).stdout == f"DJANGO {url} Asia/Tokyo 77.0\n"
    configured = (
        "from django.conf import settings as d; import mysite.settings as m; "
        "d.configure(**{k: v for k, v in vars(m).items() if k.isupper()}); "
    )
    assert python(folder, configured + WHERE).stdout == f"DJANGO {url} Asia/Tokyo 77.0\n", "without the variable"
    out = python(folder, WHERE, ASYNCQUEUE_TIMEOUT="5", **DJANGO).stdout
    assert out == f"DJANGO {url} Asia/Tokyo 5.0\n", "for every other setting, too"


def test_a_relative_path_in_pyproject_is_one_of_its_folder(folder):
    place = f"PYPROJECT sqlite:///{folder}/py project.sqlite3 UTC 3600.0\n"
    assert python(folder, WHERE).stdout == place
    assert python(folder / "deep", WHERE).stdout == place
    run(folder / "deep", "enqueue", "jobs.again")
    assert [path.name for path in folder.glob("*.sqlite3")] == ["py project.sqlite3"]
    assert list((folder / "deep").iterdir()) == []
    run(folder, "run", "--burst")
    [counts] = json.loads(run(folder / "deep", "stats", "--json").stdout)
    assert (counts["task"], counts["count"]) == ("jobs.again", 2)


def test_a_django_process_never_falls_back(folder):
    """Where its database cannot be served, that is an error and no other database."""
    settings = folder / "mysite" / "settings.py"
    program = "import asyncio, asyncqueue; asyncio.run(asyncqueue.enqueue('x.y'))"
    settings.write_text(settings.read_text().replace("sqlite3", "oracle", 1))
    assert "is none that asyncqueue serves" in python_fails(folder, program)
    settings.write_text('SECRET_KEY = "x"\n')
    assert 'have no DATABASES["default"]' in python_fails(folder, program)
    settings.write_text("import nothing_of_the_kind\n")
    assert "cannot be loaded: No module named 'nothing_of_the_kind'" in python_fails(folder, program)
    assert list(folder.glob("**/*.sqlite3")) == []


def python_fails(folder: Path, program: str) -> str:
    """What a program ends with that is part of the project."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ASYNCQUEUE_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env={**kept, **DJANGO}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def test_with_django_a_table_that_is_missing_is_never_made_here(folder):
    told = "run `python manage.py migrate`"
    program = "import asyncio, asyncqueue; asyncio.run(asyncqueue.enqueue('x.y'))"
    assert told in python_fails(folder, program)
    words = [["run", "--burst"], ["migrate", "--check"], ["migrate", "--sql"], ["enqueue", "jobs.again"]]
    words += [[*each, "-d", f"sqlite:///{folder}/other.sqlite3"] for each in [["migrate"], *words]]
    for code, said in several(folder, [[*each, "--django", "mysite.settings"] for each in words]):
        assert (code, told in said) == (1, True)
    assert not (folder / "other.sqlite3").exists()
    migrate(folder)  # nothing is in its way
    python(folder, program, **DJANGO)
    [counts] = json.loads(run(folder, "stats", "--json", **DJANGO).stdout)
    assert counts["task"] == "x.y"


def test_migrate_has_the_project_make_the_table(folder):
    """By its own migrations, which Django notes: nothing is in the way of the next ones."""
    option = ("--django", "mysite.settings")
    said = run(folder, "migrate", *option).stdout.splitlines()
    assert said[0] == "made: task table (by the Django project's own migrations)"
    assert len(said) > 2, "and then level 1"
    migrate(folder)
    assert run(folder, "migrate", *option).stdout == "nothing is missing\n"
    run(folder, "enqueue", "jobs.again", *option)
    assert run(folder, "list", *option).stdout.count("jobs.again") == 1


def test_migrations_of_the_project_that_fail_are_told(folder):
    settings = folder / "mysite" / "settings.py"
    settings.write_text(settings.read_text() + 'MIGRATION_MODULES = {"django_simple_queue": "mysite.gone"}\n')
    (folder / "mysite" / "gone.py").write_text("raise OSError('no such disk')\n")
    said = run(folder, "migrate", "--django", "mysite.settings", code=1).stderr
    assert "the Django project cannot make the task table: OSError('no such disk') (" in said
    assert "Traceback" not in said


def test_every_command_finds_the_modules_of_the_current_folder(folder):
    migrate(folder)
    option = ("--django", "mysite.settings")
    run(folder, "enqueue", "jobs.again", *option)
    run(folder, "migrate", DJANGO_SETTINGS_MODULE="mysite.settings")
    assert run(folder, "list", *option).stdout.count("jobs.again") == 1
    words = [["stats"], ["queues"], ["workers"], ["cron"], ["limits"], ["pause", "default"], ["resume", "default"]]
    assert {code for code, _ in several(folder, [*words, ["migrate", "--check"]], **DJANGO)} == {0}
    assert [path.name for path in folder.glob("*.sqlite3")] == ["django.sqlite3"]


def test_tasks_of_a_project_enqueue_in_its_database(folder):
    migrate(folder)
    run(folder, "enqueue", "jobs.again", **DJANGO)
    assert "2 completed" in run(folder, "run", "--burst", "--django", "mysite.settings").stderr
    assert not (folder / "asyncqueue.sqlite3").exists()


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("mysite", """the Django settings mysite have no DATABASES["default"]"""),
        ("mysite.setting", "No module named 'mysite.setting'"),
        ("nowhere.settings", "No module named 'nowhere'"),
    ],
)
def test_what_is_no_settings_module_gets_one_line(folder, module, text):
    said = [run(folder, "stats", "--django", module, code=2).stderr]
    said.append(run(folder, "run", "--burst", DJANGO_SETTINGS_MODULE=module, code=2).stderr)
    for error in said:
        assert len(error.splitlines()) == 1
        assert text in error
        assert "site-packages" not in error, "Django's own files say nothing"
        assert (f"looked for in {folder}" in error and "folder of manage.py" in error) == ("No module" in text)
        assert ("; is mysite.settings meant?" in error) == (module == "mysite")


def test_a_variable_that_is_left_from_another_project_is_in_nobodys_way(folder):
    """Where the database is named, only `run` needs the project: its tasks may."""
    url = f"sqlite:///{folder}/mine.sqlite3"
    other: dict[str, Any] = {"DJANGO_SETTINGS_MODULE": "elsewhere.settings"}
    for words, environment in ((["-d", url], other), ([], {**other, "ASYNCQUEUE_DATABASE_URL": url})):
        run(folder, "enqueue", "jobs.again", *words, **environment)
        listed = run(folder, "list", *words, **environment)
        assert listed.stdout.count("jobs.again") == len(listed.stdout.splitlines()) - 1 > 0
        assert listed.stderr.count("going on without the Django project's settings") == 1
        assert "elsewhere.settings" in listed.stderr
        said = run(folder, "run", "--burst", *words, code=2, **environment).stderr
        assert "No module named 'elsewhere'" in said
        assert "unset DJANGO_SETTINGS_MODULE" in said
    run(folder, "list", "-d", url, "--django", "elsewhere.settings", code=2)  # what is asked for is no remnant
    run(folder, "list", code=2, **other)  # which database would that be?
    assert "4 completed" in run(folder, "run", "--burst", "-d", url, DJANGO_SETTINGS_MODULE="").stderr


def test_a_database_that_is_named_wins_and_tasks_have_their_project(folder):
    """The variable's project is set up for tasks; no other command waits for its apps to be loaded."""
    (folder / "jobs.py").write_text(
        "from asyncqueue import task\n@task\ndef ready() -> bool:\n    from django.apps import apps\n"
        "    return apps.ready\n"
    )
    settings = folder / "mysite" / "settings.py"
    settings.write_text(settings.read_text().replace('["django_simple_queue"]', '["loud"]'))
    (folder / "loud.py").write_text("import sys; print('loaded', file=sys.stderr)")
    words = ("-d", f"sqlite:///{folder}/mine.sqlite3")
    environment: dict[str, Any] = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}
    assert run(folder, "enqueue", "jobs.ready", *words, **environment).stderr == ""
    assert "loaded" in run(folder, "run", "--burst", "--allow", "jobs.*", *words, **environment).stderr
    [task] = json.loads(run(folder, "list", "--json", *words, **environment).stdout)
    assert (task["output"], (folder / "django.sqlite3").exists()) == ("true", False)


def test_a_command_that_needs_a_table_makes_no_file(tmp_path):
    """Only what enqueues, runs or migrates makes one: a pause in an empty folder is probably in the wrong folder."""
    some_id = "0f8fad5b-d9cb-469f-a165-70867728950e"
    reading = [["stats"], ["list"], ["show", some_id], ["queues"], ["workers"], ["cron"], ["limits"]]
    told = f"there is no task table 'django_simple_queue_task' in {tmp_path}/asyncqueue.sqlite3"
    steering = [["cancel", some_id], ["requeue", some_id], ["cleanup"], ["pause", "mail", "--yes"], ["resume", "mail"]]
    for code, said in several(tmp_path, [*reading, *steering]):
        assert (code, told in said) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_default_is_said_loudly_and_once(tmp_path):
    told = f"no database is configured: tasks are in the file {tmp_path}/asyncqueue.sqlite3"
    for code, words in ((0, ["enqueue", "x.y"]), (1, ["run", "--burst"])):
        assert run(tmp_path, *words, code=code).stderr.count(told) == 1
    assert told not in run(tmp_path, "run", "--burst", "-d", f"sqlite:///{tmp_path}/asyncqueue.sqlite3").stderr


def test_django_that_is_named_and_not_there_is_an_error(tmp_path):
    """DJANGO_SETTINGS_MODULE where there is no Django: not another database."""
    hide = "import sys; sys.modules['django'] = None; import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'x'; "
    done = python(tmp_path, hide + "from asyncqueue import Settings\ntry: Settings()\nexcept Exception as e: print(e)")
    assert "DJANGO_SETTINGS_MODULE is 'x', and Django cannot be imported here" in done.stdout


@cases("database", [Case("postgresql", 10)])
def test_what_the_server_takes_for_no_setting_is_named(database, tmp_path):
    """Parameters of libpq are passed over, as hosted PostgreSQL has them in its URLs."""
    for query in ("channel_binding=prefer&connect_timeout=10&keepalives_idle=30", "options=-c%20work_mem%3D8MB"):
        run(tmp_path, "stats", "-d", f"{database.url}?{query}")
    url = database.url.replace("postgresql://", "postgresql+asyncpg://")
    error = run(tmp_path, "stats", "-d", f"{url}?nonsense=SECRET", code=2).stderr
    assert 'unrecognized configuration parameter "nonsense"' in error
    assert "SECRET" not in error
    log = run(tmp_path, "run", "--burst", "-d", f"{database.url}?sslmode=disable&sslpassword=SECRET").stderr
    assert "sslpassword=***" in log
    assert "SECRET" not in log
