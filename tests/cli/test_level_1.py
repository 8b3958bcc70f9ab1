"""Delays, priorities, queues and attempts on the command line: an embedded database, and one of each server."""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_which_database import several
from tests.cli.test_commands import call, enqueue, folder
from tests.cli.test_terminal import Terminal
from tests.servers.cases import cases, migrated, shaped

__all__ = ["folder"]  # a fixture

FLAKY = """
from asyncqueue import current_task, task

@task(max_attempts=3, backoff=0.01)
async def second_time() -> str:
    if current_task().attempt < 2:
        raise RuntimeError("not yet")
    return "now"

@task(max_attempts=2, backoff=3600)
async def much_later() -> None:
    raise RuntimeError("boom")
"""

CRON = """
from asyncqueue import task

@task(cron="* * * * * *", timezone="Europe/Berlin")
def tick(): ...

@task(cron="0 0 29 2 *")
def never(): ...
"""


def shown(folder: Path, task_id: str, *words: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(call(folder, "show", task_id, "--json", *words).stdout)
    return fields


@pytest.mark.parametrize(("delay", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("1d", 86400)])
def test_a_delay_has_a_unit(folder, delay, seconds):
    fields = shown(folder, enqueue(folder, "jobs.greet", "--delay", delay))
    assert fields["status"] == "scheduled"
    waits = datetime.fromisoformat(fields["run_after"]) - datetime.fromisoformat(fields["created"])
    assert abs(waits.total_seconds() - seconds) < 1


def test_what_a_task_is_given_is_shown(folder):
    options = ("--queue", "mail", "--priority", "-7", "--max-attempts", "4", "--at", "2100-01-01T08:00Z")
    task_id = enqueue(folder, "jobs.greet", *options)
    fields = shown(folder, task_id)
    assert (fields["queue"], fields["priority"], fields["max_attempts"]) == ("mail", -7, 4)
    assert fields["run_after"] == "2100-01-01T08:00:00+00:00"
    assert fields["attempts"] == []
    text = " ".join(call(folder, "show", task_id).stdout.split())
    for expected in ("status: scheduled", "queue: mail", "priority: -7", "run_after: 2100-01-01T08:00:00+00:00 (in "):
        assert expected in text
    [line] = call(folder, "list", "--status", "scheduled").stdout.splitlines()[1:]
    assert "\tscheduled\t" in line
    assert "\tdue in " in line
    assert call(folder, "requeue", "--status", "scheduled", "--yes").stdout == "1 queued\n"
    assert shown(folder, task_id)["run_after"] is None
    assert call(folder, "cancel", enqueue(folder, "jobs.greet", "--delay", "1h")).stdout == "1 cancelled\n"


def test_a_unique_key(folder):
    unique = ("--unique-key", "greet ada", "--unique-for", "1h")
    first = enqueue(folder, "jobs.greet", *unique)
    assert enqueue(folder, "jobs.greet", *unique) == first
    refused = call(folder, "enqueue", "jobs.greet", *unique, "--on-conflict", "raise", code=1)
    assert f"task {first} holds the unique key 'greet ada': nothing was enqueued" in refused.stderr
    for words, text in (
        (("--unique-for", "1h"), "say how a --unique-key is held: give one"),
        (("--unique-key", "k", "--unique-for", "soon"), "--unique-for 'soon' is no time"),
        (("--unique-key", "k", "--on-conflict", "ignore"), "on_conflict must be one of 'return', 'raise', 'replace'"),
    ):
        assert text in call(folder, "enqueue", "jobs.greet", *words, code=2).stderr


def test_attempts_are_shown_with_their_errors(folder):
    (folder / "flaky.py").write_text(FLAKY)
    task_id, later = enqueue(folder, "flaky.second_time"), enqueue(folder, "flaky.much_later")
    log = call(folder, "run", "--burst").stderr
    assert "failed in attempt 1 of 2, tried again in 3" in log
    call(folder, "run", "--burst")
    assert ": 0 completed, 0 failed" in call(folder, "run", "--burst").stderr
    lines = call(folder, "show", task_id).stdout.partition("attempts:\n")[2].splitlines()
    assert lines[0].startswith("1. failed at 20")
    assert lines[0].endswith("RuntimeError('not yet')")
    assert lines[1].startswith("2. completed at 20")
    fields = shown(folder, task_id)
    assert [attempt["outcome"] for attempt in fields["attempts"]] == ["failed", "completed"]
    assert "Traceback" in fields["attempts"][0]["error"]
    assert fields["claimed_by"] == fields["attempts"][1]["worker"]
    assert shown(folder, later)["status"] == "scheduled"


def test_the_summary_counts_attempts_that_are_tried_again(folder):
    (folder / "flaky.py").write_text(FLAKY)
    enqueue(folder, "flaky.much_later")
    enqueue(folder, "jobs.greet")
    assert "1 completed, 0 failed, 1 retried" in call(folder, "run", "--burst").stderr


@cases("database", migrated())
def test_pausing_a_queue(folder, database):
    url = ("-d", database.url)
    for name in ("mail", "mail", "default"):
        call(folder, "enqueue", "jobs.greet", "--queue", name, *url)
    assert call(folder, "pause", "mail", *url).stdout == "queue mail is paused\n"
    call(folder, "run", "--burst", *url)
    assert call(folder, "queues", *url).stdout.splitlines() == [
        "queue\tstate\tqueued\tscheduled\trunning",
        "mail\tpaused\t2\t0\t0",
    ]
    assert json.loads(call(folder, "queues", "--json", *url).stdout) == [
        {"name": "mail", "paused": True, "queued": 2, "scheduled": 0, "running": 0}
    ]
    assert call(folder, "resume", "mail", *url).stdout == "queue mail is open\n"
    assert "0 completed" in call(folder, "run", "--burst", "--queue", "default", *url).stderr
    assert "2 completed" in call(folder, "run", "--burst", "-q", "default=1", "-q", "mail=3", *url).stderr


NEEDS = [
    (["pause", "mail"], "pausing a queue"),
    (["pause", "default", "--yes"], "pausing a queue"),
    (["resume", "mail"], "resuming a queue"),
    (["queues"], "a list of queues"),
    (["workers"], "the list of workers"),
    (["cron"], "a list of periodic tasks"),
    (["limits"], "a list of limits"),
    (["list", "--queue", "mail"], "a filter by queue or worker"),
    (["stats", "--errors", "--worker", "x"], "a filter by queue or worker"),
    (["cancel", "--queue", "mail"], "a filter by queue or worker"),
    (["requeue", "--worker", "x", "--yes"], "a filter by queue or worker"),
    (["enqueue", "x.y", "--queue", "mail"], "a queue of another name"),
    (["enqueue", "x.y", "--priority", "3"], "a priority"),
    (["enqueue", "x.y", "--at", "2100-01-01T08:00Z"], "a delay"),
    (["enqueue", "x.y", "--max-attempts", "3"], "max_attempts"),
    (["enqueue", "x.y", "--unique-key", "x"], "a unique key"),
    (["enqueue", "x.y", "--limit-key", "x"], "a limit"),
    (["enqueue", "x.y", "--after", str(uuid.uuid4())], "a task after others"),
]


@cases("fresh_database", shaped(shapes=[10]))
def test_what_needs_level_1_is_named_with_the_remedy(tmp_path, fresh_database):
    """Each command says what itself needs, and nothing that it would have asked the database for on its way."""
    answers = several(tmp_path, [[*words, "-d", fresh_database.url] for words, _ in NEEDS])
    for (_, what), (code, said) in zip(NEEDS, answers, strict=True):
        assert code == 1
        assert said.startswith(f"asyncqueue: {what} needs ")
        assert "run `asyncqueue migrate`" in said


@cases("fresh_database", shaped(["postgresql", "sqlite"], [10]))
def test_migrate_tells_each_thing_once(folder, fresh_database):
    """Also one that takes several statements, such as the trigger of PostgreSQL."""
    url = ("-d", fresh_database.url)
    trigger = fresh_database.dialect == "postgresql"
    for words, verb in ([["--check"], "missing"], [[], "made"], [["--no-notify"], "removed"], [["--notify"], "made"]):
        told = call(folder, "migrate", *words, *url, code=int("--check" in words)).stdout.splitlines()
        assert len(told) == len(set(told))
        assert trigger == (f"{verb}: notify trigger (rows that Django inserts wake idle workers)" in told)
    told = call(folder, "migrate", "--down", "--yes", *url).stdout.splitlines()
    assert len(told) == len(set(told))
    assert trigger == ("removed: notify trigger" in told)
    planned = call(folder, "migrate", "--sql", *url).stdout
    assert planned.count("-- notify trigger: ") == trigger
    assert planned.count("CREATE TRIGGER") + planned.count("CREATE OR REPLACE FUNCTION") == 2 * trigger


@cases("fresh_database", shaped(shapes=[10]))
def test_a_table_as_django_made_it(folder, fresh_database):
    url = ("-d", fresh_database.url)
    missing = call(folder, "migrate", "--check", *url, code=1).stdout
    assert "queue" in missing
    assert "missing: attempts table" in missing
    task_id = call(folder, "enqueue", "jobs.greet", *url).stdout.strip()
    assert shown(folder, task_id, *url)["queue"] == "default"
    refused = call(folder, "enqueue", "jobs.greet", "--delay", "5m", *url, code=1).stderr
    assert "a delay needs columns" in refused
    assert "run `asyncqueue migrate`" in refused
    assert "a choice of queues needs columns" in call(folder, "run", "--burst", "--queue", "x", *url, code=1).stderr
    log = call(folder, "run", "--burst", "--keep-failed", "7d", *url).stderr
    assert "no task is deleted (keep_failed) before `asyncqueue migrate` has run" in log
    assert log.count("`asyncqueue migrate` adds columns for retries, delays, priorities, named queues") == 1
    assert "no index for claims" in log
    call(folder, "migrate", "--indexes-only", *url)
    assert "\nneeded no more: ready index (" in call(folder, "migrate", "--check", *url, code=1).stdout
    assert "\nremoved: ready index (" in call(folder, "migrate", "--no-notify", *url).stdout
    for choice in ["--no-notify"], []:
        assert call(folder, "migrate", "--check", *choice, *url).stdout == "nothing is missing\n"
    assert call(folder, "migrate", *url).stdout == "nothing is missing\n", "what was chosen is kept"
    assert "as Django made it" not in call(folder, "run", "--burst", *url).stderr
    asked = call(folder, "migrate", "--down", *url, code=2)
    assert "Nothing was done: give --yes where there is no terminal to ask on" in asked.stderr
    planned = call(folder, "migrate", "--down", "--sql", *url).stdout
    assert "DROP" in planned
    removed = call(folder, "migrate", "--down", "--yes", *url).stdout.splitlines()
    assert removed
    assert all(line.startswith("removed: ") for line in removed)
    assert call(folder, "migrate", "--down", *url).stdout == "nothing of asyncqueue's is there\n"
    assert shown(folder, task_id, *url)["output"] == "Hello, you!", "the tasks stay"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["enqueue", "jobs.greet", "--delay", "soon"], "--delay 'soon' is no time: 90 or 90s are seconds"),
        (["enqueue", "jobs.greet", "--delay", "5 m"], "--delay '5 m' is no time"),
        (
            ["enqueue", "jobs.greet", "--at", "tomorrow"],
            "--at 'tomorrow' is no time: write it as 2026-12-01",
        ),
        (["enqueue", "jobs.greet", "--at", "2026-12-01T08:00"], "'2026-12-01T08:00' has no time zone: add one"),
        (["enqueue", "jobs.greet", "--at", "2100-01-01T08:00Z", "--delay", "5"], "give --delay or --at, not both"),
        (["enqueue", "jobs.greet", "--delay", "99999d"], "is no time from 0 to 100 years"),
        (["enqueue", "jobs.greet", "--priority", "101"], "priority must be a whole number from -100 to 100"),
        (["enqueue", "jobs.greet", "--queue", ""], "the name of a queue is empty"),
        (["enqueue", "jobs.greet", "--queue", "q" * 65], "the column holds 64"),
        (["enqueue", "jobs.greet", "--max-attempts", "0"], "max_attempts must be a whole number, 1 or more"),
        (["pause", "a b"], "the queue name 'a b' has a space"),
        (["run", "--queue", "mail=3", "--queue", "default"], "queues: give every queue a weight or none: 'default'"),
        (["run", "--queue", "mail", "--queue", "mail"], "queues: the queue 'mail' is named twice"),
        (["run", "--import", "no.such.module"], "imports: the module 'no.such.module' cannot be imported"),
        (["run", "--queue", "mail=x"], "queues: the weight of the queue 'mail' must be a whole number"),
        (["migrate", "--down", "--check"], "it does not go with --down"),
        (["migrate", "--down", "--indexes-only"], "it does not go with --indexes-only"),
        (["migrate", "--down", "--json"], "with --json, give --yes too"),
        (["requeue", "--status", "running"], "only ended tasks and scheduled ones can be queued again, not running"),
        (["list", "--status", "late"], "queued, scheduled, running, completed, failed or cancelled"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_mistakes_get_one_clear_message(folder, words, text):
    assert text in " ".join(call(folder, *words, code=2).stderr.split())


def test_help_says_what_level_1_is(folder):
    text = " ".join(call(folder, "migrate", "--help").stdout.split())
    for expected in ("Level 1 adds columns", "retries, delays and schedules, priorities, named queues", "--down"):
        assert expected in text


def test_taking_everything_away_asks_first(folder):
    enqueue(folder, "jobs.greet")
    with Terminal(folder, "migrate", "--down") as terminal:
        terminal.until(lambda text: "Take this away?" in text)
        assert "goes: attempts table" in terminal.text()
        os.write(terminal._master, b"n\n")
        assert "Aborted" in terminal.end()
    assert call(folder, "migrate", "--check").stdout == "nothing is missing\n"


def test_the_live_line_counts_attempts_that_are_tried_again(folder):
    (folder / "flaky.py").write_text(FLAKY)
    enqueue(folder, "flaky.much_later")
    with Terminal(folder, "run") as terminal:
        terminal.until(lambda text: "0 failed  1 retried" in text)


def test_workers_are_listed(folder):
    call(folder, "migrate")
    assert call(folder, "workers").stdout.splitlines()[-1] == "no worker runs"
    with sqlite3.connect(folder / "asyncqueue.sqlite3") as raw:
        raw.execute(
            "INSERT INTO asyncqueue_workers VALUES "
            "('host:1:abcd', 'host', 1, '0.1.0', 'mail', 50, 30.0, '2026-01-01 00:00:00.0', '2026-01-01 00:00:01.0')"
        )
    [line] = call(folder, "workers").stdout.splitlines()[1:]
    assert line.split("\t")[:6] == ["host:1:abcd", "lost", "0.1.0", "mail", "50", "0"]
    [state] = json.loads(call(folder, "workers", "--json").stdout)
    assert (state["name"], state["host"], state["pid"], state["lease"], state["lost"]) == (
        *("host:1:abcd", "host", 1, 30.0),
        True,
    )


def test_periodic_tasks_are_listed(folder):
    call(folder, "migrate")
    assert call(folder, "cron").stdout.splitlines()[-1] == "no worker has declared a periodic task"
    (folder / "crons.py").write_text(CRON)
    with Terminal(folder, "run", "--import", "crons") as terminal:
        terminal.until(lambda text: "1 done" in text or "2 done" in text)
        terminal.process.terminate()
        terminal.end()
    call(folder, "run", "--burst")  # what was handed back
    assert call(folder, "cron").stdout.splitlines()[0] == "name\ttask\tcron\tzone\tnext\tlast tick\tlast task\tstatus"
    lines = [line.split("\t") for line in call(folder, "cron").stdout.splitlines()[1:]]
    assert [(line[:4], line[7]) for line in lines] == [
        (["crons.never", "crons.never", "0 0 29 2 *", "UTC"], "-"),
        (["crons.tick", "crons.tick", "* * * * * *", "Europe/Berlin"], "completed"),
    ]
    never, tick = json.loads(call(folder, "cron", "--json").stdout)
    assert never["next"].endswith("-02-29T00:00:00+00:00")
    assert (never["last_tick"], never["last_task"], never["status"]) == (None, None, None)
    assert shown(folder, tick["last_task"])["task"] == "crons.tick"
    assert tick["next"] > tick["last_tick"]
    with sqlite3.connect(folder / "asyncqueue.sqlite3") as raw:
        raw.execute("DELETE FROM django_simple_queue_task")
    assert call(folder, "cron").stdout.splitlines()[2].endswith("\tdeleted")


def test_after_other_tasks(folder):
    first, second = (enqueue(folder, "jobs.greet", f"name={name}") for name in ("a", "b"))
    third = enqueue(folder, "jobs.greet", "name=c", "--after", first, "--after", second)
    anyway = enqueue(folder, "jobs.greet", "name=d", "--after", third, "--on-failure", "run")
    assert shown(folder, third)["after"] == [
        {"id": first, "task": "jobs.greet", "status": "queued"},
        {"id": second, "task": "jobs.greet", "status": "queued"},
    ]
    text = call(folder, "show", third).stdout
    assert text.splitlines()[-3:] == [
        "waits for:",
        f"{first}  queued     jobs.greet",
        f"{second}  queued     jobs.greet",
    ]
    call(folder, "cancel", second)
    call(folder, "run", "--burst")
    assert [shown(folder, key)["status"] for key in (first, third, anyway)] == ["completed", "cancelled", "completed"]
    assert second in shown(folder, third)["error"]
    assert call(folder, "show", anyway).stdout.splitlines()[-2:] == ["after:", f"{third}  cancelled  jobs.greet"]
    assert "which looks like" in call(folder, "enqueue", "jobs.greet", "--after", "7", code=2).stderr
    assert "--after names" in call(folder, "enqueue", "jobs.greet", "--on-failure", "run", code=2).stderr
    wrong = call(folder, "enqueue", "jobs.greet", "--after", first, "--on-failure", "stop", code=2).stderr
    assert "on_failure must be one of" in wrong
