"""What a worker has done so far, for a live line and for a summary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """Counts since the worker started, and two gauges."""

    #: Gauge: tasks that run now.
    running: int = 0
    #: Gauge: tasks claimed that wait for a slot.
    buffered: int = 0
    completed: int = 0
    #: For good: an attempt that another one follows is not counted here.
    failed: int = 0
    #: Attempts that failed and are followed by another one.
    retried: int = 0
    #: Stopped because somebody cancelled them.
    cancelled: int = 0
    #: Ended here, but the claim belonged to somebody else by then, or the database refused to have the end written; the
    #: result was discarded.
    lost: int = 0
    #: Handed back to the queue: on stop, or because none of what this worker claimed can be found here.
    released: int = 0
    #: Scheduled again for workers that have their function, which this one lacks.
    put_off: int = 0
    #: Scheduled again until there is a place for them under a limit that this worker knows and the enqueuer did not.
    set_aside: int = 0
    #: Taken from other workers that had stopped renewing them.
    rescued: int = 0
    #: Deleted because they had ended long enough ago.
    deleted: int = 0
    #: Round trips with the database that wrote ends, claimed tasks, or both.
    exchanges: int = 0
    #: Seconds that all of these took together, and the longest of them.
    exchange_seconds: float = 0.0
    slowest_exchange: float = 0.0
    #: Ends and hand-backs that were not written when the worker ended: these tasks run again, or are failed as lost.
    unwritten: int = 0
    #: A burst has found none of the functions of the tasks that it claimed, or its hooks hang. Others may be left
    #: in the queue.
    astray: bool = False
    #: Calls of hooks that had not ended when the worker ended.
    abandoned_hooks: int = 0
    #: Gauge: threads that run on although their task timed out or was stopped.
    abandoned_threads: int = 0
    #: Gauge: asynchronous tasks that go on although they were given up, because they ignore their cancellation.
    abandoned_runs: int = 0
