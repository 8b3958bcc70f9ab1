"""`migrate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import anyio
import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.errors import FAILURE, USAGE, fail
from asyncqueue.cli.options import Database, Json
from asyncqueue.cli.output import print_json
from asyncqueue.cli.selecting import confirm

if TYPE_CHECKING:
    from asyncqueue.backends.base import Backend, Change


@command
async def migrate(
    database: Database,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is missing, or needed no more; exit with 1 if anything is.")
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Only print the SQL, for a person to run.")] = False,
    indexes_only: Annotated[
        bool, typer.Option("--indexes-only", help="Only add indexes that the table as it is wants: no columns.")
    ] = False,
    notify: Annotated[
        bool | None,
        typer.Option(
            "--notify/--no-notify",
            help="On PostgreSQL, with or without a trigger by which rows that Django inserts wake workers. "
            "If not given: as the last migration left it, and with it in the first one.",
            show_default=False,
        ),
    ] = None,
    down: Annotated[bool, typer.Option("--down", help="Take everything that asyncqueue has added away.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --down: do not ask.")] = False,
    json: Json = False,
) -> None:
    """Create the task table where there is none, and bring it to level 1.

    In a Django project that has django_simple_queue, the project's own migrations create the table.

    Level 0 is the table as Django makes it. Level 1 adds columns that Django does not notice, and tables beside it
    (asyncqueue_...): for retries, delays and schedules, priorities, named queues, and lost workers found in seconds.

    Safe on a live database: nothing is rewritten, indexes are built without blocking readers or writers, and a Django
    project works on as before. Running it again does nothing; --down takes it all away.
    """
    from asyncqueue.backends.registry import backend_for
    from asyncqueue.queue import check_maker, made_by_project, options_of

    _refuse(check=check, sql=sql, indexes_only=indexes_only, down=down, json=json, yes=yes)
    settings = database.settings()
    # Not a Queue: opening one makes the table of an embedded database at once, and --check must not.
    backend = backend_for(settings.database_url, options_of(settings))
    try:
        await backend.open()
        made: list[Change] = []
        if not (check or sql or down) and made_by_project(backend, settings):
            made.append(await _have_it_made(backend))
        check_maker(backend, settings)
        changes = await backend.pending(indexes_only=indexes_only, down=down, notify=notify)
        if not (check or sql):
            if down and changes and not yes:
                _ask(changes)
            changes = [*made, *await backend.migrate(indexes_only=indexes_only, down=down, notify=notify)]
    finally:
        await backend.close()
    if json:
        print_json(
            [
                {"name": change.name, "purpose": change.purpose, "gone": change.gone, "sql": change.sql}
                for change in changes
            ]
        )
    elif sql:
        _write(changes, down=down)
    else:
        _tell(changes, ("missing", "needed no more") if check else ("made", "removed"), down=down)
    if check and changes:
        raise typer.Exit(FAILURE)


async def _have_it_made(backend: Backend) -> Change:
    """Have the Django project make the task table, and find it."""
    from asyncqueue.backends.base import Change
    from asyncqueue.django import make_table

    await anyio.to_thread.run_sync(make_table)
    await backend.refresh()
    return Change("task table", "by the Django project's own migrations", "")


def _refuse(*, check: bool, sql: bool, indexes_only: bool, down: bool, json: bool, yes: bool) -> None:
    if check and sql:
        raise fail("give --check or --sql, not both", USAGE)
    if down and check:
        raise fail("--check says what is missing: it does not go with --down (--down --sql says what would go)", USAGE)
    if down and indexes_only:
        raise fail("--down takes everything away, the indexes too: it does not go with --indexes-only", USAGE)
    if down and json and not (yes or sql):
        raise fail("--down asks before it takes anything away: with --json, give --yes too", USAGE)


def _ask(changes: Sequence[Change]) -> None:
    """Say what goes, and be told to go on."""
    for name in dict.fromkeys(change.name for change in changes):
        typer.echo(f"goes: {name}")
    confirm(
        "Take this away? Queues, priorities, attempts and pauses that are noted there are lost; the tasks stay.",
        yes=False,
    )


def _tell(changes: Sequence[Change], verbs: tuple[str, str], *, down: bool) -> None:
    """A line for each thing; one that takes several statements is one thing."""
    lines = [f"{verbs[change.gone]}: {change.name}" + ("" if down else f" ({change.purpose})") for change in changes]
    for line in dict.fromkeys(lines):
        typer.echo(line)
    if not changes:
        typer.echo(_nothing(down=down))


def _write(changes: Sequence[Change], *, down: bool) -> None:
    """The statements, with a comment before each thing."""
    said = ""
    for change in changes:
        comment = f"-- {change.name}: {change.purpose}"
        if comment != said:
            typer.echo(comment)
        typer.echo(f"{change.sql};\n")
        said = comment
    if not changes:
        typer.echo(f"-- {_nothing(down=down)}")


def _nothing(*, down: bool) -> str:
    return "nothing of asyncqueue's is there" if down else "nothing is missing"
