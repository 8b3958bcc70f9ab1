"""Keeps a row that is handed back from coming back for ever."""

from __future__ import annotations

from uuid import UUID

from asyncqueue.model import Status
from asyncqueue.running.runner import RunResult

#: How often one worker hands the same row back, although nobody has stopped it.
_OFTEN = 3
#: Rows that are remembered.
_ROWS = 1_000


class Fuse:
    """Counts how often this worker has taken up a row that then ended without a result, and was not stopped either.

    That does not happen: each end of a run has a cause that is known. Where it happens all the same, the row would be
    claimed again at once, as it is the oldest, and so on without end.
    """

    def __init__(self) -> None:
        self._times: dict[UUID, int] = {}

    def ended_without_result(self, row: UUID, attempt: int) -> RunResult | None:
        """What becomes of such a row: None where it is to be handed back, and a failure when that was often enough."""
        times = self._times.pop(row, 0) + 1
        if times >= _OFTEN:
            return RunResult(
                Status.FAILED,
                error=f"This worker has begun the task {times} times, and each time it ended without a result and "
                "without a cause that is known. This may be a defect of asyncqueue: the log of the worker tells more",
                attempt=attempt,
            )
        self._times[row] = times
        if len(self._times) > _ROWS:
            del self._times[next(iter(self._times))]
        return None
