"""Options that select tasks, of `list`, `stats --errors`, `requeue` and `cancel`."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.test_commands import call, enqueue, folder

__all__ = ["folder"]  # a fixture


def ids(folder, *words: str) -> set[str]:
    return {fields["id"] for fields in json.loads(call(folder, "list", "--json", *words).stdout)}


def test_tasks_by_path_queue_time_and_error(folder):
    greet = enqueue(folder, "jobs.greet", "--queue", "mail")
    boom = enqueue(folder, "jobs.boom")
    call(folder, "run", "--burst")
    assert ids(folder, "--task", "jobs.*") == {greet, boom}
    assert ids(folder, "--task", "*.greet") == ids(folder, "--queue", "mail") == {greet}
    assert ids(folder, "--error", "RUNTIMEERROR") == {boom}
    assert ids(folder, "--since", "1h") == {greet, boom}
    assert ids(folder, "--until", "1h") == set()
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert ids(folder, "--since", later) == set()
    assert ids(folder, "--until", later, "--status", "failed") == {boom}
    worker = json.loads(call(folder, "show", boom, "--json").stdout)["claimed_by"]
    assert ids(folder, "--worker", worker) == ids(folder, "--worker", "*") == {greet, boom}
    assert ids(folder, "--worker", "nobody") == set()


def test_failures_are_grouped_by_their_error(folder):
    for _ in range(3):
        enqueue(folder, "jobs.boom")
    enqueue(folder, "jobs.nothing")
    call(folder, "run", "--burst")
    lines = [line.split("\t") for line in call(folder, "stats", "--errors").stdout.splitlines()]
    assert lines[0] == ["count", "task", "latest", "error"]
    assert [(line[0], line[1], line[3]) for line in lines[1:2]] == [("3", "jobs.boom", "RuntimeError('boom')")]
    [only] = json.loads(call(folder, "stats", "--errors", "--error", "boom", "--json").stdout)
    assert (only["task"], only["error"], only["count"]) == ("jobs.boom", "RuntimeError('boom')", 3)
    assert call(folder, "stats", "--errors", "--task", "no.such").stderr == "no task has failed\n"


def test_requeue_and_cancel_take_what_list_shows(folder):
    failed = {enqueue(folder, "jobs.boom") for _ in range(2)}
    call(folder, "run", "--burst")
    waiting = enqueue(folder, "jobs.greet", "--delay", "1h")
    assert call(folder, "requeue", "-s", "failed", "--error", "boom", "--since", "1h", "--yes").stdout == "2 queued\n"
    assert ids(folder, "--status", "queued") == failed
    refused = call(folder, "cancel", "--task", "jobs.*", code=2)
    assert "Cancel 3 tasks? Nothing was done" in refused.stderr
    assert call(folder, "cancel", "--task", "*.boom", "--yes").stdout == "2 cancelled\n"
    assert call(folder, "cancel", "--status", "scheduled", "-y").stdout == "1 cancelled\n"
    assert ids(folder, "--status", "cancelled") == {*failed, waiting}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["cancel"], "give the ids of tasks, or what selects them, such as --status queued or --task 'app.*'"),
        (["cancel", "0f8fad5b-d9cb-469f-a165-70867728950e", "--task", "a.b"], "or what selects them, not both"),
        (["requeue", "0f8fad5b-d9cb-469f-a165-70867728950e", "--status", "failed"], "or what selects them, not both"),
        (["cancel", "--status", "failed"], "only queued, scheduled and running tasks can be cancelled, not failed"),
        (["requeue"], "give the ids of tasks, or what selects them, such as --status failed or --error timeout"),
        (["list", "--since", "7"], "--since 7 has no unit: write 7s, 7m, 7h or 7d"),
        (["list", "--until", "7x"], "--until '7x' is no time: 90s, 15m, 12h or 7d ago"),
        (["list", "--since", "2026-12-01T08:00"], "has no time zone"),
        (["stats", "--task", "a.b"], "add --errors"),
        (["stats", "--status", "failed"], "stats counts every status"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_selection_that_means_nothing_is_refused(folder, words, text):
    assert text in " ".join(call(folder, *words, code=2).stderr.split())


def test_list_says_how_long_a_running_task_has_run(folder):
    """Not how long ago its claim was renewed."""
    enqueue(folder, "jobs.greet")
    enqueue(folder, "jobs.boom")
    with sqlite3.connect(folder / "asyncqueue.sqlite3") as raw:
        ago = (datetime.now(UTC) - timedelta(minutes=27)).replace(tzinfo=None)
        raw.execute(
            "UPDATE django_simple_queue_task SET status = 1, started = ?, modified = ? WHERE task = 'jobs.greet'",
            (str(ago), str(datetime.now(UTC).replace(tzinfo=None))),
        )
    for command in ("list", "stats"):
        [line] = [line for line in call(folder, command).stdout.splitlines() if "\trunning\t" in line]
        assert re.search(r"\t27 min", line), line


def test_a_task_that_is_queued_again_is_not_listed_with_its_old_error(folder):
    """The row keeps it, as Django's admin action has it; `show` has it."""
    boom, greet = enqueue(folder, "jobs.boom"), enqueue(folder, "jobs.greet")
    call(folder, "run", "--burst")
    listed = call(folder, "list").stdout
    assert "RuntimeError('boom')" in listed
    assert "Hello" in listed
    call(folder, "requeue", boom, greet)
    listed = call(folder, "list").stdout
    assert listed.count("\tqueued\t") == 2
    assert "RuntimeError" not in listed
    assert "Hello" not in listed
    assert "RuntimeError('boom')" in call(folder, "show", boom).stdout


