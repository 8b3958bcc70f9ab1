"""`run`."""

from __future__ import annotations

import functools
import gc
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from asyncqueue.cli.command import command
from asyncqueue.cli.options import Database
from asyncqueue.cli.queues import warn_of_unused
from asyncqueue.cli.signals import leave, obeying_signals
from asyncqueue.loggers import get_logger
from asyncqueue.running import forks

if TYPE_CHECKING:
    from asyncqueue.backends.base import TableShape
    from asyncqueue.running.application import Application
    from asyncqueue.settings import Settings
    from asyncqueue.worker import Progress

logger = get_logger("asyncqueue.worker")


@functools.partial(command, steady=True)
async def run(
    database: Database,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-c", help="Tasks that run at once. (default: 50)")
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option(
            "--queue",
            "-q",
            metavar="NAME[=WEIGHT]",
            help="A queue to serve; repeatable, in the order given. With weights (mail=3) each claim draws its order. "
            "(default: all)",
        ),
    ] = None,
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing is left to claim.")] = False,
    imports: Annotated[
        list[str] | None,
        typer.Option("--import", "-i", metavar="MODULE", help="A module of periodic tasks to import; repeatable."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow", metavar="PATTERN", help="Dotted paths that may run beside @task functions; repeatable."
        ),
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long a task may run; 0: no limit. (default: 1h)")
    ] = None,
    grace: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="For tasks to end when stopped, or to clean up when cancelled. (default: 30s)"
        ),
    ] = None,
    lease: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="After which an unrenewed task is lost. (default: 30s at level 1, else timeout + 60s)",
        ),
    ] = None,
    heartbeat: Annotated[
        str | None, typer.Option(metavar="TIME", help="Between two renewals of leases. (default: 10s)")
    ] = None,
    on_lost: Annotated[
        str | None, typer.Option(metavar="fail|requeue", help="What becomes of lost tasks. (default: fail)")
    ] = None,
    max_losses: Annotated[
        int | None, typer.Option(help="Lost workers after which a task is failed in any case. (default: 3)")
    ] = None,
    prefetch: Annotated[
        int | None, typer.Option(help="Tasks claimed beyond those that run. (default: by need)")
    ] = None,
    poll_min: Annotated[
        str | None, typer.Option(metavar="TIME", help="Between two polls of an empty queue, at first. (default: 50ms)")
    ] = None,
    poll_max: Annotated[
        str | None, typer.Option(metavar="TIME", help="Between two polls of an empty queue, later. (default: 1s)")
    ] = None,
    worker_pid: Annotated[
        str | None, typer.Option(metavar="auto|always|never", help="Whether to write worker_pid. (default: never)")
    ] = None,
    notify: Annotated[
        bool | None, typer.Option("--notify/--no-notify", help="Listen for new tasks (PostgreSQL).", show_default=False)
    ] = None,
    keep_completed: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Delete completed tasks after so long: 90s, 15m, 12h, 7d. (default: never)"),
    ] = None,
    keep_failed: Annotated[str | None, typer.Option(metavar="TIME", help="Likewise failed ones.")] = None,
    keep_cancelled: Annotated[str | None, typer.Option(metavar="TIME", help="Likewise cancelled ones.")] = None,
    cleanup_interval: Annotated[
        str | None, typer.Option(metavar="TIME", help="Between two looks for those. (default: 60s)")
    ] = None,
    hooks: Annotated[
        str | None, typer.Option(metavar="MODULE", help="Module of functions called around tasks.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR. (default: INFO)")
    ] = None,
    log_tracebacks: Annotated[
        bool | None,
        typer.Option(
            "--log-tracebacks/--no-log-tracebacks", help="Log the tracebacks of failed tasks.", show_default=False
        ),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="console|json", help="How the log is written. (default: console)")
    ] = None,
) -> None:
    """Run a worker until it is stopped.

    SIGTERM, SIGHUP or Ctrl-C stops it: it claims nothing more, hands back what has not started and waits for running
    tasks. A second one ends it at once.
    """
    given = {
        "concurrency": concurrency,
        "queues": tuple(queue) if queue else None,
        "imports": tuple(imports) if imports else None,
        "allow": tuple(allow) if allow else None,
        "timeout": timeout,
        "grace": grace,
        "lease": lease,
        "heartbeat": heartbeat,
        "on_lost": on_lost,
        "max_losses": max_losses,
        "prefetch": prefetch,
        "poll_min": poll_min,
        "poll_max": poll_max,
        "worker_pid": worker_pid,
        "notify": notify,
        "keep_completed": keep_completed,
        "keep_failed": keep_failed,
        "keep_cancelled": keep_cancelled,
        "cleanup_interval": cleanup_interval,
        "hooks": hooks,
        "log_level": log_level,
        "log_tracebacks": log_tracebacks,
        "log_format": log_format,
    }
    if database.project is not None:
        from asyncqueue.django import load

        load(database.project)  # its tasks need it, whichever database they are in
    await _work(database.settings(**given), django=database.project, burst=burst)


