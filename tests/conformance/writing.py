"""Every verb of a worker's and of a caller's that writes, on a migrated table."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from asyncqueue.backends.base import Backend
from asyncqueue.errors import AsyncQueueError, DatabaseReadOnly
from asyncqueue.limits import HandBack, Limit, PutOff
from asyncqueue.model import AttemptEnd, ClaimedTask, NewTask, Status, Unique, WorkerInfo
from tests.conformance.helpers import chunk, done, fences, log_chunk, new, queued, release

Verb = Callable[[Any], Awaitable[Any]]

_WORKER = WorkerInfo("mine", "here", 1, "1", None, 1, 30.0)


async def prepare(backend: Backend) -> dict[str, Verb]:
    """Put rows in the table that every verb finds something in. Returns the verbs, by name."""
    await queued(backend, 2)
    claim, over = await backend.claim(2, worker_pid=1, worker=_WORKER.name)
    await backend.finish([done(over)])
    await queued(backend)
    return _verbs(claim)


async def refused(backend: Backend, verbs: dict[str, Verb]) -> None:
    """Each says that the server takes no writes, and that another may."""
    for verb, call in verbs.items():
        with pytest.raises(AsyncQueueError, match="read only") as caught:
            await call(backend)
        assert type(caught.value) is DatabaseReadOnly, verb


def _verbs(claim: ClaimedTask) -> dict[str, Verb]:
    retry = AttemptEnd(claim.id, claim.token, Status.SCHEDULED, None, "no", None, False, 60.0, 1, claim.token)
    return {
        "enqueue": lambda backend: backend.enqueue(new(1)),
        "enqueue many": lambda backend: backend.enqueue(new(600)),
        "enqueue_unique": lambda backend: backend.enqueue_unique(
            [NewTask(uuid.uuid4(), "app.task", "{}", unique=Unique("key"))]
        ),
        "claim": lambda backend: backend.claim(1, worker_pid=1),
        "append_output": lambda backend: backend.append_output([chunk(claim, 0, "x")]),
        "append_log": lambda backend: backend.append_log([log_chunk(claim, 0, "x")]),
        "renew": lambda backend: backend.renew(fences([claim]), now=claim.token, worker_pid=1),
        "beat": lambda backend: backend.beat(_WORKER),
        "leave": lambda backend: backend.leave(_WORKER.name),
        "exchange": lambda backend: backend.exchange([done(claim)], 1, worker_pid=1),
        "finish": lambda backend: backend.finish([done(claim)]),
        "end_attempts": lambda backend: backend.end_attempts([retry]),
        "end_lost": lambda backend: backend.end_lost([retry], lease=0.0, foreign_lease=0.0),
        "release": lambda backend: backend.release([release(claim)]),
        "release_strays": lambda backend: backend.release_strays(_WORKER.name, held=[], lease=0.0),
        "rescue": lambda backend: backend.rescue(lease=0.0, error="lost"),
        "hand_back": lambda backend: backend.limits.hand_back([HandBack(claim.id, claim.token, None)]),
        "put_off": lambda backend: backend.limits.put_off(
            [PutOff(claim.id, claim.token, "no")], delay=10.0, patience=600.0
        ),
        "declare": lambda backend: backend.limits.declare([Limit("app.limited", 1)], began=time.monotonic()),
        "take a turn": lambda backend: backend.maintenance.take("sweep", 60.0),
        "clean up": lambda backend: backend.retention.cleanup({Status.COMPLETED: 0.0}, limit=10),
        "cancel": lambda backend: backend.cancel([claim.id]),
        "requeue": lambda backend: backend.requeue([claim.id]),
        "pause": lambda backend: backend.pause("elsewhere", paused=True),
    }
