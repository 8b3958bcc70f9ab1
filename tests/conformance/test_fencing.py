"""Every write of a claimed row is fenced by its token, and says what it did not change."""

from __future__ import annotations

import uuid

import pytest

from asyncqueue.errors import DataRejected
from asyncqueue.model import Claim, Status
from tests.conformance.helpers import chunk, claimed, done, failed, fences, queued, release, row


async def test_ends_are_written_with_everything_that_belongs_to_them(backend, database):
    good, bad, kept = await claimed(backend, 3)
    await backend.append_output([chunk(kept, 0, "streamed")])
    ends = [
        done(good, "result", log="a log"),
        failed(bad, "ValueError('x')\n\nTraceback", log="é𝄞"),
        failed(kept, "late", keep_output=True),
    ]
    assert await backend.finish(ends) == {good.id, bad.id, kept.id}
    ten = database.shape == 10
    record = await row(backend, good.id)
    assert (record.status, record.output, record.error, record.log, record.worker_pid) == (
        Status.COMPLETED,
        "result",
        None,
        "a log" if ten else None,
        None,
    )
    record = await row(backend, bad.id)
    text = "ValueError('x')\n\nTraceback"
    assert (record.status, record.output, record.error) == (Status.FAILED, *((None, text) if ten else (text, None)))
    record = await row(backend, kept.id)
    assert (record.output, record.error) == (("streamed", "late") if ten else ("streamedlate", None))


async def test_an_end_clears_what_an_earlier_run_left(backend, database):
    if database.shape == 7:
        return  # it has neither column
    [task_id] = database.django.create([{"task": "x.y", "output": "old", "error": "old", "log": "old"}])
    [claim] = await backend.claim(1, worker_pid=None)
    await backend.finish([done(claim, None)])
    record = await row(backend, uuid.UUID(task_id))
    assert (record.output, record.error, record.log) == (None, None, None)


async def test_a_stale_token_changes_nothing(backend):
    [claim] = await claimed(backend)
    stale = claim
    await backend.release([release(claim)])
    [claim] = await backend.claim(1, worker_pid=1)
    before = await row(backend, claim.id)
    assert await backend.finish([done(stale)]) == set()
    assert await backend.append_output([chunk(stale, 0, "x")]) == set()
    await backend.release([release(stale)])
    seen = await backend.observe([stale.id])
    await backend.renew(fences([stale]), now=seen.now, worker_pid=9)
    assert await row(backend, claim.id) == before
    assert await backend.finish([done(claim)]) == {claim.id}


@pytest.mark.parametrize("status", [0, 2, 3, 4])
async def test_a_row_that_is_not_in_progress_any_more_is_left_alone(backend, database, status):
    [claim] = await claimed(backend)
    database.django.save_status(str(claim.id), status)
    before = await row(backend, claim.id)
    assert await backend.finish([failed(claim)]) == set()
    assert await backend.append_output([chunk(claim, 0, "x")]) == set()
    await backend.release([release(claim)])
    await backend.renew(fences([claim]), now=(await backend.observe([])).now, worker_pid=9)
    assert await row(backend, claim.id) == before


async def test_a_batch_that_is_partly_stale_writes_the_rest(backend):
    claims = await claimed(backend, 6)
    await backend.cancel([claims[1].id])
    await backend.release([release(claims[4])])
    written = await backend.finish([done(claim) for claim in claims])
    assert written == {claim.id for number, claim in enumerate(claims) if number not in (1, 4)}


async def test_an_end_that_was_written_already_is_known(backend):
    """G4: the reply to the first attempt was lost."""
    claims = await claimed(backend, 4)
    ends = [done(claims[0]), failed(claims[1]), done(claims[2], None), done(claims[3], keep_output=True)]
    everything = {claim.id for claim in claims}
    assert await backend.finish(ends) == everything
    assert await backend.finish(ends) == everything
    assert await backend.finish([done(claims[0], "another"), failed(claims[2])]) == set(), "another end is not this one"


async def test_a_row_that_no_database_can_hold_is_refused_with_its_batch(backend):
    claims = await claimed(backend, 3)
    with pytest.raises(DataRejected):
        await backend.finish([done(claims[0]), done(claims[1], "\ud800"), done(claims[2])])
    assert {record.status for record in await backend.get([claim.id for claim in claims])} == {Status.RUNNING}
    assert await backend.finish([done(claims[0]), done(claims[2])]) == {claims[0].id, claims[2].id}


