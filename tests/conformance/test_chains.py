"""Tasks that wait for others, as a backend sees to them: settled, resolved, swept, deleted."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import pytest

from asyncqueue.backends.base import Backend
from asyncqueue.backends.services import Settled
from asyncqueue.errors import MigrationRequired
from asyncqueue.limits import HandBack
from asyncqueue.model import After, AttemptEnd, ClaimedTask, Finish, Link, NewTask, OnFailure, Status, Unique
from tests.conformance.helpers import cleanup, new, queued, row
from tests.conformance.proxied import hang_up_on, proxied
from tests.conformance.test_buckets import LEVEL_0, MIGRATED
from tests.conformance.transactions import holding, transaction
from tests.servers.cases import SERVER_DIALECTS, cases, migrated

NOTHING = Settled()
MANY = 10_000


def waiting(*after: UUID, on_failure: OnFailure = "cancel", there: bool = False, **fields: Any) -> NewTask:
    """A task after others, of the same call or `there` already."""
    return NewTask(
        uuid.uuid4(),
        "app.next",
        "{}",
        after=After(after, on_failure),
        links=Link.WAITING,
        delay=0.0 if there else None,
        **fields,
    )


def followed(count: int = 1) -> list[NewTask]:
    return [task._replace(links=Link.FOLLOWED) for task in new(count)]


async def state(backend: Backend, task: NewTask | UUID) -> tuple[Any, ...]:
    record = await row(backend, task if isinstance(task, UUID) else task.id)
    return record.status, record.links, record.run_after is not None


async def end(backend: Backend, ids: Sequence[UUID], status: Status = Status.COMPLETED) -> None:
    """Let these run to their end. They are all that is queued."""
    claims = await backend.claim(len(ids), worker_pid=None)
    assert {claim.id for claim in claims} == set(ids)
    await backend.finish([Finish(claim.id, claim.token, status, output="out") for claim in claims])


async def resolved(backend: Backend, ids: Collection[UUID]) -> Settled:
    """Resolve all of it."""
    settled = left = await backend.dependencies.resolve(ids)
    while left.unfinished:
        left = await backend.dependencies.resolve(left.unfinished)
        assert len(left.released) <= 1000
        settled |= left
    return settled


HELD = (Status.SCHEDULED, Link.WAITING, False)
RELEASED = (Status.QUEUED, 0, False)
DUE = (Status.SCHEDULED, Link.WAITING, True)


@MIGRATED
async def test_a_task_of_the_same_call_is_set_aside_until_the_end_of_the_other(backend):
    [first] = followed()
    second = waiting(first.id)
    await backend.enqueue([first, second])
    assert await state(backend, second) == HELD
    assert await state(backend, first) == (Status.QUEUED, Link.FOLLOWED, False)
    assert await backend.dependencies.resolve([first.id]) == NOTHING, "it has not ended"
    [claim] = await backend.claim(5, worker_pid=None)
    assert (claim.id, claim.links) == (first.id, Link.FOLLOWED)
    assert await backend.dependencies.resolve([first.id]) == Settled(running=frozenset([first.id]))
    await backend.finish([Finish(claim.id, claim.token, Status.COMPLETED)])
    assert await backend.dependencies.resolve([first.id]) == Settled(released=frozenset([second.id]))
    assert await state(backend, second) == RELEASED
    assert await backend.dependencies.resolve([first.id]) == NOTHING, "once"
    [claim] = await backend.claim(5, worker_pid=None)
    assert claim.id == second.id


@MIGRATED
async def test_a_task_after_several_waits_for_the_last_of_them(backend):
    tasks = followed(3)
    last = waiting(*(task.id for task in tasks))
    await backend.enqueue([*tasks, last])
    ids = [task.id for task in tasks]
    claims = await backend.claim(3, worker_pid=None)
    for claim in claims[:2]:
        await backend.finish([Finish(claim.id, claim.token, Status.COMPLETED)])
    assert await backend.dependencies.resolve(ids) == Settled(running=frozenset([claims[2].id]))
    assert await state(backend, last) == HELD
    await backend.finish([Finish(claims[2].id, claims[2].token, Status.COMPLETED)])
    assert (await backend.dependencies.resolve(ids)).released == {last.id}


@MIGRATED
@pytest.mark.parametrize("how", ["failed", "cancelled", "deleted"])
@pytest.mark.parametrize("on_failure", ["cancel", "run"])
async def test_what_follows_from_a_failure(backend, database, how, on_failure):
    first, other = followed(2)
    second = waiting(first.id, other.id, on_failure=on_failure)
    third = waiting(second.id)
    await backend.enqueue([other._replace(delay=3600.0), first, second._replace(links=6), third])
    if how == "failed":
        await end(backend, [first.id], Status.FAILED)
    elif how == "cancelled":
        assert await backend.cancel([first.id]) == {first.id}
    else:
        await backend.cancel([first.id])
        database.execute(f"DELETE FROM {database.table} WHERE status = 4")
    settled = await backend.dependencies.resolve([first.id])
    if on_failure == "run":
        assert settled == NOTHING, "it waits for the other one still"
        await backend.cancel([other.id])
        assert (await backend.dependencies.resolve([other.id])).released == {second.id}
        return
    assert settled == Settled(cancelled=frozenset([second.id])), "at once, whatever the other one does"
    record = await row(backend, second.id)
    assert (record.status, record.run_after, record.links) == (Status.CANCELLED, None, Link.FOLLOWED)
    what = {"failed": "(app.task)", "cancelled": "was cancelled", "deleted": "is not there"}[how]
    assert str(first.id) in (record.error or "")
    assert what in (record.error or "")
    assert await backend.dependencies.resolve([second.id]) == Settled(cancelled=frozenset([third.id]))
    assert str(second.id) in ((await row(backend, third.id)).error or "")


@MIGRATED
async def test_a_failed_attempt_with_another_to_follow_is_no_end(backend):
    from asyncqueue.model import AttemptEnd

    [first] = followed()
    second = waiting(first.id)
    await backend.enqueue([first, second])
    [claim] = await backend.claim(1, worker_pid=None)
    again = AttemptEnd(
        claim.id, claim.token, Status.SCHEDULED, None, "no", None, False, delay=60.0, attempt=1, started=claim.token
    )
    await backend.end_attempts([again])
    assert await backend.dependencies.resolve([first.id]) == NOTHING
    assert await state(backend, second) == HELD


# -- after what is there already


@MIGRATED
async def test_a_task_after_one_that_is_there_is_due_and_set_aside(backend):
    [first] = await queued(backend)
    second = waiting(first, there=True)
    came: list[UUID] = []
    backend.promotions.waiting = lambda promotions: came.extend(each.id for each in promotions)
    await backend.enqueue([second])
    assert await state(backend, second) == DUE
    assert await state(backend, first) == (Status.QUEUED, 0, False), "a worker's batch of ends never waits for a caller"
    [claim] = await backend.claim(5, worker_pid=None)
    assert (claim.id, claim.links) == (first, 0)
    assert came == [second.id]
    assert await state(backend, second) == HELD
    settled = await backend.dependencies.settle(came)
    assert settled == Settled(running=frozenset([first])), "its worker does not know"
    assert await state(backend, first) == (Status.RUNNING, Link.FOLLOWED, False)
    assert await backend.finish([Finish(first, claim.token, Status.COMPLETED)]) == {first}, "and loses nothing by it"
    assert await backend.dependencies.resolve(settled.running) == Settled(released=frozenset([second.id]))
    assert await state(backend, second) == RELEASED


@MIGRATED
async def test_one_that_is_not_claimed_yet_learns_that_it_is_waited_for(backend):
    [first] = await queued(backend)
    second = waiting(first, there=True)
    await backend.enqueue([second])
    assert await backend.dependencies.settle([second.id]) == NOTHING
    [claim] = await backend.claim(1, worker_pid=None)
    assert (claim.id, claim.links) == (first, Link.FOLLOWED)


@MIGRATED
async def test_after_what_has_ended_already(backend):
    first, other = await queued(backend, 2)
    await end(backend, [first, other])
    second = waiting(first, other, there=True)
    await backend.enqueue([second])
    assert await backend.dependencies.settle([second.id]) == Settled(released=frozenset([second.id]))
    assert await state(backend, second) == RELEASED
    lost = waiting(first, uuid.uuid4(), there=True)
    await backend.enqueue([lost])
    assert await backend.dependencies.settle([lost.id]) == Settled(cancelled=frozenset([lost.id]))
    anyway = waiting(first, uuid.uuid4(), there=True, on_failure="run")
    await backend.enqueue([anyway])
    assert await backend.dependencies.settle([anyway.id]) == Settled(released=frozenset([anyway.id]))


@cases("database", migrated(SERVER_DIALECTS))
async def test_nobody_waits_for_a_predecessor_that_is_being_written(backend, database):
    first, other = await queued(backend, 2)
    second = waiting(first, other, there=True)
    await backend.enqueue([second])
    async with holding(database, first):
        settled = await backend.dependencies.settle([second.id])
    assert settled == Settled(again=frozenset([second.id]))
    assert (await row(backend, other)).links == Link.FOLLOWED
    assert (await row(backend, first)).links == 0
    assert await backend.dependencies.settle([second.id]) == NOTHING
    assert (await row(backend, first)).links == Link.FOLLOWED


@MIGRATED
async def test_one_that_waits_for_a_place_too_is_due_for_that(backend):
    [first] = followed()
    second = waiting(first.id)._replace(links=Link.WAITING | Link.LIMITED, limit_key="k")
    await backend.enqueue([first, second])
    await end(backend, [first.id])
    assert (await backend.dependencies.resolve([first.id])).released == {second.id}
    assert await state(backend, second) == (Status.SCHEDULED, Link.LIMITED, True)


# -- with what else a task may have


@MIGRATED
async def test_a_caller_has_all_of_it_in_a_transaction(backend, database):
    [first] = followed()
    second = waiting(first.id)
    async with transaction(database) as theirs:
        await backend.enqueue([first, second], connection=theirs.raw)
        await theirs.rollback()
    assert await backend.get([first.id, second.id]) == []
    assert await backend.dependencies.preceding(second.id, limit=5) == []
    async with transaction(database) as theirs:
        await backend.enqueue([first, second], connection=theirs.raw)
        await theirs.commit()
    assert await state(backend, second) == HELD
    assert [each.id for each in await backend.dependencies.preceding(second.id, limit=5)] == [first.id]


@MIGRATED
async def test_after_a_task_whose_unique_key_another_one_holds(backend):
    [holder] = await backend.enqueue_unique([new()[0]._replace(unique=Unique("k"))])
    first = followed()[0]._replace(unique=Unique("k"))
    second = waiting(first.id)
    third = waiting(second.id)
    ids = await backend.enqueue_unique([first, second._replace(links=6), third])
    assert ids == [holder, second.id, third.id]
    assert [each.id for each in await backend.dependencies.preceding(second.id, limit=5)] == [holder]
    assert (await row(backend, second.id)).run_after is not None, "for the holder does not know of it"
    assert await state(backend, third) == HELD
    assert await backend.enqueue_unique([first, second._replace(links=6), third]) == ids, "a repetition"
    await end(backend, [holder])
    assert (await backend.dependencies.settle([second.id])).released == {second.id}


@MIGRATED
async def test_one_that_is_queued_again_waits_for_nobody(backend):
    [first] = followed()
    second = waiting(first.id)
    await backend.enqueue([first._replace(delay=3600.0), second])
    assert await backend.requeue([second.id]) == {second.id}
    assert await state(backend, second) == RELEASED
    await backend.cancel([first.id])
    assert await backend.dependencies.resolve([first.id]) == NOTHING
    assert await state(backend, second) == RELEASED


@MIGRATED
async def test_one_that_is_cancelled_stays_so(backend):
    [first] = followed()
    second = waiting(first.id)
    await backend.enqueue([first, second])
    assert await backend.cancel([second.id]) == {second.id}
    await end(backend, [first.id])
    assert await backend.dependencies.resolve([first.id]) == NOTHING
    assert (await row(backend, second.id)).status == Status.CANCELLED
    assert (await backend.dependencies.unresolved(limit=10))[0] == [], "its edge is closed"


def attempt(claim: ClaimedTask, delay: float) -> AttemptEnd:
    return AttemptEnd(
        claim.id, claim.token, Status.SCHEDULED, None, "no", None, False, delay, claim.attempt + 1, claim.token
    )


@MIGRATED
async def test_one_that_was_cancelled_waits_for_nobody(backend, database):
    """Queued again in Django's admin it is like any other, whatever becomes of what it was to wait for."""
    [first] = followed()
    second = waiting(first.id)
    await backend.enqueue([first._replace(delay=3600.0), second._replace(links=Link.WAITING | Link.FOLLOWED)])
    await backend.cancel([second.id])
    assert await state(backend, second) == (Status.CANCELLED, Link.FOLLOWED, False)
    database.execute(f"UPDATE {database.table} SET status = 0 WHERE status = 4")
    [claim] = await backend.claim(5, worker_pid=None)
    await backend.end_attempts([attempt(claim, 600.0)])
    await backend.cancel([first.id])
    assert await backend.dependencies.resolve([first.id]) == NOTHING
    links = Link.FOLLOWED | Link.RECORDED
    assert await state(backend, second) == (Status.SCHEDULED, links, True), "its next attempt comes"


