"""The options that say which tasks a command is about: `list`, `stats --errors`, `requeue` and `cancel` share them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from asyncqueue.cli.errors import USAGE, fail
from asyncqueue.errors import ConfigurationError
from asyncqueue.model import Status

if TYPE_CHECKING:
    from asyncqueue.queue import Queue
    from asyncqueue.selection import Selection

_STATUSES = "queued, scheduled, running, completed, failed or cancelled"
_PAGE = 1000

StatusOption = Annotated[
    list[str] | None, typer.Option("--status", "-s", metavar="STATUS", help=f"{_STATUSES}; repeatable.")
]


@dataclass(frozen=True, slots=True)
class Selected:
    """Which tasks. `command` makes an option of each field."""

    status: StatusOption = None
    task: Annotated[
        str | None,
        typer.Option("--task", metavar="PATH", help="Only tasks of this dotted path; * stands for any characters."),
    ] = None
    queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="Only tasks of this queue.")] = None
    worker: Annotated[
        str | None,
        typer.Option("--worker", metavar="NAME", help="Only tasks that this worker claimed last; * as above."),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="Only tasks that changed since then: 2h ago, or 2026-12-01T08:00Z."
        ),
    ] = None
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Only tasks that have not changed since then.")
    ] = None
    error: Annotated[
        str | None, typer.Option("--error", metavar="TEXT", help="Only tasks whose error contains this text.")
    ] = None

    def selection(self) -> Selection:
        """The same for `Queue.list`. Exits with 2 for what means nothing."""
        given: dict[str, Any] = {
            "status": parse_statuses(self.status),
            "task": self.task,
            "queue": self.queue,
            "worker": self.worker,
            "since": _moment(self.since, "--since"),
            "until": _moment(self.until, "--until"),
            "error": self.error,
        }
        if given["since"] is not None and given["until"] is not None and given["since"] > given["until"]:
            raise fail(
                f"--since {self.since} is later than --until {self.until}, so no task fits: --since is the earlier, "
                "as in --since 10m --until 5m",
                USAGE,
            )
        selection: Selection = {name: value for name, value in given.items() if value is not None}  # type: ignore[assignment]
        return selection

    @property
    def given(self) -> bool:
        """Whether anything was given."""
        return any(getattr(self, name) is not None for name in self.__slots__)


def parse_statuses(names: list[str] | None) -> list[Status] | None:
    """Statuses by name, any case, or by number. Exits with 2 for an unknown one."""
    if not names:
        return None
    known = {status.name.lower(): status for status in Status} | {str(int(status)): status for status in Status}
    for name in names:
        if name.lower() not in known:
            raise fail(f"there is no status {name!r}: {_STATUSES}", USAGE)
    return [known[name.lower()] for name in names]


def parse_id(text: str) -> UUID:
    """A task id, with or without dashes. Exits with 2 for anything else."""
    try:
        return UUID(text)
    except ValueError:
        raise fail(f"{text!r} is not a task id, which looks like 0f8fad5b-d9cb-469f-a165-70867728950e", USAGE) from None


def parse_instant(text: str, option: str) -> datetime:
    """An instant with its zone. Exits with 2 for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise fail(
            f"{option} {text!r} is no time: write it as 2026-12-01T08:00+01:00, or with Z for UTC", USAGE
        ) from None
    if at.utcoffset() is None:
        raise fail(f"{option} {text!r} has no time zone: add one, as in 2026-12-01T08:00+01:00, or Z for UTC", USAGE)
    return at


def _moment(text: str | None, option: str) -> datetime | None:
    """An instant, or how long ago it was by this host's clock. Exits with 2 for anything else."""
    from asyncqueue.durations import seconds_of

    if text is None:
        return None
    if text[-1:].isalpha() and not text.upper().endswith("Z"):
        try:
            return datetime.now(UTC) - timedelta(seconds=seconds_of(text))
        except ConfigurationError:
            raise fail(
                f"{option} {text!r} is no time: 90s, 15m, 12h or 7d ago, or an instant such as 2026-12-01T08:00Z", USAGE
            ) from None
    if text.isdecimal():
        raise fail(f"{option} {text} has no unit: write {text}s, {text}m, {text}h or {text}d", USAGE)
    return parse_instant(text, option)


async def change_all(queue: Queue, selection: Selection, change: Callable[..., Awaitable[set[UUID]]]) -> set[UUID]:
    """Give all of these tasks to `change`, page by page, each once. Returns the ids that it has changed.

    What was changed may stay in the list and come first, and other tasks may leave it meanwhile. So the list is read
    until it has nothing new from its beginning to its end.
    """
    done: set[UUID] = set()
    seen: set[UUID] = set()
    more = True
    while more:
        more, offset = False, 0
        while batch := await queue.list(limit=_PAGE, offset=offset, **selection):
            new = {record.id for record in batch} - seen
            if new:
                more = True
                seen |= new
                done |= await change(*new)
            else:
                offset += len(batch)
    return done


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is changed. Without a terminal and without `--yes` nothing is, and the exit code is 2."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise fail(f"{question} Nothing was done: give --yes where there is no terminal to ask on", USAGE)
    # The event loop's handler would cancel this command, which a wait for an answer does not notice.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        typer.confirm(question, abort=True)
    finally:
        signal.signal(signal.SIGINT, before)
