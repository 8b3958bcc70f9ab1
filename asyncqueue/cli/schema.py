"""`migrate`."""

from __future__ import annotations

from typing import Annotated

import typer

from asyncqueue.cli.errors import FAILURE, USAGE, command, fail
from asyncqueue.cli.options import DatabaseUrl, Django, Json, Table, TimeZone, settings_of
from asyncqueue.cli.output import print_json


@command
async def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is missing; exit with 1 if anything is.")
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Only print the SQL, for a person to run.")] = False,
    indexes_only: Annotated[bool, typer.Option("--indexes-only", help="Add indexes, create no table.")] = False,
    database_url: DatabaseUrl = None,
    table: Table = None,
    time_zone: TimeZone = None,
    django: Django = None,
    json: Json = False,
) -> None:
    """Create the task table where there is none, and the indexes that make claims quick.

    Safe on a live database: indexes are built without blocking readers or writers, and a Django project never notices
    them. Running it again does nothing.
    """
    from asyncqueue.backends.urls import backend_for
    from asyncqueue.queue import options_of

    if check and sql:
        raise fail("give --check or --sql, not both", USAGE)
    settings = settings_of(django, database_url=database_url, table=table, time_zone=time_zone)
    # Not a Queue: opening one makes the table of an embedded database at once, and --check must not.
    backend = backend_for(settings.database_url, options_of(settings))
    try:
        await backend.open()
        if check or sql:
            changes = await backend.pending(indexes_only=indexes_only)
        else:
            changes = await backend.migrate(indexes_only=indexes_only)
    finally:
        await backend.close()
    if json:
        print_json([{"name": change.name, "purpose": change.purpose, "sql": change.sql} for change in changes])
    elif sql:
        for change in changes:
            typer.echo(f"-- {change.name}: {change.purpose}\n{change.sql};\n")
    else:
        verb = "missing" if check else "made"
        for change in changes:
            typer.echo(f"{verb}: {change.name} ({change.purpose})")
        if not changes:
            typer.echo("nothing is missing")
    if check and changes:
        raise typer.Exit(FAILURE)
