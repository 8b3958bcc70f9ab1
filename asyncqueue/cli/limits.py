"""`limits`."""

from __future__ import annotations

from asyncqueue.cli.command import command
from asyncqueue.cli.options import Database, Json
from asyncqueue.cli.output import print_json, print_table


@command
async def limits(
    database: Database,
    json: Json = False,
) -> None:
    """List the limits that functions declare: how many tasks have a slot under each, and how many wait for one."""
    from asyncqueue.limits import Rate

    async with database.existing() as tasks:
        found = await tasks.limits()
    names = ("task", "limit", "rate", "keys", "running", "held")
    rows = []
    for each in found:
        _, capacity, count, period = each.limit
        rate = None if count is None or period is None else str(Rate(count, period))
        rows.append((each.limit.name, capacity, rate, each.keys, each.running, each.held))
    if json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table(names, [tuple("" if value is None else value for value in row) for row in rows])
