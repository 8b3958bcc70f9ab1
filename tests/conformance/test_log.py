"""The log of a task, written while it runs, and what is left of it where the task is cancelled or lost."""

from __future__ import annotations

from asyncqueue.model import AttemptEnd, ClaimedTask, Stamp, Status
from tests.conformance.helpers import claimed, done, fences, release, row
from tests.conformance.helpers import log_chunk as chunk
from tests.servers.cases import cases, migrated, shaped

EVERYWHERE = cases("database", shaped(shapes=[10]) + migrated())
MIGRATED = cases("database", migrated())


async def test_a_log_grows_and_a_repetition_changes_nothing(backend, database):
    [one, two] = await claimed(backend, 2)
    for offset, text in ((0, "one ä "), (6, "𝄞 "), (6, "𝄞 "), (8, "three")):
        written = await backend.append_log([chunk(one, offset, text), chunk(two, offset, text)])
        assert written == (set() if database.shape == 7 else {one.id, two.id})
    assert (await row(backend, one.id)).log == (None if database.shape == 7 else "one ä 𝄞 three")
    assert (await backend.observe([one.id])).rows[one.id] == (Status.RUNNING, one.token), "it is still the claim"
    await backend.finish([done(one, log="all of it")])
    assert (await row(backend, one.id)).log == (None if database.shape == 7 else "all of it")
    assert (await row(backend, two.id)).output is None


@EVERYWHERE
async def test_what_a_run_before_has_left_is_replaced(backend):
    [first] = await claimed(backend)
    await backend.append_log([chunk(first, 0, "the first, which is longer")])
    await backend.release([release(first)])
    [second] = await backend.claim(1, worker_pid=None)
    await backend.append_log([chunk(second, 0, "the second")])
    assert (await row(backend, first.id)).log == "the second"


@EVERYWHERE
async def test_a_log_is_fenced_by_the_claims_token(backend):
    [stale, renewed, ended] = await claimed(backend, 3)
    await backend.release([release(stale)])
    [claim] = await backend.claim(1, worker_pid=None)
    assert claim.id == stale.id
    seen = await backend.observe([])
    await backend.renew(fences([renewed]), now=seen.now, worker_pid=None)
    await backend.finish([done(ended, log="the end")])
    chunks = [chunk(each, 0, "late") for each in (stale, renewed, ended)]
    assert await backend.append_log(chunks) == set()
    assert [(await row(backend, each.id)).log for each in (stale, renewed, ended)] == [None, None, "the end"]
    assert await backend.append_log([chunk(renewed, 0, "in time", seen.now)]) == {renewed.id}


@EVERYWHERE
async def test_a_cancelled_tasks_log_is_written_as_long_as_nobody_has_queued_it_again(backend):
    [claim] = await claimed(backend)
    await backend.append_log([chunk(claim, 0, "before, ")])
    await backend.cancel([claim.id])
    await backend.append_log([chunk(claim, 8, "by the claim's token, ")])
    assert (await row(backend, claim.id)).log == "before, "
    status, modified = (await backend.observe([claim.id])).rows[claim.id]
    assert status == Status.CANCELLED
    await backend.append_log([chunk(claim, 8, "and after", modified)])
    before = await row(backend, claim.id)
    assert (before.status, before.log) == (Status.CANCELLED, "before, and after")
    assert (await backend.observe([claim.id])).rows[claim.id] == (status, modified)
    await backend.requeue([claim.id])
    await backend.append_log([chunk(claim, 0, "late", modified)])
    await backend.claim(1, worker_pid=None)
    await backend.append_log([chunk(claim, 0, "late", modified)])
    assert (await row(backend, claim.id)).log == "before, and after"


@MIGRATED
async def test_a_task_that_was_claimed_again_and_cancelled_again_keeps_that_runs_log(backend):
    """The one who was late sees a cancellation, and takes it for its own."""
    [late] = await claimed(backend)
    await backend.cancel([late.id])
    await backend.requeue([late.id])
    [claim] = await backend.claim(1, worker_pid=None)
    await backend.append_log([chunk(claim, 0, "the second run")])
    await backend.cancel([claim.id])
    _, modified = (await backend.observe([claim.id])).rows[claim.id]
    await backend.append_log([chunk(late, 0, "the first", modified)])
    assert (await row(backend, claim.id)).log == "the second run"


def lost(claim: ClaimedTask, token: Stamp, *, again: bool = True) -> AttemptEnd:
    status = Status.QUEUED if again else Status.FAILED
    return AttemptEnd(claim.id, token, status, None, "lost", None, True, None, 0, claim.token, lost=True)


@MIGRATED
async def test_a_lost_task_keeps_what_it_has_logged_and_its_record_has_it(backend, database):
    logged = backend.shape.errors
    [claim] = await claimed(backend)
    await backend.append_log([chunk(claim, 0, "of the first")])
    assert await backend.end_attempts([lost(claim, claim.token)]) == {claim.id}
    assert (await row(backend, claim.id)).log == ("of the first" if logged else None)
    # The second says nothing before it is lost.
    [claim] = await backend.claim(1, worker_pid=None)
    assert await backend.end_attempts([lost(claim, claim.token)]) == {claim.id}
    [claim] = await backend.claim(1, worker_pid=None)
    await backend.append_log([chunk(claim, 0, "of the third")])
    assert await backend.end_attempts([lost(claim, claim.token, again=False)]) == {claim.id}
    assert (await row(backend, claim.id)).log == ("of the third" if logged else None)
    logs = [attempt.log for attempt in await backend.attempts(claim.id)]
    assert logs == (["of the first", None, "of the third"] if logged else [None] * 3)


@cases("database", shaped(shapes=[10]))
async def test_a_lost_task_keeps_what_it_has_logged_on_a_table_that_is_not_migrated(backend):
    [claim] = await claimed(backend)
    await backend.append_log([chunk(claim, 0, "so far")])
    [rescued] = await backend.rescue(lease=0.0, error="lost")
    assert rescued.id == claim.id
    assert (await row(backend, claim.id)).log == "so far"
