"""A database that speaks another's protocol is a subclass and the statements that differ."""

from __future__ import annotations

from typing import Any

from asyncqueue.backends.base import Options
from asyncqueue.backends.common.statements import load
from asyncqueue.model import Status
from tests.conformance.helpers import claimed, done, queued, row
from tests.servers.cases import Case, cases
from tests.variant import VariantBackend


@cases("database", [Case("postgresql", 10, migrated=True)])
async def test_a_variant_of_a_database_runs_tasks(database):
    backend: Any = VariantBackend(database.url, Options())
    try:
        await backend.open()
        assert backend.server.version == "variant 7.1", "its own statement"
        [first, second] = await queued(backend, 2)
        [claim, other] = await claimed(backend, 2)
        await backend.finish([done(claim), done(other)])
        assert [(await row(backend, each)).status for each in (first, second)] == [Status.COMPLETED] * 2
    finally:
        await backend.close()


async def test_every_statement_can_be_rendered(backend):
    table = backend._table
    for name in load(*backend.dialects):
        assert "{" not in table.sql(name, features={"migrated", "linked", "errors"}, side="keys"), name
        assert "{" not in table.sql(name, side="keys"), name
