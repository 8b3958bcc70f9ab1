"""A module of hooks."""

from __future__ import annotations

from typing import Any

from tests.testing import app


async def before_job(info: Any) -> None:
    app.done.append(f"before {info.task}")
