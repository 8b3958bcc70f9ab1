"""Claims rest on row locks: a server that speaks MySQL's protocol and holds none is found out, and refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asyncqueue.errors import UnsupportedServer
from asyncqueue.model import ClaimedTask, Status
from tests.conformance.helpers import claimed, queued, row
from tests.servers.cases import cases, migrated, shaped

INNODB = cases("database", [*shaped(["mysql", "mariadb"], [10]), *migrated(["mysql", "mariadb"])])


def _without_locks(backend) -> None:
    """From now on this backend reads what it claims as on a server that passes over FOR UPDATE SKIP LOCKED."""
    statements = backend._table._statements
    changed = {
        name: replace(statements[name], text=statements[name].text.replace("FOR UPDATE SKIP LOCKED", ""))
        for name in ("ready", "ready_apart")
    }
    statements.update(changed)


@INNODB
async def test_a_server_that_locks_nothing_is_refused_before_a_task_runs(database, backend, another):
    async with another() as other:
        ids = await queued(backend, 3)
        _without_locks(backend)
        with pytest.raises(UnsupportedServer, match="does not keep rows locked"):
            await backend.claim(2, worker_pid=None)
        with pytest.raises(UnsupportedServer, match="does not keep rows locked"):
            await backend.claim(2, worker_pid=None)
        # Nothing was written, and others, whose reads do lock, work on.
        assert [(await row(backend, key)).status for key in ids] == [Status.QUEUED] * 3
        assert sorted(claim.id for claim in await other.claim(3, worker_pid=None)) == sorted(ids)


@INNODB
async def test_the_locks_are_proved_once_and_nothing_is_written_for_it(database, backend, monkeypatch):
    sent = _noted(backend, monkeypatch)
    await claimed(backend, 2)
    assert set(sent) == {"whereabouts", "still_free"}, "both only read"
    sent.clear()
    await claimed(backend, 2)
    assert "still_free" not in sent


@INNODB
async def test_a_row_that_somebody_else_took_between_lock_and_claim_is_not_handed_out(backend, another, monkeypatch):
    """The guard: `claim` takes queued rows only, and its count tells that one was missing."""
    async with another() as other:
        await claimed(backend, 1)  # the proof was given
        ids = await queued(backend, 3)
        _without_locks(backend)
        give = backend._claims._proof.give
        taken: list[ClaimedTask] = []

        async def between(claiming, locked):
            await give(claiming, locked)
            if not taken:
                taken.extend(await other.claim(1, worker_pid=None))

        monkeypatch.setattr(backend._claims._proof, "give", between)
        mine = await backend.claim(3, worker_pid=None)
        assert len(taken) == 1
        assert sorted(claim.id for claim in (*mine, *taken)) == sorted(ids)
        await queued(backend)
        with pytest.raises(UnsupportedServer, match="does not keep rows locked"):
            await backend.claim(1, worker_pid=None)


def _noted(backend, monkeypatch) -> list[str]:
    """The names of the statements that are sent on the control connection."""
    sent: list[str] = []
    run = backend._control.run

    async def noting(work, **how):
        async def noted(connection):
            original = connection.run

            async def each(*calls):
                sent.extend(statement.name for statement, _ in calls)
                return await original(*calls)

            monkeypatch.setattr(connection, "run", each)
            try:
                return await work(connection)
            finally:
                monkeypatch.setattr(connection, "run", original)

        return await run(noted, **how)

    monkeypatch.setattr(backend._control, "run", noting)
    return sent