async def test_large_and_odd_texts_survive(backend):
    texts = ["x" * 10_000_000, "é𝄞" * 1000, "'\"\\%s%%:now{table}--\n\r\t", "", "null"]
    claims = await claimed(backend, len(texts))
    await backend.finish([done(claim, text) for claim, text in zip(claims, texts, strict=True)])
    found = {record.id: record.output for record in await backend.get([claim.id for claim in claims])}
    assert [found[claim.id] for claim in claims] == texts


async def test_many_ends_in_one_call(backend):
    claims = await claimed(backend, 500)
    assert len(await backend.finish([done(claim, str(number)) for number, claim in enumerate(claims)])) == 500


# -- streamed output


async def test_streamed_text_grows_and_a_repetition_is_harmless(backend):
    [claim] = await claimed(backend)
    before = await row(backend, claim.id)
    steps = [(0, "é𝄞"), (2, "abc"), (2, "abc"), (5, ""), (5, "𝄞")]
    for offset, text in steps:
        assert await backend.append_output([chunk(claim, offset, text)]) == {claim.id}
    after = await row(backend, claim.id)
    assert after.output == "é𝄞abc𝄞"
    assert after.modified == before.modified, "the token stays"


async def test_the_first_text_drops_what_an_earlier_run_left(backend, database):
    [task_id] = database.django.create([{"task": "x.y", "output": "from before"}])
    [claim] = await backend.claim(1, worker_pid=None)
    await backend.append_output([chunk(claim, 0, "new")])
    assert (await row(backend, uuid.UUID(task_id))).output == "new"


async def test_several_streams_are_written_at_once(backend):
    claims = await claimed(backend, 5)
    await backend.cancel([claims[2].id])
    written = await backend.append_output([chunk(claim, 0, str(n)) for n, claim in enumerate(claims)])
    assert written == {claim.id for n, claim in enumerate(claims) if n != 2}


# -- leases


async def test_a_renewal_moves_the_token(backend, database):
    claims = await claimed(backend, 2)
    seen = await backend.observe([claim.id for claim in claims])
    assert seen.rows == {claim.id: (Status.RUNNING, claim.token) for claim in claims}
    await backend.renew(fences(claims), now=seen.now, worker_pid=77)
    again = await backend.observe([claim.id for claim in claims])
    assert again.rows == {claim.id: (Status.RUNNING, seen.now) for claim in claims}
    record = await row(backend, claims[0].id)
    assert record.worker_pid == (77 if database.shape == 10 else None)
    assert await backend.finish([done(claims[0])]) == set()
    assert await backend.finish([done(Claim(claims[0].id, seen.now))]) == {claims[0].id}
    await backend.renew([Claim(claims[1].id, seen.now)], now=again.now, worker_pid=None)
    assert (await row(backend, claims[1].id)).worker_pid is None


async def test_an_observation_tells_every_fate(backend):
    claims = await claimed(backend, 3)
    await backend.cancel([claims[1].id])
    gone = uuid.uuid4()
    seen = await backend.observe([*(claim.id for claim in claims), gone])
    assert seen.rows[claims[0].id] == (Status.RUNNING, claims[0].token)
    assert seen.rows[claims[1].id][0] == Status.CANCELLED
    assert gone not in seen.rows
    assert (await backend.observe([])).rows == {}


async def test_nothing_to_do_is_no_error(backend):
    await backend.enqueue([])
    assert await backend.finish([]) == set()
    assert await backend.append_output([]) == set()
    assert await backend.append_log([]) == set()
    await backend.renew([], now=(await backend.observe([])).now, worker_pid=None)
    await backend.release([])
    assert await backend.get([]) == []
    assert await backend.cancel([]) == set()
    assert await backend.requeue([]) == set()
    await queued(backend, 0)


async def test_an_end_with_a_stale_token_is_not_written_by_an_exchange_either(backend):
    """It is a statement of its own on PostgreSQL. The row has been claimed by the same worker or another one since."""
    stale, mine = await claimed(backend, 2)
    await backend.renew(fences([stale]), now=(await backend.observe([])).now, worker_pid=None)
    [waiting] = await queued(backend)
    before = await row(backend, stale.id)
    written, claims = await backend.exchange([done(stale), done(mine)], 5, worker_pid=None)
    assert (written, [claim.id for claim in claims]) == ({mine.id}, [waiting])
    assert await row(backend, stale.id) == before
