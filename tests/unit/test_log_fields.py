"""Every line of the log that is about one task carries its fields: so a log in JSON tells which task it was."""

from __future__ import annotations

import ast
from pathlib import Path

import asyncqueue

#: Lines written beside tasks that are about none: begun by the first words of their text.
_ABOUT_NONE = {"%s"}
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def _text(call: ast.Call) -> str:
    """The constant parts of a call's first argument."""
    parts = ast.walk(call.args[0]) if call.args else ()
    return "".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_every_line_about_a_task_has_its_fields() -> None:
    about, bare = 0, []
    for path in Path(asyncqueue.__path__[0]).rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _LEVELS):
                continue
            if ast.unparse(call.func.value) != "logger":
                continue
            text = _text(call)
            # What runs tasks logs nothing that is not about one; elsewhere the text says so, unless it is a variable.
            runs = path.parent.name == "running" and text not in _ABOUT_NONE
            names = "task %s" in text or isinstance(call.args[0], ast.Name)
            if not runs and ("periodic task %s" in text or not names):
                continue
            about += 1
            extra = [keyword.value for keyword in call.keywords if keyword.arg == "extra"]
            # One that is written out there has not all of them; the path alone is about every task of a function.
            if not extra or (isinstance(extra[0], ast.Dict) and "task_id" in ast.unparse(extra[0])):
                bare.append(f"{path.name}:{call.lineno}: {text}")
    assert bare == []
    assert about > 10, "the test shows nothing"
