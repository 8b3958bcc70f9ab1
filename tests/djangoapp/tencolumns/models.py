import uuid

from django.db import models


class Task(models.Model):  # type: ignore[misc]  # Django has no types
    QUEUED = 0
    STATUSES = ((0, "Queued"), (1, "In progress"), (2, "Completed"), (3, "Failed"), (4, "Cancelled"))

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    task = models.CharField(max_length=127)
    args = models.TextField(null=True, blank=True)
    status = models.IntegerField(default=QUEUED, choices=STATUSES)
    output = models.TextField(null=True, blank=True)
    error = models.TextField(null=True, blank=True)
    log = models.TextField(null=True, blank=True)
    worker_pid = models.IntegerField(null=True, blank=True)
