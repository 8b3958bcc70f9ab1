"""Each argument is read as its own annotation says, and what is called decides what is required."""

from __future__ import annotations

import logging
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from asyncqueue import Status
from asyncqueue.errors import TaskNotAllowed
from asyncqueue.results import decode_result, result_type_of
from asyncqueue.running.resolve import AllowRule, Resolver
from asyncqueue.stdlib import file_in_standard_library
from asyncqueue.tasks import path_of
from tests.running import wrapped
from tests.running.helpers import run

HERE = "tests.running.wrapped"
DUE = "2026-01-31"


@pytest.mark.parametrize(
    ("name", "args", "output"),
    [
        ("one_unresolved", {"due": DUE}, "date None"),
        ("one_unresolved", {"due": DUE, "session": {"any": 1}}, "date {'any': 1}"),
        ("unresolved_result", {"due": DUE}, "date"),
        ("unresolved_below", {"due": DUE}, "date"),
    ],
)
async def test_an_annotation_that_cannot_be_resolved_leaves_the_others(runner, name, args, output):
    result = await run(runner, f"{HERE}.{name}", args)
    assert (result.status, result.output) == (Status.COMPLETED, output), result.error


async def test_what_does_not_fit_beside_an_unresolved_annotation_fails(runner):
    result = await run(runner, f"{HERE}.one_unresolved", {"due": "soon"})
    assert result.status == Status.FAILED
    assert "due: " in (result.error or "")


@pytest.mark.parametrize(
    ("function", "output", "value"),
    [
        (wrapped.unresolved_argument, f'"{DUE}"', date(2026, 1, 31)),
        (wrapped.unresolved_result, "date", "date"),
    ],
)
def test_a_result_is_read_though_an_argument_cannot_be_resolved(function, output, value):
    assert decode_result(output, result_type_of(function)) == value


def test_a_result_type_without_a_schema_leaves_the_text():
    class Awkward:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            raise KeyError("on purpose")

    assert decode_result("text", Awkward) == "text"


@pytest.mark.parametrize(
    ("name", "args", "output"),
    [
        ("below", {"due": DUE}, "date"),
        ("given", {"due": DUE}, "database date"),
        ("three", {"due": DUE, "trace": "x"}, "x: database date"),
        ("periodic", {}, "database 2026-01-31"),
    ],
)
async def test_a_wrapper_may_give_an_argument_by_itself(runner, name, args, output):
    result = await run(runner, f"{HERE}.{name}", args)
    assert (result.status, result.output) == (Status.COMPLETED, output), result.error


async def test_what_a_wrapper_itself_requires_is_required(runner):
    result = await run(runner, f"{HERE}.three", {"due": DUE})
    # The outermost wrapper takes anything; the second one asks for `trace` when it is called.
    assert result.status == Status.FAILED
    assert "trace" in (result.error or "")


@pytest.mark.parametrize("name", ["above", "above_without_a_name", "partial"])
def test_a_decorator_above_the_declaration_is_named(name):
    with pytest.raises(TaskNotAllowed, match="Put @task on top"):
        Resolver(AllowRule()).resolve(f"{HERE}.{name}")
    assert callable(Resolver(AllowRule(everything=True)).resolve(f"{HERE}.{name}").function)


@pytest.mark.parametrize("name", ["transparent", "undeclared"])
def test_a_function_that_nobody_declared_is_told_to_be(name):
    with pytest.raises(TaskNotAllowed, match=r"declare it with @asyncqueue\.task"):
        Resolver(AllowRule()).resolve(f"{HERE}.{name}")


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Callable[[str], None]:
    """Makes a package with a task in it, which may have the name of a module of the standard library."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "jobs.py").write_text("from asyncqueue import task\n@task\ndef monthly(): ...\n")

    return make


def test_a_package_named_like_a_loaded_standard_module_is_told_of_the_clash(project):
    project("statistics")
    assert sys.modules["statistics"] is statistics  # as many programs have loaded it
    with pytest.raises(TaskNotAllowed, match=r"standard library.*statistics\.py.*rename yours"):
        Resolver(AllowRule()).resolve("statistics.jobs.monthly")


def test_a_package_that_takes_the_place_of_a_standard_module_runs(project, monkeypatch):
    project("chunk")
    for name in [name for name in sys.modules if name.partition(".")[0] == "chunk"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "stdlib_module_names", sys.stdlib_module_names | {"chunk"})
    assert Resolver(AllowRule()).resolve("chunk.jobs.monthly").declared
    for name in ("chunk", "chunk.jobs"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("name", ["os", "sys", "json", "subprocess", "antigravity", "importlib", "asyncio"])
def test_the_standard_library_is_known_by_its_files(name):
    assert file_in_standard_library(name) is not None


def test_a_module_of_the_application_is_not_of_the_standard_library():
    assert file_in_standard_library("tests") is None


def test_enqueueing_names_a_clash_with_the_standard_library(caplog):
    def monthly() -> None: ...

    monthly.__module__, monthly.__qualname__ = "statistics.jobs", "monthly"
    with caplog.at_level(logging.WARNING, "asyncqueue.tasks"):
        assert path_of(monthly) == "statistics.jobs.monthly"
    assert "'statistics'" in caplog.text


def test_annotations_are_resolved_one_by_one_in_a_module_of_its_own():
    """Without `from __future__ import annotations`, where an interpreter evaluates them late or at once."""
    code = """
import datetime
from asyncqueue.signatures import hints_of
def f(due: datetime.date, session: "Missing" = None, many: "list[Gone]" = ()) -> "datetime.date": ...
hints = hints_of(f)
assert hints == {"due": datetime.date, "return": datetime.date}, hints
"""
    subprocess.run([sys.executable, "-c", code], check=True)
