"""What handle.result() makes of an output column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from asyncqueue.results import decode_result, result_type_of


@dataclass
class Point:
    x: int
    y: int


class Opaque:
    """Nothing pydantic can read from JSON."""


async def typed() -> dict[str, int]:
    return {}


async def untyped():
    return 1


def generator() -> Iterator[str]:
    yield ""


def broken() -> NoSuchName:  # type: ignore[name-defined]  # noqa: F821
    return 1


@pytest.mark.parametrize(
    ("output", "result_type", "expected"),
    [
        (None, int, None),
        ("text", str, "text"),
        ("5", str, "5"),
        ("5", None, "5"),
        ("5", Any, "5"),
        ("5", int, 5),
        ('{"a":1}', dict[str, int], {"a": 1}),
        ('{"x":1,"y":2}', Point, Point(1, 2)),
        ("plain text", str | int, "plain text"),
        ("7", str | int, 7),
        ("not what was promised", int, "not what was promised"),
        ("x", Opaque, "x"),
    ],
)
def test_an_output_is_read_as_the_annotated_type(output: str | None, result_type: Any, expected: Any) -> None:
    assert decode_result(output, result_type) == expected


def test_the_result_type_comes_from_the_annotation() -> None:
    assert result_type_of(typed) == dict[str, int]
    assert result_type_of(untyped) is None
    assert result_type_of(broken) is None
    assert result_type_of("a.b.c") is None
