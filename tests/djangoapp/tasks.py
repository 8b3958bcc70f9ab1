"""The tasks of the Django project: plain functions, as Django Simple Queue has them, that use its ORM."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any


def count_tasks(witness: str = "") -> str:
    from django.apps import apps

    model = apps.get_model("django_simple_queue", "Task")
    return f"{model.objects.filter(status=1).count()} in progress"


def give_back(value: str) -> str:
    return value


async def give_back_late(seconds: float) -> None:
    await asyncio.sleep(seconds)


def steps(number: int) -> Iterator[str]:
    for step in range(number):
        yield f"step {step};"


def broken() -> None:
    raise RuntimeError("broken on purpose")


def listen(witness: str) -> None:
    """Connect to every signal; each is witnessed with what it was given."""
    from django_simple_queue import signals

    for name in ("before_job", "on_success", "on_failure", "before_loop", "after_loop"):
        getattr(signals, name).connect(_witness(name, witness), weak=False)


def _witness(name: str, witness: str) -> Any:
    def receiver(sender: Any, task: Any, **given: Any) -> None:
        given.pop("signal")
        details = {key: str(value).partition("\n")[0] for key, value in sorted(given.items())}
        descriptor = os.open(witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(descriptor, f"{name} {task.task.rpartition('.')[2]} {task.status} {details}\n".encode())
        os.close(descriptor)

    return receiver
