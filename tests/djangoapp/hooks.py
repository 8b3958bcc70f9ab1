"""Given as --hooks, so that the project's signal handlers are connected when the worker starts."""

from __future__ import annotations

import os
from typing import Any

from tests.djangoapp.tasks import listen

listen(os.environ["PROJECT_WITNESS"])


def before_job(info: Any) -> None:
    """A module of hooks has at least one."""
