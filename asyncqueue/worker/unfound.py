"""What becomes of claimed tasks whose function this worker cannot find, and of a worker that finds none at all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.backoff import Backoff
from asyncqueue.errors import DataRejected
from asyncqueue.limits import PutOff
from asyncqueue.loggers import get_logger
from asyncqueue.model import Status
from asyncqueue.running.runner import RunResult
from asyncqueue.worker.ledger import HeldClaim
from asyncqueue.worker.narrowing import narrowed
from asyncqueue.worker.shortages import Shortages

logger = get_logger("asyncqueue.worker")

#: Seconds for which a task is put off, each time, or what is left of the setting `unknown_tasks`.
_AGAIN = 10.0
#: Tasks that a worker which has found no function at all looks for before it stops claiming.
_FEW = 10
#: Seconds until it tries again, at first and at most: where tasks are put off, and where they fail.
_FIRST, _LAST, _LAST_FAILING = 2.0, 5.0, 30.0
#: Seconds until it is asked again whether a function was found, while a module is being imported.
_MOMENT = 0.1
#: Seconds until the log names a path again.
_SAY_AGAIN = 60.0
#: Paths that the log names at most.
_NAMED = 3


class Unfound:
    """Tasks whose module or attribute is missing, or whose module cannot be imported.

    A task whose function is missing is put off where the table can hold that, because another worker may have its code:
    in a rolling deployment an old worker meets the tasks of the new release. It fails when `patience` has passed. A
    module that raises when it is imported fails its tasks at once, and so does a missing function on a table that has
    no room for more.

    A worker that has found no function at all is probably in the wrong folder, or in the wrong virtual environment. It
    stops claiming after a few tasks, says so, and tries again after pauses that grow: with one task where tasks fail by
    that. Where they are put off it takes as many as it has room for, because its own tasks may be queued behind them.
    What it has claimed beyond those that may fail is handed back.

    Args:
        patience: seconds for which a task is put off in all, from the first time; 0 for not at all.
        found_any: whether this worker has found any function.
        looking: whether it is importing something just now, which may yet be found.
        pause: called with the seconds for which nothing is claimed, and whether a burst is over by that.
        begun: whether the function of a path is being called just now: see `Shortages`.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        patience: float,
        found_any: Callable[[], bool],
        looking: Callable[[], bool],
        pause: Callable[[float, bool], None],
        begun: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._backend = backend
        self._patience = patience
        self._found_any = found_any
        self._looking = looking
        self._pause = pause
        self._shortages = Shortages(pause=pause, begun=begun)
        self._delays = Backoff(_FIRST, _LAST, jitter=0.1)
        self._delays_failing = Backoff(_FIRST, _LAST_FAILING, jitter=0.1)
        self._missed = 0
        #: What the first of these lacked, for the log.
        self._errors: dict[str, None] = {}
        self._may_fail = _FEW
        self._until = 0.0
        #: Whether the log says that this worker has found nothing.
        self.astray = False
        self._said: dict[str, float] = {}

    @property
    def puts_off(self) -> bool:
        """Whether a task is put off whose function is missing."""
        shape = self._backend.shape
        return self._patience > 0 and shape is not None and shape.migrated

    def room(self, room: int) -> int:
        """How many tasks to claim, where there is room for so many."""
        room = self._shortages.room(room)
        if self._missed < _FEW:
            return room
        if self._found_any():
            self._go_on()
            return room
        if time.monotonic() < self._until:
            return 0
        return room if self.puts_off else min(room, 1)

    async def settle(self, some: Sequence[HeldClaim]) -> list[HeldClaim]:
        """Put off what can be, and return it; the others are given the result that is to be written, or none."""
        some = self._shortages.settle(some)
        if not some:
            return []
        put_off = [held for held in some if held.result is not None and held.result.status == Status.SCHEDULED]
        put_off = put_off if self.puts_off else []
        late = await narrowed(put_off, self._put_off, self._refused)
        done = [held for held in put_off if held.id not in late]
        errors = list(dict.fromkeys(_error(held).partition("\n")[0] for held in some))
        for held in some:
            if held not in done:
                held.result = self._end(held, late=held.id in late)
        self._say(done)
        if not self._found_any():
            self._missed += len(some)
            if len(self._errors) <= _NAMED:
                self._errors |= dict.fromkeys(errors)
            if self._missed >= _FEW and time.monotonic() >= self._until:
                self._stop_for_a_while(errors)
        return done

    async def _put_off(self, some: Sequence[HeldClaim]) -> set[UUID]:
        """Put these off. Returns those for which it is too late."""
        rows = [PutOff(held.id, held.token, _text(held, min(_AGAIN, self._patience))) for held in some]
        return await self._backend.limits.put_off(rows, delay=_AGAIN, patience=self._patience)

    async def _refused(self, held: HeldClaim, error: DataRejected) -> set[UUID]:
        """The database refuses to have this row put off, by a trigger of the user's perhaps: it fails."""
        assert held.result is not None  # noqa: S101 - that is why it is here
        held.result = held.result._replace(status=Status.FAILED)
        logger.error("task %s (%s) cannot be put off: %s", held.id, held.claimed.task, error, extra=held.about)
        return {held.id}

    def _end(self, held: HeldClaim, *, late: bool) -> RunResult | None:
        """The failure of a task, or None to hand it back."""
        assert held.result is not None  # noqa: S101 - that is why it is here
        error = held.result.error or ""
        if late and held.result.status == Status.SCHEDULED:
            error += (
                f". No worker that claimed it within {self._patience:g} seconds had it (setting unknown_tasks). A name "
                "that @task declares is found where the setting imports has its module"
            )
        elif not late and not self._found_any():
            if not self._may_fail:
                return None
            self._may_fail -= 1
        return held.result._replace(status=Status.FAILED, error=error, unfound=False)

    def end(self) -> bool:
        """At the end of a burst. Returns whether all that it claimed cannot be found here, and says so in the log."""
        if not self._missed or self._found_any():
            return False
        if not self.astray:
            self._say_astray(list(self._errors), "")
        return True

    def _stop_for_a_while(self, errors: Sequence[str]) -> None:
        self._may_fail = 1
        if self._looking():
            self._until = time.monotonic() + _MOMENT
            self._pause(_MOMENT, False)
            return
        delay = (self._delays if self.puts_off else self._delays_failing).next()
        self._until = time.monotonic() + delay
        self._say_astray(errors, f" Not claiming for {delay:.1f} s")
        self._pause(delay, True)

    def _say_astray(self, errors: Sequence[str], more: str) -> None:
        self.astray = True
        logger.error(
            "no function was found for any of the tasks claimed so far (%d): %s. Modules are looked for in %s, by %s: "
            "is this the right folder, and the right virtual environment?%s",
            *(
                self._missed,
                _named(errors),
                next(iter(sys.path), None) or Path.cwd(),
                sys.executable,
                more,
            ),
        )

    def _go_on(self) -> None:
        self._missed = 0
        if self.astray:
            self.astray = False
            logger.info("a function was found: claiming again")

    def _say(self, put_off: Collection[HeldClaim]) -> None:
        """Name in the log what was put off, each path once a minute."""
        now = time.monotonic()
        for path, held in {held.claimed.task: held for held in put_off}.items():
            if self._said.get(path, 0.0) <= now:
                self._said = {name: until for name, until in self._said.items() if until > now}
                self._said[path] = now + _SAY_AGAIN
                logger.warning(
                    "task %s is put off for other workers, for up to %g s: %s",
                    *(held.id, self._patience, _error(held)),
                    extra=held.about,
                )


def _error(held: HeldClaim) -> str:
    return "" if held.result is None else (held.result.error or "")


def _text(held: HeldClaim, delay: float) -> str:
    """What stands in the row meanwhile: in ASCII, which every table can hold."""
    text = f"{_error(held)}. The worker that claimed it does not have it: it is due again within {delay:g} seconds"
    return text.encode("ascii", "backslashreplace").decode()


def _named(errors: Sequence[str]) -> str:
    more = f" and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
    return "; ".join(errors[:_NAMED]) + more
