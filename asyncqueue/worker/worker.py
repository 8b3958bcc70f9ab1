"""Puts the loops of a worker together, and takes them apart in the right order."""

from __future__ import annotations

import asyncio
import functools
import time
from math import inf
from typing import Any

import anyio

from asyncqueue import background
from asyncqueue.backoff import Backoff
from asyncqueue.errors import ConfigurationError, unwrapped
from asyncqueue.loggers import get_logger
from asyncqueue.logs import about
from asyncqueue.model import Link, LostTask, Status
from asyncqueue.queue import Queue
from asyncqueue.queues import QueueOrder, bare_name
from asyncqueue.running import worker_queue
from asyncqueue.running.application import Application
from asyncqueue.running.context import info_of
from asyncqueue.running.guarded import guard
from asyncqueue.running.limits import Limits
from asyncqueue.running.resolve import AllowRule
from asyncqueue.running.runner import Runner, RunResult
from asyncqueue.settings import Settings
from asyncqueue.worker.absence import Absence
from asyncqueue.worker.claiming import Claimer, Prefetch
from asyncqueue.worker.cleaning import Cleaner
from asyncqueue.worker.dependencies import DependencyResolver
from asyncqueue.worker.entries import entries_of
from asyncqueue.worker.exchanging import Exchange
from asyncqueue.worker.finishing import Finisher
from asyncqueue.worker.firing import Firing
from asyncqueue.worker.heartbeat import Heartbeat, WorkerPid
from asyncqueue.worker.identity import Identity
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.ledger import HeldClaim, Ledger, Reason
from asyncqueue.worker.limiter import Limiter
from asyncqueue.worker.logs import Logs
from asyncqueue.worker.missed_events import MissedEventPoller
from asyncqueue.worker.progress import Progress
from asyncqueue.worker.registry import Registry
from asyncqueue.worker.rescuing import Rescuer
from asyncqueue.worker.signal import Signal
from asyncqueue.worker.slots import Slots
from asyncqueue.worker.strays import Strays
from asyncqueue.worker.streaming import Streams
from asyncqueue.worker.supervisor import Loop, keep
from asyncqueue.worker.ticking import Ticker
from asyncqueue.worker.unfound import Unfound
from asyncqueue.worker.watchdog import Watchdog

logger = get_logger("asyncqueue.worker")

#: Seconds that an interrupted task has for its own clean-up.
_UNWIND = 5.0
#: Seconds to write the last results on the way out.
_LAST_WRITE = 10.0
#: Why a result could not be written although the database is there.
_LOCKED = "other sessions have locked their rows"
#: Seconds that a task may wait here for a place while another worker might have one.
_PATIENCE = 1.0