def test_requeue_without_a_status_takes_what_has_ended(folder):
    """As `cancel` takes what has not."""
    failed = enqueue(folder, "jobs.boom")
    call(folder, "run", "--burst")
    enqueue(folder, "jobs.boom", "--delay", "1h")
    assert call(folder, "requeue", "--task", "*.boom", "--yes").stdout == "1 queued\n"
    assert ids(folder, "--status", "queued") == {failed}


def test_a_worker_of_a_queue_that_nobody_uses_says_so(folder):
    enqueue(folder, "jobs.greet", "--queue", "mail")
    said = " ".join(call(folder, "run", "--burst", "--queue", "mails=2", "--queue", "mail=1").stderr.split())
    assert "no task has been in queue 'mails' yet, and no other worker serves it. Did you mean mail?" in said
    assert "queue 'mail' yet" not in said
    said = call(folder, "run", "--burst", "--queue", "mail").stderr
    assert "yet, and no other worker" not in said, "its only task has ended, but it is there"
    assert "yet, and no other worker" not in call(folder, "run", "--burst").stderr


def test_pausing_a_queue_that_nobody_uses_says_so(folder):
    enqueue(folder, "jobs.greet", "--queue", "mail")
    refused = call(folder, "pause", "mails", code=1)
    assert "there is no queue 'mails': it holds no task, and no worker serves it. Did you mean mail?" in refused.stderr
    assert call(folder, "pause", "mail").stdout == "queue mail is paused\n"
    refused = call(folder, "resume", "mails", code=1)
    assert "there is no queue 'mails': it holds no task, and no worker serves it. Did you mean mail?" in refused.stderr
    assert "there is no queue 'mails'" in call(folder, "pause", "mails", code=1).stderr, "as before it"
    enqueue(folder, "jobs.greet", "--queue", "mailed")
    assert call(folder, "resume", "mailed").stdout == "queue mailed was not paused. Did you mean mail?\n"
    assert call(folder, "resume", "mail").stdout == "queue mail is open\n"
    assert call(folder, "pause", "mails", "--yes").stdout == "queue mails is paused\n"


def test_a_queue_whose_tasks_have_all_ended_can_be_paused(folder):
    enqueue(folder, "jobs.greet", "--queue", "mail")
    call(folder, "run", "--burst")
    assert call(folder, "pause", "mail").stdout == "queue mail is paused\n"


def test_waiting_prints_the_id_first(folder):
    waited = call(folder, "enqueue", "jobs.greet", "--wait", "--timeout", "100ms", code=1)
    ids_ = [line for line in waited.stderr.splitlines() if "no database is configured" not in line]
    assert ids_[0] in ids(folder), "before anything about the task"
    assert waited.stdout == "\n" or waited.stdout == ""


def test_durations_have_units_everywhere(folder):
    enqueue(folder, "jobs.greet")
    given = ["--timeout", "5m", "--grace", "30s", "--lease", "2m", "--heartbeat", "500ms", "--poll-min", "10ms"]
    call(folder, "run", "--burst", *given, "--poll-max", "1s", ASYNCQUEUE_STATEMENT_TIMEOUT="20s")
    refused = call(folder, "run", "--grace", "soon", code=2)
    assert "grace: should be a time from 0 to 100 years, such as 90 or 90s" in refused.stderr


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_json_stays_text(folder, value):
    task_id = enqueue(folder, "jobs.greet", f"name={value}")
    assert json.loads(json.loads(call(folder, "show", task_id, "--json").stdout)["args"]) == {"name": value}
    refused = call(folder, "enqueue", "jobs.greet", "--args", f'{{"name": {value}}}', code=2)
    assert "--args is not valid JSON" in refused.stderr


def test_an_argument_that_is_given_twice_is_refused(folder):
    assert "a= is given twice" in call(folder, "enqueue", "jobs.greet", "a=1", "a=2", code=2).stderr
    assert "'a' is given twice" in call(folder, "enqueue", "jobs.greet", "--args", '{"a": 1, "a": 2}', code=2).stderr
