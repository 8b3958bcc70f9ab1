"""Limits: who gets a place, and when a place is free again.

A task that comes under a limit is not queued when it is due, but held: it has an entry in a table beside the tasks',
and nobody who claims ever sees it. `admission` gives places to those that wait, as many as there are, and queues their
tasks. Nothing is written when a task starts or ends: whoever admits looks at the tasks that have places. A task that
has no limit costs nothing.

All of it is one transaction, in which the declarations of the functions concerned are locked: two that admit at once
are one after the other. What is done is the same on every database, so it is written once, as a generator of what to
ask.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from asyncqueue.backends import versions
from asyncqueue.backends.facets import Batch
from asyncqueue.backends.table import Table
from asyncqueue.limits import Admission, HandBack, Limit, LimitState
from asyncqueue.model import Status

#: What needs a version of the schema that has them.
WHAT = "a limit"
#: Tasks that are queued for one key by one transaction.
AT_ONCE = 500
#: Seconds by which a claim may be older than the place of a task that it has found: its time is read as it begins.
_SLACK = 5.0
#: How often it is looked further by one transaction, where those who come first wait in vain.
_ROUNDS = 4

_HELD, _ADMITTED, _SPENT = 0, 1, 2

Rows: TypeAlias = Sequence[Any]


class Ask(NamedTuple):
    """A statement to run in the transaction, once for each of these rows of values or for all at once."""

    name: str
    rows: Sequence[Mapping[str, Any]]


#: Yields what to ask and is sent what was answered, in the order of the statement's columns.
Asking: TypeAlias = Generator[Ask, Rows, Any]


class Place(NamedTuple):
    """A place under a limit that is taken, or counts in its rate.

    `admitted` and `noted` are how many seconds ago it was given, and its task was seen to have started.
    """

    id: int
    limit_key: str
    task_id: UUID
    state: int
    admitted: float | None
    noted: float | None


class Seen(NamedTuple):
    """A task that has a place or waits for one: how many seconds ago it was last claimed.

    `waits_under` is the limit under which it waits; None if it does not.
    """

    status: int
    started: float | None
    waits_under: str | None


@dataclass
class Survey:
    """What the places of one key say.

    Attributes:
        limit: of its function; None where nobody has declared it.
        taken: how many are.
        starts: of each start that counts in the rate, for how many more seconds it does, at least.
        noted: places whose tasks have started: the place, what becomes of it, and how many seconds ago.
        gone: places that are free and count no more.
    """

    limit: Limit | None
    taken: int = 0
    starts: list[float] = field(default_factory=list)
    noted: list[tuple[int, int, float]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)

    def add(self, place: Place, task: Seen | None) -> None:
        """Take in a place and its task."""
        period = self.limit.rate_period if self.limit is not None else None
        began = _began(place, task)
        if place.state == _ADMITTED and task is not None and task.status in (Status.QUEUED, Status.RUNNING):
            self.taken += 1
            if began is not None and place.noted is None:
                self.noted.append((place.id, _ADMITTED, began))
            if period is not None and (began is None or began < period):
                self.starts.append(period if began is None else period - began)
        elif period is not None and began is not None and began < period:
            self.starts.append(period - began)
            if place.state == _ADMITTED:
                self.noted.append((place.id, _SPENT, began))
        else:
            self.gone.append(place.id)

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit (any more): then nobody needs a place."""
        return self.limit is not None and self.limit.capacity is None and self.limit.rate_count is None

    @property
    def room(self) -> int:
        """How many more may be admitted."""
        if self.limit is None:
            return 0
        capacity, count = self.limit.capacity, self.limit.rate_count
        free = AT_ONCE if capacity is None else capacity - self.taken
        return max(0, min(AT_ONCE, free, AT_ONCE if count is None else count - len(self.starts)))

    def opens_in(self, admitted: int) -> float | None:
        """In how many seconds the rate lets another one in, after so many; None if it is not what stops them."""
        if self.limit is None or self.limit.rate_count is None or self.limit.rate_period is None:
            return None
        starts = sorted(self.starts) + [self.limit.rate_period] * admitted
        over = len(starts) - self.limit.rate_count
        return max(0.0, starts[over]) if over >= 0 else None


def _began(place: Place, task: Seen | None) -> float | None:
    """How many seconds ago the task started under this place; None if it has not, as far as is known."""
    if place.state == _SPENT or task is None:
        return place.noted
    # A claim well before this place was given was another run. One that was handed back has not been a start.
    known = [] if place.noted is None else [place.noted]
    oldest = inf if task.status == Status.RUNNING else (place.admitted or 0.0) + _SLACK
    if task.status != Status.QUEUED and task.started is not None and task.started <= oldest:
        known.append(max(0.0, task.started))
    return min(known, default=None)


def function_of(limit_key: str) -> str:
    """The function whose limit it is."""
    return limit_key.partition(":")[0]


