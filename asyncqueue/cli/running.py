"""`run` and `enqueue`."""

from __future__ import annotations

import gc
import json as jsonlib
import logging
import os
import signal
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asyncqueue.cli.errors import USAGE, command, fail
from asyncqueue.cli.options import DatabaseUrl, Django, Json, Table, TimeZone, settings_of
from asyncqueue.cli.output import print_json, task_fields

if TYPE_CHECKING:
    from asyncqueue.running.application import Application
    from asyncqueue.settings import Settings
    from asyncqueue.worker import Progress, Worker

logger = logging.getLogger("asyncqueue.worker")

#: Seconds after a second signal until the process ends whatever happens.
_FORCED = 10


@command
async def run(
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-c", help="Tasks that run at once. (default: 50)")
    ] = None,
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing is left to claim.")] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow", metavar="PATTERN", help="Dotted paths that may run beside @task functions; repeatable."
        ),
    ] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds a task may run; 0: no limit. (default: 3600)")] = None,
    grace: Annotated[
        float | None, typer.Option(help="Seconds for running tasks to end when stopped. (default: 30)")
    ] = None,
    lease: Annotated[
        float | None, typer.Option(help="Seconds after which an unrenewed task is lost. (default: timeout + 60)")
    ] = None,
    heartbeat: Annotated[float | None, typer.Option(help="Seconds between renewals. (default: 10)")] = None,
    on_lost: Annotated[
        str | None, typer.Option(metavar="fail|requeue", help="What becomes of lost tasks. (default: fail)")
    ] = None,
    prefetch: Annotated[
        int | None, typer.Option(help="Tasks claimed beyond those that run. (default: by need)")
    ] = None,
    poll_min: Annotated[float | None, typer.Option(help="Seconds between looks, at first. (default: 0.05)")] = None,
    poll_max: Annotated[float | None, typer.Option(help="Seconds between looks, later. (default: 1)")] = None,
    worker_pid: Annotated[
        str | None, typer.Option(metavar="auto|always|never", help="Whether to write worker_pid. (default: auto)")
    ] = None,
    notify: Annotated[
        bool | None, typer.Option("--notify/--no-notify", help="Listen for new tasks (PostgreSQL).", show_default=False)
    ] = None,
    hooks: Annotated[
        str | None, typer.Option(metavar="MODULE", help="Module of functions called around tasks.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR. (default: INFO)")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="console|json", help="How the log is written. (default: console)")
    ] = None,
    database_url: DatabaseUrl = None,
    table: Table = None,
    time_zone: TimeZone = None,
    django: Django = None,
) -> None:
    """Run a worker until it is stopped.

    SIGTERM or Ctrl-C stops it: it claims nothing more, hands back what has not started and waits for running tasks. A
    second one ends it at once.
    """
    # As `python -m` does it: the tasks of the current folder can be imported.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - sys.path holds strings
    given = {
        "concurrency": concurrency,
        "allow": tuple(allow) if allow else None,
        "timeout": timeout,
        "grace": grace,
        "lease": lease,
        "heartbeat": heartbeat,
        "on_lost": on_lost,
        "prefetch": prefetch,
        "poll_min": poll_min,
        "poll_max": poll_max,
        "worker_pid": worker_pid,
        "notify": notify,
        "hooks": hooks,
        "log_level": log_level,
        "log_format": log_format,
        "database_url": database_url,
        "table": table,
        "time_zone": time_zone,
    }
    await _work(settings_of(django, **given), django=django, burst=burst)


async def _work(settings: Settings, *, django: str | None, burst: bool) -> None:
    from asyncqueue.cli.live import live_line
    from asyncqueue.queue import Queue
    from asyncqueue.running import redirect
    from asyncqueue.settings import redacted_url
    from asyncqueue.worker import Worker

    queue = Queue(settings=settings)
    worker = Worker(queue, application=_application(settings, django))
    began = time.monotonic()
    with live_line(worker, settings):
        async with queue:
            server = queue.backend.server
            shown = redacted_url(settings.database_url)
            logger.info("worker %d on %s %s, %s", os.getpid(), server.product, server.version, shown)
            if queue.backend.shape is not None and not queue.backend.shape.indexed:
                logger.warning(
                    "the task table has no index for claims; with many rows `asyncqueue migrate --indexes-only` helps"
                )
            redirect.install()
            # What was loaded by now stays: the garbage collector need not look at it again and again.
            gc.collect()
            gc.freeze()
            try:
                await _until_stopped(worker, burst=burst)
            finally:
                redirect.uninstall()
    _summarise(worker.progress, time.monotonic() - began)
    if worker.progress.abandoned_threads or worker.progress.abandoned_runs:
        logger.warning("ending with tasks that cannot be stopped")
        _leave(0)