@MIGRATED
@pytest.mark.parametrize("ended", [False, True])
async def test_one_that_has_run_waits_for_nobody(backend, database, ended):
    """It was queued in Django's admin while it waited. Its next attempt is neither set aside nor early."""
    [first] = followed()
    second = waiting(first.id)
    await backend.enqueue([first._replace(delay=3600.0), second])
    database.execute(f"UPDATE {database.table} SET status = 0 WHERE status = 5 AND run_after IS NULL")
    [claim] = await backend.claim(5, worker_pid=None)
    assert claim.id == second.id
    if ended:
        await backend.cancel([first.id])
        await backend.dependencies.resolve([first.id])
    await backend.end_attempts([attempt(claim, 600.0)])
    assert await state(backend, second) == (Status.SCHEDULED, Link.RECORDED, True)
    if not ended:
        await backend.cancel([first.id])
        assert await backend.dependencies.resolve([first.id]) == NOTHING
        assert await state(backend, second) == (Status.SCHEDULED, Link.RECORDED, True)
    database.execute(f"UPDATE {database.table} SET run_after = '2020-01-01 00:00:00' WHERE status = 5")
    assert [each.id for each in await backend.claim(5, worker_pid=None)] == [second.id]


@MIGRATED
async def test_one_that_is_handed_back_waits_for_a_place_alone(backend, database):
    [first] = followed()
    second = waiting(first.id)
    await backend.enqueue([first._replace(delay=3600.0), second])
    database.execute(f"UPDATE {database.table} SET status = 0 WHERE status = 5 AND run_after IS NULL")
    [claim] = await backend.claim(5, worker_pid=None)
    await backend.limits.hand_back([HandBack(claim.id, claim.token, None)])
    assert await state(backend, second) == (Status.SCHEDULED, Link.LIMITED, True)


