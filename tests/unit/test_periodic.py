"""Declaring periodic tasks: with @task(cron=), in the settings, and what of it is refused."""

from __future__ import annotations

import sys

import pytest

from asyncqueue import task
from asyncqueue.errors import ConfigurationError
from asyncqueue.periodic import PeriodicTask
from asyncqueue.schedules import Schedule
from asyncqueue.settings import Settings
from asyncqueue.worker.entries import entries_of

MODULE = """
from asyncqueue import task

@task(cron="*/5 * * * *", timezone="Europe/Berlin", catch_up="all")
async def sweep(limit: int = 10) -> None: ...

again = sweep

@task
def other(): ...
"""
PYPROJECT = """
[[tool.asyncqueue.periodic]]
task = "shop.jobs.report"
cron = "0 6 * * MON"
timezone = "Europe/Berlin"
args = {days = 7}
queue = "reports"
priority = -5
catch_up = "skip"
name = "weekly report"

[[tool.asyncqueue.periodic]]
task = "shop.jobs.report"
cron = "0 7 * * *"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "cronshop"]:
        del sys.modules[name]


def package(folder, **modules: str) -> None:
    (folder / "cronshop").mkdir()
    for name, text in {"__init__": "", **modules}.items():
        (folder / "cronshop" / f"{name}.py").write_text(text)


def test_functions_of_imported_modules_are_known(folder):
    package(folder, jobs=MODULE, others="from cronshop.jobs import sweep")
    path = "cronshop.jobs.sweep"
    expected = (PeriodicTask(path, path, Schedule("*/5 * * * *", "Europe/Berlin", "all")),)
    assert entries_of(Settings()) == ()
    assert entries_of(Settings(imports=("cronshop.jobs", "cronshop.others"))) == expected
    assert entries_of(Settings(imports=("cronshop",))) == expected, "and of what a package has loaded"


def test_the_declared_function_is_still_the_function():
    @task(cron="0 3 * * *")
    def double(number: int = 2) -> int:
        return 2 * number

    assert double(4) == 8
    assert double.options.schedule == Schedule("0 3 * * *", "UTC", "latest")


def test_entries_of_the_settings(folder, monkeypatch):
    (folder / "pyproject.toml").write_text(PYPROJECT)
    weekly, daily = Settings().periodic
    monday = Schedule("0 6 * * MON", "Europe/Berlin", "skip")
    assert weekly == PeriodicTask("weekly report", "shop.jobs.report", monday, '{"days": 7}', "reports", -5)
    assert daily == PeriodicTask("shop.jobs.report", "shop.jobs.report", Schedule("0 7 * * *"))
    row = weekly.new()
    assert (row.task, row.args, row.queue, row.priority) == ("shop.jobs.report", '{"days": 7}', "reports", -5)
    assert row.id != weekly.new().id
    monkeypatch.setenv("ASYNCQUEUE_PERIODIC", '[{"task": "a.b", "cron": "* * * * *"}]')
    assert [entry.name for entry in Settings().periodic] == ["a.b"]
    assert Settings(periodic=[weekly]).model_copy(update={"concurrency": 1}).periodic == (weekly,)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"task": "a.b", "cron": "* *"}, "the entry 'a.b': '* *' is no cron expression"),
        (
            {"task": "a.b", "cron": "* * * * *", "name": "x", "timezone": "Nowhere"},
            "the entry 'x': there is no time zone",
        ),
        ({"task": "a.b", "cron": "* * * * *", "catch_up": "none"}, "the entry 'a.b': catch_up must be"),
        ({"task": "a.b", "crom": "* * * * *"}, "the entry 'a.b': 'crom' means nothing; did you mean cron?"),
        ({"task": "a.b"}, "the entry 'a.b': cron is missing"),
        ({"cron": "* * * * *"}, "an entry without a name: task is missing"),
        ({"task": "ab", "cron": "* * * * *"}, "'ab' is not a dotted path"),
        ({"task": 1, "cron": "* * * * *"}, "task must be the dotted path of a function, not 1"),
        ({"task": "a.b", "cron": "* * * * *", "queue": "a b"}, "the queue name 'a b'"),
        ({"task": "a.b", "cron": "* * * * *", "priority": 101}, "priority must be"),
        ({"task": "a.b", "cron": "* * * * *", "args": [1]}, "args should be a dict"),
        ({"task": "a.b", "cron": "* * * * *", "name": " x"}, "name must be text of 1 to 255"),
        ({"task": "a.b", "cron": "* * * * *", "args": {"a": "x" * (1 << 20)}}, "max_args_size allows 1048576"),
        ("a.b", "an entry is a table with task and cron, not 'a.b'"),
    ],
)
def test_wrong_entries_are_named(entry, text):
    with pytest.raises(ConfigurationError) as caught:
        Settings(periodic=[entry])
    assert str(caught.value).startswith("periodic: ")
    assert text in str(caught.value)


def test_two_entries_of_one_name_are_refused(folder):
    package(folder, jobs=MODULE)
    entry = {"task": "cronshop.jobs.sweep", "cron": "0 0 * * *"}
    with pytest.raises(ConfigurationError, match=r"two periodic tasks are named 'cronshop.jobs.sweep'"):
        Settings(periodic=[entry, entry])
    both = Settings(periodic=[entry], imports=("cronshop.jobs",))
    with pytest.raises(ConfigurationError, match=r"\(0 0 \* \* \* and \*/5 \* \* \* \*\): give one of them a name"):
        entries_of(both)
    assert len(entries_of(Settings(periodic=[{**entry, "name": "x"}], imports=("cronshop.jobs",)))) == 2


@pytest.mark.parametrize(("value", "text"), [("[", "this is not JSON"), ("1", "a list of tables is wanted")])
def test_the_environment_holds_json(monkeypatch, value, text):
    monkeypatch.setenv("ASYNCQUEUE_PERIODIC", value)
    with pytest.raises(ConfigurationError, match=f"periodic: {text}"):
        Settings()


def test_a_module_that_cannot_be_imported_is_named(folder):
    package(folder, broken="1 / 0")
    with pytest.raises(ConfigurationError, match=r"the module 'cronshop.broken' cannot be imported: ZeroDivisionError"):
        entries_of(Settings(imports=("cronshop.broken",)))
    with pytest.raises(ConfigurationError, match=r"the module 'cronshop.no' cannot be imported"):
        entries_of(Settings(imports=("cronshop.no",)))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cron": "x"}, "sample: 'x' is no cron expression"),
        ({"cron": "* * * * *", "timezone": "Nowhere"}, "sample: there is no time zone 'Nowhere'"),
        ({"cron": "* * * * *", "catch_up": "no"}, "sample: catch_up must be"),
        ({"timezone": "UTC"}, "sample: cron is missing"),
        ({"catch_up": "all"}, "sample: cron is missing"),
    ],
)
def test_a_wrong_declaration_is_named(options, text):
    with pytest.raises(ConfigurationError) as caught:

        @task(**options)
        def sample(): ...

    assert text in str(caught.value)


def test_a_function_that_needs_arguments_cannot_be_called_without():
    with pytest.raises(ConfigurationError, match="first, second has no default"):

        @task(cron="* * * * *")
        def sample(first, *args, second, third=3, **kwargs): ...


def test_a_function_that_cannot_be_imported_is_named():
    @task(cron="* * * * *")
    def sample(): ...

    with pytest.raises(ConfigurationError, match=r"sample.*inside another function"):
        PeriodicTask.of_function(sample)
