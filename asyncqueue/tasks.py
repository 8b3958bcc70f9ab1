"""Declares functions as tasks, and turns functions and arguments into what a row holds."""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import CellType
from typing import Any, Generic, Literal, ParamSpec, TypeAlias, TypeVar, overload

from pydantic_core import PydanticSerializationError, to_jsonable_python

from asyncqueue import names
from asyncqueue.errors import ConfigurationError, InvalidArguments, InvalidTask, PayloadTooLarge
from asyncqueue.limits import LimitKey, LimitPolicy, Rate
from asyncqueue.loggers import get_logger
from asyncqueue.names import MAX_PATH, check_names, is_path
from asyncqueue.retries import NO_RETRY, RetryDelay, RetryPolicy
from asyncqueue.schedules import CatchUp, Schedule
from asyncqueue.signatures import parameters_of

logger = get_logger("asyncqueue.tasks")

P = ParamSpec("P")
R = TypeVar("R")

#: As `except` takes them: one class, or a tuple.
Exceptions: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]


class Unset:
    """The type of UNSET."""

    def __repr__(self) -> str:
        return "UNSET"


#: Says that the worker's own setting counts.
UNSET = Unset()


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """How a task wants to be run.

    `timeout` is in seconds; None, 0 or less means no limit. `isolation` says whether a plain function runs in a thread
    of the worker or in a process of its own. `retry` says what follows a failure,
    `schedule` when it is enqueued by itself, and `limits` how many may run. `name` is what stands in its rows, the path
    where that is None, and `aliases` are names that rows may have as well.
    """

    timeout: float | Unset | None = UNSET
    isolation: Literal["thread", "process"] = "thread"
    retry: RetryPolicy = NO_RETRY
    schedule: Schedule | None = None
    limits: LimitPolicy | None = None
    name: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The name and the aliases with which it is declared."""
        return self.aliases if self.name is None else (self.name, *self.aliases)


class TaskFunction(Generic[P, R]):
    """A function declared with `@task`. Calling it calls the function, here and now."""

    def __init__(self, function: Callable[P, R], options: TaskOptions) -> None:
        functools.update_wrapper(self, function)
        self.options = options
        self._function = function

    __wrapped__: Callable[P, R]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self._function.__module__}.{self._function.__qualname__}>"


def wraps_a_task(function: object, path: str) -> bool:
    """Whether the function at this path is not declared itself, but what a decorator above `@task` has made of one.

    A decorator without `functools.wraps` is known by what it holds: the declared function that has this path.
    """
    if isinstance(function, TaskFunction):
        return False
    seen: set[int] = set()
    while function is not None and id(function) not in seen:
        seen.add(id(function))
        inner = function.func if isinstance(function, functools.partial) else getattr(function, "__wrapped__", None)
        cells = map(_content, getattr(function, "__closure__", None) or ())
        if isinstance(inner, TaskFunction) or any(_stands_at(each, path) for each in cells):
            return True
        function = inner
    return False


def _stands_at(value: object, path: str) -> bool:
    return isinstance(value, TaskFunction) and path == f"{value.__module__}.{getattr(value, '__qualname__', '')}"


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _is_timeout(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value is None or isinstance(value, Unset)
    return value >= 0  # which NaN is not


@overload
def task(function: Callable[P, R], /) -> TaskFunction[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    aliases: Sequence[str] = (),
    timeout: float | Unset | None = UNSET,
    isolation: Literal["thread", "process"] = "thread",
    max_attempts: int | None = None,
    backoff: RetryDelay | float | Sequence[float] | None = None,
    retry_on: Exceptions | None = None,
    give_up_on: Exceptions | None = None,
    cron: str | None = None,
    timezone: str | None = None,
    catch_up: CatchUp | None = None,
    limit: int | None = None,
    rate: Rate | str | None = None,
    limit_key: LimitKey | None = None,
) -> Callable[[Callable[P, R]], TaskFunction[P, R]]: ...
def task(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    aliases: Sequence[str] = (),
    timeout: float | Unset | None = UNSET,
    isolation: Literal["thread", "process"] = "thread",
    max_attempts: int | None = None,
    backoff: RetryDelay | float | Sequence[float] | None = None,
    retry_on: Exceptions | None = None,
    give_up_on: Exceptions | None = None,
    cron: str | None = None,
    timezone: str | None = None,
    catch_up: CatchUp | None = None,
    limit: int | None = None,
    rate: Rate | str | None = None,
    limit_key: LimitKey | None = None,
) -> Any:
    """Declare a function as a task: workers may run it without being told so with `--allow`.

    Args:
        function: async or plain, also a generator function, whose yields are streamed.
        name: a dotted path that stands in the rows of its tasks instead of the function's own, such as the one that it
            had before it was moved. A worker finds it where that path leads to a module that imports this one, or
            where the setting `imports` names this module.
        aliases: other such paths, which rows may have: those under which its tasks were enqueued before.
        timeout: seconds after which a run is stopped and failed; None or 0 for no limit. The worker's setting where
            it is left out.
        isolation: "process" runs it in a process of its own, which a timeout can kill, a crash cannot harm anybody
            else, and whose memory goes back. "thread" runs a plain function in a thread of the worker.
        max_attempts: how many times it is run at most, until it does not fail. Once, where it is left out.
        backoff: how long it waits before the next attempt: a RetryDelay, seconds, or a sequence of seconds of which
            the last is repeated. Where it is left out: 1 second, then twice as long each time, up to 10 minutes.
        retry_on: the exception, or a tuple of those, after which it is tried again; `Exception` where it is left out.
            A timeout counts as TimeoutError, a process that died as ChildProcessError. With () only a `Retry` that the
            function raises does it.
        give_up_on: the exception, or a tuple of those, after which it is not, even if `retry_on` has it.
        cron: a cron expression: workers that import its module (the setting `imports`) enqueue it at every tick,
            without arguments. Five fields, or six with the seconds before them.
        timezone: the name of the zone that `cron` is in; UTC where it is left out.
        catch_up: what becomes of ticks that were missed, because no worker ran: "latest" (the last of them runs once;
            so it is where it is left out), "skip" (none runs) or "all" (each does, the oldest first).
        limit: how many of its tasks run at once at most, on all workers together. This and what follows needs a
            migrated table: run `asyncqueue migrate`.
        rate: how many of its tasks start at most in any time of a length: "100/m" (in any minute), "5/s", "10/30s", or
            a `Rate`.
        limit_key: what tells apart tasks that have limits of their own: a text with names of arguments, as in
            "customer-{customer}", or a function of the arguments. One limit for all, where it is left out.

    Raises:
        ConfigurationError: options that mean nothing.
    """
    if isolation not in ("thread", "process"):
        raise ConfigurationError(f'isolation must be "thread" or "process", not {isolation!r}')
    if not _is_timeout(timeout):
        raise ConfigurationError(f"timeout must be a number of seconds, 0 or more, or None, not {timeout!r}")
    retry = _retry_policy(max_attempts, backoff, retry_on, give_up_on)
    if name is not None:
        check_names("name", [name])
    others = check_names("aliases", aliases)

    def declare(function: Callable[P, R]) -> TaskFunction[P, R]:
        if not inspect.isroutine(function):
            raise ConfigurationError(f"@task declares functions, not {type(function).__name__}")
        options = TaskOptions(
            timeout,
            isolation,
            retry,
            _schedule(function, cron, timezone, catch_up),
            LimitPolicy.of(function, limit, rate, limit_key),
            name,
            others,
        )
        declared: TaskFunction[P, R] = TaskFunction(function, options)
        names.declare(declared, options.names)
        return declared

    return declare if function is None else declare(function)


def _retry_policy(
    max_attempts: int | None,
    backoff: RetryDelay | float | Sequence[float] | None,
    retry_on: Exceptions | None,
    give_up_on: Exceptions | None,
) -> RetryPolicy:
    if max_attempts is None:
        if backoff is None and retry_on is None and give_up_on is None:
            return NO_RETRY
        # What is meant is surely more than one attempt, and nobody would notice that it is not so.
        raise ConfigurationError(
            "max_attempts is missing: backoff, retry_on and give_up_on say how to try again, and it how often"
        )
    return RetryPolicy(
        max_attempts,
        NO_RETRY.backoff if backoff is None else RetryDelay.of(backoff),
        NO_RETRY.retry_on if retry_on is None else _classes(retry_on),
        NO_RETRY.give_up_on if give_up_on is None else _classes(give_up_on),
    )


def _schedule(
    function: Callable[..., Any], cron: str | None, timezone: str | None, catch_up: CatchUp | None
) -> Schedule | None:
    named = f"{getattr(function, '__module__', None)}.{getattr(function, '__qualname__', None)}"
    if cron is None:
        if timezone is None and catch_up is None:
            return None
        raise ConfigurationError(f"{named}: cron is missing: timezone and catch_up say something about it")
    try:
        schedule = Schedule.of(
            cron, "UTC" if timezone is None else timezone, "latest" if catch_up is None else catch_up
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{named}: {error}") from None
    lacking = parameters_of(function).required
    if lacking:
        raise ConfigurationError(
            f"{named}: with cron it is called without arguments, and {', '.join(lacking)} has no default: give it one, "
            "or leave cron out and give cron and args in the setting periodic"
        )
    return schedule


def _classes(exceptions: Exceptions) -> tuple[type[BaseException], ...]:
    return exceptions if isinstance(exceptions, tuple) else (exceptions,)


def path_of(function: Callable[..., Any] | str) -> str:
    """The dotted path that stands in the `task` column.

    Raises InvalidTask for what a worker could never import, and for a path that is longer than the column.
    """
    return _path_of(function) if isinstance(function, Hashable) else _path_of.__wrapped__(function)


@functools.lru_cache(maxsize=1024)
def _path_of(function: Callable[..., Any] | str) -> str:
    path = function if isinstance(function, str) else _path_of_function(function)
    if len(path) > MAX_PATH:
        raise InvalidTask(f"the path {path!r} has {len(path)} characters; the task column holds {MAX_PATH}")
    if not is_path(path):
        raise InvalidTask(f"{path!r} is not a dotted path to a function, such as 'app.tasks.send_mail'")
    return path


def _path_of_function(function: Callable[..., Any]) -> str:
    if not callable(function):
        raise InvalidTask(f"a task is a function or its dotted path, not {type(function).__name__}")
    if isinstance(function, TaskFunction) and function.options.name is not None:
        return function.options.name
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if module is None or name is None or inspect.ismethod(function):
        raise InvalidTask(f"{function!r} has no path that a worker could import: give a function of a module")
    if "<" in name:
        raise InvalidTask(
            f"{name} is a lambda or inside another function: a worker cannot import it; move it to a module"
        )
    if module == "__main__":
        raise InvalidTask(
            f"{name} is in the program that runs (__main__): a worker cannot import it; move it to a module"
        )
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names:
        logger.warning(
            "%s.%s: a module of Python's standard library is named %r as well. Workers that find that one first fail "
            "the task: rename the package",
            module,
            name,
            package,
        )
    return f"{module}.{name}"


# As json.dumps, which would make an encoder for every call.
_encode = json.JSONEncoder(default=to_jsonable_python).encode


def encode_args(args: Mapping[str, Any] | None, max_bytes: int) -> str:
    """Arguments as the JSON text of the `args` column, as Django's `json.dumps` writes it.

    Values beyond JSON (dates, UUIDs, decimals, dataclasses, pydantic models) are written as pydantic writes them.

    Raises InvalidArguments unless it is a mapping of names to such values, PayloadTooLarge over `max_bytes`.
    """
    if not args and (args is None or isinstance(args, dict)):
        return "{}"
    if not isinstance(args, Mapping):
        raise InvalidArguments(f"args should be a dict of keyword arguments, not {type(args).__name__}")
    wrong = next((key for key in args if not isinstance(key, str)), None)
    if wrong is not None:
        raise InvalidArguments(f"the names of arguments must be text, not {wrong!r}")
    try:
        text = _encode(args if type(args) is dict else dict(args))
    except (TypeError, ValueError, RecursionError, PydanticSerializationError) as error:
        raise InvalidArguments(f"the arguments cannot be written as JSON: {error}") from error
    if len(text) > max_bytes:  # ASCII: a character is a byte
        raise PayloadTooLarge(f"the arguments have {len(text)} bytes of JSON; max_args_size allows {max_bytes}")
    return text
