"""What is written of a result that the database refuses to store."""

from __future__ import annotations

from collections.abc import Iterator

from asyncqueue.errors import DataRejected
from asyncqueue.model import Status
from asyncqueue.running.runner import RunResult
from asyncqueue.running.texts import escaped

#: The last character that a column may hold: of MySQL's utf8mb3, of Latin-1, of ASCII.
_LAST_CHARACTERS = (0xFFFF, 0xFF, 0x7F)


def escapes(result: RunResult) -> Iterator[RunResult]:
    """The same end with escapes in error and log for what a column may not hold: the outcome stays what it was."""
    tried = result
    for last in _LAST_CHARACTERS:
        made = result._replace(error=_escaped(result.error, last), log=_escaped(result.log, last))
        if made != tried:
            yield made
        tried = made


def failures(result: RunResult, attempts: int, refusal: DataRejected) -> Iterator[RunResult]:
    """A failure instead, that says why, followed by what was to follow: with error and log, and without.

    Args:
        result: what the database refuses.
        attempts: how many have failed before this one.
        refusal: what it says.
    """
    text = _escaped(f"The task ended, but the database refused to store what it left: {refusal}", _LAST_CHARACTERS[-1])
    error, log = (_escaped(each, _LAST_CHARACTERS[-1]) for each in (result.error, result.log))
    failed = result._replace(status=Status.FAILED, output=None, error=text, log=None)
    if result.status == Status.COMPLETED:
        failed = failed._replace(attempt=attempts + 1)
    if error or log:
        yield failed._replace(error=f"{text}\n\n{error}" if error else text, log=log)
    yield failed


def _escaped(text: str | None, last: int) -> str | None:
    return None if text is None else escaped(text, last)
