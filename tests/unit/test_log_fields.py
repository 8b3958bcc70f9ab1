"""Every line of the log that is about one task carries its fields: so a log in JSON tells which task it was."""

from __future__ import annotations

import ast
from pathlib import Path

import asyncqueue

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
            text = _text(call)
            if "task %s" not in text or "periodic task %s" in text:
                continue
            about += 1
            if "extra" not in {keyword.arg for keyword in call.keywords}:
                bare.append(f"{path.name}:{call.lineno}: {text}")
    assert bare == []
    assert about > 10, "the test shows nothing"
