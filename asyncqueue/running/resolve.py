"""From the dotted path in a row to the function it names, if that may run."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

from asyncqueue.errors import InvalidTask, TaskNotAllowed, TaskNotImportable, UnknownTask
from asyncqueue.importing import problem
from asyncqueue.limits import LimitPolicy
from asyncqueue.names import declared_as, is_path
from asyncqueue.reprs import shown
from asyncqueue.retries import RetryPolicy
from asyncqueue.running.arguments import Arguments
from asyncqueue.running.boundary import is_a
from asyncqueue.running.kinds import Kind, kind_of
from asyncqueue.stdlib import file_in_standard_library
from asyncqueue.tasks import TaskFunction, TaskOptions, Unset, wraps_a_task

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class AllowRule:
    """Which functions may run.

    Args:
        patterns: dotted paths, `*` and `?` as in file names, that may run beside functions declared with `@task`.
        everything: any importable function may run: the rule of a Django project that sets no allowed tasks.
        only: exactly these paths may run, `@task` or not: a Django project's allowed tasks. Patterns count too.
    """

    patterns: Collection[str] = ()
    everything: bool = False
    only: Collection[str] | None = None

    def named(self, path: str) -> bool:
        """Whether the path may run whatever it names."""
        return self.everything or path in (self.only or ()) or any(fnmatchcase(path, p) for p in self.patterns)

    def admits(self, path: str, function: object) -> bool:
        """Whether this function may run under this path."""
        return self.named(path) or (self.only is None and is_a(function, TaskFunction))


@dataclass(frozen=True, slots=True)
class Resolved:
    """A function that may run, and what is known of it."""

    path: str
    function: Callable[..., Any]
    isolated: bool
    #: Seconds it may take, None for no limit.
    timeout: float | None
    kind: Kind
    arguments: Arguments
    retry: RetryPolicy
    #: With `@task`.
    declared: bool = False
    limits: LimitPolicy | None = None
    #: The module whose import declares it, where its path is a name.
    module: str | None = None


class Resolver:
    """Finds functions, each once.

    Whoever can write to the task table chooses the path. So the rule is asked before code of the application runs, as
    far as that can be: of a path that the rule does not name, only the modules are imported, and none of the standard
    library. The function must then be declared with `@task`, and stand where the path says: no module's `__getattr__`
    is asked for it.

    Args:
        allow: the rule.
        default_timeout: seconds, for functions that do not say otherwise; None, 0 or less for no limit.
    """

    def __init__(self, allow: AllowRule, default_timeout: float | None = None) -> None:
        self._allow = allow
        self._default_timeout = default_timeout
        self._known: dict[str, Resolved] = {}

    def known(self, path: str) -> Resolved | None:
        """The function, if it was found before."""
        return self._known.get(path)

    @property
    def found_any(self) -> bool:
        """Whether any function was found."""
        return bool(self._known)

    def resolve(self, path: str) -> Resolved:
        """Import and check the function. May take long the first time: call it in a thread.

        Raises TaskNotImportable (UnknownTask where the module or the attribute is missing), TaskNotAllowed, and nothing
        else: whatever the application's code raises on the way is the row's failure.
        """
        try:
            return self._resolve(path)
        except InvalidTask:
            raise
        except BaseException as error:
            raise TaskNotImportable(f"{path} cannot be looked up: {shown(error)}") from error

    def _resolve(self, path: str) -> Resolved:
        if not is_path(path):
            raise TaskNotImportable(f"{path!r} is not a dotted path to a function, such as 'app.tasks.send_mail'")
        function = declared_as(path)
        if function is None:
            function = self._look_up(path)
        if not any(self._allow.admits(name, function) for name in _names_of(path, function)):
            raise TaskNotAllowed(self._refusal(path, function))
        declared = is_a(function, TaskFunction)
        options = TaskOptions()
        if is_a(function, TaskFunction):
            options, function = function.options, function.__wrapped__
        wanted = self._default_timeout if isinstance(options.timeout, Unset) else options.timeout
        timeout = wanted if wanted is not None and wanted > 0 else None
        isolated = options.isolation == "process"
        kind, arguments = kind_of(function), Arguments(path, function)
        resolved = Resolved(
            *(path, function, isolated, timeout, kind, arguments, options.retry, declared, options.limits),
            module=function.__module__ if path in options.names else None,
        )
        self._known[path] = resolved
        return resolved

    def _look_up(self, path: str) -> Callable[..., Any]:
        """What the path leads to, or what a module that is imported on the way has declared with it as a name."""
        named = self._allow.named(path)
        if not named:
            if self._allow.only is not None:
                raise TaskNotAllowed(_not_listed(path))
            _refuse_standard_library(path)
        try:
            found = _find(path, getattr if named else _declared_there)
        except UnknownTask:
            declared = declared_as(path)
            if declared is None:
                raise
            found = declared
        return declared_as(path) or found

    def _refusal(self, path: str, function: object) -> str:
        return _not_listed(path) if self._allow.only is not None else _hidden(path, function) or _undeclared(path)


def _names_of(path: str, function: object) -> tuple[str, ...]:
    """The paths by which a function may be allowed."""
    if not is_a(function, TaskFunction):
        return (path,)
    inner = function.__wrapped__
    return (path, *function.options.names, f"{inner.__module__}.{getattr(inner, '__qualname__', '')}")


def _undeclared(path: str) -> str:
    return (
        f"{path} may not run here: declare it with @asyncqueue.task, or start the worker with --allow '{path}' "
        "(setting allow; in a Django project DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS)"
    )


def _not_listed(path: str) -> str:
    """The refusal where a Django project's list is the rule: `@task` admits nothing there."""
    return (
        f"{path} may not run here: the project's list DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS does not have it. "
        f"Add it there, or start the worker with --allow '{path}' (setting allow)"
    )


