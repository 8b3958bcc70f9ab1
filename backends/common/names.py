"""Names of the task table and of everything that asyncqueue makes beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Self

from asyncqueue.backends.base import DEFAULT_TABLE

#: Hexadecimal digits of the hash that ends a shortened name.
_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Names:
    """The names for one task table.

    A name that would be longer than the database allows is shortened and ends with a hash of the whole name. So two
    tables whose names begin alike never share an index or a side table, and the server never shortens a name itself.

    Args:
        table: the task table's name, without its schema.
        schema: the schema (PostgreSQL) or database (MySQL, MariaDB) that holds the table; empty where it is not known,
            and on SQLite, which has none.
        limit: how long a name may be.
        in_bytes: the limit counts bytes of UTF-8, not characters.
        folds: the database takes names that differ only in case for the same name.
    """

    table: str
    schema: str = ""
    limit: int = 63
    in_bytes: bool = False
    folds: bool = False

    @classmethod
    def configured(cls, name: str, *, limit: int, in_bytes: bool = False, folds: bool = False) -> Self:
        """The names for a table as the setting `table` has it: a dot separates the schema from the table."""
        schema, _, table = name.rpartition(".")
        return cls(table, schema, limit, in_bytes, folds)

    def within(self, schema: str | None, *, folds: bool | None = None) -> Names:
        """The same, in the schema in which the server found the table; with None as they are."""
        return replace(self, schema=schema or self.schema, folds=self.folds if folds is None else folds)

    def index(self, purpose: str) -> str:
        """The name of an index on the task table, without schema."""
        return self._shortened(f"{self.fold(self.table)}_asyncqueue_{purpose}", f"_asyncqueue_{purpose}")

    def side(self, purpose: str) -> str:
        """The name of a table, function or trigger beside the task table, without schema."""
        table = self.fold(self.table)
        return f"asyncqueue_{purpose}" if table == DEFAULT_TABLE else self._shortened(f"asyncqueue_{purpose}_{table}")

    @property
    def channel(self) -> str:
        """The channel of notifications about the task table, and the key of its migrations' lock."""
        return self._shortened(f"asyncqueue:{self.schema}.{self.table}" if self.schema else f"asyncqueue:{self.table}")

    def quoted(self, name: str, quote: str) -> str:
        """A name in the task table's schema, quoted for SQL."""
        parts = [self.schema, name] if self.schema else [name]
        return ".".join(quoted(part, quote) for part in parts)

    def fold(self, name: str) -> str:
        """The form in which the database compares a name."""
        return name.lower() if self.folds else name

    def _shortened(self, name: str, ending: str = "") -> str:
        """The name itself where it fits, else as much of it as fits before its hash and the ending."""
        if self._length(name) <= self.limit:
            return name
        ending = f"_{hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]}{ending}"
        kept = name
        while self._length(kept + ending) > self.limit:
            kept = kept[:-1]
        return kept + ending

    def _length(self, name: str) -> int:
        return len(name.encode()) if self.in_bytes else len(name)


def quoted(name: str, quote: str) -> str:
    """One identifier, quoted for SQL."""
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"
