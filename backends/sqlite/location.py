"""Where a SQLite URL points."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from asyncqueue.errors import ConfigurationError

MEMORY = ":memory:"
_FORMS = "sqlite:///relative/path.sqlite3, sqlite:////absolute/path.sqlite3, or sqlite:// for one in memory"


def location(url: str) -> str:
    """The absolute path of the database file, or `:memory:`. Raises ConfigurationError for a malformed URL."""
    if url == "sqlite://":
        return MEMORY
    parts = urlsplit(url)
    if parts.netloc:
        name = parts.netloc.rpartition("@")[2] + parts.path
        raise ConfigurationError(f"a SQLite URL has no host: a file takes three slashes, as in sqlite:///{name}")
    if parts.query or parts.fragment:
        raise ConfigurationError("a SQLite URL takes no options: write '?' and '#' of a file's name as %3F and %23")
    path = unquote(parts.path[1:])
    if not url.startswith("sqlite:///") or not path or "\0" in path:
        raise ConfigurationError(f"the database URL {url!r} names no file: write {_FORMS}")
    return MEMORY if path == MEMORY else str(Path(path).absolute())


def identity(path: str) -> tuple[int, int] | None:
    """Which file there is at the path; None where there is none, and for a database in memory. Takes a microsecond."""
    if path == MEMORY:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path would take three times as long, and this is asked all the time
    except OSError:
        return None
    return found.st_dev, found.st_ino


def exists(path: str) -> bool:
    """Whether opening the database would not make a file."""
    return path == MEMORY or Path(path).exists()


def check(path: str) -> None:
    """Raise ConfigurationError where no database can be opened or made, and say why."""
    file = Path(path)
    if path == MEMORY:
        return
    if file.is_dir():
        raise ConfigurationError(f"the database URL names a folder, {path}: it must name a file in it")
    if not file.parent.is_dir():
        raise ConfigurationError(f"there is no folder {file.parent} for the database file {file.name}: create it first")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"no right to write in the folder {file.parent}: SQLite keeps files beside {file.name}"
        )
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        raise ConfigurationError(f"no right to read and write the database file {path}")