def _refuse_standard_library(path: str) -> None:
    """Raise TaskNotAllowed where the path's first name is a module of the standard library. Nothing is imported."""
    name = path.partition(".")[0]
    file = file_in_standard_library(name)
    if file is not None:
        raise TaskNotAllowed(
            f"{path} may not run here: {name} is a module of Python's standard library ({file}), which is imported "
            f"only for a path that --allow names (setting allow). If you have a package {name} of your own, the "
            "standard library's was found in its place: rename yours"
        )


def _hidden(path: str, function: object) -> str | None:
    """The refusal of a function that is declared, but wrapped by a decorator above `@task`; None for any other."""
    if not wraps_a_task(function, path):
        return None
    return (
        f"{path} may not run here: it is declared with @task, but something wraps the declared function, such as a "
        "decorator above @task. Put @task on top, above everything else"
    )


def _declared_there(owner: object, name: str) -> Any:
    """The attribute as it stands there: no `__getattr__`, property or other code of the application is asked."""
    found = inspect.getattr_static(owner, name, _NOTHING)
    if found is _NOTHING:
        asks = is_a(owner, ModuleType) and "__getattr__" in vars(owner)
        raise AttributeError(
            "of its own, and its __getattr__ is asked only for a path that --allow names" if asks else ""
        )
    return found.__func__ if is_a(found, staticmethod) else found


def _find(path: str, get: Callable[[Any, str], Any]) -> Callable[..., Any]:
    parts = path.split(".")
    module, rest = _import_longest(path, parts)
    found: Any = module
    for number, name in enumerate(rest):
        try:
            found = get(found, name)
        except AttributeError as error:
            where = ".".join(parts[: len(parts) - len(rest) + number])
            hint = f" ({error})" if get is _declared_there and str(error) else ""
            raise UnknownTask(f"{path}: {where} has no attribute {name!r}{hint}") from error
    if not callable(found):
        raise TaskNotImportable(f"{path} is not callable: it is of type {type(found).__name__}")
    function: Callable[..., Any] = found
    return function


def _import_longest(path: str, parts: list[str]) -> tuple[Any, list[str]]:
    """The longest prefix that is a module, and the names behind it."""
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        try:
            return importlib.import_module(name), parts[length:]
        except ModuleNotFoundError as error:
            # Only if this very module, or a package above it, is what is missing may a shorter prefix do.
            if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
                raise TaskNotImportable(f"{path} cannot be imported: {problem(error)}") from error
            if length == 1:
                raise UnknownTask(f"{path} cannot be imported: {error}") from error
        except BaseException as error:
            raise TaskNotImportable(f"{path} cannot be imported: {name} raised {problem(error)}") from error
    raise TaskNotImportable(f"{path} cannot be imported")