@MIGRATED
async def test_one_that_is_replaced_is_after_nobody(backend):
    [first] = followed()
    second, later = (task._replace(unique=Unique("k")) for task in (waiting(first.id), new()[0]))
    assert await backend.enqueue_unique([first, second]) == [first.id, second.id]
    assert await backend.enqueue_unique([later._replace(unique=Unique("k", 0.0, "replace"))]) == [second.id]
    assert await state(backend, second) == RELEASED
    assert await backend.dependencies.preceding(second.id, limit=5) == []
    await backend.cancel([first.id])
    assert await backend.dependencies.resolve([first.id]) == NOTHING
    assert await state(backend, second) == RELEASED


@MIGRATED
async def test_one_that_runs_is_not_replaced_and_knows_what_came_before(backend):
    [first] = followed()
    second, later = (task._replace(unique=Unique("k")) for task in (waiting(first.id), new()[0]))
    await backend.enqueue_unique([first, second])
    await end(backend, [first.id])
    await backend.dependencies.resolve([first.id])
    await backend.claim(5, worker_pid=None)
    assert await backend.enqueue_unique([later._replace(unique=Unique("k", 0.0, "replace"))]) == [second.id]
    assert [each.id for each in await backend.dependencies.preceding(second.id, limit=5)] == [first.id]


