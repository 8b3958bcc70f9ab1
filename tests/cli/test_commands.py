"""The command line as a person and as a script uses it: real processes, output into a pipe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

TASKS = """
import asyncio

from asyncqueue import task

@task
async def greet(name: str = "you") -> str:
    print("greeting", name)
    return f"Hello, {name}!"

@task
async def boom() -> None:
    raise RuntimeError("boom")

@task
async def count():
    for number in range(3):
        yield f"{number} "
        await asyncio.sleep(0.7)
    raise RuntimeError("three is enough")
"""

#: Deeper than Python reads JSON.
DEEP = "[" * 50_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(TASKS)
    return tmp_path


def call(folder: Path, *words: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `asyncqueue` in a folder and expect an exit code."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "asyncqueue", *words],
        cwd=folder,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("ASYNCQUEUE_")}, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    # A task's own traceback, which begins in the folder, is what --wait shows; asyncqueue's would be a defect.
    assert "Traceback" not in done.stderr.replace(f'Traceback (most recent call last):\n  File "{folder}', "")
    assert "\x1b" not in done.stdout + done.stderr, "no colours into a pipe"
    return done


def enqueue(folder: Path, *words: str) -> str:
    task_id = call(folder, "enqueue", *words).stdout.strip()
    assert str(uuid.UUID(task_id)) == task_id
    return task_id


def test_a_first_session(folder):
    done = enqueue(folder, "jobs.greet", "name=Ada")
    failed = enqueue(folder, "jobs.boom")
    assert (folder / "asyncqueue.sqlite3").exists(), "the embedded default, made on first use"
    run = call(folder, "run", "--burst")
    assert run.stdout == ""
    assert "1 completed, 1 failed" in run.stderr
    assert "RuntimeError('boom')" in run.stderr

    shown = call(folder, "show", done.replace("-", "")).stdout
    for expected in (done, "jobs.greet", "completed", "output:\nHello, Ada!", "log:\ngreeting Ada", '{"name": "Ada"}'):
        assert expected in shown
    assert "error:\nRuntimeError('boom')" in call(folder, "show", failed).stdout

    listed = call(folder, "list").stdout.splitlines()
    assert listed[0] == "id\ttask\tstatus\tage\targs\tresult"
    assert {line.split("\t")[0] for line in listed[1:]} == {done, failed}
    assert [line.split("\t")[0] for line in call(folder, "list", "-s", "failed").stdout.splitlines()[1:]] == [failed]

    rows = [line.split("\t")[:3] for line in call(folder, "stats").stdout.splitlines()]
    assert rows == [["task", "status", "count"], ["jobs.boom", "failed", "1"], ["jobs.greet", "completed", "1"]]


def test_scripts_get_json(folder):
    task_id = json.loads(call(folder, "enqueue", "jobs.greet", "--json").stdout)["id"]
    assert json.loads(call(folder, "show", task_id, "--json").stdout)["status"] == "queued"
    [listed] = json.loads(call(folder, "list", "--json").stdout)
    assert (listed["id"], listed["args"]) == (task_id, "{}")
    [count] = json.loads(call(folder, "stats", "--json").stdout)
    assert (count["task"], count["status"], count["count"]) == ("jobs.greet", "queued", 1)
    assert json.loads(call(folder, "cancel", task_id, "--json").stdout) == {"cancelled": [task_id], "unchanged": []}
    assert json.loads(call(folder, "requeue", task_id, "--json").stdout) == {"queued": [task_id], "unchanged": []}
    assert json.loads(call(folder, "cleanup", "--json").stdout) == {"deleted": 0}
    assert json.loads(call(folder, "migrate", "--check", "--json").stdout) == []


def test_arguments_are_json_where_they_can_be(folder):
    task_id = enqueue(folder, "jobs.greet", "text=Ada", "number=3", "list=[1, 2]", 'quoted="3"', "empty=", "equals=a=b")
    args = json.loads(json.loads(call(folder, "show", task_id, "--json").stdout)["args"])
    assert args == {"text": "Ada", "number": 3, "list": [1, 2], "quoted": "3", "empty": "", "equals": "a=b"}
    task_id = enqueue(folder, "jobs.greet", "--args", '{"name": "é"}')
    assert json.loads(call(folder, "show", task_id, "--json").stdout)["args"] == '{"name": "\\u00e9"}'


def test_waiting_for_the_end(folder):
    worker = subprocess.Popen(
        [sys.executable, "-m", "asyncqueue", "run"], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert call(folder, "enqueue", "jobs.greet", "--wait").stdout == "Hello, you!\n"
        failed = call(folder, "enqueue", "jobs.boom", "--wait", "--timeout", "30", code=1, PYTHONIOENCODING="utf-8")
        assert "RuntimeError('boom')" in failed.stderr.partition("Trace")[0]
        boom = enqueue(folder, "jobs.boom")
        cancelled = call(folder, "enqueue", "jobs.greet", "--after", boom, "--wait", "--timeout", "30", code=1)
        assert f"task {boom} (jobs.boom), which it was to run after, has failed" in cancelled.stderr
        words = [sys.executable, "-m", "asyncqueue", "enqueue", "jobs.count", "--wait"]
        counting = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert counting.stdout is not None
        assert os.read(counting.stdout.fileno(), 100) == b"0 ", "before it has ended"
        out, error = counting.communicate(timeout=30)
        assert (counting.returncode, out) == (1, b"1 2 \n")
        assert b"three is enough" in error
    finally:
        worker.terminate()
        _, log = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert b"SIGTERM: stopping" in log
    waited = call(folder, "enqueue", "jobs.greet", "--wait", "--timeout", "0.2", code=1)
    assert "had not ended after 0.2 seconds" in waited.stderr


def test_cancel_requeue_and_cleanup(folder):
    ids = [enqueue(folder, "jobs.boom") for _ in range(3)]
    assert call(folder, "cancel", ids[0]).stdout == "1 cancelled\n"
    again = call(folder, "cancel", ids[0], code=1)
    assert again.stdout == "0 cancelled\n"
    assert "it has ended, or does not exist" in again.stderr
    call(folder, "run", "--burst")
    assert call(folder, "requeue", "--status", "failed", "--task", "jobs.boom", "-y").stdout == "2 queued\n"
    refused = call(folder, "requeue", "--status", "cancelled", code=2)
    assert "Queue 1 task again? Nothing was done: give --yes" in refused.stderr
    call(folder, "run", "--burst")
    assert call(folder, "cleanup").stdout == "0 deleted\n"
    assert call(folder, "cleanup", "--days", "0", "--yes").stdout == "2 deleted\n"
    assert call(folder, "cleanup", "--days", "0", "--status", "cancelled", "-y").stdout == "1 deleted\n"


def test_cleanup_by_age(folder):
    enqueue(folder, "jobs.greet")
    enqueue(folder, "jobs.boom")
    call(folder, "run", "--burst")
    call(folder, "cancel", enqueue(folder, "jobs.greet"))
    assert call(folder, "cleanup", "--completed", "1h", "--failed", "0s", "-y").stdout == "1 deleted\n"
    assert json.loads(call(folder, "cleanup", "--completed", "0s", "--yes", "--json").stdout) == {"deleted": 1}
    assert call(folder, "cleanup", "--completed", "0s", "--failed", "0s").stdout == "0 deleted\n"
    assert call(folder, "cleanup", "--cancelled", "0s", "--yes").stdout == "1 deleted\n"


def test_cleanup_counts_and_asks_before_it_deletes(folder):
    enqueue(folder, "jobs.boom")
    call(folder, "run", "--burst")
    assert call(folder, "cleanup", "--failed", "0s", "--dry-run").stdout == "1 would be deleted\n"
    assert json.loads(call(folder, "cleanup", "--days", "0", "--dry-run", "--json").stdout) == {"would_delete": 1}
    refused = call(folder, "cleanup", "--failed", "0s", code=2)
    assert "Delete 1 task for good? Nothing was done: give --yes" in refused.stderr
    assert json.loads(call(folder, "list", "--json").stdout) != []


def test_cleanup_refuses_an_age_without_a_unit(folder):
    """`--days 7` are days, and `--completed 7` were seconds."""
    enqueue(folder, "jobs.greet")
    call(folder, "run", "--burst")
    refused = call(folder, "cleanup", "--completed", "7", "--yes", code=2)
    assert "--completed 7 has no unit: write 7d for days, or 7h, 7m, 7s" in refused.stderr
    assert len(json.loads(call(folder, "list", "--json").stdout)) == 1


def test_migrating(folder):
    url = ("-d", "sqlite:///other.sqlite3")
    missing = call(folder, "migrate", *url, "--check", code=1).stdout
    names = re.findall(r"^missing: (.*) \(", missing, re.MULTILINE)
    assert {"table", "column queue", "bucket index", "attempts table", "version 1"} <= set(names)
    assert call(folder, "migrate", *url, "--sql").stdout.count("CREATE ") == 14
    assert "there is no table" in call(folder, "migrate", *url, "--indexes-only", code=1).stderr
    assert list(folder.glob("other*")) == [], "who only asks makes no file"
    assert re.findall(r"^made: (.*) \(", call(folder, "migrate", *url).stdout, re.MULTILINE) == names
    assert call(folder, "migrate", *url).stdout == "nothing is missing\n"
    assert call(folder, "migrate", *url, "--check").stdout == "nothing is missing\n"
    assert call(folder, "migrate", *url, "--sql").stdout == "-- nothing is missing\n", "also for a person who runs it"
    call(folder, "migrate", *url, "--down", "--yes")
    assert call(folder, "migrate", *url, "--down", "--sql").stdout == "-- nothing of asyncqueue's is there\n"


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (["run", "--concurrency", "many"], 2, "Input should be a valid integer"),
        (["run", "--concurrency", "0"], 2, "concurrency: input should be greater than or equal to 1, not 0"),
        (["run", "--lease", "5"], 2, "lease: 5 s is less than three heartbeats of 10 s"),
        (["run", "--on-lost", "retry"], 2, "on_lost: input should be 'fail' or 'requeue', not 'retry'"),
        (["run", "--hooks", "nowhere"], 2, "the module of hooks 'nowhere' cannot be imported"),
        (["run", "--django", "nowhere.settings"], 2, "'nowhere.settings' cannot be loaded: No module"),
        (["stats", "--time-zone", "Mars/Olympus"], 2, "there is no time zone 'Mars/Olympus'"),
        (["stats", "-d", "postgre://x"], 2, "asyncqueue knows postgresql://"),
        (["stats", "-d", "just-a-file"], 2, "the database URL has no scheme; asyncqueue knows postgresql://"),
        (["stats", "-d", "postgresql://u:secret@h/x?sslmode=no"], 2, "sslmode in the database URL must be one of"),
        (["stats", "-d", "mysql://u:secret@h/x?connect_timeout=x"], 2, "connect_timeout in the database URL must be"),
        (["stats", "-d", "postgresql://u:secret@127.0.0.1:70000/x"], 2, "a number from 1 to 65535"),
        (["stats", "-d", "postgresql://127.0.0.1/x?sslcert=/no&sslmode=require"], 1, "a file that sslcert,"),
        (["stats", "-d", "sqlite://file.sqlite3"], 2, "three slashes"),
        (["stats", "-d", "sqlite:////no/such/folder/x.sqlite3"], 2, "/no/such/folder"),
        (["stats", "-d", "postgresql://u:secret@127.0.0.1:1/x"], 1, "PostgreSQL at 127.0.0.1:1 cannot be reached"),
        (["stats", "-d", "mysql://u:secret@127.0.0.1:1/x"], 1, "the database at 127.0.0.1:1 cannot be reached"),
        (["enqueue", "nodots"], 2, "'nodots' is not a dotted path"),
        (["enqueue", "jobs.greet", "name"], 2, "'name' is not of the form NAME=VALUE"),
        (["enqueue", "jobs.greet", '{"a": 1}'], 2, "give JSON with --args '{\"a\": 1}'"),
        (["enqueue", "jobs.greet", "--args", "{"], 2, "--args is not valid JSON"),
        pytest.param(["enqueue", "jobs.greet", "--args", DEEP], 2, "are nested too deeply: [[[", id="deep --args"),
        pytest.param(["enqueue", "jobs.greet", f"n={DEEP}"], 2, "are nested too deeply: [[[", id="deep argument"),
        (["stats", "-d", "postgresql://u:a[b@127.0.0.1:1/x"], 1, "PostgreSQL at 127.0.0.1:1 cannot be reached"),
        (["stats", "-d", "mysql://u:a]b@127.0.0.1:1/x"], 1, "the database at 127.0.0.1:1 cannot be reached"),
        (["enqueue", "jobs.greet", "--args", "[1]"], 2, "--args must be a JSON object"),
        (["enqueue", "jobs.greet", "a=1", "--args", "{}"], 2, "not both"),
        (["show", "12"], 2, "'12' is not a task id"),
        (["show", "0f8fad5b-d9cb-469f-a165-70867728950e"], 1, "there is no task table"),
        (["list", "--status", "done"], 2, "there is no status 'done'"),
        (["list", "--since", "5m", "--until", "10m"], 2, "--since 5m is later than --until 10m, so no task fits"),
        (["requeue"], 2, "give the ids of tasks, or what selects them, such as"),
        (["requeue", "--status", "queued"], 2, "only ended tasks and scheduled ones"),
        (["cleanup", "--status", "running"], 2, "ended tasks only"),
        (["cleanup", "--completed", "soon"], 2, "--completed 'soon' is no age: 90s are seconds"),
        (["cleanup", "--completed", "7d", "--days", "3"], 2, "or --days and --status, not both"),
        (["cleanup", "--failed", "7d", "--status", "failed"], 2, "or --days and --status, not both"),
        (["run", "--keep-completed", "soon"], 2, "keep_completed: should be a time from 0 to 100 years, such as"),
        (["migrate", "--check", "--sql"], 2, "not both"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "",
)
def test_mistakes_get_one_clear_message(folder, words, code, text):
    done = call(folder, *words, code=code, ASYNCQUEUE_CONNECT_TIMEOUT="0.2")
    flat = " ".join(done.stderr.split())
    assert text in flat
    assert "secret" not in flat, "no password is ever printed"


def test_a_misspelt_variable_is_named(folder):
    done = call(folder, "stats", code=2, ASYNCQUEUE_DATABSE_URL="sqlite:///x")
    assert "ASYNCQUEUE_DATABSE_URL is no setting; did you mean ASYNCQUEUE_DATABASE_URL?" in done.stderr


def test_an_empty_database_url_is_said_to_be_empty(folder):
    for words, environment in ((["stats"], {"ASYNCQUEUE_DATABASE_URL": ""}), (["stats", "-d", " "], {})):
        done = call(folder, *words, code=2, **environment)
        assert "the database URL is empty: give one, or unset ASYNCQUEUE_DATABASE_URL" in done.stderr


def test_the_log_as_json(folder):
    enqueue(folder, "jobs.boom")
    lines = call(folder, "run", "--burst", "--log-format", "json").stderr.splitlines()
    records = [json.loads(line) for line in lines]
    assert {"level", "logger", "message", "timestamp"} <= records[0].keys()
    assert any(record["level"] == "WARNING" and "boom" in record["message"] for record in records)


def test_help_for_a_newcomer(folder):
    text = call(folder, "--help").stdout
    for command in ("run", "enqueue", "show", "list", "stats", "cancel", "requeue", "cleanup", "migrate"):
        assert re.search(rf"^ +{command} ", text, re.MULTILINE)
        assert "Usage:" in call(folder, command, "--help").stdout
    assert "(default: 50)" in call(folder, "run", "--help").stdout
    assert re.fullmatch(r"asyncqueue \d+\.\d+\.\d+\n", call(folder, "--version").stdout)
    assert "Usage:" in call(folder, code=2).stderr, "without a command"


def test_a_module_of_hooks_is_called(folder):
    (folder / "my_hooks.py").write_text(
        "async def on_failure(info, error):\n"
        "    with open('failures', 'a') as file:\n"
        "        file.write(info.task + ' ' + error.splitlines()[0])\n"
    )
    enqueue(folder, "jobs.boom")
    call(folder, "run", "--burst", "--hooks", "my_hooks")
    assert (folder / "failures").read_text() == "jobs.boom RuntimeError('boom')"


def test_settings_come_from_pyproject_too(folder):
    (folder / "pyproject.toml").write_text('[tool.asyncqueue]\ndatabase_url = "sqlite:///project.sqlite3"\n')
    enqueue(folder, "jobs.greet")
    assert (folder / "project.sqlite3").exists()
    call(folder, "enqueue", "jobs.greet", ASYNCQUEUE_DATABASE_URL="sqlite:///environment.sqlite3")
    assert (folder / "environment.sqlite3").exists()
    (folder / "pyproject.toml").write_text("[tool.asyncqueue]\nconcurency = 3\n")
    assert "concurency is no setting; did you mean concurrency?" in call(folder, "stats", code=2).stderr
    (folder / "pyproject.toml").write_text("not toml")
    assert "pyproject.toml cannot be read" in call(folder, "stats", code=2).stderr


def test_every_command_and_option_is_documented():
    import typer

    from asyncqueue.cli.app import app

    text = (Path(__file__).parent.parent.parent / "docs/cli.md").read_text()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        assert re.search(rf"^## .*\b{name}\b", text, re.MULTILINE), name
        options = [option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)]
        missing = [o for o in options if o.startswith("-") and not re.search(rf"(?<![\w-]){o}(?![\w-])", text)]
        assert missing == [], f"{name}: {missing}"
