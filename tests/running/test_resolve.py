"""What may run, and what a path that leads nowhere says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from asyncqueue.errors import ConfigurationError, InvalidTask, TaskNotAllowed, TaskNotImportable
from asyncqueue.running.hooks import Hooks
from asyncqueue.running.resolve import AllowRule, Resolver
from asyncqueue.tasks import path_of, task
from tests.running import sample
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
