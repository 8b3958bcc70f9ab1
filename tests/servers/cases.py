"""Which databases a test runs on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import pytest

from tests.djangoapp import Shape
from tests.servers.server import PRODUCTS

SERVER_DIALECTS: Final = tuple(PRODUCTS)
DIALECTS: Final = (*SERVER_DIALECTS, "sqlite")
SHAPES: Final[tuple[Shape, ...]] = (7, 10)


class Case(NamedTuple):
    """The parameter of a database fixture. It shows in a test's name, so that `-k mysql` selects."""

    dialect: str
    shape: Shape | None = None
    #: Brought to level 1 by `asyncqueue migrate`.
    migrated: bool = False

    def __str__(self) -> str:
        parts = [self.dialect, *([str(self.shape)] if self.shape else []), *(["migrated"] if self.migrated else [])]
        return "-".join(parts)


def shaped(dialects: Sequence[str] = DIALECTS, shapes: Sequence[Shape] = SHAPES) -> list[Case]:
    """A case for each dialect with each shape of the table."""
    return [Case(dialect, shape) for dialect in dialects for shape in shapes]


def migrated(dialects: Sequence[str] = DIALECTS) -> list[Case]:
    """A case for each dialect with the ten columns and those of level 1."""
    return [Case(dialect, 10, migrated=True) for dialect in dialects]


def cases(fixture: str, wanted: Iterable[Case]) -> pytest.MarkDecorator:
    """Mark a test to run a database fixture on these cases instead of all."""
    return pytest.mark.parametrize(fixture, list(wanted), indirect=True, ids=str)