# -- many, at once and again


@MIGRATED
async def test_one_has_many_successors(backend):
    [first] = followed()
    rest = [waiting(first.id) for _ in range(MANY)]
    await backend.enqueue([first, *rest])
    await end(backend, [first.id])
    settled = await resolved(backend, [first.id])
    assert settled.released == {task.id for task in rest}
    assert len(await backend.claim(MANY + 1, worker_pid=None)) == len(rest)


@MIGRATED
async def test_what_was_enqueued_first_is_queued_first(backend):
    [first] = followed()
    rest = [waiting(first.id) for _ in range(20)]
    await backend.enqueue([first, *rest])
    await end(backend, [first.id])
    await backend.dependencies.resolve([first.id])
    assert [claim.id for claim in await backend.claim(20, worker_pid=None)] == [task.id for task in rest]


@MIGRATED
@pytest.mark.parametrize("there", [False, True], ids=["new", "there"])
async def test_one_has_many_predecessors(backend, there):
    tasks = new(MANY) if there else followed(MANY)
    last = waiting(*(task.id for task in tasks), there=there)
    if there:
        await backend.enqueue(tasks)
        await backend.enqueue([last])
        assert await backend.dependencies.settle([last.id]) == NOTHING
    else:
        await backend.enqueue([*tasks, last])
    claims = await backend.claim(len(tasks), worker_pid=None)
    assert {claim.links for claim in claims} == {Link.FOLLOWED}
    released: set[UUID] = set()
    while claims:
        batch, claims = claims[:500], claims[500:]
        assert not released
        await backend.finish([Finish(claim.id, claim.token, Status.COMPLETED) for claim in batch])
        released |= (await resolved(backend, [claim.id for claim in batch])).released
    assert released == {last.id}
    outcomes = await backend.dependencies.preceding(last.id, limit=MANY)
    assert [each.id for each in outcomes] == [task.id for task in tasks]