def declaring(limits: Collection[Limit], *, change: bool) -> Generator[Ask, Rows, set[str]]:
    """Note what functions declare. Returns those of which nobody had noted it.

    Args:
        limits: of each of them.
        change: whether what was noted by others is changed where it differs.
    """
    wanted = {limit.name: limit for limit in sorted(limits)}
    noted = {row[0]: Limit(*row) for row in (yield Ask("lock_limits", [{"name": name} for name in wanted]))}
    yield Ask("add_limit", [limit._asdict() for name, limit in wanted.items() if name not in noted])
    if change:
        yield Ask(
            "change_limit", [limit._asdict() for name, limit in wanted.items() if noted.get(name, limit) != limit]
        )
    return wanted.keys() - noted.keys()


def admission(keys: Collection[str], ended: Collection[UUID]) -> Generator[Ask, Rows, Admission]:
    """Admit who waits under these keys, and those under which these tasks, which have ended, had places."""
    wanted = set(keys)
    if ended:
        wanted |= {row[0] for row in (yield Ask("places_of", [{"task_id": task_id} for task_id in sorted(ended)]))}
    if not wanted:
        return Admission(0, {})
    surveys = yield from _survey(sorted(wanted))
    choice = yield from _choose(surveys)
    places = {task_id: place for place, task_id in enumerate(choice.chosen)}
    if places:
        yield Ask("admit", [{"task_id": task_id, "place": places[task_id]} for task_id in sorted(places)])
    opens = {key: surveys[key].opens_in(choice.given[key]) for key in choice.stopped}
    opens |= dict.fromkeys([*choice.unread, *(key for key in choice.stopped if choice.given[key] == AT_ONCE)], 0.0)
    undeclared = frozenset(function_of(key) for key in choice.stopped if surveys[key].limit is None)
    return Admission(len(places), {key: at for key, at in opens.items() if at is not None}, undeclared)


def handing_back(claims: Sequence[HandBack]) -> Asking:
    """Hand back claimed rows, in an order that is the same for all."""
    yield Ask("hand_back", [claim._asdict() for claim in sorted(claims, key=lambda claim: claim.id)])


def sweeping(after: int, count: int) -> Generator[Ask, Rows, Batch]:
    """Forget places of tasks that are gone, who waits for one, and starts that count no more: of so many entries."""
    batch = [{"after": after, "count": count}]
    names = {function_of(_place(row).limit_key) for row in (yield Ask("kept_places", batch))}
    limits = {row[0]: Limit(*row) for row in (yield Ask("lock_limits", [{"name": name} for name in sorted(names)]))}
    places = [_place(row) for row in (yield Ask("kept_places", batch))]  # as they are now that nobody admits
    tasks = yield from _tasks({place.task_id for place in places if place.state != _SPENT})
    survey: dict[str, Survey] = {}
    gone = [place.id for place in places if place.state == _HELD and place.task_id not in tasks]
    for place in places:
        if place.state != _HELD:
            of_key = survey.setdefault(place.limit_key, Survey(limits.get(function_of(place.limit_key))))
            of_key.add(place, tasks.get(place.task_id))
    gone += [entry for each in survey.values() for entry in each.gone]
    yield _note(each for of_key in survey.values() for each in of_key.noted)
    yield _drop(gone)
    return Batch(len(gone), len(places), str(places[-1].id) if len(places) == count else None)


def _survey(keys: Sequence[str]) -> Generator[Ask, Rows, dict[str, Survey]]:
    """Look at the places under these keys, and write what has become of them."""
    names = sorted({function_of(key) for key in keys})
    limits = {row[0]: Limit(*row) for row in (yield Ask("lock_limits", [{"name": name} for name in names]))}
    asked = [{"state": state, "limit_key": key} for key in keys for state in (_ADMITTED, _SPENT)]
    places = [_place(row) for row in (yield Ask("places", asked))]
    tasks = yield from _tasks({place.task_id for place in places if place.state == _ADMITTED})
    surveys = {key: Survey(limits.get(function_of(key))) for key in keys}
    for place in places:
        surveys[place.limit_key].add(place, tasks.get(place.task_id))
    yield _note(each for survey in surveys.values() for each in survey.noted)
    yield _drop(entry for survey in surveys.values() for entry in survey.gone)
    return surveys


@dataclass
class _Choice:
    """Who gets a place: tasks in order, how many under each key, where others are left, and where nobody has looked."""

    chosen: dict[UUID, None] = field(default_factory=dict)
    given: Counter[str] = field(default_factory=Counter)
    stopped: set[str] = field(default_factory=set)
    unread: Collection[str] = ()


