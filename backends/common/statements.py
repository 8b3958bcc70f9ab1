"""Loads the named statements of a dialect and renders them for one table and one driver.

One file is one statement, named after the file. It lies in a folder of its topic, `sql/<dialect>/<topic>/<name>.sql`,
or in `sql/common/<topic>/` where every dialect has the same text. Its head declares it::

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
from collections.abc import Callable, Iterator, Mapping, Sequence
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


class Sources(Mapping[str, Source]):
    """The statements of a database by their names. A text is parsed when it is first asked for.

    The texts themselves are read at once: a process that is short of file descriptors goes on with what it has.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self.parsed: dict[str, Source] = {}

    def __getitem__(self, name: str) -> Source:
        if name not in self.parsed:
            self.parsed[name] = parse(name, self._texts[name])
        return self.parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


@cache
def load(*dialects: str) -> Sources:
    """Every statement of a database.

    Args:
        dialects: folders of `sql/`, or packages by their dotted names. A statement comes from the first one that has
            it, and from `sql/common` where none has: `("cockroachdb", "postgresql")` needs only what differs.
    """
    texts: dict[str, str] = {}
    for dialect in ("common", *reversed(dialects)):
        texts |= _texts(dialect)
    return Sources(texts)


def _texts(dialect: str) -> dict[str, str]:
    """The statements of one folder. Raises StatementError where a name stands in two topics."""
    folder = resources.files(dialect) if "." in dialect else resources.files("asyncqueue.sql") / dialect
    found: dict[str, str] = {}
    for topic in sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda entry: entry.name):
        for file in sorted(topic.iterdir(), key=lambda entry: entry.name):
            name, _, kind = file.name.rpartition(".")
            if kind == "sql" and name in found:
                raise StatementError(f"{dialect} has two statements named {name}; the second is in {topic.name}")
            if kind == "sql":
                found[name] = file.read_text("utf-8")
    return found


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

    def placeholder(match: re.Match[str]) -> str:
        name = match["param"]
        if name is None:
            return match[0]
        return style(name, order.setdefault(name, len(order) + 1))

    # Slots come last: what fills them is quoted already, and whatever stands between its quotes is no parameter.
    filled = _SLOT.sub(lambda match: slots[match["slot"]], _TOKEN.sub(placeholder, bare))
    text = "\n".join(line.rstrip() for line in filled.splitlines() if line.strip())
    return Statement(source.name, text, tuple(order))


class Rendered(dict[str, Statement]):
    """The statements of a database for one table and one driver, each rendered when it is first asked for."""

    def __init__(
        self,
        dialects: Sequence[str],
        style: Callable[[str, int], str],
        slots: Mapping[str, str],
        features: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__()
        self._sources = load(*dialects)
        self._style = style
        self._slots = dict(slots)
        self._features = features

    def __missing__(self, name: str) -> Statement:
        statement = self[name] = render(self._sources[name], self._style, self._slots, self._features)
        return statement


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
