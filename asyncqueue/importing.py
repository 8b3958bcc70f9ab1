"""Says why a module could not be imported, and where: what raised it is often not the module that was asked for."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from asyncqueue.reprs import said, shown

_HERE = str(Path(__file__).parent)
_STANDARD_LIBRARY = str(Path(os.__file__).parent)


def problem(error: BaseException, *, but: str | None = None) -> str:
    """What was raised by an import, with the file and the line that it came from, on one line.

    That is the line of the application, or of a package it uses, that was executed last: not one of Python's own, and
    none in the folder `but`.
    """
    kind = type(error)  # isinstance() would ask the exception, which may be broken
    if kind in (SyntaxError, IndentationError, TabError):
        syntax = cast("SyntaxError", error)
        what, position = f"{kind.__name__}: {syntax.msg}", _position(syntax.filename, syntax.lineno)
    else:
        what = said(error) if kind is ModuleNotFoundError else shown(error)
        frames = _frames(traceback.extract_tb(error.__traceback__))
        if but is not None:
            frames = [frame for frame in frames if not frame.filename.startswith(but)]
        position = _position(frames[-1].filename, frames[-1].lineno) if frames else ""
    return " ".join(f"{what}{position}".splitlines())


def trace(error: BaseException) -> str:
    """The traceback of an import that failed, without what Python's import does by itself; "" if that is all of it."""
    try:
        told = traceback.TracebackException.from_exception(error)
        each: traceback.TracebackException | None = told
        while each is not None:
            each.stack = traceback.StackSummary.from_list(_frames(each.stack, python=True))
            each = each.__cause__ or each.__context__
        return "".join(told.format()) if told.stack or isinstance(error, SyntaxError) else ""
    except BaseException as failure:  # noqa: BLE001 - a broken exception must not hide what was raised
        return f"<the traceback cannot be formatted: {type(failure).__name__}>"


def _position(file: str | None, line: int | None) -> str:
    return "" if file is None else f" ({file}, line {line})"


def _frames(frames: Iterable[traceback.FrameSummary], *, python: bool = False) -> list[traceback.FrameSummary]:
    """Those of the application and of packages; with `python` those of the standard library, too."""
    return [frame for frame in frames if not _left_out(frame.filename, python=python)]


def _left_out(file: str, *, python: bool) -> bool:
    if file.startswith(("<frozen importlib", _HERE)) or file == str(Path(_STANDARD_LIBRARY, "importlib/__init__.py")):
        return True
    return not python and (file.startswith("<frozen ") or _in_standard_library(file))


def _in_standard_library(file: str) -> bool:
    return file.startswith(_STANDARD_LIBRARY) and "-packages" not in file