def _choose(surveys: Mapping[str, Survey]) -> Generator[Ask, Rows, _Choice]:
    """Choose who is next under each key, as many as there are places for, and give them these.

    Who waits in vain is forgotten, and so is who needs no place.
    """
    room = {key: survey.room for key, survey in surveys.items()}
    choice, left, more = _Choice(), dict(room), 1
    for _ in range(_ROUNDS):
        if not left:
            break
        # More than there is room for, which says whether anybody is left.
        asked = [{"limit_key": key, "count": count + more} for key, count in sorted(left.items())]
        held: dict[str, list[tuple[int, UUID]]] = {key: [] for key in left}
        for entry, key, task_id in (yield Ask("first_held", asked)):
            held[key].append((entry, UUID(str(task_id))))
        tasks = yield from _tasks({task_id for some in held.values() for _, task_id in some})
        taken: list[int] = []
        vain: list[int] = []
        left = {key: count for key, count in left.items() if len(held[key]) == count + more}
        for key, some in held.items():
            fit = _fitting(key, some, tasks, choice.chosen)
            fitting = fit[: room[key] - choice.given[key]]
            if len(fit) > len(fitting):
                choice.stopped.add(key)
                left.pop(key, None)
            choice.given[key] += len(fitting)
            choice.chosen |= dict.fromkeys(task_id for _, task_id in fitting)
            (vain if surveys[key].unlimited else taken).extend(entry for entry, _ in fitting)
            vain += [entry for entry, _ in set(some) - set(fit)]
        yield Ask("take_places", [{"id": entry} for entry in sorted(taken)])
        yield _drop(vain)
        left, more = {key: room[key] - choice.given[key] for key in left}, AT_ONCE
    choice.unread = left
    return choice


def _fitting(
    key: str, held: Sequence[tuple[int, UUID]], tasks: Mapping[UUID, Seen], chosen: Collection[UUID]
) -> list[tuple[int, UUID]]:
    """Those entries whose tasks wait under this key, each task once."""
    found: dict[UUID, int] = {}
    for entry, task_id in held:
        task = tasks.get(task_id)
        if task is not None and task.waits_under == key and task_id not in chosen:
            found.setdefault(task_id, entry)
    return [(entry, task_id) for task_id, entry in found.items()]


def _tasks(ids: Collection[UUID]) -> Generator[Ask, Rows, dict[UUID, Seen]]:
    rows = yield Ask("limited_tasks", [{"task_id": task_id} for task_id in sorted(ids)])
    return {UUID(str(row[0])): Seen(row[1], _float(row[2]), row[3]) for row in rows}


def _note(noted: Iterable[tuple[int, int, float]]) -> Ask:
    return Ask("note_starts", [{"id": entry, "state": state, "age": age} for entry, state, age in sorted(noted)])


def _drop(entries: Iterable[int]) -> Ask:
    return Ask("drop_places", [{"id": entry} for entry in sorted(entries)])


def _place(row: Sequence[Any]) -> Place:
    entry, key, task_id, state, admitted, noted = row
    return Place(entry, key, UUID(str(task_id)), state, _float(admitted), _float(noted))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


class LimitsOf(ABC):
    """See `asyncqueue.backends.facets.Limits`: what every dialect has in common."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def declare(self, limits: Collection[Limit], *, change: bool) -> set[str]:
        """As `Limits.declare`."""
        found: set[str] = await self._answer(partial(declaring, limits, change=change))
        return found

    async def admit(self, keys: Collection[str] = (), *, ended: Collection[UUID] = ()) -> Admission:
        """As `Limits.admit`."""
        admitted: Admission = await self._answer(partial(admission, keys, ended))
        return admitted

    async def held(self, after: str = "", *, limit: int = 500) -> list[str]:
        """As `Limits.held`."""
        return [row[0] for row in await self._read("held_keys", {"after": after, "count": limit})]

    async def hand_back(self, claims: Sequence[HandBack]) -> None:
        """As `Limits.hand_back`."""
        await self._answer(partial(handing_back, claims))

    async def sweep(self, *, limit: int, place: str | None = None) -> Batch:
        """As `Limits.sweep`."""
        swept: Batch = await self._answer(partial(sweeping, int(place or 0), limit))
        return swept

    async def states(self) -> list[LimitState]:
        """As `Limits.states`."""
        return [LimitState(Limit(*row[:4]), *row[4:]) for row in await self._read("limits", {})]

    async def _read(self, name: str, values: Mapping[str, Any]) -> Rows:
        """One statement, which needs no transaction."""
        self._table.require_migrated(WHAT, versions.LINKED)
        return await self._alone(Ask(name, [values]))

    async def _answer(self, make: Callable[[], Asking]) -> Any:
        self._table.require_migrated(WHAT, versions.LINKED)
        return await self._in_transaction(make)

    @abstractmethod
    async def _in_transaction(self, make: Callable[[], Asking]) -> Any:
        """Run what is asked in one transaction, of what is made anew wherever that is repeated."""

    @abstractmethod
    async def _alone(self, ask: Ask) -> Rows:
        """Run one statement that reads."""
