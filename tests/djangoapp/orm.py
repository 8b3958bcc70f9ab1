"""What a Django project does to its tasks, through its own model. Importable only once Django is set up."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction

Task = apps.get_model("django_simple_queue", "Task")


def migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)


def make_anew() -> None:
    with connection.schema_editor() as editor:
        editor._remake_table(Task)


def create(rows: list[dict[str, Any]]) -> list[str]:
    with transaction.atomic():
        return [_create(**row) for row in rows]


def _create(args: Any = None, created: str | None = None, modified: str | None = None, **fields: Any) -> str:
    task = Task.objects.create(args=json.dumps(args) if isinstance(args, dict) else args, **fields)
    instants = {"created": created, "modified": modified}
    given = {name: datetime.fromisoformat(text) for name, text in instants.items() if text}
    if given:  # Django's clock sets both on every save, but not on an update
        Task.objects.filter(pk=task.pk).update(**given)
    return str(task.pk)


def read(ids: list[str] | None) -> list[dict[str, Any]]:
    if ids is None:
        return [_fields(task) for task in Task.objects.order_by("modified", "id")]
    found = {str(task.pk): task for task in Task.objects.filter(pk__in=ids)}
    return [_fields(found[id_]) for id_ in ids]


def _fields(task: Any) -> dict[str, Any]:
    values = {field.attname: getattr(task, field.attname) for field in Task._meta.fields}
    instants = {name: values[name].isoformat() for name in ("created", "modified")}
    return values | instants | {"id": str(task.pk)}


def save_status(id_: str, status: int) -> None:
    task = Task.objects.get(pk=id_)
    task.status = status
    task.save()


def delete_all() -> None:
    Task.objects.all().delete()


def run_worker_once() -> str | None:
    # A round of its `task_worker` command, whose loop has no end and no other way in.
    from django_simple_queue.management.commands.task_worker import process_task

    task = Task.objects.filter(status=Task.QUEUED).order_by("modified").first()
    if task is not None:
        process_task(task_id=task.id)
    return str(task.id) if task is not None else None
