"""MySQL and MariaDB: a claim reads directly only where it surely finds all its rows before the queue ends."""

from __future__ import annotations

import pytest

from asyncqueue.backends.mysql.claiming import HELD_BY_OTHERS, Read
from asyncqueue.backends.mysql.read_strategies import Ways
from tests.conformance.conftest import opened
from tests.conformance.helpers import done, queued
from tests.servers.cases import cases, migrated, shaped

ON_BOTH = cases("database", migrated(["mysql", "mariadb"]))
INNODB = shaped(["mysql", "mariadb"], [10])
LIMIT = 100
#: What stays uncounted, and some claims more.
QUEUED = HELD_BY_OTHERS + 5 * LIMIT


@pytest.fixture
def reads(monkeypatch) -> list[Read]:
    """What each claim has read first."""
    chosen: list[Read] = []
    choose = Ways.choose

    async def noted(self, wanted, limit) -> list[Read]:
        reads = await choose(self, wanted, limit)
        chosen.extend(reads[:1])
        return reads

    monkeypatch.setattr(Ways, "choose", noted)
    return chosen


def ways(reads: list[Read]) -> list[str]:
    """By which statement."""
    return [read.ready for read in reads]


async def drained(backend) -> list[int]:
    """How many rows each of the claims gave that took all there were; each came together with the ends of the last."""
    counts: list[int] = []
    claims = await backend.claim(LIMIT, worker_pid=None)
    while claims:
        counts.append(len(claims))
        written, more = await backend.exchange([done(claim) for claim in claims], LIMIT, worker_pid=None)
        assert len(written) == len(claims)
        claims = more
    return counts


@ON_BOTH
async def test_the_end_of_a_queue_is_read_by_candidates_no_more_than_are_left(backend, reads):
    ids = await queued(backend, QUEUED)
    assert await drained(backend) == [LIMIT] * (len(ids) // LIMIT)
    assert ways(reads[:5]) == ["ready_apart", "ready", "ready", "ready", "ready"]
    assert set(ways(reads[5:])) == {"ready_apart"}
    assert [read.beyond + LIMIT for read in reads[5:15]] == list(range(HELD_BY_OTHERS, 0, -LIMIT))
    assert reads[0].beyond == reads[15].beyond == HELD_BY_OTHERS, "where nothing is known of what is left"


@cases("fresh_database", INNODB)
async def test_on_the_table_as_django_makes_it_too(fresh_database, reads):
    async with opened(fresh_database.url) as backend:
        ids = await queued(backend, QUEUED)
        assert await drained(backend) == [LIMIT] * (len(ids) // LIMIT)
        assert set(ways(reads)) == {"ready_apart"}, "without an index nothing is in order"
        reads.clear()
        await backend.migrate(indexes_only=True)
        ids = await queued(backend, QUEUED)
        assert await drained(backend) == [LIMIT] * (len(ids) // LIMIT)
        assert ways(reads).count("ready") in (3, 4), "one of them may have been a look at everything"
        assert set(ways(reads[-11:])) == {"ready_apart"}


@ON_BOTH
async def test_a_claim_that_others_have_left_nothing_is_followed_by_candidates(backend, database, reads):
    await queued(backend, QUEUED)
    mine = await backend.claim(LIMIT, worker_pid=None)
    async with opened(database.url) as other:
        theirs = await other.claim(QUEUED - LIMIT - 10, worker_pid=None)
    assert len(theirs) == QUEUED - LIMIT - 10
    reads.clear()
    claims = await backend.claim(LIMIT, worker_pid=None)
    assert len(claims) == 10
    assert reads[0].ready == "ready_apart", "fewer were counted than might be held"
    written, more = await backend.exchange([done(claim) for claim in [*mine, *claims]], LIMIT, worker_pid=None)
    assert (len(written), more) == (LIMIT + 10, [])
    assert "ready" not in ways(reads)


@ON_BOTH
async def test_what_others_claim_after_the_count_costs_one_direct_read(backend, database, reads):
    await queued(backend, QUEUED)
    for _ in range(2):
        await backend.claim(LIMIT, worker_pid=None)
    assert reads[-1].ready == "ready"
    async with opened(database.url) as other:
        await other.claim(QUEUED - 2 * LIMIT - 10, worker_pid=None)
    reads.clear()
    assert len(await backend.claim(LIMIT, worker_pid=None)) == 10
    await queued(backend, 3)
    assert len(await backend.claim(LIMIT, worker_pid=None)) == 3
    assert reads[0].ready == "ready"
    assert set(ways(reads[1:])) == {"ready_apart"}
