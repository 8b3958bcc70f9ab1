"""Tasks of the Django project in processes of their own, which use its ORM where Django allows that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asyncqueue import task


def _running() -> int:
    from django.apps import apps

    model: Any = apps.get_model("django_simple_queue", "Task")
    count: int = model.objects.filter(status=1).count()
    return count


async def _running_async() -> int:
    from django.apps import apps

    model: Any = apps.get_model("django_simple_queue", "Task")
    count: int = await model.objects.filter(status=1).acount()
    return count


@task(isolation="process")
def plain() -> int:
    return _running()


@task(isolation="process")
def generator() -> Iterator[str]:
    yield f"{_running()} and "
    yield str(_running())


@task(isolation="process")
def through_async_to_sync() -> int:
    from asgiref.sync import async_to_sync

    count: int = async_to_sync(_running_async)()
    return count


@task(isolation="process")
async def asynchronous() -> int:
    return await _running_async()