def _application(settings: Settings, django: str | None) -> Application:
    from asyncqueue.running.application import Application
    from asyncqueue.running.hooks import Hooks
    from asyncqueue.running.resolve import AllowRule

    if django is not None:
        from asyncqueue.django import load

        application = load(django).application(settings)
    else:
        application = Application(allow=AllowRule(patterns=settings.allow))
    if settings.hooks is None:
        return application
    return replace(application, hooks=Hooks.combined([Hooks.from_module(settings.hooks), application.hooks]))


async def _until_stopped(worker: Worker, *, burst: bool) -> None:
    import anyio

    from asyncqueue.errors import unwrapped

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_obey_signals, worker)
            await worker.run(burst=burst)
            group.cancel_scope.cancel()
    except BaseExceptionGroup as error:
        raise unwrapped(error) from None


async def _obey_signals(worker: Worker) -> None:
    import anyio

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        count = 0
        async for number in signals:
            count += 1
            worker.stop()
            if count == 1:
                logger.info("%s: stopping; again to end at once", signal.Signals(number).name)
            elif count == 2:
                logger.warning("%s again: ending at once", signal.Signals(number).name)
                # Whatever the database or a task does, a person who says it twice is obeyed.
                signal.signal(signal.SIGALRM, lambda *_: _leave(1))
                signal.alarm(_FORCED)
            else:
                _leave(1)


def _summarise(progress: Progress, seconds: float) -> None:
    counts = [f"{progress.completed} completed", f"{progress.failed} failed"]
    for name in ("retried", "cancelled", "released", "lost", "rescued"):
        number = getattr(progress, name)
        if number:
            counts.append(f"{number} {name}")
    logger.info("worker %d ended after %.1f s: %s", os.getpid(), seconds, ", ".join(counts))


def _leave(code: int) -> None:
    """End the process without waiting for any thread."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@command
async def enqueue(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The function's dotted path, such as app.tasks.greet.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="Its arguments; a value that is JSON is read as JSON."),
    ] = None,
    args: Annotated[
        str | None, typer.Option("--args", metavar="JSON", help="All arguments as one JSON object.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end and print the output.")] = False,
    timeout: Annotated[float | None, typer.Option("--timeout", help="Seconds to wait.")] = None,
    database_url: DatabaseUrl = None,
    table: Table = None,
    time_zone: TimeZone = None,
    django: Django = None,
    json: Json = False,
) -> None:
    """Enqueue a task and print its id. With --wait, exit with 1 if it fails."""
    from asyncqueue.errors import TaskEnded
    from asyncqueue.queue import Queue

    values = _arguments(arguments or [], args)
    settings = settings_of(django, database_url=database_url, table=table, time_zone=time_zone)
    async with Queue(settings=settings) as queue:
        handle = await queue.enqueue(task, values)
        if not wait:
            print_json({"id": str(handle.id)}) if json else typer.echo(handle.id)
            return
        error = None
        try:
            await handle.result(timeout=timeout)
        except TaskEnded as ended:
            error = ended
        record = await handle.record()
    if json:
        print_json(task_fields(record))
    elif error is None and record.output is not None:
        typer.echo(record.output)
    if error is not None:
        raise fail(getattr(error, "error", None) or str(error))


def _arguments(pairs: list[str], document: str | None) -> dict[str, Any]:
    if document is not None and pairs:
        raise fail("give NAME=VALUE arguments or --args, not both", USAGE)
    if document is not None:
        try:
            values = jsonlib.loads(document)
        except ValueError as error:
            raise fail(f"--args is not valid JSON: {error}", USAGE) from None
        if not isinstance(values, dict):
            raise fail('--args must be a JSON object, such as {"name": "Ada"}', USAGE)
        return values
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            raise fail(f"{pair!r} is not of the form NAME=VALUE", USAGE)
        try:
            values[name] = jsonlib.loads(text)
        except ValueError:
            values[name] = text
    return values