class Worker:
    """Runs the tasks of a queue until it is stopped.

    The worker installs no signal handlers; whoever embeds it calls `stop`.

    It imports the modules of the setting `imports`, and raises ConfigurationError where one cannot be imported.

    Args:
        queue: an open queue. It stays open.
        settings: those of the queue where they are left out.
        application: its hooks and its rules; where it is left out, no hooks and what the setting `allow` says.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        settings: Settings | None = None,
        application: Application | None = None,
    ) -> None:
        settings = settings or queue.settings
        backend = queue.backend
        self._queue = queue
        self._progress = Progress()
        self._settings = settings
        self._backend = backend
        application = application or Application(allow=AllowRule(patterns=settings.allow))
        self._firing = Firing(
            application.hooks,
            on_caught_up=lambda: self._claimer.look(),
            on_stuck=lambda: self._pause(0.0, ends_burst=True),
        )
        self._tells_success = self._firing.wants("on_success")
        self._leases = Leases(settings, backend)
        self._ledger = Ledger(backend, self._leases)
        self._pid = WorkerPid(settings.worker_pid)
        identity = Identity(backend, lambda: self._pid.value, QueueOrder.of(settings.queues))
        self._name = identity.name
        self._registry = Registry(backend, settings, identity.name, self._leases)
        self._strays = Strays(backend, identity.name, self._ledger, self._leases)
        news = self._news = Signal()
        self._unfound = Unfound(
            backend,
            patience=settings.unknown_tasks,
            found_any=lambda: bool(settings.imports) or self._runner.found_any,
            looking=lambda: self._runner.looking,
            pause=self._pause,
            begun=lambda path: self._slots.begun(path),
        )
        self._finisher = Finisher(
            *(backend, self._ledger, news),
            unfound=self._unfound,
            on_written=self._written,
            on_lost=self._lost,
            on_left=self._refused,
            most_aside=settings.concurrency,
        )
        self._streams = Streams(backend, self._ledger)
        self._runner = Runner(
            application,
            Limits(
                max_args_size=settings.max_args_size,
                max_output_size=settings.max_output_size,
                max_log_size=settings.max_log_size,
            ),
            default_timeout=settings.timeout,
            grace=settings.grace,
            torn_down=lambda: self._main is not None and self._main.cancelling() > 0,
            chains=backend.dependencies,
            check=lambda path, policy, claimed: self._limiter.check(path, policy, claimed),
            puts_off=lambda: self._unfound.puts_off,
            wary=lambda: self._loses_without_end,
        )
        self._limiter = Limiter(
            backend,
            self._leases,
            limit_of=self._runner.limit_of,
            queues=[bare_name(entry) for entry in settings.queues] or None,
            puts_off=lambda: self._unfound.puts_off,
            on_admitted=lambda: self._claimer.look_for_more(),
        )
        self._slots = Slots(settings.concurrency, self._ledger, self._runner, self._streams, self._ended)
        self._logs = Logs(backend, self._ledger, lambda: self._slots.claims)
        self._heartbeat = Heartbeat(
            backend,
            self._ledger,
            interval=settings.heartbeat,
            leases=self._leases,
            pid=self._pid,
            present=self._registry.beat,
            news=news,
        )
        self._claimer = Claimer(
            backend,
            self._ledger,
            self._slots,
            self._finisher,
            self._heartbeat,
            prefetch=Prefetch(settings.concurrency, settings.prefetch),
            polls=Backoff(settings.poll_min, settings.poll_max, factor=1.5, jitter=0.2),
            identity=identity,
            news=news,
            unfound=self._unfound,
            coming=lambda: self._limiter.busy or self._resolver.busy,
            behind=lambda: self._firing.behind,
        )
        self._resolver = DependencyResolver(
            backend, self._leases, on_queued=self._claimer.look_for_more, on_idle=self._claimer.look_whether_all_is_done
        )
        self._exchange = Exchange(backend, self._ledger, self._finisher, self._claimer, news)
        self._logging = Loop("write the logs of running tasks", self._logs.run)
        self._absence = Absence(backend, settings.connect_timeout)
        self._exchanging = Loop("claim and write results", self._absence.outlasting(self._exchange.run), vital=True)
        self._linking = Loop("see to tasks that wait for others", self._resolver.run)
        self._entries = entries_of(settings)
        self._main: asyncio.Task[Any] | None = None
        self._stops = 0
        self._stopped_at = inf
        self._draining: anyio.CancelScope | None = None
        self._drained = False
        self._why_unwritten = "the database is away"

    @property
    def name(self) -> str:
        """What it is called in the table, in `asyncqueue workers` and in its log."""
        return self._name

    @property
    def progress(self) -> Progress:
        """What it has done so far, and what it does now."""
        self._progress.running = self._slots.running
        self._progress.buffered = self._slots.buffered
        self._progress.exchanges = self._exchange.made
        self._progress.exchange_seconds = self._exchange.seconds
        self._progress.slowest_exchange = self._exchange.slowest
        self._progress.abandoned_threads = self._runner.abandoned
        self._progress.abandoned_runs = self._slots.abandoned
        return self._progress

    def stop(self) -> None:
        """Stop claiming, hand back what has not started and drain for `grace` seconds; called again, end at once."""
        self._stops += 1
        self._stopped_at = min(self._stopped_at, time.monotonic())
        self._claimer.stop()
        if self._stops > 1 and self._draining is not None:
            self._draining.cancel()

    async def run(self, *, burst: bool = False) -> None:
        """Work until `stop`, or with `burst` until nothing is left to claim.

        Call it once: a worker that has ended is not begun again, and another one is made instead.

        Raises a DatabaseError that waiting cannot heal, such as SchemaError; ConfigurationError where the queue is not
        open in this event loop, or where it was called before.
        """
        self._queue.require_open(self._backend)
        if self._main is not None:
            raise ConfigurationError("this worker has run already: make another Worker of the same queue, and run that")
        self._main = asyncio.current_task()
        self._leases.refresh()
        self._absence.begin()
        watchdog = Watchdog(self._slots.describe, self._slots.about)
        # What is started in here, tasks and hooks and their threads, enqueues in this queue.
        entered = worker_queue.enter(self._queue)
        self._slots.note(lambda: worker_queue.enter(self._queue))
        try:
            guard(asyncio.get_running_loop())
            with self._limiter.hearing(), self._resolver.hearing():
                async with anyio.create_task_group() as group:
                    watchdog.start()
                    with background.own():
                        for loop in self._loops(burst=burst):
                            group.start_soon(keep, loop, self._main)
                    # A child like the loops, not the body of this block: when the program around the worker cancels
                    # this very asyncio task, a claim under way is still behind its shield and its rows are not lost.
                    work = functools.partial(self._work, burst, group.cancel_scope)
                    with background.own():
                        group.start_soon(keep, Loop("end what it holds", work, vital=True, ends=True), self._main)
        except BaseExceptionGroup as group:
            raise unwrapped(group) from None
        finally:
            worker_queue.leave(entered)
            watchdog.stop()
            try:
                await self._save()
                # Where the database is away, a list for people is not worth waiting for it.
                if self._heartbeat.can_claim:
                    with anyio.move_on_after(_LAST_WRITE, shield=True):
                        await self._registry.leave(self._strays)
            finally:
                self._say_what_is_left()

    async def _work(self, burst: bool, loops: anyio.CancelScope) -> None:
        await self._claimer.claim_until_stopped(burst=burst)
        # From the signal on: the claim under way, whose rows must not be lost, may have waited for a silent database.
        until = min(self._stopped_at, time.monotonic()) + self._settings.grace
        await self._drain(max(0.0, until - time.monotonic()))
        self._drained = True
        if burst:
            self._progress.astray |= self._unfound.end()
        with anyio.move_on_after(max(0.0, until - time.monotonic())) as self._draining:
            if self._stops < 2:
                await self._firing.wait_idle()
        self._draining = None
        with anyio.move_on_after(_UNWIND):
            await self._firing.wait_idle()
        self._firing.abandon()
        loops.cancel()

    def _loops(self, *, burst: bool) -> list[Loop]:
        rescuer = Rescuer(
            self._backend,
            self._heartbeat,
            self._leases,
            ledger=self._ledger,
            strays=self._strays,
            on_lost=self._settings.on_lost,
            max_losses=self._settings.max_losses,
            declared=self._runner.declared,
            on_rescued=self._rescued,
        )
        cleaner = Cleaner(
            self._backend,
            ages=self._settings.kept,
            interval=self._settings.cleanup_interval,
            on_deleted=self._cleaned,
        )
        missed_events = MissedEventPoller(
            self._backend, self._leases, on_held=self._limiter.look, on_awaited=self._resolver.look
        )
        loops = [
            self._exchanging,
            Loop("wait for work", self._claimer.run),
            Loop("write streamed output", self._streams.run),
            self._logging,
            Loop("hand back what was fetched ahead", self._tidy),
            Loop("renew leases", self._heartbeat.run),
            Loop("look for lost tasks", rescuer.run),
            Loop("clean up", cleaner.run),
            Loop("look whether tasks wait for a place or for others", missed_events.run),
            Loop("admit tasks under limits", self._limiter.run),
            self._linking,
        ]
        if not burst:  # which is there for what is queued already
            ticker = Ticker(self._backend, self._heartbeat, self._entries)
            loops.append(Loop("enqueue periodic tasks", ticker.run))
        return loops

    async def _drain(self, grace: float) -> None:
        """End everything held. Heartbeats and writes go on meanwhile: they are loops of their own."""
        for held in self._slots.withdraw_all():
            self._ended(held, Reason.SHUTDOWN)
        if self._slots.running:
            logger.info("waiting up to %g s for %d running tasks", round(grace, 1), self._slots.running)
        with anyio.move_on_after(grace) as self._draining:
            if self._stops < 2:
                await self._slots.wait_idle()
        self._draining = None
        await self._interrupt()
        with anyio.move_on_after(_LAST_WRITE):
            await self._finisher.wait_written()
            await self._resolver.wait_idle()
            await self._logs.wait_written()

    async def _interrupt(self) -> None:
        if self._slots.running:
            logger.warning("stopping %d tasks that are still running; they are queued again", self._slots.running)
            self._slots.interrupt(Reason.SHUTDOWN)
            with anyio.move_on_after(_UNWIND):
                await self._slots.wait_idle()
        if self._slots.running:
            self._slots.give_up()
            with anyio.move_on_after(_UNWIND):
                await self._slots.wait_idle()
        for held in self._slots.abandon():
            self._ended(held, Reason.SHUTDOWN)

    async def _save(self) -> None:
        """After a loop broke or the worker itself was cancelled: hand back what can be handed back."""
        self._claimer.stop()
        if self._ledger and not self._drained:  # else it was tried long enough
            await self._hand_back()
        with anyio.move_on_after(_UNWIND, shield=True):
            await self._firing.wait_idle()
        self._firing.abandon()

    async def _hand_back(self) -> None:
        for held in [*self._ledger]:
            if not (self._slots.holds(held) or self._finisher.holds(held)):
                self._ended(held, Reason.SHUTDOWN)  # a loop broke while it had this claim in its hands
        with anyio.move_on_after(2 * _UNWIND + _LAST_WRITE, shield=True):
            try:
                with self._resolver.hearing():
                    async with anyio.create_task_group() as writing:
                        with background.own():
                            for loop in (self._exchanging, self._linking, self._logging):
                                writing.start_soon(keep, loop)
                        await self._drain(0)
                        writing.cancel_scope.cancel()
            except* Exception as errors:  # noqa: BLE001 - the worker ends with what had broken it
                self._why_unwritten = str(unwrapped(errors))

    def _say_what_is_left(self) -> None:
        """At the very end."""
        hooks = self._progress.abandoned_hooks = self._firing.abandoned
        if hooks:
            logger.error("%d calls of hooks have not ended in time: they are abandoned", hooks)
        left = self._progress.unwritten = len(self._ledger)
        if left:
            again = sum(map(self._runs_again, self._ledger))
            why = _LOCKED if self._finisher.aside == left else self._why_unwritten
            if 0 < self._finisher.aside < left:
                why = f"{why}, and {_LOCKED} in {self._finisher.aside} cases"
            logger.error(
                "%d results could not be written: %s. When their leases have ended, %d of these tasks run again, and "
                "%d are failed because their worker was lost",
                *(left, why, again, left - again),
            )

    @property
    def _loses_without_end(self) -> bool:
        """Whether a task that ends its worker runs again without anybody counting that."""
        shape = self._backend.shape
        return self._settings.on_lost == "requeue" and (shape is None or not shape.migrated)

    def _runs_again(self, held: HeldClaim) -> bool:
        """Whether a task whose end is not in the table is queued again by whoever finds it lost."""
        if self._settings.on_lost == "requeue":
            return True
        shape = self._backend.shape
        return shape is not None and shape.migrated and self._runner.declares(held.claimed.task)

    # -- what becomes of a claim

    def _ended(self, held: HeldClaim, reason: Reason | None = None) -> None:
        """A run is over, or will not begin."""
        if reason is not None:
            held.stop(reason)
        if held.reason in (None, Reason.SHUTDOWN):
            self._finisher.put(held)
        else:
            self._ledger.remove(held)
            self._left(held)
            self._logs.end(held, held.log)
            if held.reason is Reason.CANCELLED:
                self._progress.cancelled += 1
            else:
                self._progress.lost += 1
            self._freed()

    def _pause(self, seconds: float, ends_burst: bool) -> None:
        """Claim nothing for so many seconds: no function was found, tasks cannot be begun, or hooks hang."""
        self._progress.astray |= self._claimer.pause(seconds, ends_burst)

    def _written(self, held: HeldClaim) -> None:
        result = held.result
        if result is None:
            self._progress.released += 1
        elif result.status == Status.SCHEDULED and not result.unfound:
            self._progress.set_aside += 1
        elif result.status == Status.SCHEDULED:
            self._progress.put_off += 1
            if held.claimed.links & Link.LIMITED:
                self._limiter.look()  # its place is free
        elif result.status == Status.COMPLETED:
            self._left(held)
            self._progress.completed += 1
            if self._tells_success:
                self._firing.fire("on_success", self._runner.info_of(held.claimed))
        else:
            self._left(held)
            self._failed(held, result)
        if not self._ledger:
            self._freed()

    def _left(self, held: HeldClaim) -> None:
        """A task does not run any more: say so to those who wait for that."""
        links, watched = held.claimed.links, self._resolver.watched
        if not links and not watched:  # nobody does, as a rule
            return
        if links & Link.LIMITED:
            self._limiter.ended(held.id)
        followed = links & Link.FOLLOWED or held.id in watched
        if followed and (held.result is None or held.result.retry_in is None):
            self._resolver.ended(held.id)

    def _failed(self, held: HeldClaim, result: RunResult) -> None:
        info = self._runner.info_of(held.claimed)
        error = result.error or ""
        text = error.rstrip() if self._settings.log_tracebacks else error.partition("\n")[0]
        fields = about(info.id, info.task, info.attempt, held.claimed.queue)
        if result.retry_in is None:
            self._progress.failed += 1
            logger.warning("task %s (%s) failed: %s", info.id, info.task, text, extra=fields)
            self._firing.fire("on_failure", info, error)
        else:
            self._progress.retried += 1
            logger.warning(
                "task %s (%s) failed in attempt %d of %d, tried again in %.3g s: %s",
                info.id,
                info.task,
                info.attempt,
                info.max_attempts,
                result.retry_in,
                text,
                extra=fields,
            )

    def _lost(self, held: HeldClaim) -> None:
        self._progress.lost += 1
        if held.result is not None:  # whoever has cancelled it may read what it has logged
            self._logs.end(held, held.result.log)
        logger.warning(
            "task %s (%s) ended here, but its claim was not ours any more; the result is discarded",
            held.id,
            held.claimed.task,
            extra=held.about,
        )
        self._freed()

    def _refused(self, _held: HeldClaim) -> None:
        """The database lets nobody write this end, and the finisher has said so."""
        self._progress.lost += 1
        self._freed()

    def _freed(self) -> None:
        """There is room again, or nothing left to do: a worker in a burst must look whether that was all."""
        if self._ledger:
            self._news.set()
        else:
            self._claimer.look()

    async def _tidy(self) -> None:
        """Hand back, for ever, what was fetched ahead and then found the slots taken by slow tasks."""
        while True:
            await anyio.sleep(_PATIENCE)
            if self._slots.waiting_for() > _PATIENCE:
                for held in self._slots.withdraw():
                    self._finisher.put(held)

    def _rescued(self, lost: LostTask, failed: bool) -> None:
        self._progress.rescued += 1
        if failed:
            self._limiter.look()
            self._resolver.ended(lost.id)  # whether others wait for it is not known here, and this is rare
            self._firing.fire("on_failure", info_of(lost), None)

    def _cleaned(self, deleted: int) -> None:
        self._progress.deleted += deleted