@MIGRATED
async def test_of_many_that_resolve_the_same_ends_one_queues(backend, another):
    tasks = followed(40)
    ids = [task.id for task in tasks]
    rest = [waiting(*ids[number : number + 8]) for number in range(32)]
    await backend.enqueue([*tasks, *rest])
    claims = await backend.claim(40, worker_pid=None)

    async def worker(mine: Sequence[Any]) -> list[UUID]:
        released: list[UUID] = []
        async with another() as one:
            for claim in mine:
                await one.finish([Finish(claim.id, claim.token, Status.COMPLETED)])
                released += (await one.dependencies.resolve([claim.id])).released
            released += (await one.dependencies.resolve(ids)).released
        return released

    won = await asyncio.gather(*(worker(claims[number::4]) for number in range(4)))
    assert sorted(key for each in won for key in each) == sorted(task.id for task in rest)
    assert {record.status for record in await backend.get([task.id for task in rest])} == {Status.QUEUED}


@cases("database", migrated(SERVER_DIALECTS))
async def test_an_enqueue_whose_reply_was_lost_is_repeated_safely(database, backend):
    [first] = followed()
    second = waiting(first.id)
    async with proxied(database) as (proxy, cut):
        await cut.count(_everything())
        await hang_up_on(proxy, lambda: cut.enqueue([first, second]))
        await cut.enqueue([first, second])
    assert await state(backend, second) == HELD
    assert len(await backend.dependencies.preceding(second.id, limit=5)) == 1


@cases("database", migrated(SERVER_DIALECTS))
async def test_a_resolution_whose_reply_was_lost_is_repeated_safely(database, backend):
    [first] = followed()
    rest = [waiting(first.id), waiting(first.id, on_failure="run")]
    await backend.enqueue([first, *rest])
    await end(backend, [first.id], Status.FAILED)
    async with proxied(database) as (proxy, cut):
        await cut.count(_everything())
        await hang_up_on(proxy, lambda: cut.dependencies.resolve([first.id]))
        await cut.dependencies.resolve([first.id])
    assert [(await row(backend, task.id)).status for task in rest] == [Status.CANCELLED, Status.QUEUED]


# -- what nobody was told of


