"""The worker's log and the logs of tasks, whatever the application does to logging."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from asyncqueue import Queue, Settings, Status
from tests.servers.cases import cases, shaped
from tests.worker.process import ROOT

SQLITE = cases("database", shaped(["sqlite"], [10]))

CONSOLE = "'h': {'class': 'logging.StreamHandler'}"
FILE = "'h': {'class': 'logging.FileHandler', 'filename': 'own.log'}"
JOBS = """
    import logging, logging.config
    {}
    from asyncqueue import task
    log = logging.getLogger("shop")

    @task
    async def works() -> None:
        print("printed")
        log.info("logged")

    @task
    async def fails() -> None:
        raise ValueError("of the task")
"""


def configured(handler: str, **more: Any) -> str:
    root = "'root': {'handlers': ['h'], 'level': 'INFO'}"
    rest = "".join(f", '{name}': {value!r}" for name, value in more.items())
    return f"logging.config.dictConfig({{'version': 1, 'handlers': {{{handler}}}, {root}{rest}}})"


SET_UP = {
    "not": "",
    "by_dictConfig": configured(CONSOLE),
    "by_dictConfig_that_keeps_loggers": configured(CONSOLE, disable_existing_loggers=False),
    "by_dictConfig_of_a_file": configured(FILE),
    "by_basicConfig": "logging.basicConfig(level=logging.INFO)",
    "by_basicConfig_of_a_file": "logging.basicConfig(filename='own.log', level='DEBUG', format='%(message)s')",
    "by_basicConfig_of_a_file_twice": "logging.basicConfig(filename='own.log', level='INFO'); logging.basicConfig()",
    "by_basicConfig_with_force_of_a_file": "logging.basicConfig(filename='own.log', level='INFO', force=True)",
    "by_basicConfig_of_a_stream": "logging.basicConfig(stream=__import__('sys').stderr, level='INFO')",
    "by_basicConfig_with_force": "logging.basicConfig(level=logging.INFO, force=True)",
    "by_a_handler_on_root": "logging.getLogger().addHandler(logging.StreamHandler())",
    "by_removing_every_handler": "logging.getLogger().handlers.clear()",
}


def project(folder: Path, **modules: str) -> None:
    for name, text in modules.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))


def worked(folder: Path, url: str | None, *options: str, code: int = 0, **environment: str) -> str:
    """What a worker writes to standard error that runs what there is to run."""
    ended = subprocess.run(
        [sys.executable, "-m", "asyncqueue", "run", "--burst", *(["-d", url] if url else []), *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), **environment},
    )
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    return ended.stderr


@SQLITE
@pytest.mark.parametrize("how", SET_UP)
async def test_logging_set_up_by_the_application_silences_and_doubles_nothing(database, tmp_path, how):
    project(tmp_path, jobs=JOBS.format(SET_UP[how]))
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        for name in ("works", "fails", "works"):
            await queue.enqueue(f"jobs.{name}")
        written = worked(tmp_path, database.url, "-c", "1")
        texts = [record.log for record in await queue.list(status=Status.COMPLETED)]
        assert await queue.count(status=Status.FAILED) == 1
    assert texts == ["printed\nINFO shop: logged\n"] * 2
    for line in (" on SQLite ", "failed: ValueError", "ended after"):
        assert written.count(line) == 1, written
    own = tmp_path / "own.log"
    if "file" in how:
        assert "logged" not in written, "it asked for a file"
        assert own.read_text().count("logged\n") == 2
        assert own.read_text().count("failed: ValueError") == 1, "as every line of this process"
    elif how == "by_removing_every_handler":
        assert "logged" not in written, "as logging has it without a handler: warnings only"
    else:
        assert written.count("logged") == 2, written


@SQLITE
@pytest.mark.parametrize("isolation", ["", "(isolation='process')"])
async def test_a_basic_configuration_of_an_imported_module_has_its_file_and_its_form(database, tmp_path, isolation):
    module = """
        import logging
        from asyncqueue import task

        logging.basicConfig(filename="own.log", level="DEBUG", format="own %(levelname)s %(message)s")

        @task{}
        def works() -> None:
            logging.getLogger("shop").debug("logged")
            logging.warning("by the module")
    """
    project(tmp_path, jobs=module.format(isolation))
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        handle = await queue.enqueue("jobs.works")
        written = worked(tmp_path, database.url, "--import", "jobs")
        log = (await queue.get(handle.id)).log or ""
    assert log.endswith("DEBUG shop: logged\nWARNING root: by the module\n"), log
    own = (tmp_path / "own.log").read_text().splitlines()
    assert (own.count("own DEBUG logged"), own.count("own WARNING by the module")) == (1, 1)
    for text in ("logged", "by the module"):
        assert text not in written


@SQLITE
@pytest.mark.parametrize("call", ["basicConfig(level='DEBUG')", "basicConfig()", "warning('of the module')"])
async def test_a_basic_configuration_of_a_level_keeps_lines_in_the_workers_form(database, tmp_path, call):
    project(
        tmp_path,
        jobs=f"""
            import logging
            from asyncqueue import task

            logging.{call}

            @task
            async def works() -> None:
                logging.getLogger("shop").debug("small")
                logging.getLogger("shop").info("logged")
        """,
    )
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        await queue.enqueue("jobs.works")
    lines = [json.loads(line) for line in worked(tmp_path, database.url, "--log-format", "json").splitlines()]
    said = [line["message"] for line in lines if line["logger"] == "shop"]
    assert said == (["small", "logged"] if "DEBUG" in call else ["logged"])
    assert "debug" not in {line["level"].lower() for line in lines if line["logger"].startswith("asyncqueue")}


@SQLITE
async def test_a_basic_configuration_that_is_refused_leaves_the_workers_log(database, tmp_path):
    project(tmp_path, jobs=JOBS.format("logging.basicConfig(filename='missing/own.log')"))
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        handle = await queue.enqueue("jobs.works")
        written = worked(tmp_path, database.url, code=1)
        assert "FileNotFoundError" in ((await queue.get(handle.id)).error or "")
    assert written.count("failed: ") == 1, written


@SQLITE
async def test_logging_of_a_django_project_silences_and_doubles_nothing(database, tmp_path):
    config = {"version": 1, "handlers": {"h": {"class": "logging.StreamHandler"}}, "root": {"handlers": ["h"]}}
    project(
        tmp_path,
        mysite____init__="",
        mysite__settings=f"""
            SECRET_KEY = "x"
            USE_TZ = True
            INSTALLED_APPS = ["django_simple_queue"]
            DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}}}
            LOGGING = {config!r}
        """,
        jobs=JOBS.format(""),
    )
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        await queue.enqueue("jobs.fails")
    written = worked(tmp_path, database.url, "--django", "mysite.settings")
    for line in (" on SQLite ", "failed: ValueError", "ended after", "ALLOWED_TASKS"):
        assert written.count(line) == 1, written


@SQLITE
async def test_an_application_may_take_the_workers_log_over(database, tmp_path):
    loggers = {"asyncqueue": {"handlers": ["h"], "propagate": False}}
    handler = "'h': {'class': 'logging.StreamHandler', 'formatter': 'f'}"
    set_up = configured(handler, formatters={"f": {"format": "own %(message)s"}}, loggers=loggers)
    project(tmp_path, jobs=JOBS.format(set_up))
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        await queue.enqueue("jobs.fails")
    written = worked(tmp_path, database.url)
    assert written.count("failed: ValueError") == 1, written
    [line] = [line for line in written.splitlines() if "failed: ValueError" in line]
    assert line.startswith("own task ")


@SQLITE
async def test_lines_of_a_json_log_say_of_which_task_they_are(database, tmp_path):
    project(
        tmp_path,
        jobs="""
            import logging
            from asyncqueue import task

            @task
            async def works(number: int) -> None:
                logging.getLogger("shop").info("number %d", number, extra={"number": number})

            @task
            def in_thread(number: int) -> None:
                logging.getLogger("shop").info("number %d", number, extra={"number": number})

            @task(isolation="process")
            def in_process(number: int) -> None:
                logging.getLogger("shop").info("number %d", number, extra={"number": number})

            @task
            async def fails() -> None:
                raise ValueError("of the task")
        """,
    )
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        ids = {
            str((await queue.enqueue(f"jobs.{name}", {"number": number})).id): (f"jobs.{name}", number)
            for number, name in enumerate(["works", "in_thread", "in_process"])
        }
        failed = str((await queue.enqueue("jobs.fails")).id)
    lines = [json.loads(line) for line in worked(tmp_path, database.url, "--log-format", "json").splitlines()]
    said = [line for line in lines if line["logger"] == "shop"]
    assert {line["task_id"]: (line["task"], line["number"]) for line in said} == ids
    [failure] = [line for line in lines if "failed: ValueError" in line["message"]]
    assert (failure["task_id"], failure["task"]) == (failed, "jobs.fails")
    for line in (*said, failure):
        assert (line["attempt"], line["queue"]) == (1, "default")
    assert len({line["worker"] for line in lines if "message" in line and " on SQLite " not in line["message"]}) == 1


@SQLITE
async def test_starts_and_ends_of_tasks_are_logged_where_debug_lines_are(database, tmp_path):
    project(tmp_path, jobs=JOBS.format(""))
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        works, fails = [(await queue.enqueue(f"jobs.{name}")).id for name in ("works", "fails")]
        quiet = worked(tmp_path, database.url)
        for task_id in (works, fails):
            await queue.requeue(task_id)
        written = worked(tmp_path, database.url, "--log-level", "DEBUG")
    for task_id, name, end in ((works, "works", "completed"), (fails, "fails", "failed")):
        begun, ended = f"task {task_id} (jobs.{name}) starts", f"task {task_id} (jobs.{name}) has {end} after"
        assert begun not in quiet
        assert ended not in quiet
        assert written.index(begun) < written.index(ended)


@SQLITE
async def test_a_failed_tasks_traceback_is_logged_where_that_is_asked_for(database, tmp_path):
    project(tmp_path, jobs=JOBS.format(""))
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        handle = await queue.enqueue("jobs.fails")
        assert "Traceback" not in worked(tmp_path, database.url)
        await queue.requeue(handle.id)
        written = worked(tmp_path, database.url, "--log-tracebacks")
    assert "failed: ValueError('of the task')\n" in written
    assert 'jobs.py", line' in written
    assert written.count("ValueError: of the task") == 1
