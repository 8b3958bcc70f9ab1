"""Reads the args column straight into a function's parameters."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NotRequired

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from typing_extensions import TypedDict

from asyncqueue.errors import InvalidArguments, PayloadTooLarge
from asyncqueue.reprs import said
from asyncqueue.running.boundary import Raised, call, is_a
from asyncqueue.signatures import hints_of, parameters_of


class Arguments:
    """The parameters of one function.

    Annotated parameters are validated and converted by pydantic, in JSON's terms: a string becomes a date where a date
    is asked for. A parameter without an annotation, or with one that cannot be resolved, takes what JSON gives; that
    changes nothing for the others. What a wrapper's own signature does not require may be left out.
    """

    def __init__(self, path: str, function: Callable[..., Any]) -> None:
        self._path = path
        self._problem = ""
        self._none: Mapping[str, Any] | None = None
        try:
            self._adapter = call(_adapter, function)
            self._none = call(_validated, self._adapter)
        except Raised as raised:
            # Annotations and the types in them are code of the application, which may raise anything.
            expected = is_a(raised.error, (PydanticUserError, ValueError, TypeError))
            self._problem = said(raised.error) if expected else f"its annotations raised {raised}"

    def read(self, text: str | None, max_bytes: int) -> Mapping[str, Any]:
        """The keyword arguments in the text. Raises InvalidArguments, PayloadTooLarge."""
        if self._none is not None and (not text or text == "{}"):
            return self._none
        if self._problem:
            raise InvalidArguments(f"{self._path} cannot be called with keyword arguments: {self._problem}")
        if not text:
            text = "{}"
        elif len(text) > max_bytes or (len(text) * 4 > max_bytes and len(text.encode("utf-8", "replace")) > max_bytes):
            raise PayloadTooLarge(f"the arguments are larger than max_args_size allows ({max_bytes} bytes)")
        try:
            values: Mapping[str, Any] = self._adapter.validate_json(text)
        except ValidationError as error:
            if error.errors()[0]["type"] != "json_invalid":
                raise self._invalid(error) from None
            # The standard library reads a few things more, such as lone surrogates, and Django writes with it.
            return self._read_leniently(text)
        return values

    def _read_leniently(self, text: str) -> Mapping[str, Any]:
        try:
            values: Mapping[str, Any] = self._adapter.validate_python(json.loads(text))
        except ValidationError as error:
            raise self._invalid(error) from None
        except (ValueError, RecursionError) as error:
            raise InvalidArguments(f"the arguments are not valid JSON: {error}") from None
        return values

    def _invalid(self, error: ValidationError) -> InvalidArguments:
        first = error.errors(include_url=False)[0]
        if first["type"] == "dict_type":
            return InvalidArguments(f"the arguments must be a JSON object, not {_json_name(first['input'])}")
        problems = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)
        ]
        return InvalidArguments(f"the arguments do not fit {self._path}: {'; '.join(problems)}")


def _validated(adapter: TypeAdapter[Any]) -> Mapping[str, Any] | None:
    """What no arguments at all are, None where some are required."""
    with contextlib.suppress(ValidationError):
        values: Mapping[str, Any] = adapter.validate_json("{}")
        return values
    return None


def _adapter(function: Callable[..., Any]) -> TypeAdapter[Any]:
    parameters, hints = parameters_of(function), hints_of(function)
    if parameters.positional_only is not None:
        raise TypeError(f"its parameter {parameters.positional_only!r} is positional-only")
    fields: dict[str, Any] = {}
    for name in parameters.named:
        annotation = hints.get(name, Any)
        fields[name] = annotation if name in parameters.required else NotRequired[annotation]
    # A TypedDict rather than a model: any name may be a parameter's, and defaults stay the function's own.
    make: Any = TypedDict
    arguments = make("arguments", fields)
    extra: Any = "allow" if parameters.open else "forbid"
    arguments.__pydantic_config__ = ConfigDict(extra=extra, arbitrary_types_allowed=True)
    adapter: TypeAdapter[Any] = TypeAdapter(arguments)
    return adapter


def _json_name(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
