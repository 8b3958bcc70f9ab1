"""What becomes of a task whose worker was lost, on a table that counts losses."""

from __future__ import annotations

from typing import Literal

from asyncqueue.model import AttemptEnd, LostTask, Status


def decide(
    lost: LostTask, *, again: bool, on_lost: Literal["fail", "requeue"], lease: float, max_losses: int
) -> AttemptEnd:
    """The end of a lost attempt, fenced by the token that was seen.

    Args:
        lost: as `Backend.overdue` found it.
        again: whether its function is declared with `@task`, and so runs at least once.
        on_lost: what becomes of the others.
        lease: seconds for which nobody renewed it.
        max_losses: how many workers it may lose until it is taken for what ends them.
    """
    what = (
        f"its worker{f' {lost.claimed_by}' if lost.claimed_by else ''} did not renew the claim for {lease:g} seconds "
        "(it was lost, or could not reach the database)"
    )
    # One that had lost as many and was queued again by Django, which resets nothing, begins anew.
    losses = lost.losses % max_losses + 1
    if not (again or on_lost == "requeue"):
        status, text = Status.FAILED, f"Task failed: {what}"
    elif losses == max_losses:
        status = Status.FAILED
        text = (
            f"Task failed: {losses} worker{'s were' if losses > 1 else ' was'} lost with it. It may be what ends them, "
            f"so it is not run again. The last time {what}"
        )
    else:
        status, text = Status.QUEUED, f"Queued again: {what}"
    return AttemptEnd(
        lost.id,
        lost.token if lost.token is not None else "",
        status,
        output=None,
        error=text,
        log=None,
        keep_output=True,
        delay=None,
        attempt=lost.attempt,
        # Another rescuer's record of the same loss is not to be taken for one's own, whose reply was lost.
        started=None,
        lost=True,
    )
