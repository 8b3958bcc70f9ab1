"""What stands in an output column, as the value that the task returned."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from asyncqueue.signatures import hints_of


@functools.lru_cache(maxsize=1024)
def result_type_of(function: Callable[..., Any] | str) -> Any:
    """The annotated result of a function, None where there is none or it cannot be told."""
    if isinstance(function, str):
        return None
    return hints_of(getattr(function, "__wrapped__", function)).get("return")


def decode_result(output: str | None, result_type: Any) -> Any:
    """The value that stands in an output column, as `result_type`; the text itself where that does not fit."""
    if output is None or result_type in (None, str, Any, type(None)):
        return output
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(result_type)
    except Exception:  # noqa: BLE001 - a type's schema is made by arbitrary code; the text is what there is
        return output
    for read in (adapter.validate_json, adapter.validate_python):
        try:
            return read(output)
        except ValidationError:
            continue
    return output
