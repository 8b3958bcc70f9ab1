"""The worker: claims tasks, runs many at a time, and writes their ends."""

from __future__ import annotations

from asyncqueue.worker.progress import Progress
from asyncqueue.worker.worker import Worker

__all__ = ["Progress", "Worker"]
