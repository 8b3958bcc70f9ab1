"""Imported by a worker: each of its turns at cleaning up is witnessed in a file."""

from __future__ import annotations

import os
from typing import Any

from asyncqueue.worker import cleaning
from tests.worker.sample_tasks import witnessed

_clean = vars(cleaning)["clean"]


async def _witnessed(*args: Any, **values: Any) -> Any:
    witnessed(os.environ["WITNESS"], f"start {os.getpid()}")
    try:
        return await _clean(*args, **values)
    finally:
        witnessed(os.environ["WITNESS"], f"end {os.getpid()}")


vars(cleaning)["clean"] = _witnessed
