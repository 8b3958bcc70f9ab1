"""Loads the named statements of a dialect and renders them for one table and one driver.

One file is one statement, named after the file. Its head declares it::

    -- What it does, and why it is written this way on this dialect.
    -- Params: limit, worker_pid
    -- Returns: id, task, args, token, queued_at

In the text

- ``:name`` is a parameter. A declared one that is not used, and a used one that is not declared, are errors.
- ``{table}`` is a slot, filled once per connection set-up with a quoted identifier or a keyword, never with a value.
- a line that ends in ``-- [feature]`` stays only where the table or server has that feature, one that ends in
  ``-- [not feature]`` only where it lacks it, and with several of them where all are true. A file read by a person
  shows every line there can be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_CONDITIONS = re.compile(r"--(?:\s*\[(?:not )?\w+\])+\s*$")
_CONDITION = re.compile(r"\[(?P<negated>not )?(?P<feature>\w+)\]")
_COMMENT = re.compile(r"--.*$", re.MULTILINE)
# Quoted text, a cast's double colon and `:=` are matched first, so that no parameter is seen in them.
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|::|:=|:(?P<param>[a-z_]+)")
_SLOT = re.compile(r"\{(?P<slot>[a-z_]+)\}")
_HEAD = re.compile(r"^-- (?P<key>Params|Returns): (?P<value>.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """A statement as its file has it."""

    name: str
    text: str
    params: frozenset[str]
    returns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement ready for a driver: `params` in the order of its positional placeholders."""

    name: str
    text: str
    params: tuple[str, ...]

    def values(self, given: Mapping[str, object]) -> list[object]:
        """The positional arguments, taken from `given` by name."""
        return [given[name] for name in self.params]


class StatementError(Exception):
    """A .sql file contradicts its own head. A defect of asyncqueue, never of its user."""


@cache
def load(dialect: str) -> Mapping[str, Source]:
    """Every statement of a dialect, read and checked once per process."""
    folder = resources.files("asyncqueue.sql") / dialect
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda file: file.name)
    return {(name := file.name.removesuffix(".sql")): parse(name, file.read_text("utf-8")) for file in files}


def parse(name: str, text: str) -> Source:
    """Read one file. Raises StatementError where its head and its text disagree."""
    head = {match["key"]: match["value"] for match in _HEAD.finditer(text)}
    if head.keys() != {"Params", "Returns"}:
        raise StatementError(f"{name}.sql: the head needs one '-- Params:' and one '-- Returns:' line")
    declared = frozenset(_listed(head["Params"]))
    used = frozenset(_params(_COMMENT.sub("", text)))
    if declared != used:
        raise StatementError(
            f"{name}.sql: declared but unused {sorted(declared - used)}, used but undeclared {sorted(used - declared)}"
        )
    return Source(name, text, declared, tuple(_listed(head["Returns"])))


def render(
    source: Source, style: Callable[[str, int], str], slots: Mapping[str, str], features: frozenset[str]
) -> Statement:
    """Render for a driver: `style(name, number)` writes a placeholder, number counting distinct names from 1."""
    lines = (line for line in source.text.splitlines() if _kept(line, features))
    bare = _COMMENT.sub("", "\n".join(lines))
    order: dict[str, int] = {}

    def place(match: re.Match[str]) -> str:
        name = match["param"]
        if name is None:
            return match[0]
        return style(name, order.setdefault(name, len(order) + 1))

    # Slots come last: what fills them is quoted already, and whatever stands between its quotes is no parameter.
    filled = _SLOT.sub(lambda match: slots[match["slot"]], _TOKEN.sub(place, bare))
    text = "\n".join(line.rstrip() for line in filled.splitlines() if line.strip())
    return Statement(source.name, text, tuple(order))


def render_all(
    dialect: str, style: Callable[[str, int], str], slots: Mapping[str, str], features: frozenset[str]
) -> Mapping[str, Statement]:
    """Every statement of a dialect, rendered."""
    return {name: render(source, style, slots, features) for name, source in load(dialect).items()}


def dollar(_name: str, number: int) -> str:
    """``$1``: asyncpg."""
    return f"${number}"


def colon(name: str, _number: int) -> str:
    """``:name``: sqlite3."""
    return f":{name}"


def pyformat(name: str, _number: int) -> str:
    """``%(name)s``: aiomysql."""
    return f"%({name})s"


def _kept(line: str, features: frozenset[str]) -> bool:
    found = _CONDITIONS.search(line)
    return found is None or all(
        (condition["feature"] in features) != bool(condition["negated"]) for condition in _CONDITION.finditer(found[0])
    )


def _listed(value: str) -> list[str]:
    return [] if value.strip() == "none" else [name.strip() for name in value.split(",")]


def _params(text: str) -> Iterator[str]:
    return (match["param"] for match in _TOKEN.finditer(text) if match["param"])
