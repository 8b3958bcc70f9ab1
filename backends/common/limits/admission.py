"""Limits: who gets a slot, and when a slot is free again.

A task that comes under a limit is not queued when it is due, but held: it has an entry in a table beside the tasks',
and nobody who claims ever sees it. `admission` gives slots to those that wait, as many as there are, and queues their
tasks. Nothing is written when a task starts or ends: whoever admits looks at the tasks that have slots. A task that
has no limit costs nothing.

All of it is one transaction, in which the declarations of the functions concerned are locked: two that admit at once
are one after the other. What is done is the same on every database, so it is written once, as a generator of what to
ask.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from asyncqueue.backends.common.limits.slots import AT_ONCE, Seen, Slot, SlotState, Survey
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.services import Batch, Waiting
from asyncqueue.limits import Admission, HandBack, Limit, LimitState, PutOff, Terms
from asyncqueue.queues import bare_name

#: What needs a version of the schema that has them.
WHAT = "a limit"
#: Seconds for which a sweep leaves the slot of a run that is being stopped: who admits knows the lease.
_STOPPING = 3600.0
#: Rows that one sweep lets wait anew.
_ADRIFT = 500
#: How often it is looked further by one transaction, where those who come first wait in vain.
_ROUNDS = 4

_NO_TERMS = Terms()

Rows: TypeAlias = Sequence[Any]


class Ask(NamedTuple):
    """A statement to run in the transaction, once for each of these rows of values or for all at once."""

    name: str
    rows: Sequence[Mapping[str, Any]]


#: Yields what to ask and is sent what was answered, in the order of the statement's columns.
Asking: TypeAlias = Generator[Ask, Rows, Any]


def function_of(limit_key: str) -> str:
    """The function whose limit it is."""
    return limit_key.partition(":")[0]


def declaring(limits: Collection[Limit], began: float | None) -> Generator[Ask, Rows, set[str]]:
    """Note what functions declare. Returns those of which nobody had noted it. As `Limits.declare`."""
    wanted = {limit.name: limit for limit in sorted(limits)}
    rows = yield Ask("lock_limits", [{"name": name} for name in wanted])
    noted = {row[0]: _float(row[4]) for row in rows}
    # Only now, because a lock may have been waited for.
    age = None if began is None else time.monotonic() - began
    values = {name: {**limit._asdict(), "age": age} for name, limit in wanted.items()}
    yield Ask("add_limit", [values[name] for name in wanted if name not in noted])
    if age is not None:
        # Also where it says the same: that somebody so young does keeps older ones from changing it.
        younger = [name for name, declared in noted.items() if declared is None or age <= declared]
        yield Ask("change_limit", [values[name] for name in younger])
    return wanted.keys() - noted.keys()


def admission(keys: Collection[str], ended: Collection[UUID], terms: Terms) -> Generator[Ask, Rows, Admission]:
    """Admit who waits under these keys, and those under which these tasks, which have ended, had slots."""
    wanted = set(keys)
    if ended:
        wanted |= {row[0] for row in (yield Ask("slots_of", [{"task_id": task_id} for task_id in sorted(ended)]))}
    if not wanted:
        return Admission(0, {})
    surveys = yield from _survey(sorted(wanted), ended, terms.lease)
    doors = yield from _doors(terms.queues)
    yield from _take_back(surveys, doors)
    choice = yield from _choose(surveys, doors, terms.unknown_for)
    positions = {task_id: position for position, task_id in enumerate(choice.chosen)}
    if positions:
        yield Ask("admit", [{"task_id": task_id, "position": positions[task_id]} for task_id in sorted(positions)])
    opens = {key: surveys[key].opens_in(choice.given[key]) for key in choice.stopped}
    opens |= dict.fromkeys([*choice.unread, *(key for key in choice.stopped if choice.given[key] == AT_ONCE)], 0.0)
    undeclared = frozenset(function_of(key) for key in choice.stopped if surveys[key].limit is None)
    return Admission(len(positions), {key: at for key, at in opens.items() if at is not None}, undeclared)


def handing_back(claims: Sequence[HandBack]) -> Asking:
    """Hand back claimed rows, in an order that is the same for all."""
    yield Ask("hand_back", [claim._asdict() for claim in sorted(claims, key=lambda claim: claim.id)])


def putting_off(claims: Sequence[PutOff], delay: float, patience: float) -> Generator[Ask, Rows, set[UUID]]:
    """Put claimed rows off, and return the ids of those that are still claimed. As `Limits.put_off`."""
    rows = [claim._asdict() for claim in sorted(claims, key=lambda claim: claim.id)]
    yield Ask("put_off", [{**row, "delay": delay, "patience": patience} for row in rows])
    yield Ask("leave_slots", [{"task_id": row["id"]} for row in rows])
    left = yield Ask("not_put_off", [{"id": row["id"], "token": row["token"]} for row in rows])
    return {UUID(str(row[0])) for row in left}


def sweeping(after: int, count: int) -> Generator[Ask, Rows, Batch]:
    """Forget slots of tasks that are gone, who waits for one, and starts that count no more: of so many entries.

    And let tasks wait anew of which it is not noted that they wait.
    """
    if not after:
        adrift = [UUID(str(row[0])) for row in (yield Ask("orphaned_waiters", [{"count": _ADRIFT}]))]
        yield Ask("wait_again", [{"task_id": task_id} for task_id in sorted(adrift)])
    batch = [{"after": after, "count": count}]
    names = {function_of(_slot(row).limit_key) for row in (yield Ask("orphan_candidates_slots", batch))}
    limits = yield from _limits(names)
    rows = yield Ask("orphan_candidates_slots", batch)  # as they are now that nobody admits
    now = _read_at(rows)
    slots = [_slot(row, now) for row in rows]
    # Of functions that were not among them just now the limits are not locked, and not known.
    ours = [slot for slot in slots if function_of(slot.limit_key) in names]
    tasks = yield from _tasks({slot.task_id for slot in ours if slot.state != SlotState.COUNTED}, now)
    surveys: dict[str, Survey] = {}
    gone = [slot.id for slot in ours if slot.state == SlotState.WAITING and slot.task_id not in tasks]
    for slot in ours:
        if slot.state != SlotState.WAITING:
            of_key = surveys.setdefault(slot.limit_key, Survey(limits.get(function_of(slot.limit_key))))
            of_key.add(slot, tasks.get(slot.task_id), lease=_STOPPING)
    gone += [entry for each in surveys.values() for entry in each.gone]
    yield from _write(surveys.values(), now)
    yield _drop(gone)
    return Batch(len(gone), len(slots), str(slots[-1].id) if len(slots) == count else None)


def _survey(
    keys: Sequence[str], ended: Collection[UUID], lease: float | None
) -> Generator[Ask, Rows, dict[str, Survey]]:
    """Look at the slots under these keys, and write what has become of them."""
    limits = yield from _limits({function_of(key) for key in keys})
    asked = [{"state": int(state), "limit_key": key} for key in keys for state in (SlotState.ACTIVE, SlotState.COUNTED)]
    rows = yield Ask("taken_slots", asked)
    now = _read_at(rows)
    slots = [_slot(row, now) for row in rows]
    tasks = yield from _tasks({slot.task_id for slot in slots if slot.state == SlotState.ACTIVE}, now)
    surveys = {key: Survey(limits.get(function_of(key))) for key in keys}
    for slot in slots:
        task = tasks.get(slot.task_id)
        surveys[slot.limit_key].add(slot, task, over=slot.task_id in ended, lease=lease)
    yield from _write(surveys.values(), now)
    yield _drop(entry for survey in surveys.values() for entry in survey.gone)
    return surveys


class _Doors(NamedTuple):
    """From which queues nobody claims: those that are paused, and where `served` is not None, all that it lacks."""

    paused: tuple[str, ...]
    served: tuple[str, ...] | None

    def closed(self, queue: str) -> bool:
        return queue in self.paused or (self.served is not None and queue not in self.served)


def _doors(own: Collection[str] | None) -> Generator[Ask, Rows, _Doors]:
    """See from which queues somebody claims, where the worker that asks claims from these, or from all."""
    paused = tuple(sorted(row[0] for row in (yield Ask("paused_queues", [{}]))))
    if own is None:
        return _Doors(paused, None)
    listed = [row[0] for row in (yield Ask("served_queues", [{}]))]
    if None in listed:
        return _Doors(paused, None)
    served = {*own, *(bare_name(entry) for text in listed for entry in text.split(", "))}
    return _Doors(paused, tuple(sorted(served)))


def _take_back(surveys: Mapping[str, Survey], doors: _Doors) -> Asking:
    """Take slots back from tasks that are still queued where nobody claims: others may have them."""
    idle = {slot.task_id: slot for survey in surveys.values() for slot in survey.queued if doors.closed(slot.queue)}
    if idle:
        yield Ask("suspend_unserved", [{"task_id": task_id} for task_id in sorted(idle)])
        tasks = yield from _tasks(idle.keys())  # but those that were claimed just now
        back = [slot for slot in idle.values() if slot.task_id in tasks and slot.waits(tasks[slot.task_id])]
        yield Ask("release_slots", [{"id": slot.id} for slot in sorted(back)])
        for slot in back:
            surveys[slot.limit_key].leave(slot)


@dataclass
class _Choice:
    """Who gets a slot: tasks in order, how many under each key, where others are left, and where nobody has looked."""

    chosen: dict[UUID, None] = field(default_factory=dict)
    given: Counter[str] = field(default_factory=Counter)
    stopped: set[str] = field(default_factory=set)
    unread: Collection[str] = ()


class _Waiting(NamedTuple):
    """An entry of a task that waits for a slot, and for how many seconds it has."""

    id: int
    task_id: UUID
    waited: float


def _choose(surveys: Mapping[str, Survey], doors: _Doors, unknown_for: float) -> Generator[Ask, Rows, _Choice]:
    """Choose who is next under each key, as many as there are slots for, and give them these.

    Who waits in vain is forgotten, and so is who needs no slot. Where nobody has declared the limit for so long, one
    is let through: it runs, or fails with a text that says why nobody could.
    """
    room = {key: survey.room for key, survey in surveys.items()}
    stopping = set().union(*(survey.stopping for survey in surveys.values()))
    choice, left, more = _Choice(), dict(room), 1
    for _ in range(_ROUNDS):
        if not left:
            break
        # More than there is room for, which says whether anybody is left.
        asked = [{"limit_key": key, "count": count + more, **doors._asdict()} for key, count in sorted(left.items())]
        held: dict[str, list[_Waiting]] = {key: [] for key in left}
        for entry, key, task_id, waited in (yield Ask("first_waiting", asked)):
            held[key].append(_Waiting(entry, UUID(str(task_id)), float(waited)))
        tasks = yield from _tasks({each.task_id for some in held.values() for each in some})
        taken: list[int] = []
        vain: list[int] = []
        left = {key: count for key, count in left.items() if len(held[key]) == count + more}
        for key, some in held.items():
            # A run of the same task that is being stopped keeps it waiting, and in its turn.
            some = [each for each in some if each.task_id not in stopping]
            fit = _fitting(key, some, tasks, choice.chosen)
            if fit and surveys[key].forlorn and fit[0].waited >= unknown_for:
                room[key] = 1
            fitting = fit[: room[key] - choice.given[key]]
            if len(fit) > len(fitting):
                choice.stopped.add(key)
                left.pop(key, None)
            choice.given[key] += len(fitting)
            choice.chosen |= dict.fromkeys(each.task_id for each in fitting)
            (vain if surveys[key].unlimited else taken).extend(each.id for each in fitting)
            vain += [each.id for each in set(some) - set(fit)]
        yield Ask("take_slots", [{"id": entry} for entry in sorted(taken)])
        yield _drop(vain)
        left, more = {key: room[key] - choice.given[key] for key in left}, AT_ONCE
    choice.unread = left
    return choice


def _fitting(
    key: str, held: Sequence[_Waiting], tasks: Mapping[UUID, Seen], chosen: Collection[UUID]
) -> list[_Waiting]:
    """Those entries whose tasks wait under this key, each task once."""
    found: dict[UUID, _Waiting] = {}
    for each in held:
        task = tasks.get(each.task_id)
        if task is not None and task.waits_under == key and each.task_id not in chosen:
            found.setdefault(each.task_id, each)
    return list(found.values())


def _limits(names: Collection[str]) -> Generator[Ask, Rows, dict[str, Limit]]:
    """What these functions have declared, locked until the end: whoever admits tasks of theirs is alone."""
    return {row[0]: Limit(*row[:4]) for row in (yield Ask("lock_limits", [{"name": name} for name in sorted(names)]))}


def _tasks(ids: Collection[UUID], now: float | None = None) -> Generator[Ask, Rows, dict[UUID, Seen]]:
    """What has become of these tasks; `now` is when their slots were read, if their ages are compared with those."""
    rows = yield Ask("limited_tasks", [{"task_id": task_id} for task_id in sorted(ids)])
    return {
        UUID(str(row[0])): Seen(row[1], _age(row[2], row[6], now), row[3], _age(row[4], row[6], now), row[5])
        for row in rows
    }


def _write(surveys: Collection[Survey], now: float) -> Asking:
    """Note what has become of slots, as of when they were read. First what was: that is copied from them.

    A start is written as the instant that it is. With an age it would come out later, by the time that has passed.
    """
    spent = sorted(each for survey in surveys for each in survey.spent)
    yield Ask("record_extra_start", [{"id": entry, "start": now - age} for entry, age in spent])
    yield Ask("take_slots", [{"id": entry} for entry in sorted(id_ for survey in surveys for id_ in survey.again)])
    noted = sorted(each for survey in surveys for each in survey.noted)
    yield Ask("note_starts", [{"id": entry, "state": int(state), "start": now - age} for entry, state, age in noted])


def _drop(entries: Iterable[int]) -> Ask:
    return Ask("drop_slots", [{"id": entry} for entry in sorted(entries)])


def _read_at(rows: Rows) -> float:
    """The instant at which the first of these was read: the one from which all ages count that are compared."""
    return float(rows[0][-1]) if rows else 0.0


def _slot(row: Sequence[Any], now: float | None = None) -> Slot:
    entry, key, task_id, state, admitted, noted, queue, at = row
    return Slot(entry, key, UUID(str(task_id)), SlotState(state), _age(admitted, at, now), _age(noted, at, now), queue)


def _age(value: Any, read_at: Any, now: float | None) -> float | None:
    """An age as of `now`, if that is given, instead of when it was read: every statement has an instant of its own."""
    if value is None:
        return None
    return float(value) if now is None else float(value) - (float(read_at) - now)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


class LimitsOf(ABC):
    """See `asyncqueue.backends.services.Limits`: what every dialect has in common."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def declare(self, limits: Collection[Limit], *, began: float | None) -> set[str]:
        """As `Limits.declare`."""
        found: set[str] = await self._answer(partial(declaring, limits, began))
        return found

    async def declared(self, names: Collection[str]) -> set[str]:
        """As `Limits.declared`."""
        return {row[0] for row in await self._read("declared", [{"name": name} for name in sorted(names)])}

    async def admit(
        self, keys: Collection[str] = (), *, ended: Collection[UUID] = (), terms: Terms = _NO_TERMS
    ) -> Admission:
        """As `Limits.admit`."""
        admitted: Admission = await self._answer(partial(admission, keys, ended, terms))
        return admitted

    async def waiting(self) -> Waiting:
        """As `Limits.waiting`."""
        ((held, awaited),) = await self._read("outstanding", [{}])
        return Waiting(bool(held), bool(awaited))

    async def held(self, after: str = "", *, limit: int = 500) -> list[str]:
        """As `Limits.held`."""
        return [row[0] for row in await self._read("waiting_keys", [{"after": after, "count": limit}])]

    async def hand_back(self, claims: Sequence[HandBack]) -> None:
        """As `Limits.hand_back`."""
        await self._answer(partial(handing_back, claims))

    async def put_off(self, claims: Sequence[PutOff], *, delay: float, patience: float) -> set[UUID]:
        """As `Limits.put_off`."""
        left: set[UUID] = await self._answer(partial(putting_off, claims, delay, patience))
        return left

    async def sweep(self, *, limit: int, resume_from: str | None = None) -> Batch:
        """As `Limits.sweep`."""
        swept: Batch = await self._answer(partial(sweeping, int(resume_from or 0), limit))
        return swept

    async def states(self) -> list[LimitState]:
        """As `Limits.states`."""
        self._table.require_migrated("a list of limits")
        return [LimitState(Limit(*row[:4]), *row[4:]) for row in await self._read("limits", [{}])]

    async def _read(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Rows:
        """One statement, which needs no transaction."""
        self._table.require_migrated(WHAT)
        return await self._alone(Ask(name, rows))

    async def _answer(self, make: Callable[[], Asking]) -> Any:
        self._table.require_migrated(WHAT)
        return await self._in_transaction(make)

    @abstractmethod
    async def _in_transaction(self, make: Callable[[], Asking]) -> Any:
        """Run what is asked in one transaction, of what is made anew wherever that is repeated."""

    @abstractmethod
    async def _alone(self, ask: Ask) -> Rows:
        """Run one statement that reads."""
