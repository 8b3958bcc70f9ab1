"""A function can be moved while rows with its old path are in the table."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from asyncqueue import Status, task
from asyncqueue.errors import ConfigurationError, TaskNotAllowed, UnknownTask
from asyncqueue.limits import Limit
from asyncqueue.periodic import PeriodicTask
from asyncqueue.running.resolve import AllowRule, Resolver
from asyncqueue.tasks import path_of
from tests.running import named
from tests.running.helpers import run

HERE = "tests.running.named"


def test_the_name_is_what_stands_in_a_row():
    assert path_of(named.moved) == "before.the.move"
    assert path_of(named.isolated) == f"{HERE}.isolated"


@pytest.mark.parametrize("path", ["before.the.move", "long.before", f"{HERE}.moved"])
async def test_a_row_with_any_of_its_names_runs(runner, path):
    result = await run(runner, path, {"value": "3"})
    assert (result.status, result.output) == (Status.COMPLETED, f"{path} 3"), result.error


@pytest.mark.parametrize("path", ["before.that", f"{HERE}.isolated"])
async def test_a_process_of_its_own_finds_the_name_too(runner, path):
    result = await run(runner, path)
    assert (result.status, result.output) == (Status.COMPLETED, path), result.error


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        (AllowRule(), True),
        (AllowRule(only={"long.before"}), True),
        (AllowRule(only={"before.the.move"}), True),
        (AllowRule(only={f"{HERE}.moved"}), True),
        (AllowRule(only={"another.path"}), False),
        (AllowRule(only=(), patterns=["before.*"]), True),
    ],
)
def test_a_function_is_allowed_by_any_of_its_names(rule, allowed):
    if allowed:
        assert Resolver(rule).resolve("long.before").declared
    else:
        with pytest.raises(TaskNotAllowed):
            Resolver(rule).resolve("long.before")


async def test_a_lost_task_is_known_by_its_old_name(runner):
    assert await runner.declared("long.before") is True
    assert await runner.declared("long.before.that") is None


async def test_limits_and_schedules_go_by_the_name(runner):
    assert await runner.limit_of("before.limited") == Limit("before.limited", 2)
    entry = PeriodicTask.of_function(named.nightly)
    assert entry is not None
    assert (entry.name, entry.task) == ("before.nightly", "before.nightly")


def test_the_import_of_the_old_module_may_declare_the_name(tmp_path: Path, monkeypatch):
    (tmp_path / "newer_place.py").write_text(
        "from asyncqueue import task\n@task(aliases=['older_place.work'])\ndef work(): ...\n"
    )
    (tmp_path / "older_place.py").write_text("import newer_place\n")
    monkeypatch.syspath_prepend(tmp_path)
    resolver = Resolver(AllowRule())
    with pytest.raises(UnknownTask):
        resolver.resolve("older_place.other")
    resolved = resolver.resolve("older_place.work")
    assert (resolved.declared, resolved.module) == (True, "newer_place")
    for name in ("newer_place", "older_place"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"name": "nodots"}, "name: 'nodots' is not a dotted path"),
        ({"name": "a." + "b" * 126}, "is not a dotted path of at most 127"),
        ({"name": 3}, "name: 3 is not"),
        ({"aliases": "app.tasks.send"}, "aliases is a sequence"),
        ({"aliases": ["app.tasks.send", "a b"]}, "aliases: 'a b' is not"),
    ],
)
def test_what_cannot_be_a_name_is_refused(options, text):
    with pytest.raises(ConfigurationError, match=text):
        task(**options)


def test_a_name_is_declared_once():
    def one() -> None: ...

    def two() -> None: ...

    first = task(name="declared.once")(one)
    task(aliases=["declared.once"])(one)  # the same function again, as where a module is loaded anew
    first = task(name="declared.once")(one)
    with pytest.raises(ConfigurationError, match=r"'declared\.once' is declared twice"):
        task(aliases=["declared.once"])(two)
    del first
    gc.collect()
    task(aliases=["declared.once"])(two)
