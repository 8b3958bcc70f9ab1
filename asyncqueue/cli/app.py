"""The commands and their help."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from asyncqueue.cli import cron, enqueueing, limits, looking, queues, running, schema, steering, workers

app = typer.Typer(
    name="asyncqueue",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Boxes and colours are for terminals; into a pipe the help goes as plain text.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"asyncqueue {version('asyncqueue')}")
        raise typer.Exit


@app.callback()
def asyncqueue(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Background tasks in the database you already have.

    Start here: `asyncqueue run` starts a worker on sqlite:///asyncqueue.sqlite3 in this folder, and
    `asyncqueue enqueue app.tasks.greet name=Ada` gives it something to do. Every setting can also stand in
    the environment (ASYNCQUEUE_DATABASE_URL=...) or under tool.asyncqueue in pyproject.toml.
    """


app.command("run")(running.run)
app.command("enqueue")(enqueueing.enqueue)
app.command("show")(looking.show)
app.command("list")(looking.list_tasks)
app.command("stats")(looking.stats)
app.command("cancel")(steering.cancel)
app.command("requeue")(steering.requeue)
app.command("cleanup")(steering.cleanup)
app.command("queues")(queues.queues)
app.command("workers")(workers.workers)
app.command("cron")(cron.cron)
app.command("limits")(limits.limits)
app.command("pause")(queues.pause)
app.command("resume")(queues.resume)
app.command("migrate")(schema.migrate)
