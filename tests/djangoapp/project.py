"""A Django project's settings module, as `--django tests.djangoapp.project` loads it; the tests set the environment."""

from __future__ import annotations

import json
import os
import sys
import types

import django.dispatch

from tests.djangoapp.serve import database

SHAPE = os.environ["PROJECT_SHAPE"]

INSTALLED_APPS = ["django_simple_queue" if SHAPE == "7" else "tests.djangoapp.tencolumns"]
DATABASES = {"default": database(os.environ["PROJECT_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = os.environ.get("PROJECT_TIME_ZONE") is None
TIME_ZONE = os.environ.get("PROJECT_TIME_ZONE", "UTC")
DJANGO_SIMPLE_QUEUE_TASK_TIMEOUT = 1
DJANGO_SIMPLE_QUEUE_MAX_OUTPUT_SIZE = 5000
DJANGO_SIMPLE_QUEUE_MAX_ARGS_SIZE = 6000
if "PROJECT_ALLOWED" in os.environ:
    DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS = set(json.loads(os.environ["PROJECT_ALLOWED"]))

if SHAPE == "10":
    # The development line has this module, the release does not.
    signals = types.ModuleType("django_simple_queue.signals")
    for name in ("before_job", "on_success", "on_failure", "before_loop", "after_loop"):
        setattr(signals, name, django.dispatch.Signal())
    sys.modules["django_simple_queue.signals"] = signals