@MIGRATED
async def test_a_sweep_finds_what_nobody_was_told_of(backend, database):
    tasks = followed(7)
    ids = [task.id for task in tasks]
    rest = [waiting(key) for key in ids]
    await backend.enqueue([*tasks, *rest])
    assert await backend.dependencies.unresolved(limit=10) == ([], None)
    assert await backend.limits.waiting() == (False, True)
    await end(backend, ids)
    database.execute(f"DELETE FROM {database.table} WHERE status = 2")
    found: list[UUID] = []
    resume_from, more = None, True
    while more:
        some, resume_from = await backend.dependencies.unresolved(limit=3, resume_from=resume_from)
        found += some
        more = resume_from is not None
    assert sorted(found) == sorted(ids)
    assert (await backend.dependencies.resolve(found)).cancelled == {task.id for task in rest}
    assert await backend.dependencies.unresolved(limit=10) == ([], None)
    assert await backend.limits.waiting() == (False, False)


@MIGRATED
async def test_what_a_task_waits_for_is_deleted_with_it(backend, database):
    [first] = followed()
    second, third = waiting(first.id), waiting(first.id)
    await backend.enqueue([first, second, third])
    await end(backend, [first.id])
    await backend.dependencies.resolve([first.id])
    await backend.cancel([second.id])
    assert await cleanup(backend, older_than=-1, statuses=[Status.CANCELLED]) == 1
    assert await backend.dependencies.preceding(second.id, limit=5) == []
    assert len(await backend.dependencies.preceding(third.id, limit=5)) == 1
    assert (await backend.retention.sweep_edges(limit=10)).deleted == 0
    database.execute(f"DELETE FROM {database.table} WHERE status = 0")
    swept = await backend.retention.sweep_edges(limit=1)
    assert (swept.deleted, swept.seen) == (1, 1)
    assert await backend.dependencies.preceding(third.id, limit=5) == []


@MIGRATED
async def test_a_clean_up_leaves_what_others_have_not_been_told_of(backend):
    """Else what completed would be taken for failed: its worker died before it could tell them."""
    first, other = followed(2)
    second = waiting(first.id)
    await backend.enqueue([first, other, second])
    await end(backend, [first.id, other.id])
    ages = {Status.COMPLETED: -1.0}
    assert await cleanup(backend, older_than=-1, statuses=[Status.COMPLETED]) == 1
    assert [record.id for record in await backend.get([first.id, other.id])] == [first.id]
    assert (await backend.retention.cleanup(ages, limit=1)).deleted == 0
    found, _ = await backend.dependencies.unresolved(limit=10)
    assert (await backend.dependencies.resolve(found)).released == {second.id}
    assert await cleanup(backend, older_than=-1, statuses=[Status.COMPLETED]) == 1
    assert await backend.get([first.id]) == []


@MIGRATED
async def test_what_came_before(backend):
    tasks = followed(5)
    last = waiting(*(task.id for task in reversed(tasks)))
    await backend.enqueue([*tasks, last])
    claims = await backend.claim(5, worker_pid=None)
    await backend.finish(
        [
            Finish(claims[0].id, claims[0].token, Status.COMPLETED, output="ü"),
            Finish(claims[1].id, claims[1].token, Status.FAILED, error="no"),
        ]
    )
    found = await backend.dependencies.preceding(last.id, limit=3)
    found += await backend.dependencies.preceding(last.id, after=found[-1].position, limit=3)
    assert [each.id for each in found] == [task.id for task in reversed(tasks)]
    assert [each.position for each in found] == [1, 2, 3, 4, 5]
    assert all(each.awaited and each.task == "app.task" for each in found)
    by_id = {each.id: each for each in found}
    assert by_id[claims[0].id][4:] == (Status.COMPLETED, "ü", None)
    assert by_id[claims[1].id][4:] == (Status.FAILED, None, "no")
    assert by_id[claims[2].id][4:] == (Status.RUNNING, None, None)


@LEVEL_0
async def test_a_table_that_is_not_migrated(backend):
    with pytest.raises(MigrationRequired, match="a task after others needs"):
        await backend.enqueue([waiting(uuid.uuid4(), there=True)])
    for verb in (
        backend.dependencies.settle([]),
        backend.dependencies.resolve([]),
        backend.dependencies.unresolved(limit=1),
    ):
        with pytest.raises(MigrationRequired, match="`asyncqueue migrate`"):
            await verb
    assert await backend.dependencies.preceding(uuid.uuid4(), limit=1) == []


def _everything() -> Any:
    from asyncqueue.backends.base import TaskFilter

    return TaskFilter()