async def _work(settings: Settings, *, django: str | None, burst: bool) -> None:
    from asyncqueue import logs
    from asyncqueue.cli.live import live_line, set_up_log
    from asyncqueue.queue import Queue
    from asyncqueue.queues import bare_name
    from asyncqueue.running import redirect, worker_queue
    from asyncqueue.urls import redacted
    from asyncqueue.worker import Worker

    console = set_up_log(settings)
    queue = Queue(settings=settings)
    worker = Worker(queue, application=_application(settings, django))
    logs.name_worker(worker.name)
    # Also for threads that tasks start by themselves, which no context variable reaches.
    worker_queue.serve(settings)
    began = time.monotonic()
    with live_line(worker, console):
        async with queue:
            server = queue.backend.server
            shown = redacted(settings.database_url)
            logger.info("worker %d on %s %s, %s", os.getpid(), server.product, server.version, shown)
            _say_what_is_missing(queue.backend.shape, settings)
            if settings.queues:
                await warn_of_unused(queue, map(bare_name, settings.queues))
            redirect.install()
            # What was loaded by now stays: the garbage collector need not look at it again and again.
            gc.collect()
            gc.freeze()
            try:
                with obeying_signals(worker):
                    await worker.run(burst=burst)
            finally:
                redirect.uninstall()
    _summarise(worker.progress, time.monotonic() - began)
    _end(worker.progress)


def _end(progress: Progress) -> None:
    """End the process, with exit code 1 where results could not be written, or a burst has left tasks in the queue."""
    code = 1 if progress.unwritten or progress.astray else 0
    stuck = progress.abandoned_threads or progress.abandoned_runs or progress.abandoned_hooks
    if stuck:
        logger.warning("ending with tasks or hooks that cannot be stopped")
    children = forks.end_children()
    if children:
        logger.warning("terminating %d processes that tasks have started with multiprocessing", children)
    if stuck or children:
        leave(code)  # Python itself would wait for them
    if code:
        raise typer.Exit(code)


def _say_what_is_missing(shape: TableShape | None, settings: Settings) -> None:
    if shape is not None and not shape.migrated and settings.kept:
        names = ", ".join(f"keep_{status.name.lower()}" for status in settings.kept)
        logger.warning(
            "no task is deleted (%s) before `asyncqueue migrate` has run: the table is as Django made it", names
        )
    if shape is not None and not shape.migrated:
        logger.info(
            "the task table is as Django made it; `asyncqueue migrate` adds columns for retries, delays, priorities, "
            "named queues and rescue in seconds"
        )
    if shape is not None and not shape.indexed:
        logger.warning(
            "the task table has no index for claims; with many rows `asyncqueue migrate --indexes-only` helps"
        )


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


def _summarise(progress: Progress, seconds: float) -> None:
    counts = [f"{progress.completed} completed", f"{progress.failed} failed"]
    for name in ("retried", "cancelled", "put_off", "set_aside", "released", "lost", "rescued", "deleted"):
        number = getattr(progress, name)
        if number:
            counts.append(f"{number} {name.replace('_', ' ')}")
    logger.info("worker %d ended after %.1f s: %s", os.getpid(), seconds, ", ".join(counts))
