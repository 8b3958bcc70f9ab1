"""Where settings come from, and what they say when they are wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from asyncqueue.errors import ConfigurationError
from asyncqueue.model import Status
from asyncqueue.settings import Settings
from asyncqueue.urls import redacted

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_order_of_the_sources(elsewhere, monkeypatch):
    assert Settings().concurrency == 50
    (elsewhere / "pyproject.toml").write_text("[tool.asyncqueue]\nconcurrency = 1\ngrace = 1\ntimeout = 1\n")
    monkeypatch.setenv("ASYNCQUEUE_CONCURRENCY", "2")
    monkeypatch.setenv("ASYNCQUEUE_GRACE", "2")
    settings = Settings(concurrency=3)
    assert (settings.concurrency, settings.grace, settings.timeout) == (3, 2, 1)


def test_a_parent_folders_pyproject_counts(elsewhere, monkeypatch):
    (elsewhere / "pyproject.toml").write_text("[tool.asyncqueue]\nconcurrency = 7\n")
    (elsewhere / "deep").mkdir()
    monkeypatch.chdir(elsewhere / "deep")
    assert Settings().concurrency == 7


def test_patterns_in_the_environment_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("ASYNCQUEUE_ALLOW", "a.*, b.c")
    assert Settings().allow == ("a.*", "b.c")


def test_times_may_have_a_unit(elsewhere, monkeypatch):
    (elsewhere / "pyproject.toml").write_text("[tool.asyncqueue]\nkeep_completed = '7d'\nkeep_failed = 90\n")
    monkeypatch.setenv("ASYNCQUEUE_KEEP_CANCELLED", "12h")
    settings = Settings(cleanup_interval=timedelta(minutes=5))
    assert settings.kept == {Status.COMPLETED: 604_800, Status.FAILED: 90, Status.CANCELLED: 43_200}
    assert settings.cleanup_interval == 300
    assert Settings(keep_completed=None, keep_failed=None).kept == {Status.CANCELLED: 43_200}


@pytest.mark.parametrize(
    ("timeout", "lease", "effective"),
    [(3600, None, 3660), (0, None, None), (None, None, None), (-1, None, None), (5, 90, 90)],
)
def test_the_lease_follows_the_timeout(timeout, lease, effective):
    assert Settings(timeout=timeout, lease=lease).effective_lease == effective


@pytest.mark.parametrize("setting", ["timeout", "lease", "heartbeat", "grace", "statement_timeout", "unknown_tasks"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e12])
def test_a_time_is_at_most_a_century(setting, value):
    with pytest.raises(ConfigurationError, match=rf"{setting}: should be a time .*100 years"):
        Settings(**{setting: value})


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"concurrency": "x"}, "concurrency: input should be a valid integer"),
        ({"concurrencies": 1}, "concurrencies is no setting; did you mean concurrency?"),
        ({"quite_wrong": 1}, "quite_wrong is no setting"),
        ({"poll_min": 2}, "poll_min: 2 is more than poll_max, 1"),
        ({"heartbeat": 2000}, "lease: 3660 s is less than three heartbeats of 2000 s"),
        ({"time_zone": "../etc/passwd"}, "there is no time zone"),
        ({"log_level": "LOUD"}, "log_level: input should be"),
        ({"keep_failed": "soon"}, "keep_failed: should be a time from 0 to 100 years, such as 90 or 90s, 15m, 12h, 7d"),
        ({"keep_failed": "-1"}, "keep_failed: should be a time from 0 to 100 years"),
        ({"cleanup_interval": "0.1s"}, "cleanup_interval: input should be greater than or equal to 1"),
        ({"concurrency": 0, "grace": -1}, "grace: input should be greater than or equal to 0, not -1"),
    ],
)
def test_wrong_values_are_named_in_a_sentence(values, text):
    with pytest.raises(ConfigurationError) as caught:
        Settings(**values)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "given", "taken"),
    [
        ("log_level", "debug", "DEBUG"),
        ("log_level", "Warning", "WARNING"),
        ("log_format", "JSON", "json"),
        ("on_lost", "Requeue", "requeue"),
        ("worker_pid", "AUTO", "auto"),
    ],
)
def test_a_choice_may_be_given_in_any_case(monkeypatch, setting, given, taken):
    assert getattr(Settings(**{setting: given}), setting) == taken
    monkeypatch.setenv(f"ASYNCQUEUE_{setting.upper()}", given)
    assert getattr(Settings(), setting) == taken


def test_passwords_are_hidden():
    assert redacted("postgresql://u:s3cret@h:1/d") == "postgresql://u:***@h:1/d"
    assert redacted("sqlite:///x.sqlite3") == "sqlite:///x.sqlite3"


def test_every_setting_is_documented_with_its_default():
    text = (ROOT / "docs/settings.md").read_text()
    for name, field in Settings.model_fields.items():
        row = next((line for line in text.splitlines() if line.startswith(f"| `{name}` |")), "")
        assert row, f"docs/settings.md does not have {name}"
        shown = "-" if field.default in (None, ()) else field.default
        if isinstance(shown, bool):
            shown = str(shown).lower()
        assert f"| {shown} |" in row, f"{name}: {shown} is not the default that docs/settings.md has"
