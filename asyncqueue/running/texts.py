"""Makes texts that any database can hold, of results, errors and logs."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from asyncqueue import importing
from asyncqueue.errors import PayloadTooLarge, ResultNotStorable, TaskNotImportable
from asyncqueue.reprs import said, shown

_MAX_ERROR = 256 * 1024
_HERE = str(Path(__file__).parent)


def encode_result(value: Any, max_bytes: int) -> str | None:
    """A result as the text of the output column: a str as it is, None as NULL, anything else as JSON.

    Raises ResultNotStorable, PayloadTooLarge.
    """
    if value is None:
        return None
    if isinstance(value, str):
        # A subclass may have methods of its own, which no driver is to call.
        text = value if type(value) is str else str.__str__(value)
    else:
        try:
            text = to_json(value).decode()
        except (PydanticSerializationError, ValueError, RecursionError, TypeError) as error:
            raise ResultNotStorable(
                f"the result, of type {type(value).__name__}, cannot be written as JSON: {said(error)}"
            ) from None
    check_text(text, max_bytes, "the result")
    return text


def check_text(text: str, max_bytes: int, what: str) -> None:
    """Raise ResultNotStorable or PayloadTooLarge for a text that no output column can or may hold."""
    if "\0" in text:
        raise ResultNotStorable(f"{what} contains a NUL character (\\x00), which no text column can hold everywhere")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise ResultNotStorable(
            f"{what} contains a lone surrogate (U+{ord(text[error.start]):04X}), which is no text that UTF-8 can encode"
        ) from None
    if size > max_bytes:
        raise PayloadTooLarge(f"{what} has {size} bytes; max_output_size allows {max_bytes}")


def storable(text: str) -> str:
    """The same text with what a column cannot hold written as escapes."""
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def escaped(text: str, last: int) -> str:
    """The same text with escapes, as Python writes them, for the characters after `last`."""
    if text.isascii() or max(map(ord, text)) <= last:
        return text
    return "".join(char if ord(char) <= last else char.encode("ascii", "backslashreplace").decode() for char in text)


def describe_error(error: BaseException) -> str:
    """An exception as Django Simple Queue writes it: its repr, a blank line, the traceback.

    The traceback begins in the task's own code where it has got that far.
    """
    name = shown(error)
    try:
        trace = "".join(traceback.format_exception(type(error), error, _outside(error.__traceback__)))
    except BaseException as failure:  # noqa: BLE001 - a broken exception must not hide itself, or end the worker
        trace = f"<the traceback cannot be formatted: {type(failure).__name__}>"
    return _bounded(f"{name}\n\n{trace}")


def describe_plainly(failure: BaseException) -> str:
    """What an error of ours says by itself; with the traceback of the import that failed, if it is about one."""
    text, cause = said(failure), failure.__cause__
    if isinstance(failure, TaskNotImportable) and cause is not None and (trace := importing.trace(cause)):
        text = f"{text}\n\n{trace}"
    return _bounded(text)


def _bounded(text: str) -> str:
    text = storable(text)
    if len(text) > _MAX_ERROR:
        half = _MAX_ERROR // 2
        text = f"{text[:half]}\n... {len(text) - _MAX_ERROR} characters left out ...\n{text[-half:]}"
    return text


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is not ours; all of it if every frame is."""
    found = trace
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_HERE):
        found = found.tb_next
    return found or trace


def to_text(value: Any, max_bytes: int) -> str:
    """What a generator yields, as text: a str as it is, None as nothing, anything else as JSON."""
    return encode_result(value, max_bytes) or ""
