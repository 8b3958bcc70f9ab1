"""The table of transitions: the page that draws it, and every verb on a row of every status."""

from __future__ import annotations

import re
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from asyncqueue.backends.transitions import TRANSITIONS, after
from asyncqueue.limits import HandBack, Limit, PutOff
from asyncqueue.model import (
    After,
    AttemptEnd,
    Claim,
    Declaration,
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
from tests.conformance.test_buckets import MIGRATED

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


async def _row_in(backend, database, status: Status, held_for: float = 3600.0) -> tuple[uuid.UUID, Stamp]:
    """A row in this status, and its `modified` as a token."""
    delay = 3600.0 if status == Status.SCHEDULED else None
    [key] = await backend.enqueue_unique([_keyed(delay, held_for=held_for)])
    if status not in (Status.QUEUED, Status.SCHEDULED):
        [claim] = await backend.claim(1, worker_pid=None, worker="me")
        if status == Status.CANCELLED:
            await backend.cancel([key])
        elif status != Status.RUNNING:
            await backend.finish([Finish(key, claim.token, status)])
    return key, (await backend.observe([key])).rows[key][1]


async def _do(backend, database, verb: str, key: uuid.UUID, token, wanted: Status | None) -> None:
    if verb == "claim":
        await backend.claim(10, worker_pid=None)
    elif verb == "enqueue":
        await backend.enqueue([NewTask(key, "app.task", "{}", delay=60.0 if wanted == Status.SCHEDULED else None)])
    elif verb in ("rescue", "end_lost", "release_strays"):
        await _rescue(backend, verb, key, token, wanted)
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


async def _rescue(backend, verb: str, key: uuid.UUID, token, wanted: Status | None) -> None:
    if verb == "rescue":
        await backend.rescue(lease=-1.0, error="lost" if wanted == Status.FAILED else None)
    elif verb == "end_lost":
        end = AttemptEnd(key, token, wanted or Status.QUEUED, None, None, None, False, None, 1, None, lost=True)
        await backend.end_lost([end], lease=-1.0, foreign_lease=None)
    else:
        await backend.release_strays("me", held=[], lease=-1.0)


async def _promote(backend, database, wanted: Status | None) -> None:
    """A claim that promotes and takes nothing, because the queue is paused. What is set aside loses its time."""
    await backend.pause("default", paused=True)
    _make_due(database, links=int(wanted == Status.SCHEDULED))
    assert await backend.claim(1, worker_pid=None) == []
    await backend.pause("default", paused=False)
    assert database.execute(f"SELECT id FROM {database.table} WHERE run_after IS NOT NULL") == []


def _make_due(database, *, links: int) -> None:
    database.execute(f"UPDATE {database.table} SET links = {links}")
    database.execute(f"UPDATE {database.table} SET run_after = '2020-01-01 00:00:00' WHERE status = 5")


async def _do_with_limits(backend, database, verb: str, key: uuid.UUID, token, wanted: Status | None) -> None:
    if verb == "promote":
        await _promote(backend, database, wanted)
    elif verb == "hand_back":
        await backend.limits.hand_back([HandBack(key, token, None)])
    elif verb == "put_off":
        await backend.limits.put_off([PutOff(key, token, "not found")], delay=60, patience=600)
    elif verb == "requeue":
        if wanted == Status.SCHEDULED:
            database.execute(f"UPDATE {database.table} SET links = 1")
        await backend.requeue([key])
    elif verb == "tick":
        entry = Declaration(key.hex, "app.task", "* * * * *", "UTC")
        last = (await backend.periodic.declare([entry])).entries[entry.name].last
        await backend.periodic.tick(entry.name, last + timedelta(minutes=1), NewTask(key, "app.task", "{}"))
    elif verb == "suspend_unserved":
        await _set_back(backend, database, key)
    elif verb == "admit":
        _make_due(database, links=1)
        if wanted is not None:
            assert await backend.claim(1, worker_pid=None) == [], "it was set aside"
        await backend.limits.declare([Limit("app.task", 1)], began=time.monotonic())
        await backend.limits.admit(["app.task"])


async def _set_back(backend, database, key: uuid.UUID) -> None:
    """An admission while the task has a place, and its queue is paused."""
    await backend.pause("default", paused=True)
    await backend.limits.declare([Limit("app.task", 1)], began=time.monotonic())
    database.execute(f"UPDATE {database.table} SET links = 1")
    database.execute(
        "INSERT INTO asyncqueue_limited (name, limit_key, task_id, held_at, admitted_at, state) "
        f"SELECT 'app.task', 'app.task', %s, modified, modified, 1 FROM {database.table}",
        key if database.dialect == "postgresql" else key.hex,
    )
    await backend.limits.admit(["app.task"])
    await backend.pause("default", paused=False)


def _keyed(delay: float | None, on_conflict: OnConflict = "return", held_for: float = 3600.0) -> NewTask:
    return NewTask(uuid.uuid4(), "app.task", "{}", delay=delay, unique=Unique("k", held_for, on_conflict))


VERBS = (
    *(
        "enqueue",
        "tick",
        "replace",
        "promote",
        "admit",
        "suspend_unserved",
        "claim",
        "release",
        "hand_back",
        "put_off",
        "finish",
        "end_attempts",
        "end_lost",
        "release_strays",
        "rescue",
    ),
    *("cancel", "requeue", "cleanup"),
)
#: Those that begin at the end of another task.
CHAINS = ("settle", "resolve")


def test_every_verb_is_tried():
    assert {*VERBS, *CHAINS} == {each.verb for each in TRANSITIONS}


@MIGRATED
@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_changes_what_the_table_says_and_nothing_else(backend, database, verb):
    for before in (None, *Status) if verb in ("enqueue", "tick") else Status:
        if verb == "replace" and before in (Status.FAILED, Status.CANCELLED):
            continue  # their keys are free
        allowed = after(verb, before)
        for wanted in allowed or {None}:
            # A completed task that holds its key stays, whatever a clean-up is told.
            held_for = 0.0 if verb == "cleanup" else 3600.0
            key, token = (uuid.uuid4(), None) if before is None else await _row_in(backend, database, before, held_for)
            await _do(backend, database, verb, key, token, wanted)
            found = await backend.get([key])
            status = found[0].status if found else None
            expected = wanted if allowed else before
            assert status == expected, f"{verb} on {before!r} gave {status}"
            for table in (database.table, "asyncqueue_limited"):
                database.execute(f"DELETE FROM {table}")


@MIGRATED
@pytest.mark.parametrize("verb", ["release", "finish", "end_attempts", "end_lost", "hand_back", "put_off"])
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
@pytest.mark.parametrize("verb", CHAINS)
async def test_the_end_of_a_task_changes_what_waits_for_it_and_nothing_else(backend, database, verb):
    for before in Status:
        allowed = after(verb, before)
        for wanted in allowed or {None}:
            first, second = await _waiting_in(backend, before)
            token = (await backend.observe([first.id])).rows[first.id][1]
            end = Status.FAILED if wanted is Status.CANCELLED else Status.COMPLETED
            await backend.finish([Finish(first.id, token, end)])
            seen = (await backend.observe([second.id])).rows
            await (
                backend.dependencies.settle([second.id])
                if verb == "settle"
                else backend.dependencies.resolve([first.id])
            )
            [found] = await backend.get([second.id])
            assert found.status == (wanted if allowed else before), f"{verb} on {before.name} gave {found.status}"
            if not allowed:
                assert (await backend.observe([second.id])).rows == seen, "not even its token"
            database.execute(f"DELETE FROM {database.table}")
