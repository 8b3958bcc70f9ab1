"""Takes the database, the time zone and the rules from a Django project, and calls its signals."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from asyncqueue.django_settings import APP, MODULE, project, unusable
from asyncqueue.errors import SchemaError
from asyncqueue.importing import problem
from asyncqueue.loggers import get_logger
from asyncqueue.running.application import Application
from asyncqueue.running.context import TaskInfo
from asyncqueue.running.hooks import Hooks
from asyncqueue.running.resolve import AllowRule
from asyncqueue.settings import Settings

logger = get_logger("asyncqueue.django")

_SIGNALS = ("before_job", "on_success", "on_failure", "before_loop", "after_loop")


class Project:
    """A Django project that is set up."""

    def __init__(self, django_settings: Any) -> None:
        self._django = django_settings

    def allow_rule(self, settings: Settings) -> AllowRule:
        """The project's allowed tasks; without any, Django's rule: everything, and a loud warning."""
        allowed = getattr(self._django, "DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS", None)
        if allowed is not None:
            return AllowRule(patterns=settings.allow, only=frozenset(allowed))
        if settings.allow:
            return AllowRule(patterns=settings.allow)
        logger.warning(
            "this project does not set DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS: ANY importable function named in the task "
            "table will be run, as Django Simple Queue does. Set it, or give --allow 'myapp.tasks.*'."
        )
        return AllowRule(everything=True)

    def application(self, settings: Settings) -> Application:
        """The project's rules and signals, and its database connections looked after around each plain function."""
        return Application(
            hooks=self._hooks(),
            allow=self.allow_rule(settings),
            prepare="asyncqueue.django.set_up_child",
            around=_fresh_connections,
        )

    def _hooks(self) -> Hooks:
        try:
            signals = importlib.import_module("django_simple_queue.signals")
        except ModuleNotFoundError:
            return Hooks()
        return Hooks(**{name: (_sender(name, signals),) for name in _SIGNALS if hasattr(signals, name)})


@cache
def load(module: str) -> Project:
    """Set up the project with this settings module. Raises ConfigurationError if that fails."""
    os.environ[MODULE] = module
    settings = project()
    import django

    try:
        django.setup()
    except Exception as error:
        raise unusable(module, error, "set up") from error
    return Project(settings)


def make_table() -> None:
    """Have the project make the task table, as `manage.py migrate django_simple_queue` does.

    Raises SchemaError if that fails, ConfigurationError for a project that cannot be set up.
    """
    load(os.environ[MODULE])
    from django.core.management import call_command
    from django.db import connections

    try:
        call_command("migrate", APP, interactive=False, verbosity=0)
    except Exception as error:
        raise SchemaError(f"the Django project cannot make the task table: {problem(error)}") from error
    finally:
        connections.close_all()


@contextmanager
def _fresh_connections() -> Iterator[None]:
    """As Django does around a request: drop this thread's connections that are broken or too old."""
    from django.db import close_old_connections

    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()


def set_up_child() -> None:
    """What a task's own process calls first: it has inherited DJANGO_SETTINGS_MODULE."""
    import django

    django.setup()


def _sender(name: str, signals: Any) -> Any:
    """A hook that sends one of the project's signals with the model instance, if anybody listens."""
    signal = getattr(signals, name)
    details = {"on_failure": ("error",), "before_loop": ("iteration",), "after_loop": ("output", "iteration")}.get(
        name, ()
    )

    def send(info: TaskInfo, *values: Any) -> None:
        from django.apps import apps

        model = apps.get_model("django_simple_queue", "Task")
        if signal.has_listeners(model):
            with _fresh_connections():
                task = model.objects.get(pk=info.id)
                signal.send(sender=model, task=task, **dict(zip(details, values, strict=True)))

    send.__module__, send.__name__, send.__qualname__ = signals.__name__, name, name  # as the log names it
    return send
