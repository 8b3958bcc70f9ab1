"""pgqueuer with its own default of tasks at once: without a limit.

Everything else is as in `run_pgqueuer.py`. Without `max_concurrent_tasks` the batch size is free: the guide
"Performance tuning" asks for a larger one when tasks are short, and names no upper bound. 400 drained fastest where 25,
50, 100, 200, 400 and 1,000 were tried. The benchmark's `concurrency` has no effect here, so the workload "efficiency"
would mean something else and is left out.
"""

from __future__ import annotations

from typing import Any

import shared
from run_pgqueuer import Pgqueuer

BATCH = 400


class PgqueuerUnlimited(Pgqueuer):
    """As many tasks at once as are due."""

    def options(self, concurrency: int) -> dict[str, Any]:
        return {"batch_size": BATCH}


if __name__ == "__main__":
    shared.main(PgqueuerUnlimited)
