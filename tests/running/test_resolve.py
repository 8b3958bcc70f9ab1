"""What may run, and what a path that leads nowhere says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from asyncqueue.errors import ConfigurationError, InvalidTask, TaskNotAllowed, TaskNotImportable
from asyncqueue.running.hooks import Hooks
from asyncqueue.running.resolve import AllowRule, Resolver
from asyncqueue.settings import Settings
from asyncqueue.tasks import path_of, task
from asyncqueue.worker.entries import entries_of
from tests.running import sample
from tests.running.helpers import run
from tests.worker.sample_tasks import add, plain

PLAIN = "tests.worker.sample_tasks.plain"
DECLARED = "tests.worker.sample_tasks.add"


@pytest.mark.parametrize(
    ("rule", "path", "allowed"),
    [
        (AllowRule(), DECLARED, True),
        (AllowRule(), PLAIN, False),
        (AllowRule(patterns=["tests.worker.*"]), PLAIN, True),
        (AllowRule(patterns=["other.*"]), PLAIN, False),
        (AllowRule(everything=True), PLAIN, True),
        (AllowRule(everything=True), "os.getcwd", True),
        (AllowRule(only={PLAIN}), PLAIN, True),
        (AllowRule(only={PLAIN}), DECLARED, False),
        (AllowRule(only=set()), DECLARED, False),
        (AllowRule(only=set(), patterns=[DECLARED]), DECLARED, True),
        (AllowRule(), "os.system", False),
        (AllowRule(patterns=["os.getcwd"]), "os.getcwd", True),
    ],
)
def test_the_allow_rule(rule, path, allowed):
    if allowed:
        assert callable(Resolver(rule).resolve(path).function)
    else:
        with pytest.raises(TaskNotAllowed, match="--allow"):
            Resolver(rule).resolve(path)


@pytest.mark.parametrize("path", [DECLARED, "before.the.move", "tests.running.named.nothing", PLAIN])
def test_a_projects_list_is_named_where_it_refuses(path):
    """Also for a declared function: to declare it cannot help."""
    with pytest.raises(TaskNotAllowed) as caught:
        Resolver(AllowRule(only=set())).resolve(path)
    assert "DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS does not have it. Add it there, or" in str(caught.value)
    assert "declare" not in str(caught.value)


def test_a_module_of_the_standard_library_is_not_even_imported():
    assert "antigravity" not in sys.modules
    with pytest.raises(TaskNotAllowed):
        Resolver(AllowRule()).resolve("antigravity.fly")
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("no_such_module_here.f", "No module named 'no_such_module_here'"),
        ("tests.no_such_module.f", "tests has no attribute 'no_such_module'"),
        ("tests.worker.sample_tasks.nope", "tests.worker.sample_tasks has no attribute 'nope'"),
        ("tests.running.sample.Holder.nope", "tests.running.sample.Holder has no attribute 'nope'"),
        ("tests.worker.sample_tasks.not_callable", "is not callable: it is of type int"),
        ("nodots", "not a dotted path"),
        ("a..b", "not a dotted path"),
        ("a.b c", "not a dotted path"),
        ("x." + "y" * 130, "not a dotted path"),
    ],
)
def test_paths_that_lead_nowhere(path, text):
    with pytest.raises(TaskNotImportable) as caught:
        Resolver(AllowRule(everything=True)).resolve(path)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("raise RuntimeError('at import')", "RuntimeError('at import')"),
        ("import sys; sys.exit(1)", "SystemExit(1)"),
        ("def broken(:", "SyntaxError"),
        ("import no_such_dependency", "No module named 'no_such_dependency'"),
    ],
)
def test_a_module_that_cannot_be_imported_says_why(tmp_path: Path, monkeypatch, source, text):
    name = f"broken_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TaskNotImportable) as caught:
        Resolver(AllowRule(everything=True)).resolve(f"{name}.f")
    assert text in str(caught.value)


def test_paths_of_functions():
    assert path_of(add) == DECLARED
    assert path_of(plain) == PLAIN
    assert path_of("any.path") == "any.path"

    def nested() -> None: ...

    unnamed = sample.Holder().__init__  # type: ignore[misc]
    wrongs: list[Any] = [lambda: None, nested, "nodots", "", "a.b-c", unnamed, 3, "x." + "y" * 126]
    for wrong in wrongs:
        with pytest.raises(InvalidTask):
            path_of(wrong)


def test_a_function_of_the_main_program_is_refused():
    def own() -> None: ...

    own.__module__, own.__qualname__ = "__main__", "own"
    with pytest.raises(InvalidTask, match="__main__"):
        path_of(own)


def test_options_that_mean_nothing_are_refused():
    with pytest.raises(ConfigurationError, match="isolation"):
        task(isolation="container")  # type: ignore[call-overload]
    with pytest.raises(ConfigurationError, match="timeout"):
        task(timeout="soon")  # type: ignore[call-overload]
    with pytest.raises(ConfigurationError, match="declares functions"):
        task(sample.Holder)


async def test_a_declared_function_is_still_a_function():
    assert await add(1, 2) == 3
    assert add.__name__ == "add"  # type: ignore[attr-defined]
    assert add.options.isolation == "thread"


def test_a_module_of_hooks(tmp_path, monkeypatch):
    (tmp_path / "my_hooks.py").write_text("def on_success(info): ...\n")
    (tmp_path / "no_hooks.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    hooks = Hooks.from_module("my_hooks")
    assert hooks.has("on_success")
    assert not hooks.has("on_failure")
    with pytest.raises(ConfigurationError, match="has no hook"):
        Hooks.from_module("no_hooks")
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        Hooks.from_module("no_such_hooks")


BROKEN = {
    "needs": ("import json\nimport brokenapp.deep\n", "No module named 'not_installed_lib' ({}/deep.py, line 2)"),
    "deep": ("\nimport not_installed_lib\n", "No module named 'not_installed_lib' ({}/deep.py, line 2)"),
    "misspelt": ("def f(:\n", "SyntaxError: invalid syntax ({}/misspelt.py, line 1)"),
    "uses_misspelt": ("\nimport brokenapp.misspelt\n", "SyntaxError: invalid syntax ({}/misspelt.py, line 1)"),
    "unset": ("import os\n\nos.environ['NO_SUCH_VALUE']\n", "KeyError('NO_SUCH_VALUE') ({}/unset.py, line 3)"),
    "leaves": ("raise SystemExit('two\\nlines')\n", "SystemExit('two\\nlines') ({}/leaves.py, line 1)"),
    "odd": (
        "class Odd(Exception):\n    def __repr__(self): raise ValueError\n\nraise Odd\n",
        "<Odd whose repr raised ValueError> ({}/odd.py, line 4)",
    ),
}


@pytest.fixture
def broken(tmp_path, monkeypatch):
    folder = tmp_path / "brokenapp"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, (source, _) in BROKEN.items():
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [each for each in sys.modules if each.partition(".")[0] == "brokenapp"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", BROKEN)
async def test_an_import_that_fails_is_told_with_its_file_and_line(runner, broken, name):
    expected = BROKEN[name][1].format(broken)
    error = (await run(runner, f"brokenapp.{name}.f")).error or ""
    first, blank, trace = error.split("\n")[:3]
    assert first.startswith(f"brokenapp.{name}.f cannot be imported: ")
    assert first.endswith(expected)
    assert blank == ""
    assert name == "misspelt" or trace == "Traceback (most recent call last):"
    assert "importlib" not in error
    with pytest.raises(ConfigurationError) as caught:
        entries_of(Settings(imports=(f"brokenapp.{name}",)))
    assert str(caught.value).endswith(f"cannot be imported: {expected}")
    with pytest.raises(ConfigurationError) as caught:
        Hooks.from_module(f"brokenapp.{name}")
    assert str(caught.value).endswith(f"cannot be imported: {expected}")


async def test_a_module_that_is_missing_has_no_place(runner):
    error = (await run(runner, "nowhere.at.all")).error or ""
    assert error.split("\n")[0] == "nowhere.at.all cannot be imported: No module named 'nowhere'"
