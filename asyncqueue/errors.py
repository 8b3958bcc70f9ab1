"""Every error asyncqueue raises on purpose.

::

    AsyncQueueError
    ├── ConfigurationError        a setting, URL or option is wrong; nothing was attempted
    ├── DatabaseError
    │   ├── DatabaseUnavailable   no connection, or no answer within the deadline; may be tried again
    │   │   ├── AccessDenied      the server refuses the user, the password or the database's name
    │   │   ├── DatabaseBusy      deadlock or lock wait, also after the backend's own retries
    │   │   ├── DatabaseReadOnly  the server takes no writes; another one may have become the primary
    │   │   └── SchemaChanged     the table was migrated meanwhile; it was looked at again
    │   ├── QueueClosed           the queue was closed; open it again
    │   ├── OutcomeUnknown        no answer: it may have been done or not; look before you try again
    │   ├── DataRejected          the database refused the values of a row; trying again cannot help
    │   ├── SchemaError           the task table is missing or is not one asyncqueue knows
    │   │   ├── TableMissing
    │   │   └── MigrationRequired a feature needs columns that `asyncqueue migrate` adds
    │   └── UnsupportedServer     the server cannot claim safely: too old, or without row locks
    ├── InvalidTask               refused at enqueue, or the text in the error column of a row that cannot run
    │   ├── InvalidArguments      also a TypeError
    │   ├── PayloadTooLarge
    │   ├── TaskNotAllowed
    │   ├── TaskNotImportable
    │   │   └── UnknownTask       its module or attribute is missing here; another worker may have it
    │   └── ResultNotStorable
    ├── DuplicateTask             another task holds the unique key
    ├── TaskEnded                 what handle.result() raises instead of returning
    │   ├── TaskFailed            .error holds the text of the error column
    │   ├── TaskCancelled
    │   ├── TaskNotFound          no row with that id (never enqueued, or cleaned up)
    │   └── ResultTimeout         also a TimeoutError; the task itself goes on
    └── (asyncqueue.testing)
        ├── TasksFailed           also an AssertionError; .records are the rows
        └── QueueNotEmpty         also a TimeoutError; .records are the rows that have not ended
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID


class AsyncQueueError(Exception):
    """Base class of every error asyncqueue raises on purpose."""


class ConfigurationError(AsyncQueueError):
    """A setting, URL or option is wrong; the message names it and the remedy."""


class DatabaseError(AsyncQueueError):
    """Something between asyncqueue and the database went wrong."""


class DatabaseUnavailable(DatabaseError):
    """No connection, or no answer within the deadline. The same call may succeed later."""


class AccessDenied(DatabaseUnavailable):
    """The server answers and refuses the user, the password or the database's name. Waiting seldom helps."""


class DatabaseBusy(DatabaseUnavailable):
    """Deadlocks or lock waits outlasted the backend's own retries."""


class DatabaseReadOnly(DatabaseUnavailable):
    """The server takes no writes, and nothing was done. The same call may succeed later, or on another server."""


class SchemaChanged(DatabaseUnavailable):
    """The task table is not any more what it was when it was looked at. It was looked at again: repeat the call."""

    #: As what the table was known. Where the same call fails twice with the same, it is not the table that differs.
    known: object = None
    #: The server's words.
    said: str = ""


class QueueClosed(DatabaseError):
    """The queue was closed before this call, or during it. What was under way then may have been done or not."""


class OutcomeUnknown(DatabaseError):
    """The answer got lost to what must not be done twice. Look what became of it before you try again."""


class DataRejected(DatabaseError):
    """The database refused the values of a row; the same row will be refused again."""


class SchemaError(DatabaseError):
    """The task table is not one asyncqueue can work with."""


class TableMissing(SchemaError):
    """There is no task table of that name; `asyncqueue migrate` makes one."""


class MigrationRequired(SchemaError):
    """The feature needs columns that `asyncqueue migrate` adds."""


class UnsupportedServer(DatabaseError):
    """The server cannot claim rows exactly: it is too old, or it does not hold the row locks that it is asked for."""


class InvalidTask(AsyncQueueError):
    """A task that cannot be enqueued, or a row that cannot run."""


class InvalidArguments(InvalidTask, TypeError):
    """The arguments are not a JSON object, or do not fit the function."""


class PayloadTooLarge(InvalidTask):
    """Arguments or a result exceed the configured size in bytes."""


class TaskNotAllowed(InvalidTask):
    """The allow rule does not admit this function."""


class TaskNotImportable(InvalidTask):
    """The dotted path does not lead to a callable."""


class UnknownTask(TaskNotImportable):
    """The module or the attribute that the dotted path names is missing; another worker may have it."""


class ResultNotStorable(InvalidTask):
    """A result that no text column can hold (NUL character, lone surrogate, not JSON)."""


class DuplicateTask(AsyncQueueError):
    """Another task holds the unique key, and the caller wanted to be told so; `task_id` is that task's."""

    def __init__(self, task_id: UUID, key: str) -> None:
        super().__init__(f"task {task_id} holds the unique key {key!r}: nothing was enqueued")
        self.task_id = task_id
        self.key = key


#: How the error text of a task begins that asyncqueue has cancelled because of another one.
CANCELLED = "Task cancelled: "


class TaskEnded(AsyncQueueError):
    """A task ended without a result to return."""

    def __init__(self, task_id: UUID, message: str) -> None:
        super().__init__(message)
        self.task_id = task_id


class TaskFailed(TaskEnded):
    """The task failed; `error` is the text of its error column."""

    def __init__(self, task_id: UUID, error: str) -> None:
        summary = error.strip().splitlines()[0] if error.strip() else "no error text"
        super().__init__(task_id, f"task {task_id} failed: {summary}")
        self.error = error


class TaskCancelled(TaskEnded):
    """The task was cancelled; `error` is the text of its error column where that says why, else None."""

    def __init__(self, task_id: UUID, error: str | None = None) -> None:
        # A text by somebody who cancels with a reason; else what an earlier attempt has left there.
        self.error = error if error is not None and error.startswith(CANCELLED) else None
        reason = f": {self.error.removeprefix(CANCELLED)}" if self.error else ""
        super().__init__(task_id, f"task {task_id} was cancelled{reason}")


class TaskNotFound(TaskEnded):
    """There is no row with this id."""


class ResultTimeout(TaskEnded, TimeoutError):
    """The task had not ended in time; it goes on."""


def unwrapped(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error inside nested groups; of several on purpose, which say the same, the first; else the group."""
    leaves = list(_leaves(group))
    if len(leaves) == 1 or all(isinstance(leaf, AsyncQueueError) for leaf in leaves):
        return leaves[0]
    return group


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
