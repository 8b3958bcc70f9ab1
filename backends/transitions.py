"""The life of a task as a table: which verb takes it from which status to which, who may do so, and what fences it.

`docs/state-machine.md` draws it, and the conformance suite holds both it and every backend to this table.
"""

from __future__ import annotations

from typing import NamedTuple

from asyncqueue.model import Status

_QUEUED, _RUNNING, _SCHEDULED = Status.QUEUED, Status.RUNNING, Status.SCHEDULED
_COMPLETED, _FAILED, _CANCELLED = Status.COMPLETED, Status.FAILED, Status.CANCELLED


class Transition(NamedTuple):
    """One arrow.

    Args:
        verb: the backend's.
        before: the status that it takes a row from; None where there was no row.
        after: the status that it leaves; None where the row is gone.
        by: who does it.
        guard: what keeps two who do it at once, or one who is late, from doing harm.
    """

    verb: str
    before: Status | None
    after: Status | None
    by: str
    guard: str


_TOKEN = "status 1 and the claim's token"  # noqa: S105 - no secret
_LOCK = "rows that others have locked are skipped"
_LIMITED = "it does not run; it comes under a limit"
_DECLARATION = "it was set aside and there is a slot for it; the lock on its function's declaration"
_CLOSED = "it has a slot and nobody claims from its queue; the lock on its function's declaration"
_EDGES = "the lock on its row, and nothing is left that it waits for"
_FAILURE = "the lock on its row, and what it waits for has failed"
_LEASE = f"nobody has renewed it for a lease, and the table is not migrated; {_LOCK}"
_STILL = f"{_TOKEN}; its worker does not beat; {_LOCK}"
_STRAY = f"it was claimed in this name, nobody has renewed it for a lease, and the worker does not hold it; {_LOCK}"
_RESCUER = "a rescuer"
_ANYBODY = "anybody"
_HOLDER = "the worker that holds it"
_WORKER = "any worker"

TRANSITIONS = (
    Transition("enqueue", None, _QUEUED, _ANYBODY, "the id is new"),
    Transition("enqueue", None, _SCHEDULED, _ANYBODY, "the id is new"),
    Transition("tick", None, _QUEUED, _WORKER, "the lock on its entry, which is moved on to this tick by it"),
    Transition("replace", _SCHEDULED, _SCHEDULED, _ANYBODY, "the lock on its unique key"),
    Transition("replace", _SCHEDULED, _QUEUED, _ANYBODY, "the lock on its unique key"),
    Transition("promote", _SCHEDULED, _QUEUED, _WORKER, f"it is due by the database's clock; {_LOCK}"),
    Transition("promote", _SCHEDULED, _SCHEDULED, _WORKER, f"it is due, and its links keep it back; {_LOCK}"),
    Transition("admit", _SCHEDULED, _QUEUED, _WORKER, _DECLARATION),
    Transition("suspend_unserved", _QUEUED, _SCHEDULED, _WORKER, _CLOSED),
    Transition("settle", _SCHEDULED, _QUEUED, _WORKER, _EDGES),
    Transition("settle", _SCHEDULED, _CANCELLED, _WORKER, _FAILURE),
    Transition("resolve", _SCHEDULED, _QUEUED, _WORKER, _EDGES),
    Transition("resolve", _SCHEDULED, _CANCELLED, "any worker, or who cancels what it waits for", _FAILURE),
    Transition("claim", _QUEUED, _RUNNING, _WORKER, f"its queue is not paused; {_LOCK}"),
    Transition("release", _RUNNING, _QUEUED, _HOLDER, _TOKEN),
    Transition("hand_back", _RUNNING, _SCHEDULED, _HOLDER, _TOKEN),
    Transition("put_off", _RUNNING, _SCHEDULED, _HOLDER, f"it does not find the function; {_TOKEN}"),
    Transition("finish", _RUNNING, _COMPLETED, _HOLDER, _TOKEN),
    Transition("finish", _RUNNING, _FAILED, _HOLDER, _TOKEN),
    Transition("end_attempts", _RUNNING, _SCHEDULED, _HOLDER, _TOKEN),
    Transition("end_attempts", _RUNNING, _COMPLETED, _HOLDER, _TOKEN),
    Transition("end_attempts", _RUNNING, _FAILED, _HOLDER, _TOKEN),
    Transition("end_lost", _RUNNING, _FAILED, _RESCUER, _STILL),
    Transition("end_lost", _RUNNING, _QUEUED, _RESCUER, _STILL),
    Transition("release_strays", _RUNNING, _QUEUED, "the worker that claimed it", _STRAY),
    Transition("rescue", _RUNNING, _FAILED, _RESCUER, _LEASE),
    Transition("rescue", _RUNNING, _QUEUED, _RESCUER, _LEASE),
    Transition("cancel", _QUEUED, _CANCELLED, _ANYBODY, "it has not ended"),
    Transition("cancel", _SCHEDULED, _CANCELLED, _ANYBODY, "it has not ended"),
    Transition("cancel", _RUNNING, _CANCELLED, _ANYBODY, "it has not ended"),
    Transition("requeue", _SCHEDULED, _QUEUED, _ANYBODY, "it does not run"),
    Transition("requeue", _COMPLETED, _QUEUED, _ANYBODY, "it does not run"),
    Transition("requeue", _FAILED, _QUEUED, _ANYBODY, "it does not run"),
    Transition("requeue", _CANCELLED, _QUEUED, _ANYBODY, "it does not run"),
    Transition("requeue", _SCHEDULED, _SCHEDULED, _ANYBODY, _LIMITED),
    Transition("requeue", _COMPLETED, _SCHEDULED, _ANYBODY, _LIMITED),
    Transition("requeue", _FAILED, _SCHEDULED, _ANYBODY, _LIMITED),
    Transition("requeue", _CANCELLED, _SCHEDULED, _ANYBODY, _LIMITED),
    Transition("cleanup", _COMPLETED, None, _ANYBODY, "it is old enough by the database's clock"),
    Transition("cleanup", _FAILED, None, _ANYBODY, "it is old enough by the database's clock"),
    Transition("cleanup", _CANCELLED, None, _ANYBODY, "it is old enough by the database's clock"),
)


def after(verb: str, before: Status | None) -> set[Status | None]:
    """The statuses that a verb may leave; empty where it changes nothing."""
    return {each.after for each in TRANSITIONS if (each.verb, each.before) == (verb, before)}
