"""The table of transitions: the page that draws it, and every verb on a row of every status."""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path

import pytest

from asyncqueue.backends.transitions import TRANSITIONS, after
from asyncqueue.limits import HandBack, Limit
from asyncqueue.model import (
    After,
    AttemptEnd,
    Claim,
    Finish,
    Link,
    NewTask,
    OnConflict,
    Release,
    Stamp,
    Status,
    Unique,
)
from tests.conformance.helpers import cleanup
from tests.conformance.test_bands import MIGRATED

PAGE = (Path(__file__).parents[2] / "docs" / "state-machine.md").read_text()
ENDS = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


def _status(name: str) -> Status | None:
    return None if name in ("[*]", "-") else Status[name.upper()]


def test_the_page_draws_the_table():
    drawn = re.findall(r"^    (\S+) --> (\S+): (\w+)$", PAGE, re.MULTILINE)
    assert [(verb, _status(a), _status(b)) for a, b, verb in drawn] == [tuple(each[:3]) for each in TRANSITIONS]


def test_the_page_says_who_and_under_which_guard():
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    assert [(verb, _status(a), _status(b), by, guard) for verb, a, b, by, guard in rows] == list(
        map(tuple, TRANSITIONS)
    )


async def _row_in(backend, database, status: Status) -> tuple[uuid.UUID, Stamp]:
    """A row in this status, and its `modified` as a token."""
    delay = 3600.0 if status == Status.SCHEDULED else None
    [key] = await backend.enqueue_unique([_keyed(delay)])
    if status not in (Status.QUEUED, Status.SCHEDULED):
        [claim] = await backend.claim(1, worker_pid=None)
        if status == Status.CANCELLED:
            await backend.cancel([key])
        elif status != Status.RUNNING:
            await backend.finish([Finish(key, claim.token, status)])
    return key, (await backend.observe([key])).rows[key][1]


async def _do(backend, database, verb: str, key: uuid.UUID, token, wanted: Status | None) -> None:
    if verb == "claim":
        await backend.claim(10, worker_pid=None)
    elif verb == "promote":
        await backend.claim(0, worker_pid=None)
    elif verb == "release":
        await backend.release([Release(key, token, token)])
    elif verb == "finish":
        await backend.finish([Finish(key, token, wanted or Status.COMPLETED)])
    elif verb == "end_attempts":
        status = Status.COMPLETED if wanted is None else wanted
        delay = 60.0 if status == Status.SCHEDULED else None
        await backend.end_attempts([AttemptEnd(key, token, status, None, None, None, False, delay, 1, token)])
    elif verb == "replace":
        delay = 60.0 if wanted == Status.SCHEDULED else None
        assert await backend.enqueue_unique([_keyed(delay, "replace")]) == [key]
    elif verb == "cancel":
        await backend.cancel([key])
    elif verb == "cleanup":
        await cleanup(backend, older_than=-1, statuses=ENDS)
    else:
        await _do_with_limits(backend, database, verb, key, token, wanted)


async def _do_with_limits(backend, database, verb: str, key: uuid.UUID, token, wanted: Status | None) -> None:
    if verb == "hand_back":
        await backend.limits.hand_back([HandBack(key, token, None)])
    elif verb == "requeue":
        if wanted == Status.SCHEDULED:
            database.execute(f"UPDATE {database.table} SET links = 1")
        await backend.requeue([key])
    elif verb == "admit":
        past = "'2020-01-01 00:00:00'"
        database.execute(f"UPDATE {database.table} SET links = 1")
        database.execute(f"UPDATE {database.table} SET run_after = {past} WHERE status = 5")
        if wanted is not None:
            assert await backend.claim(1, worker_pid=None) == [], "it was set aside"
        await backend.limits.declare([Limit("app.task", 1)], began=time.monotonic())
        await backend.limits.admit(["app.task"])


def _keyed(delay: float | None, on_conflict: OnConflict = "return") -> NewTask:
    return NewTask(uuid.uuid4(), "app.task", "{}", delay=delay, unique=Unique("k", 3600.0, on_conflict))


VERBS = (
    *("claim", "release", "finish", "end_attempts", "cancel", "requeue", "cleanup", "replace", "hand_back", "admit"),
)


@MIGRATED
@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_changes_what_the_table_says_and_nothing_else(backend, database, verb):
    for before in Status:
        if verb == "replace" and before in (Status.FAILED, Status.CANCELLED):
            continue  # their keys are free
        allowed = after(verb, before)
        for wanted in allowed or {None}:
            key, token = await _row_in(backend, database, before)
            await _do(backend, database, verb, key, token, wanted)
            found = await backend.get([key])
            status = found[0].status if found else None
            expected = wanted if allowed else before
            assert status == expected, f"{verb} on {before.name} gave {status}"
            for table in (database.table, "asyncqueue_limited"):
                database.execute(f"DELETE FROM {table}")


@MIGRATED
@pytest.mark.parametrize("verb", ["release", "finish", "end_attempts", "hand_back"])
async def test_a_token_of_yesterday_changes_nothing(backend, database, verb):
    key, token = await _row_in(backend, database, Status.RUNNING)
    seen = await backend.observe([key])
    await backend.renew([Claim(key, token)], now=seen.now, worker_pid=None)
    await _do(backend, database, verb, key, token, None)
    assert (await backend.get([key]))[0].status == Status.RUNNING


async def _waiting_in(backend, status: Status) -> tuple[NewTask, NewTask]:
    """A running task, and one in this status that was to run after it: its edge is open."""
    first = NewTask(uuid.uuid4(), "app.task", "{}", links=Link.FOLLOWED)
    second = NewTask(uuid.uuid4(), "app.task", "{}", links=Link.WAITING, after=After((first.id,)))
    await backend.enqueue([first, second])
    await backend.claim(1, worker_pid=None)
    if status == Status.CANCELLED:
        await backend.cancel([second.id])
    elif status != Status.SCHEDULED:
        await backend.requeue([second.id])
    if status in (Status.RUNNING, Status.COMPLETED, Status.FAILED):
        [claim] = await backend.claim(1, worker_pid=None)
        if status != Status.RUNNING:
            await backend.finish([Finish(second.id, claim.token, status)])
    return first, second


@MIGRATED
@pytest.mark.parametrize("verb", ["settle", "resolve"])
async def test_the_end_of_a_task_changes_what_waits_for_it_and_nothing_else(backend, database, verb):
    for before in Status:
        allowed = after(verb, before)
        for wanted in allowed or {None}:
            first, second = await _waiting_in(backend, before)
            token = (await backend.observe([first.id])).rows[first.id][1]
            end = Status.FAILED if wanted is Status.CANCELLED else Status.COMPLETED
            await backend.finish([Finish(first.id, token, end)])
            seen = (await backend.observe([second.id])).rows
            await (backend.chains.settle([second.id]) if verb == "settle" else backend.chains.resolve([first.id]))
            [found] = await backend.get([second.id])
            assert found.status == (wanted if allowed else before), f"{verb} on {before.name} gave {found.status}"
            if not allowed:
                assert (await backend.observe([second.id])).rows == seen, "not even its token"
            database.execute(f"DELETE FROM {database.table}")
